"""The fast path of `Endpoint.run` and the plain path through `Lease` never differ.

Two pools get the same random steps.  In one, ordinary commands go through `Endpoint.run`, which
acquires, attaches and releases inline; in the other, they go through `Lease`.  After each turn of
the event loop the whole state of both has to be the same.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, TypeAlias

import anyio
import pytest
from anyio.abc import TaskGroup
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anyredis.backoff import Backoff
from anyredis.cluster.nodes.socket_limit import SocketLimit
from anyredis.command import Command, raw_command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import ConnectionError, DataError, RedisError, ResponseError
from anyredis.pool import server_connections as module
from anyredis.pool.endpoint import Endpoint, SlowPath
from anyredis.pool.lease import Lease, exclusive_connection
from anyredis.pool.limit import Limit, StrictLimit, WaitingLimit
from anyredis.pool.scope import PoolScope
from anyredis.pool.server_connections import ServerConnections
from anyredis.waiter import waiter_factory
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value
from anyredis.wire.request import Request

BAD = b"BAD"
"""A command that cannot be encoded."""

TURNS = 12
"""Turns of the event loop after which the state no longer changes."""

Run: TypeAlias = Callable[[Endpoint, Command[Any], SlowPath], Awaitable[Any]]


class Dial:
    """A connection that is being made."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ends: asyncio.Future[RedisError | None] = asyncio.get_running_loop().create_future()


class ScriptedConnection(BaseConnection):
    """A connection that the state machine controls; its *number* identifies it."""

    def __init__(self, pool: ComparedPool) -> None:
        super().__init__()
        self.number = next(pool.numbers)
        self.commands: list[tuple[Value, ...]] = []
        """All commands, in the order in which they came."""
        self.requests: list[Request] = []
        """The requests without an answer."""
        self.refuses_next = False
        """Whether the next command meets backpressure."""
        self._pool = pool
        self._ended = anyio.Event()

    async def connect(self) -> None:
        """Wait until the state machine decides whether the dial succeeds."""
        dial = Dial(self.number)
        self._pool.dials.append(dial)
        try:
            error = await dial.ends
        finally:
            self._pool.dials.remove(dial)
        if error is not None:
            raise error
        self._new_waiter = waiter_factory()
        self._pool.connections.append(self)

    async def serve(self) -> None:
        """Wait until it is closed."""
        await self._ended.wait()
        self._pool.connections.remove(self)

    def enqueue(self, args: tuple[Value, ...], binary: bool = False) -> Request | None:
        """Enqueue one command."""
        if self.closed or self.refuses_next:
            self.refuses_next = False
            return None
        if args[0] == BAD:
            raise DataError("it cannot be encoded")
        request = Request(b"", self._new_waiter())
        request.binary = binary
        self.commands.append(args)
        self.requests.append(request)
        return request

    def abandon(self, request: Request) -> None:
        """Give up *request*."""
        if request in self.requests:
            self.requests.remove(request)

    def answer_one(self, number: int, reply: Reply) -> None:
        """Answer the request with index *number* by *reply*."""
        waiter = self.requests.pop(number).waiter
        if not waiter.done():
            waiter.set_result(reply)

    def close(self, reason: str, cause: BaseException | None = None, *, late: bool = False) -> None:
        """Fail all requests, and end."""
        del cause, late
        if self.closed:
            return
        self.closed = True
        while self.requests:
            self.answer_one(0, ConnectionError(reason))
        self._ended.set()
        for listener in self.listeners:
            listener.lost(self, reason)


async def slow_path(command: Command[Any], lease: Lease, failed: RedisError | None) -> Reply:
    """Retry until there is an answer; raises the error of a dial."""
    del failed
    while True:
        connection = await lease.attach()
        try:
            request = connection.enqueue(command.args, command.binary)
            reply = None if request is None else await connection.answer(request)
        finally:
            lease.detach()
        if request is not None and not isinstance(reply, RedisError):
            return reply


async def run_plainly(endpoint: Endpoint, command: Command[Any], slow_path: SlowPath) -> Any:
    """The same as `Endpoint.run`, with a `Lease` alone."""
    async with Lease(endpoint) as lease:
        reply = await slow_path(command, lease, None)
    return command.parse(reply)


