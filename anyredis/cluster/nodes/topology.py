"""Keeps the slot map up to date: one task of the pool refreshes it on request and at intervals.

Law: at most one refresh runs at a time, in the background.  It asks several nodes at once, over
control connections, and adopts the best answer at most `GRACE` seconds after the first.  A refresh
that fails gives its error to the calls that wait for it; the slot map stays as it was.
"""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Protocol

import anyio

from anyredis.address import TCPAddress
from anyredis.address_remap import AddressRemap
from anyredis.cluster.nodes import control_connection
from anyredis.cluster.nodes.control_connection import ControlConnection
from anyredis.cluster.nodes.slot_map import SlotMap, best_of, parse_slots
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import (
    ClusterDownError,
    ConnectionError,
    RedisError,
    ResponseError,
    TimeoutError,
    fresh,
)
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.tasks import PoolTasks
from anyredis.waiter import Waiter, clock, waiter_factory
from anyredis.wire.decode import Reply

LOGGER = logging.getLogger("anyredis")

INTERVAL = 60.0
"""Seconds after which the slot map is refreshed without a request."""

AGAIN = 2.0
"""Seconds after which a refresh that failed is repeated without a request."""

PAUSE = 0.1
"""The least number of seconds between two refreshes."""

AT_ONCE = 3
"""Nodes that are asked at the same time."""

DEADLINE = 2.0
"""Seconds that these nodes have to answer."""

GRACE = 0.05
"""Seconds that the other nodes have once one has answered; more if the event loop stands still."""

PIECES = 4
"""The sleeps that make up each of these two times."""

PINGS = 3
"""PINGs that measure the latency of a node: the shortest time counts."""

LEFT = "the pool was left"

UNREACHABLE = 60.0
"""Seconds that stand for the latency of a node that did not answer."""


class SlotMapOwner(Protocol):
    """The part of the pool that a `TopologyRefresher` uses."""

    @property
    def seeds(self) -> Sequence[TCPAddress]:
        """The nodes that the user named."""
        ...

    @property
    def address_remap(self) -> AddressRemap | None:
        """Gives the addresses of nodes that tell other ones."""
        ...

    @property
    def known(self) -> dict[TCPAddress, ClusterEndpoint]:
        """The endpoints of the pool, by address."""
        ...

    def construct(self, address: TCPAddress) -> BaseConnection:
        """A new connection to the node at *address*, not yet connected and not for reads."""
        ...

    def replace_slot_map(self, slot_map: SlotMap) -> None:
        """Use *slot_map* from now on."""
        ...

    def endpoints_to_measure(self) -> Sequence[ClusterEndpoint]:
        """The endpoints whose latency is needed and not known."""
        ...

    def record_latencies(self, latencies: dict[TCPAddress, float]) -> None:
        """Store the *latencies* of some nodes, in seconds."""
        ...

    def forget_latencies(self) -> None:
        """Drop all latencies, so that they are measured again."""
        ...


