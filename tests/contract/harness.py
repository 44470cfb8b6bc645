"""One case: an operation of a fresh client is cancelled, without any trace afterwards.

A `Bench` makes the client and has its checks; this file runs the case and checks the rules that
hold for every client.  Neither contains an operation.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

import anyio
import pytest

from anyredis import BaseConnection, ConnectionError, MaxConnectionsError, Redis
from anyredis.exceptions import RedisError
from anyredis.pool.base import BasePool
from tests.contract.rotation import TALLY, Rotation
from tests.contract.steps import Ended, Kind, Steps, kinds, loop_name

PATIENCE = 30.0
"""Seconds for one case, which takes some milliseconds unless it hangs."""

TOO_MANY = 2000
"""Steps that no operation needs."""

PoolT = TypeVar("PoolT", bound=BasePool)
ClientT = TypeVar("ClientT", bound=AbstractAsyncContextManager[Any])
BenchT = TypeVar("BenchT", bound="Bench[Any, Any]")

_fresh = itertools.count()


def fresh() -> bytes:
    """A value that no request sent before."""
    return b"value-%d" % next(_fresh)


class Bench(ABC, Generic[PoolT, ClientT]):
    """A fresh client for each operation, and access to the servers."""

    losses: ClassVar[tuple[type[RedisError], ...]] = (ConnectionError,)
    """The errors that an operation may raise after its connections are lost."""
    blocking: bool
    """Whether one lease too many waits."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.renew()

    def renew(self) -> None:
        """A fresh pool and client, not entered, and servers without data."""
        self.pool, self.client = self.make()
        self.pushed = False
        """Whether the event that the operation waits for has happened."""

    def __str__(self) -> str:
        """The kind of pool, in the same words in every run: without ports and paths."""
        return type(self).__name__

    @abstractmethod
    def make(self) -> tuple[PoolT, ClientT]:
        """A new pool and client, and servers without data."""

    @abstractmethod
    def watch(self) -> None:
        """At any moment: no more sockets and leases than the limit."""

    @abstractmethod
    async def warm_up(self) -> None:
        """Connect."""

    @abstractmethod
    async def own_answers(self, times: int) -> None:
        """Ask for fresh values one after another; each comes back (G1)."""

    @abstractmethod
    def acquire(self) -> AbstractAsyncContextManager[BaseConnection]:
        """A lease and an exclusive connection."""

    @abstractmethod
    async def check_whole(self) -> None:
        """All leases are there and work, and no connection state is left (G1, G5, G6, G9)."""

    @abstractmethod
    async def all_gone(self) -> None:
        """No server has a client under test any more."""

    def connections(self) -> list[BaseConnection]:
        """All connections of the pool."""
        return [
            each for endpoint in self.pool.endpoints() for each in endpoint.server.connections()
        ]

    def lose(self) -> None:
        """All connections are lost."""
        for connection in self.connections():
            connection.close("closed by the test")

    async def run(
        self,
        operation: Callable[[], Awaitable[object]],
        kind: Kind,
        at: int,
        loss: Callable[[], object] | None,
    ) -> Ended:
        """Run *operation*; it may fail if its connections are lost."""
        if loss is None:
            return await self.steps.run(operation, kind, at, None)
        try:
            return await self.steps.run(operation, kind, at, loss)
        except* self.losses:
            pass  # allowed, alone or in a group of its tasks'
        return Ended(reached=True, completed=False)


@dataclass(frozen=True)
class Operation(Generic[BenchT]):
    """An operation to cancel; *check* examines the servers afterwards.

    *around*: it enters the client itself.  *warm*: the client is connected already.  *bystanders*:
    the number of other users of the pool meanwhile, with a strict and with a blocking pool.
    *losable*: after a loss of its connections it may raise an error of the bench's `losses`.
    """

    name: str
    run: Callable[[BenchT], Awaitable[object]]
    check: Callable[[BenchT, Ended], None] | None = None
    around: bool = False
    warm: bool = False
    bystanders: tuple[int, int] = (0, 0)
    losable: bool = True
    during: Callable[[BenchT], None] | None = None
    """Called at every step."""
    prepare: Callable[[BenchT], None] | None = None
    """Called before the client is entered."""
    always: tuple[str, ...] = ()
    """The clauses for which every run takes all its steps: these cases never rotate out."""

    def __str__(self) -> str:
        return self.name


def named(operation: Operation[Any]) -> str:
    """The operation's name in the name of the test."""
    return operation.name.replace(",", "").replace(" ", "_")


async def cancel_everywhere(
    bench: BenchT, operation: Operation[BenchT], ways: Sequence[Kind] | None = None
) -> int:
    """Cancel *operation* at the steps of this run, in all its ways or in these.

    Returns the number of steps of the operation, including those that rotated out.
    """
    rotation, every = Rotation.of_this_run(), bool(operation.always)
    if ways is None:
        ways = kinds()
        if loop_name() == "uvloop":
            # Callbacks and cancellations are asyncio's: uvloop only runs them in another order.
            ways = rotation.kinds(f"{operation} of {bench}", ways)
    found = 0
    for kind in ways:
        case = f"{operation} of {bench}, {kind} on {loop_name()}"
        for at in rotation.steps(case, every=every):
            ended = await one_case(bench, operation, kind, at)
            TALLY.cases += 1
            if not ended.reached:
                found += at + 1
                break
            assert at < TOO_MANY, "the operation does not end"
    TALLY.operations.add(operation.name)
    return found