class OpenScope(PoolScope):
    """The scope of an open pool, without a task."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, lambda _: None)
        self.thread = threading.get_ident()

    def check(self) -> None:
        """Do nothing, because it is open."""


class ComparedPool:
    """A pool that runs ordinary commands by *run*."""

    def __init__(self, run: Run, *, limit: Limit, shared: int, nodes: int) -> None:
        self.numbers = itertools.count()
        self.dials: list[Dial] = []
        self.connections: list[ScriptedConnection] = []
        self.tasks: list[asyncio.Task[Any]] = []
        """All callers, done or not, in the order in which they came."""
        self.holders: list[asyncio.Event] = []
        """One event for each exclusive connection; setting it releases the connection."""
        self.limit = limit
        self._run = run
        self._ended = anyio.Event()
        self.nodes: list[ServerConnections] = []
        # As for a cluster: only with several servers can one of them be starved.
        self.socket_limit = SocketLimit(limit.capacity, lambda: self.nodes) if nodes > 1 else None
        self.nodes += [
            ServerConnections(
                partial(ScriptedConnection, self),
                address=f"node {number}",
                capacity=limit.capacity,
                multiplexed_wanted=shared,
                max_idle_time=None,
                socket_limit=self.socket_limit,
            )
            for number in range(nodes)
        ]
        self.endpoints = [Endpoint(node, limit, OpenScope()) for node in self.nodes]
        self._runner = asyncio.create_task(self._run_tasks())

    async def _run_tasks(self) -> None:
        async with anyio.create_task_group() as tasks:
            self._start(tasks)
            await self._ended.wait()
            for node in self.nodes:
                node.close("the test ends")
            tasks.cancel_scope.cancel()

    def _start(self, tasks: TaskGroup) -> None:
        for node in self.nodes:
            node.start(tasks)

    async def end(self) -> None:
        """Cancel all callers and close all connections."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self._ended.set()
        await self._runner

    # -- steps ------------------------------------------------------------------------------------

    def run_command(self, node: int, name: bytes) -> None:
        """Start a caller that runs an ordinary command."""
        command = raw_command(name, str(len(self.tasks)))
        run = self._run(self.endpoints[node], command, slow_path)
        self.tasks.append(asyncio.ensure_future(run))

    def hold_exclusive(self, node: int) -> None:
        """Start a caller that holds an exclusive connection."""
        self.tasks.append(asyncio.create_task(self._hold(self.endpoints[node])))

    async def _hold(self, endpoint: Endpoint) -> None:
        async with exclusive_connection(endpoint) as connection:
            ends = asyncio.Event()
            self.holders.append(ends)
            try:
                await ends.wait()
                connection.dirty = connection.dirty or len(self.tasks) % 3 == 0
            finally:
                self.holders.remove(ends)

    def dialled(self, dial: int, *, succeeds: bool) -> None:
        """A dial ends."""
        error = None if succeeds else ConnectionError("no")
        if not self.dials[dial].ends.done():
            self.dials[dial].ends.set_result(error)

    @property
    def unfinished(self) -> list[asyncio.Task[Any]]:
        """The callers that are not done."""
        return [task for task in self.tasks if not task.done()]

    @property
    def unanswered(self) -> list[ScriptedConnection]:
        """The connections that have unanswered requests."""
        return [each for each in self.connections if each.requests]

    # -- state ------------------------------------------------------------------------------------

    def state(self) -> dict[str, object]:
        """The whole observable state."""
        limit, nodes = self.limit, self.nodes
        return {
            "limit": (limit.acquired, limit.waiting, limit.waiting_for_connection),
            "nodes": [self._node_state(node) for node in nodes],
            "starved": [nodes.index(node) for node in self.socket_limit.starved]
            if self.socket_limit
            else [],
            "commands": [
                (each.number, each.commands, len(each.requests)) for each in self.connections
            ],
            "dials": [dial.number for dial in self.dials],
            "holders": len(self.holders),
            "callers": [outcome(task) for task in self.tasks],
        }

    @staticmethod
    def _node_state(node: ServerConnections) -> dict[str, object]:
        allocator = node.allocator

        def described(connections: object) -> list[tuple[int, int, bool]]:
            assert isinstance(connections, list | set)
            return [(each.number, each.in_use, each.dirty) for each in connections]

        return {
            "multiplexed": described(allocator.multiplexed),
            "idle": described(allocator.idle),
            "exclusive": sorted(described(allocator.exclusive)),
            "draining": sorted(described(allocator.draining)),
            "closing": sorted(described(allocator.closing)),
            "dialling": allocator.dialling,
            "waiting": (len(allocator.multiplexed_waiters), len(allocator.exclusive_waiters)),
        }

    @property
    def is_consistent(self) -> bool:
        """G5: each lease that was acquired is counted in one place."""
        allocators = [node.allocator for node in self.nodes]
        seen = (
            sum(each.leased + each.connecting for each in allocators)
            + self.limit.waiting_for_connection
        )
        return self.limit.acquired == seen


def outcome(task: asyncio.Task[Any]) -> object:
    """The result of a caller, or its state."""
    if not task.done():
        return "waits"
    if task.cancelled():
        return "cancelled"
    return type(task.exception()) if task.exception() else task.result()