class TopologyRefresher:
    """Keeps the slot map of *cluster* up to date."""

    def __init__(self, cluster: SlotMapOwner) -> None:
        self.control = ControlConnection(cluster.construct)
        self._cluster = cluster
        self._waiting: list[Waiter] = []
        self._waiting_for_next: list[Waiter] = []
        """Waiters for a refresh that has not begun."""
        self._wanted: anyio.Event | None = None
        self._to_measure = anyio.Event()

    def start(self, tasks: PoolTasks) -> None:
        """Start to work, in tasks that *tasks* starts."""
        self.control.start(tasks.connections)
        self._new_waiter = waiter_factory()
        self._now = clock()
        self._wanted = anyio.Event()
        self._to_measure = anyio.Event()
        tasks.start_soon(self._run, self._wanted)
        tasks.start_soon(self._keep_measuring, self._to_measure)

    def stop(self, reason: str = LEFT, cause: BaseException | None = None) -> None:
        """Stop; each call that waits for a refresh gets a `ConnectionError` with this *reason*."""
        self._wanted = None
        self.control.close(reason)
        self._waiting += self._waiting_for_next
        self._waiting_for_next = []
        error = ConnectionError(f"the cluster was not asked: {reason}")
        error.__cause__ = cause
        self._wake_waiting(error)

    # -- requests -------------------------------------------------------------------------------

    def refresh_soon(self) -> None:
        """Request a refresh: the slot map may be out of date."""
        if self._wanted is not None:
            self._wanted.set()

    async def wait_refreshed(self, *, anew: bool = False) -> RedisError | None:
        """None once the slot map is refreshed; the error if the refresh failed.

        A refresh that already runs counts, too, but not with *anew*: its answers may be older than
        this call.
        """
        if self._wanted is None:
            return ConnectionError(f"the cluster was not asked: {LEFT}")
        waiter = self._new_waiter()
        (self._waiting_for_next if anew else self._waiting).append(waiter)
        self.refresh_soon()
        try:
            answer: RedisError | None = await waiter
        finally:
            for waiters in (self._waiting, self._waiting_for_next):
                if waiter in waiters:
                    waiters.remove(waiter)
        return answer

    def _wake_waiting(self, error: RedisError | None) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None if error is None else fresh(error))

    # -- the task -------------------------------------------------------------------------------

    async def _run(self, wanted: anyio.Event) -> None:
        pause = INTERVAL
        while True:
            with anyio.move_on_after(pause) as quiet:
                with anyio.move_on_after(control_connection.KEEP) as unused:
                    await wanted.wait()
                if unused.cancelled_caught:
                    self.control.close_unused()
                    await wanted.wait()
            if self._wanted is not wanted:
                return  # the pool was left, and perhaps entered again
            if quiet.cancelled_caught and pause == INTERVAL:
                self._cluster.forget_latencies()
            wanted = self._wanted = anyio.Event()
            self._waiting += self._waiting_for_next
            self._waiting_for_next = []
            error: RedisError | None
            try:
                error = await self._refresh()
            except Exception as failure:  # a fault in this package, or in a user's connection class
                LOGGER.exception("asking for the slot map of the cluster failed")
                error = ConnectionError(f"the slot map of the cluster is not known: {failure!r}")
                error.__cause__ = failure
            pause = INTERVAL if error is None else AGAIN
            self._wake_waiting(error)
            self._to_measure.set()
            await anyio.sleep(PAUSE)

    # -- latencies ------------------------------------------------------------------------------

    async def _keep_measuring(self, wanted: anyio.Event) -> None:
        """Measure the latencies that are needed and not known, each time *wanted* is set."""
        while True:
            await wanted.wait()
            if self._to_measure is not wanted:
                return
            wanted = self._to_measure = anyio.Event()
            try:
                while some := self._cluster.endpoints_to_measure()[:AT_ONCE]:
                    await self._measure(some)
            except Exception:  # a fault in this package, or in a user's connection class
                LOGGER.exception("measuring the latency of the cluster's nodes failed")

    async def _measure(self, endpoints: Sequence[ClusterEndpoint]) -> None:
        latencies = {endpoint.address: UNREACHABLE for endpoint in endpoints}

        async def measure(endpoint: ClusterEndpoint) -> None:
            times: list[float] = []
            try:
                async with self.control.to(endpoint.address) as connection:
                    await control_connection.ask(
                        connection, (b"PING",)
                    )  # the first one may take longer
                    for _ in range(PINGS):
                        begin = perf_counter()  # the clock of uvloop counts whole milliseconds
                        await control_connection.ask(connection, (b"PING",))
                        times.append(perf_counter() - begin)
            except RedisError:
                return
            latencies[endpoint.address] = min(times)

        with anyio.move_on_after(DEADLINE):
            async with anyio.create_task_group() as tasks:
                for endpoint in endpoints:
                    tasks.start_soon(measure, endpoint)
        self._cluster.record_latencies(latencies)

    async def _refresh(self) -> RedisError | None:
        """Adopt the best slot map that nodes give; returns an error with all failures if none does."""
        failures: dict[TCPAddress, RedisError] = {}
        for group in self._groups():
            answers = await self._ask(group)
            slot_maps = [each for each in answers.values() if isinstance(each, SlotMap)]
            if slot_maps:
                self._cluster.replace_slot_map(best_of(slot_maps))
                return None
            for address in group:
                answer = answers.get(address)
                late = TimeoutError(f"no answer within {DEADLINE:g} s")
                failures[address] = answer if isinstance(answer, RedisError) else late
        return _no_node_answered(failures)

    def _groups(self) -> Iterator[list[TCPAddress]]:
        """The nodes to ask, a group at a time: connected nodes first, seeds last."""
        known = list(self._cluster.known.items())
        random.shuffle(known)  # all clients of a cluster should not ask the same few
        asked = [address for address in self.control.connected if address in self._cluster.known]
        connected = [address for address, endpoint in known if endpoint.server.connections()]
        others = [address for address, endpoint in known if not endpoint.server.connections()]
        everyone = iter(dict.fromkeys((*asked, *connected, *others, *self._cluster.seeds)))
        while group := list(itertools.islice(everyone, AT_ONCE)):
            yield group

    async def _ask(self, group: list[TCPAddress]) -> dict[TCPAddress, SlotMap | RedisError]:
        """The slot map or error of each node of *group* that answers in time."""
        answers: dict[TCPAddress, SlotMap | RedisError] = {}
        told = anyio.Event()  # by the first slot map

        async def ask(address: TCPAddress) -> None:
            try:
                reply = await self.control.ask(address, (b"CLUSTER", b"SLOTS"))
                answers[address] = _covering_slot_map(reply, address, self._cluster.address_remap)
            except RedisError as error:
                answers[address] = error
            except Exception as failure:  # in a user's connection class: other nodes may answer
                LOGGER.exception("asking %s for the slot map of the cluster failed", address)
                wrapped = answers[address] = ConnectionError(f"asking it failed: {failure!r}")
                wrapped.__cause__ = failure
            else:
                told.set()
            if len(answers) == len(group):
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            for address in group:
                tasks.start_soon(ask, address)
            await _in_pieces(DEADLINE, told)
            if told.is_set():
                await _in_pieces(GRACE)
            tasks.cancel_scope.cancel()
        return answers


