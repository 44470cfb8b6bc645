"""Two pools for `test_fast_path`: connections that do what a test says, and the state to compare."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any, TypeAlias

import anyio
from anyio.abc import TaskGroup

from anyredis.cluster.nodes.socket_limit import SocketLimit
from anyredis.command import Command, raw_command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import ConnectionError, DataError, RedisError
from anyredis.pool.endpoint import Endpoint, SlowPath
from anyredis.pool.lease import Lease, exclusive_connection
from anyredis.pool.limit import Limit
from anyredis.pool.scope import PoolScope
from anyredis.pool.server_connections import ServerConnections
from anyredis.waiter import waiter_factory
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value
from anyredis.wire.request import Request

BAD = b"BAD"
"""A command that cannot be encoded."""

TURNS = 12
"""Turns of the event loop after which nothing moves any more."""

Run: TypeAlias = Callable[[Endpoint, Command[Any], SlowPath], Awaitable[Any]]


class Dial:
    """A connection that is being made."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ends: asyncio.Future[RedisError | None] = asyncio.get_running_loop().create_future()


class StageConnection(BaseConnection):
    """A connection that does what the machine says; *number* tells it from others."""

    def __init__(self, twin: Twin) -> None:
        super().__init__()
        self.number = next(twin.numbers)
        self.asked: list[tuple[Value, ...]] = []
        """All commands, in the order in which they came."""
        self.requests: list[Request] = []
        """Those that have no answer yet."""
        self.holds_up = False
        """Whether the next command is not taken at once."""
        self._twin = twin
        self._ended = anyio.Event()

    async def connect(self) -> None:
        """Wait for the machine to say whether it is connected."""
        dial = Dial(self.number)
        self._twin.dials.append(dial)
        try:
            error = await dial.ends
        finally:
            self._twin.dials.remove(dial)
        if error is not None:
            raise error
        self._new_waiter = waiter_factory()
        self._twin.connections.append(self)

    async def serve(self) -> None:
        """Wait until it is closed."""
        await self._ended.wait()
        self._twin.connections.remove(self)

    def enqueue(self, args: tuple[Value, ...], binary: bool = False) -> Request | None:
        """Put one command in line."""
        if self.closed or self.holds_up:
            self.holds_up = False
            return None
        if args[0] == BAD:
            raise DataError("it cannot be encoded")
        request = Request.of(b"", self._new_waiter())
        request.binary = binary
        self.asked.append(args)
        self.requests.append(request)
        return request

    def abandon(self, request: Request) -> None:
        """Nobody waits for *request* any more."""
        if request in self.requests:
            self.requests.remove(request)

    def answer_one(self, number: int, reply: Reply) -> None:
        """Give the request at place *number* its *reply*."""
        waiter = self.requests.pop(number).waiter
        if not waiter.done():
            waiter.set_result(reply)

    def close(self, reason: str, cause: BaseException | None = None, *, late: bool = False) -> None:
        """Fail what it carries, and end."""
        del cause, late
        if self.closed:
            return
        self.closed = True
        while self.requests:
            self.answer_one(0, ConnectionError(reason))
        self._ended.set()
        for listener in self.listeners:
            listener.lost(self, reason)


async def again(command: Command[Any], lease: Lease, failed: RedisError | None) -> Reply:
    """Try until there is an answer; the error of a dial is the caller's."""
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


async def plainly(endpoint: Endpoint, command: Command[Any], slow_path: SlowPath) -> Any:
    """What `Endpoint.run` does, by way of the lease alone."""
    async with Lease(endpoint) as lease:
        reply = await slow_path(command, lease, None)
    return command.parse(reply)