class PoolComparison(RuleBasedStateMachine):
    """The same steps for both pools."""

    @initialize(
        capacity=st.integers(1, 4),
        waiting=st.booleans(),
        shared=st.integers(0, 2),
        nodes=st.integers(1, 2),
    )
    def start(self, capacity: int, waiting: bool, shared: int, nodes: int) -> None:
        """Make two pools with the same options."""
        self.runner = asyncio.Runner()

        async def make() -> None:
            kind = WaitingLimit if waiting else StrictLimit
            self.pools = [
                ComparedPool(run, limit=kind(capacity), shared=shared, nodes=nodes)
                for run in (Endpoint.run, run_plainly)
            ]

        self.runner.run(make())
        self.server_count = nodes
        self.do(lambda _pool: None)

    def do(self, step: Callable[[ComparedPool], None]) -> None:
        """Apply *step* to both, and compare them after each turn of the event loop."""

        async def turns() -> None:
            for pool in self.pools:
                step(pool)
            for _ in range(TURNS):
                await asyncio.sleep(0)
                fast, plain = self.pools
                assert fast.state() == plain.state()

        self.runner.run(turns())

    def pick(self, data: st.DataObject, count: int) -> int:
        """An index below *count*."""
        return data.draw(st.integers(0, count - 1))

    @property
    def either(self) -> ComparedPool:
        """One of the pools, which are in the same state."""
        return self.pools[0]

    @rule(data=st.data(), name=st.sampled_from([b"GET", b"GET", b"GET", BAD]))
    def run_command(self, data: st.DataObject, name: bytes) -> None:
        """A caller runs an ordinary command."""
        node = self.pick(data, self.server_count)
        self.do(lambda pool: pool.run_command(node, name))

    @rule(data=st.data())
    def hold_exclusive(self, data: st.DataObject) -> None:
        """A caller asks for an exclusive connection."""
        node = self.pick(data, self.server_count)
        self.do(lambda pool: pool.hold_exclusive(node))

    @precondition(lambda self: self.either.holders)
    @rule(data=st.data())
    def release_exclusive(self, data: st.DataObject) -> None:
        """A caller releases its exclusive connection."""
        number = self.pick(data, len(self.either.holders))
        self.do(lambda pool: pool.holders[number].set())

    @precondition(lambda self: self.either.dials)
    @rule(data=st.data(), succeeds=st.sampled_from([True, True, False]))
    def dialled(self, data: st.DataObject, succeeds: bool) -> None:
        """A dial ends."""
        number = self.pick(data, len(self.either.dials))
        self.do(lambda pool: pool.dialled(number, succeeds=succeeds))

    @precondition(lambda self: self.either.unanswered)
    @rule(data=st.data(), fails=st.sampled_from([False, False, True]))
    def answer(self, data: st.DataObject, fails: bool) -> None:
        """A request gets its reply."""
        connection = self.pick(data, len(self.either.unanswered))
        request = self.pick(data, len(self.either.unanswered[connection].requests))
        reply = ResponseError("ERR no") if fails else b"yes"
        self.do(lambda pool: pool.unanswered[connection].answer_one(request, reply))

    @precondition(lambda self: self.either.unfinished)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A caller is cancelled."""
        number = self.pick(data, len(self.either.unfinished))

        def cancel(pool: ComparedPool) -> None:
            pool.unfinished[number].cancel()

        self.do(cancel)

    @precondition(lambda self: self.either.unanswered and self.either.unfinished)
    @rule(data=st.data())
    def answer_and_cancel(self, data: st.DataObject) -> None:
        """A reply and a cancellation come in one turn, for any two callers."""
        connection = self.pick(data, len(self.either.unanswered))
        number = self.pick(data, len(self.either.unfinished))

        def both(pool: ComparedPool) -> None:
            pool.unanswered[connection].answer_one(0, b"yes")
            pool.unfinished[number].cancel()

        self.do(both)

    @precondition(lambda self: self.either.connections)
    @rule(data=st.data())
    def refuse_next(self, data: st.DataObject) -> None:
        """The next command on a connection meets backpressure."""
        number = self.pick(data, len(self.either.connections))

        def refuse_next(pool: ComparedPool) -> None:
            pool.connections[number].refuses_next = True

        self.do(refuse_next)

    @precondition(lambda self: self.either.connections)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A connection is lost."""
        number = self.pick(data, len(self.either.connections))
        self.do(lambda pool: pool.connections[number].close("it was lost"))

    @rule(data=st.data())
    def replace_connections(self, data: st.DataObject) -> None:
        """All connections to a node are replaced, those in use after their last command."""
        node = self.pick(data, self.server_count)
        self.do(lambda pool: pool.nodes[node].replace_connections("the test wants it"))

    @invariant()
    def leases_are_counted(self) -> None:
        """G5: at rest each lease is counted in one place, and at most `capacity` are acquired."""
        for pool in getattr(self, "pools", ()):
            assert pool.is_consistent, pool.state()
            assert 0 <= pool.limit.acquired <= pool.limit.capacity

    def teardown(self) -> None:
        """Afterwards no lease is acquired."""
        if not hasattr(self, "pools"):
            return

        async def end() -> None:
            for pool in self.pools:
                await pool.end()

        with self.runner:
            self.runner.run(end())
        for pool in self.pools:
            assert pool.is_consistent
            assert pool.limit.acquired == 0
            assert pool.limit.leases == set()


@pytest.fixture(scope="module", autouse=True)
def no_pauses() -> Generator[None]:
    """Dial a server that failed again at once, because the state machine has no clock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "REDIAL", Backoff(base=0.0, cap=0.0))
        yield


PoolComparison.TestCase.settings = settings(
    deadline=None,
    max_examples=200,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
TestPoolComparison = PoolComparison.TestCase