async def _in_pieces(seconds: float, until: anyio.Event | None = None) -> None:
    """Wait *seconds*, or for *until*; if the event loop stands still, that is one piece at most.

    Otherwise answers that were received meanwhile would count as late.
    """
    for _ in range(PIECES):
        if until is None:
            await anyio.sleep(seconds / PIECES)
        else:
            with anyio.move_on_after(seconds / PIECES):
                await until.wait()
                return


def _covering_slot_map(reply: Reply, address: TCPAddress, remap: AddressRemap | None) -> SlotMap:
    """The slot map in a *reply* to CLUSTER SLOTS; raises `ClusterDownError` if it covers no slot.

    A node that was removed from its cluster replies so.
    """
    slot_map = parse_slots(reply, address, remap)
    if not slot_map.covered:
        raise ClusterDownError(f"CLUSTERDOWN {address} knows no node that serves slots")
    return slot_map


def _no_node_answered(failures: dict[TCPAddress, RedisError]) -> RedisError:
    """The error of a refresh in which no node gave a slot map; names each with its failure."""
    no_cluster = any("cluster support disabled" in str(error) for error in failures.values())
    hint = ": use anyredis.Redis for a server that is no cluster" if no_cluster else ""
    details = "; ".join(
        str(error) if str(address) in str(error) else f"{address}: {error}"
        for address, error in failures.items()
    )
    message = f"no node of the cluster could be asked for its slot map ({details}){hint}"
    for error in failures.values():
        if isinstance(error, ResponseError):  # a node answered: another try will not help
            down = isinstance(error, ClusterDownError)
            joint = ClusterDownError(f"CLUSTERDOWN {message}") if down else ResponseError(message)
            joint.__cause__ = error
            return joint
    return ConnectionError(message)
