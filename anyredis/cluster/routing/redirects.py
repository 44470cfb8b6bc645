"""Sends a command to one endpoint after another, as its `RedirectPolicy` decides.

Law: each error is first noted: it may start a refresh of the slot map or mark a node unhealthy.
MOVED changes the slot map at once, ASK does not.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, TypeVar

import anyio

from anyredis.address import TCPAddress
from anyredis.address_remap import AddressRemap
from anyredis.backoff import Retry
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.nodes.slot_map import redirect_address
from anyredis.cluster.routing.redirect_policy import (
    NextAttempt,
    RedirectPolicy,
    marks_unhealthy,
    suggests_refresh,
)
from anyredis.exceptions import (
    ClusterDownError,
    ConnectionError,
    MovedError,
    Outcome,
    ProtocolError,
    RedirectError,
    RedisError,
)
from anyredis.excerpt import excerpt
from anyredis.observer import Observer, RedirectEvent, RetryEvent, notify
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.lease import Lease
from anyredis.wire.slots import SLOTS

T = TypeVar("T")

REFRESH_PATIENCE = 1.0
"""Seconds that a command waits for a refresh of the slot map; then it is sent without one."""


class Target(NamedTuple):
    """The destination of a command: *slot*; without one, the node at *address*; otherwise any node."""

    slot: int | None = None
    address: TCPAddress | None = None
    reads: bool = False

    def find(self, pool: ClusterConnectionPool) -> ClusterEndpoint | None:
        """The endpoint for the command now; None if no node is known."""
        if self.slot is not None:
            return pool.endpoint_for_slot(self.slot, reads=self.reads)
        if self.address is not None:
            return pool.temporary_endpoint(self.address)
        return pool.any_endpoint()

    def missing(self) -> RedisError:
        """The error to raise if no node is known."""
        what = "any slot" if self.slot is None else f"slot {self.slot}"
        return ClusterDownError(f"CLUSTERDOWN no node of the cluster is known to serve {what}")


class RedirectFollower:
    """Follows the redirects of one command through the cluster of *pool*."""

    def __init__(
        self, pool: ClusterConnectionPool, retry: Retry | None, target: Target, name: str = ""
    ) -> None:
        self._pool = pool
        self._name = name
        self._policy = RedirectPolicy(retry)
        self.target = target

    def note(self, endpoint: ClusterEndpoint | None, failed: RedisError) -> None:
        """Refresh the slot map or mark *endpoint* unhealthy, if *failed* suggests it."""
        if suggests_refresh(failed):
            self._pool.topology.refresh_soon()
        if endpoint is not None and marks_unhealthy(failed):
            endpoint.server.mark_unhealthy()

    def decide(
        self,
        endpoint: ClusterEndpoint | None,
        failed: RedisError,
        *,
        only_reads: bool,
        runs_commands: bool = False,
    ) -> NextAttempt | None:
        """The next attempt after *failed* at *endpoint*; None: the caller gets *failed*."""
        if self._was_removed(endpoint, failed):
            return NextAttempt()
        self.note(endpoint, failed)
        step = self._policy.decide(
            failed, only_reads=only_reads, runs_commands=runs_commands, now=anyio.current_time()
        )
        if step is not None and endpoint is not None and self._pool.observer is not None:
            self._notify(self._pool.observer, str(endpoint.address), failed, step)
        return step

    def _notify(
        self, observer: Observer, address: str, failed: RedisError, step: NextAttempt
    ) -> None:
        """Tell *observer* that the command is sent again after it *failed*."""
        if step.to is not None:
            notify(observer.command_redirected, RedirectEvent(self._name, address, failed))
        else:
            notify(observer.command_retried, RetryEvent(self._name, address, failed, step.delay))

    def _was_removed(self, endpoint: ClusterEndpoint | None, failed: RedisError) -> bool:
        """Whether the node left the cluster before the command was sent: that counts as no failure."""
        if endpoint is None or endpoint.server.open or not self._pool.is_open:
            return False
        return isinstance(failed, ConnectionError) and failed.outcome is Outcome.NOT_SENT

    def next_endpoint(
        self, step: NextAttempt, endpoint: ClusterEndpoint | None
    ) -> ClusterEndpoint | None:
        """The endpoint of the attempt *step*; *endpoint* is that of the attempt before.

        Raises `ProtocolError` for a redirect that cannot be parsed, and the error of `reachable`.
        """
        if step.to is None or endpoint is None:
            return self.target.find(self._pool)
        slot, address = destination(step.to, endpoint.address, self._pool.address_remap)
        if isinstance(step.to, MovedError):
            return self._pool.record_move(slot, address)
        return self._pool.temporary_endpoint(address)

    async def first_endpoint(self, *, only_reads: bool) -> ClusterEndpoint:
        """The endpoint of the first attempt, once the slot map is known; raises if it stays unknown."""
        while True:
            if (endpoint := self.target.find(self._pool)) is not None:
                return endpoint
            self._pool.require_open()
            error = await self._pool.topology.wait_refreshed()
            if (endpoint := self.target.find(self._pool)) is not None:
                return endpoint
            failed = error or self.target.missing()
            step = self.decide(None, failed, only_reads=only_reads)
            if step is None:
                raise failed
            await anyio.sleep(step.delay)

    async def follow(
        self,
        attempt: Callable[[ClusterEndpoint, bool], Awaitable[T | RedisError]],
        *,
        lease: Lease,
        endpoint: ClusterEndpoint,
        only_reads: Callable[[], bool],
        runs_commands: bool = False,
        failed: RedisError | None = None,
    ) -> T:
        """The reply of the first *attempt* that succeeds, at one endpoint after another.

        *attempt* gets the endpoint, and whether to send ASKING first; it moves and attaches
        *lease*.  *failed* is the error of a first attempt that was made already.  Raises the last
        error if no further attempt is allowed.
        """
        asking = False
        while True:
            if failed is None:
                outcome: T | RedisError
                try:
                    outcome = await attempt(endpoint, asking)
                except RedisError as error:
                    outcome = error
                if not isinstance(outcome, RedisError):
                    return outcome
                failed = outcome
            reads = only_reads()
            step = self.decide(endpoint, failed, only_reads=reads, runs_commands=runs_commands)
            if step is None:
                raise failed
            await wait(self._pool, step)
            if not self._pool.is_open:
                raise failed
            asking = step.asking
            endpoint = self.next_endpoint(step, endpoint) or await self.first_endpoint(
                only_reads=reads
            )
            lease.patience = partial(self._lasts, endpoint)
            failed = None

    def _lasts(self, endpoint: ClusterEndpoint, failed: RedisError, next_dial: float) -> bool:
        """Whether the command waits for the next dial to *endpoint* after one *failed*."""
        self.note(endpoint, failed)
        if not self._pool.is_open or self.target.find(self._pool) is not endpoint:
            return False  # the pool is being left, or another node serves the slot now
        return self._policy.lasts(failed, next_dial)


def destination(
    redirect: RedirectError, asked: TCPAddress, remap: AddressRemap | None
) -> tuple[int, TCPAddress]:
    """The slot and the node that a *redirect* of the node at *asked* names."""
    try:
        slot, text = redirect.slot, redirect.address
    except (ValueError, IndexError):
        slot, text = -1, ""
    if not 0 <= slot < SLOTS:
        raise ProtocolError(
            f"{asked} redirects, but not from a slot to a node: {excerpt(str(redirect))}"
        )
    return slot, redirect_address(text, asked, remap)


async def wait(pool: ClusterConnectionPool, step: NextAttempt) -> None:
    """Wait for the delay of *step* and, if it asks for that, for a refresh of the slot map."""
    begin = anyio.current_time()
    if step.refresh:
        with anyio.move_on_after(REFRESH_PATIENCE):
            await pool.topology.wait_refreshed()
    remaining = step.delay - (anyio.current_time() - begin)
    if remaining > 0:
        await anyio.sleep(remaining)
