"""Carries out what a `Pursuit` decides: waits, has the layout refreshed, finds the next gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import anyio

from anyredis.address import TCPAddress
from anyredis.backoff import Retry
from anyredis.cluster.pursuit import Pursuit, Step, is_news, is_unfit
from anyredis.exceptions import (
    ClusterDownError,
    ConnectionError,
    MovedError,
    Outcome,
    ProtocolError,
    RedirectError,
    RedisError,
)
from anyredis.pool.cluster import ClusterConnectionPool
from anyredis.pool.gate import ClusterGate
from anyredis.pool.layout import endpoint
from anyredis.wire.decode import Reply
from anyredis.wire.slots import SLOTS

REFRESH_PATIENCE = 1.0
"""Seconds that a command waits for the layout to be refreshed before it goes on all the same."""


class Target(NamedTuple):
    """Whom a command is for: who serves *slot*, the node at *address*, or else anybody."""

    slot: int | None = None
    address: TCPAddress | None = None
    reads: bool = False

    def find(self, pool: ClusterConnectionPool) -> ClusterGate | None:
        """The gate to take now; None where nobody is known."""
        if self.slot is not None:
            return pool.gate_of(self.slot, reads=self.reads)
        if self.address is not None:
            return pool.visit(self.address)
        return pool.any_gate()

    def missing(self) -> RedisError:
        """The error for when nobody is known."""
        what = "any slot" if self.slot is None else f"slot {self.slot}"
        return ClusterDownError(f"CLUSTERDOWN no node of the cluster is known to serve {what}")


class Follower:
    """One command's way through the cluster of *pool*."""

    def __init__(self, pool: ClusterConnectionPool, retry: Retry | None, target: Target) -> None:
        self._pool = pool
        self._pursuit = Pursuit(retry)
        self.target = target

    def note(self, gate: ClusterGate | None, failed: RedisError) -> None:
        """Remember what *failed* at *gate* tells about the cluster."""
        if is_news(failed):
            self._pool.topology.refresh_soon()
        if gate is not None and is_unfit(failed):
            gate.node.rest()

    def decide(
        self, gate: ClusterGate | None, failed: RedisError, *, only_reads: bool
    ) -> Step | None:
        """What comes after *failed* at *gate*; None: it is to be told to the caller."""
        if self._left_behind(gate, failed):
            return Step()
        self.note(gate, failed)
        return self._pursuit.decide(failed, only_reads=only_reads, now=anyio.current_time())

    def _left_behind(self, gate: ClusterGate | None, failed: RedisError) -> bool:
        """Whether the node only left the cluster before the command was sent: nobody's failure."""
        if gate is None or gate.node.open or not self._pool.is_open:
            return False
        return isinstance(failed, ConnectionError) and failed.outcome is Outcome.NOT_SENT

    def next_gate(self, step: Step, gate: ClusterGate | None) -> ClusterGate | None:
        """Whom to ask now that the wait of *step* is over, *gate* being whom was asked last.

        Raises `ProtocolError` for a redirection that cannot be read.
        """
        if step.to is None or gate is None:
            return self.target.find(self._pool)
        slot, address = _destination(step.to, gate.where)
        if isinstance(step.to, MovedError):
            return self._pool.moved(slot, address)
        return self._pool.visit(address)

    async def first_gate(self, *, only_reads: bool) -> ClusterGate:
        """Whom to ask first, once the layout is known; raises where it cannot be learned."""
        while True:
            if (gate := self.target.find(self._pool)) is not None:
                return gate
            self._pool.require_open()
            error = await self._pool.topology.refreshed()
            if (gate := self.target.find(self._pool)) is not None:
                return gate
            failed = error or self.target.missing()
            step = self.decide(None, failed, only_reads=only_reads)
            if step is None:
                raise failed
            await anyio.sleep(step.delay)

    async def follow(
        self,
        attempt: Callable[[ClusterGate, bool], Awaitable[Reply]],
        *,
        gate: ClusterGate,
        only_reads: Callable[[], bool],
        failed: RedisError | None = None,
    ) -> Reply:
        """The reply that *attempt* gives, made at one gate after another until it is no error.

        *attempt* is told whether to say ASKING first.  *failed* is the error of a first attempt
        that was made already.  Raises the last error where it is time to give up.
        """
        asking = False
        while True:
            if failed is None:
                try:
                    outcome = await attempt(gate, asking)
                except RedisError as error:
                    outcome = error
                if not isinstance(outcome, RedisError):
                    return outcome
                failed = outcome
            step = self.decide(gate, failed, only_reads=only_reads())
            if step is None:
                raise failed
            await wait(self._pool, step)
            asking = step.asking
            gate = self.next_gate(step, gate) or await self.first_gate(only_reads=only_reads())
            failed = None


def _destination(redirection: RedirectError, asked: TCPAddress) -> tuple[int, TCPAddress]:
    """The slot and the node that a *redirection* of the node at *asked* names."""
    try:
        slot, text = redirection.slot, redirection.address
    except (ValueError, IndexError):
        slot, text = -1, ""
    if not 0 <= slot < SLOTS:
        raise ProtocolError(f"{asked} redirects, but not from a slot to a node: {redirection}")
    return slot, endpoint(text, asked)


async def wait(pool: ClusterConnectionPool, step: Step) -> None:
    """Wait as *step* says."""
    begin = anyio.current_time()
    if step.refresh:
        with anyio.move_on_after(REFRESH_PATIENCE):
            await pool.topology.refreshed()
    rest = step.delay - (anyio.current_time() - begin)
    if rest > 0:
        await anyio.sleep(rest)