class OpenScope(PoolScope):
    """The scope of a pool that is open here, without a task."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, lambda _: None)
        self.thread = threading.get_ident()

    def check(self) -> None:
        """It is open."""


class Twin:
    """A pool, in which *run* is the way that ordinary commands go."""

    def __init__(self, run: Run, *, limit: Limit, shared: int, nodes: int) -> None:
        self.numbers = itertools.count()
        self.dials: list[Dial] = []
        self.connections: list[StageConnection] = []
        self.tasks: list[asyncio.Task[Any]] = []
        """All callers, done or not, in the order in which they came."""
        self.holders: list[asyncio.Event] = []
        """What those wait for who have an exclusive connection."""
        self.limit = limit
        self._run = run
        self._ended = anyio.Event()
        self.nodes: list[ServerConnections] = []
        # As for a cluster: only there can one node be short of what another has.
        self.sockets = SocketLimit(limit.capacity, lambda: self.nodes) if nodes > 1 else None
        self.nodes += [
            ServerConnections(
                partial(StageConnection, self),
                address=f"node {number}",
                capacity=limit.capacity,
                multiplexed_wanted=shared,
                max_idle_time=None,
                socket_limit=self.sockets,
            )
            for number in range(nodes)
        ]
        self.endpoints = [Endpoint(node, limit, OpenScope()) for node in self.nodes]
        self._host = asyncio.create_task(self._be_host())

    async def _be_host(self) -> None:
        async with anyio.create_task_group() as tasks:
            self._start(tasks)
            await self._ended.wait()
            for node in self.nodes:
                node.close("the machine ends")
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
        await self._host

    # -- steps ------------------------------------------------------------------------------------

    def ask(self, node: int, name: bytes) -> None:
        """Somebody runs an ordinary command."""
        command = raw_command(name, str(len(self.tasks)))
        run = self._run(self.endpoints[node], command, again)
        self.tasks.append(asyncio.ensure_future(run))

    def own(self, node: int) -> None:
        """Somebody wants an exclusive connection."""
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

    def all_dialled(self) -> None:
        """All dials succeed."""
        for number in range(len(self.dials)):
            self.dialled(number, succeeds=True)

    def all_given_back(self) -> None:
        """All are done with their exclusive connections."""
        for ends in self.holders:
            ends.set()

    def all_answered(self) -> None:
        """All requests get a reply."""
        for connection in self.asked:
            while connection.requests:
                connection.answer_one(0, b"yes")

    @property
    def unfinished(self) -> list[asyncio.Task[Any]]:
        """The callers who have not got what they wanted."""
        return [task for task in self.tasks if not task.done()]

    @property
    def asked(self) -> list[StageConnection]:
        """The connections that have to answer something."""
        return [each for each in self.connections if each.requests]

    # -- what it looks like -----------------------------------------------------------------------

    def state(self) -> dict[str, object]:
        """All that there is to be seen."""
        limit, nodes = self.limit, self.nodes
        return {
            "limit": (limit.acquired, limit.waiting, limit.waiting_for_connection),
            "nodes": [self._node_state(node) for node in nodes],
            "short": [nodes.index(node) for node in self.sockets.starved] if self.sockets else [],
            "asked": [(each.number, each.asked, len(each.requests)) for each in self.connections],
            "dials": [dial.number for dial in self.dials],
            "holders": len(self.holders),
            "callers": [outcome(task) for task in self.tasks],
        }

    @staticmethod
    def _node_state(node: ServerConnections) -> dict[str, object]:
        allocator = node.allocator

        def told(connections: Collection[BaseConnection]) -> list[tuple[int, int, bool]]:
            staged = [each for each in connections if isinstance(each, StageConnection)]
            assert len(staged) == len(connections)
            return [(each.number, each.in_use, each.dirty) for each in staged]

        return {
            "shared": told(allocator.multiplexed),
            "idle": told(allocator.idle),
            "own": sorted(told(allocator.exclusive)),
            "draining": sorted(told(allocator.draining)),
            "closing": sorted(told(allocator.closing)),
            "dialling": allocator.dialling,
            "waiting": (len(allocator.multiplexed_waiters), len(allocator.exclusive_waiters)),
        }

    @property
    def is_whole(self) -> bool:
        """G5: each lease that was taken is in one place."""
        allocators = [node.allocator for node in self.nodes]
        seen = (
            sum(each.leased + each.connecting for each in allocators)
            + self.limit.waiting_for_connection
        )
        return self.limit.acquired == seen


def outcome(task: asyncio.Task[Any]) -> object:
    """What came of a caller so far."""
    if not task.done():
        return "waits"
    if task.cancelled():
        return "cancelled"
    return type(task.exception()) if task.exception() else task.result()