async def lose_everywhere(bench: BenchT, operation: Operation[BenchT]) -> int:
    """Lose all connections at the steps of this run of *operation*; the number of all steps."""
    case = f"{operation} of {bench}, loss on {loop_name()}"
    for at in Rotation.of_this_run().steps(case, every=bool(operation.always)):
        ended = await one_case(bench, operation, "loss", at)
        TALLY.losses += 1
        if not ended.reached:
            return at + 1
        assert at < TOO_MANY, "the operation does not end"
    raise AssertionError


async def one_case(bench: BenchT, operation: Operation[BenchT], kind: Kind, at: int) -> Ended:
    """Run *operation*, cancelled after *at* steps, and assert that the pool is whole afterwards."""
    bench.renew()
    tasks = running_tasks()

    def watch() -> None:
        bench.watch()
        if operation.during is not None:
            operation.during(bench)

    bench.steps.watch = watch
    ended = Ended(reached=False, completed=False)
    try:
        with anyio.fail_after(PATIENCE):
            if operation.prepare is not None:
                operation.prepare(bench)
            loss = bench.lose if kind == "loss" else None
            run = partial(bench.run, partial(operation.run, bench), kind, at, loss)
            if operation.around:
                ended = await run()
                assert not bench.pool.scope.entered, "the pool outlived its scope"
                assert not bench.connections(), "a connection outlived its scope"
                assert running_tasks() == tasks, "a task outlived its scope"
                await bench.all_gone()
            async with bench.client:
                if not operation.around:
                    if operation.warm:
                        await bench.warm_up()
                    async with bystanders(bench, operation.bystanders[bench.blocking]):
                        ended = await run()
                await bench.check_whole()
            await bench.all_gone()
            assert running_tasks() == tasks, "a task outlived its scope"
            if operation.check is not None:
                operation.check(bench, ended)
    except BaseException as error:
        error.add_note(f"{operation} of {bench}, {kind} after {at} steps: {bench.pool!r}")
        raise
    return ended


def running_tasks() -> frozenset[int]:
    """The ids of all tasks of this event loop."""
    return frozenset(task.id for task in anyio.get_running_tasks())


@asynccontextmanager
async def bystanders(bench: Bench[Any, Any], count: int) -> AsyncGenerator[None]:
    """Other users of the same pool, each of which gets the replies to its requests (G1, G12)."""
    if not count:
        yield
        return
    async with anyio.create_task_group() as tasks:
        ready = [anyio.Event() for _ in range(count)]
        go = anyio.Event()

        async def on_multiplexed(mine: anyio.Event) -> None:
            mine.set()
            await go.wait()
            await bench.own_answers(3)

        async def on_exclusive(mine: anyio.Event) -> None:
            async with bench.acquire() as connection:
                mine.set()
                await go.wait()
                for _ in range(3):
                    await echo(connection)

        tasks.start_soon(on_multiplexed, ready[0])
        for mine in ready[1:]:
            tasks.start_soon(on_exclusive, mine)
        for mine in ready:
            await mine.wait()
        go.set()
        yield


async def echo(connection: BaseConnection) -> None:
    """Request a fresh value on an exclusive connection; the reply is that value (G1)."""
    value = fresh()
    assert await connection.execute_command("ECHO", value) == value


async def own_answers(client: Redis[bytes], times: int) -> None:
    """Ask for fresh values one after another; each comes back (G1)."""
    for _ in range(times):
        value = fresh()
        answer = await client.echo(value)
        assert answer == value, f"asked for {value!r}, got {answer!r}"


@asynccontextmanager
async def all_leases(
    pool: BasePool,
    leases: Sequence[AbstractAsyncContextManager[BaseConnection | None]],
    *others: Callable[[], Awaitable[object]],
) -> AsyncGenerator[list[BaseConnection]]:
    """The connections of *leases*, which are all leases of the pool: *others* get none (G5)."""
    async with AsyncExitStack() as stack:
        taken = [await stack.enter_async_context(lease) for lease in leases]
        assert (pool.free, pool.leased, pool.connecting) == (0, len(leases), 0), repr(pool)
        connections = [connection for connection in taken if connection is not None]
        assert len(set(connections)) == len(connections)
        for connection in connections:
            await echo(connection)
        for other in others:
            with pytest.raises(MaxConnectionsError):
                await other()
        yield connections


def assert_all_free(pool: BasePool) -> None:
    """No lease is taken (G5)."""
    state = (pool.free, pool.leased, pool.connecting)
    assert sum(state) == pool.capacity, repr(pool)
    assert state == (pool.capacity, 0, 0), repr(pool)
    assert all(limit.waiting == limit.waiting_for_connection == 0 for limit in pool.limits()), repr(
        pool
    )
