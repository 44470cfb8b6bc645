"""One case: an operation of a fresh client is cancelled, and nobody can tell afterwards.

`Bench` makes the client, runs the case and asserts the contract; it knows no operation.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import pytest

from anyredis import (
    BaseConnection,
    BlockingConnectionPool,
    ConnectionError,
    ConnectionPool,
    MaxConnectionsError,
    Redis,
)
from tests.contract.control import Control, fields
from tests.contract.steps import Ended, Kind, Steps, kinds

PATIENCE = 8.0
"""Seconds for one case, which takes some milliseconds unless something waits for ever."""

_fresh = itertools.count()


def fresh() -> bytes:
    """A value that nobody has sent before."""
    return b"value-%d" % next(_fresh)


@dataclass
class Tally:
    """How many cases have run."""

    cases: int = 0
    losses: int = 0
    operations: set[str] = field(default_factory=set[str])


TALLY = Tally()


@dataclass(frozen=True)
class Target:
    """A client to make: the pool class, and the arguments of both."""

    pool_class: type[ConnectionPool]
    arguments: dict[str, Any]

    @property
    def blocking(self) -> bool:
        """Whether one lease too many waits."""
        return issubclass(self.pool_class, BlockingConnectionPool)

    def pool(self) -> ConnectionPool:
        """A new pool of two."""
        # Soon, so that a lease that is lost shows as such and not as a test that hangs.
        more: dict[str, Any] = {"timeout": 5.0} if self.blocking else {}
        return self.pool_class(max_connections=2, **more, **self.arguments)


class Bench:
    """What an operation has to work with: a fresh client each time, and a look at the server."""

    def __init__(self, target: Target, control: Control, steps: Steps) -> None:
        self.target = target
        self.control = control
        self.steps = steps
        self.renew()

    def renew(self) -> None:
        """A fresh pool and client, not entered, and an empty server."""
        self.control.ask("FLUSHALL")
        self.pool = self.target.pool()
        self.client: Redis[bytes] = Redis(connection_pool=self.pool)
        self.pushed = False

    def connections(self) -> list[BaseConnection]:
        """All connections of the pool."""
        return self.pool.gate.node.connections()

    def lose(self) -> None:
        """All connections are lost."""
        for connection in self.connections():
            connection.close("the test says so")

    async def run(
        self,
        operation: Callable[[], Awaitable[object]],
        kind: Kind,
        at: int,
        loss: Callable[[], object] | None,
    ) -> Ended:
        """Run *operation*; it may fail where its connections are lost."""
        with suppress(ConnectionError) if loss else nullcontext():
            return await self.steps.run(operation, kind, at, loss)
        return Ended(reached=True, completed=False)

    def watch(self) -> None:
        """At any moment: no more sockets and leases than there may be."""
        roster = self.pool.gate.node.roster
        assert 0 <= roster.sockets <= 2, f"{roster.sockets} sockets: {self.pool!r}"
        assert roster.dialling >= 0
        if self.pool._lifetime.entered:
            assert self.pool.free >= 0
            assert self.pool.leased + self.pool.connecting <= 2, repr(self.pool)


@dataclass(frozen=True)
class Operation:
    """Something to cancel; *check* looks at the server afterwards.

    *around*: it enters the client itself.  *warm*: the client is connected already.  *bystanders*:
    how many others use the pool meanwhile, with a strict and with a blocking pool.  *losable*: it
    can lose its connections, and says so with a `ConnectionError`.
    """

    name: str
    run: Callable[[Bench], Awaitable[object]]
    check: Callable[[Control, Ended], None] | None = None
    around: bool = False
    warm: bool = False
    bystanders: tuple[int, int] = (0, 0)
    losable: bool = True
    during: Callable[[Bench], None] | None = None
    """Called at every step."""

    def __str__(self) -> str:
        return self.name


async def cancel_everywhere(bench: Bench, operation: Operation) -> int:
    """Cancel *operation* at every step, in every way; how many cases that were."""
    cases = 0
    for kind in kinds():
        for at in itertools.count():
            ended = await one_case(bench, operation, kind, at)
            cases += 1
            if not ended.reached:
                break
            assert at < 2000, "the operation does not end"
    TALLY.cases += cases
    TALLY.operations.add(operation.name)
    return cases


async def lose_everywhere(bench: Bench, operation: Operation) -> int:
    """Lose all connections at every step of *operation*; how many cases that were."""
    for at in itertools.count():
        ended = await one_case(bench, operation, "loss", at)
        if not ended.reached:
            TALLY.losses += at + 1
            return at + 1
        assert at < 2000, "the operation does not end"
    raise AssertionError


async def one_case(bench: Bench, operation: Operation, kind: Kind, at: int) -> Ended:
    """Run *operation*, cancelled after *at* steps, and assert that all is well afterwards."""
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
            loss = bench.lose if kind == "loss" else None
            run = partial(bench.run, partial(operation.run, bench), kind, at, loss)
            if operation.around:
                ended = await run()
                assert not bench.pool._lifetime.entered, "the pool outlived its scope"
                assert not bench.connections(), "a connection outlived its scope"
                assert running_tasks() == tasks, "a task outlived its scope"
                await bench.control.all_gone()
            async with bench.client:
                if not operation.around:
                    if operation.warm:
                        await bench.client.ping()
                    async with bystanders(bench, operation.bystanders[bench.target.blocking]):
                        ended = await run()
                await check_whole(bench)
            await bench.control.all_gone()
            assert running_tasks() == tasks, "a task outlived its scope"
            if operation.check is not None:
                operation.check(bench.control, ended)
    except BaseException as error:
        error.add_note(f"{operation}, cancelled by {kind} after {at} steps: {bench.pool!r}")
        raise
    return ended


def running_tasks() -> frozenset[int]:
    """The ids of all tasks of this event loop."""
    return frozenset(task.id for task in anyio.get_running_tasks())


@asynccontextmanager
async def bystanders(bench: Bench, count: int) -> AsyncGenerator[None]:
    """Others who ask the same pool for their own answers, and get them (G1, G12)."""
    if not count:
        yield
        return
    async with anyio.create_task_group() as tasks:
        ready = [anyio.Event() for _ in range(count)]
        go = anyio.Event()

        async def on_shared(mine: anyio.Event) -> None:
            mine.set()
            await go.wait()
            await own_answers(bench.client, 3)

        async def on_own(mine: anyio.Event) -> None:
            async with bench.pool.acquire() as connection:
                mine.set()
                await go.wait()
                for _ in range(3):
                    value = fresh()
                    assert await connection.execute_command("ECHO", value) == value

        tasks.start_soon(on_shared, ready[0])
        for mine in ready[1:]:
            tasks.start_soon(on_own, mine)
        for mine in ready:
            await mine.wait()
        go.set()
        yield


async def own_answers(client: Redis[bytes], times: int) -> None:
    """Ask for fresh values one after another; each comes back (G1)."""
    for _ in range(times):
        value = fresh()
        answer = await client.echo(value)
        assert answer == value, f"asked for {value!r}, got {answer!r}"


async def check_whole(bench: Bench) -> None:
    """Nothing is missing in the pool, all leases work, and nobody left a mark (G1, G5, G6, G9)."""
    pool, client = bench.pool, bench.client
    assert_all_free(pool)
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(own_answers, client, 2)
    assert_all_free(pool)
    async with AsyncExitStack() as stack:
        leases = [await stack.enter_async_context(pool.acquire()) for _ in range(2)]
        assert (pool.free, pool.leased, pool.connecting) == (0, 2, 0), repr(pool)
        assert leases[0] is not leases[1]
        for connection in leases:
            value = fresh()
            assert await connection.execute_command("ECHO", value) == value
            await check_unmarked(bench, connection)
        if not bench.target.blocking:
            with pytest.raises(MaxConnectionsError):
                await client.ping()
    assert_all_free(pool)
    assert all(not each.tainted for each in bench.connections())


async def check_unmarked(bench: Bench, connection: BaseConnection) -> None:
    """The server sees *connection* as it was after its handshake (G6, G9)."""
    info: bytes = await connection.execute_command("CLIENT INFO")
    facts = fields(info.decode())
    wanted = bench.target.arguments
    assert facts["name"] == (wanted.get("client_name") or "")
    assert facts["db"] == str(wanted.get("db", 0))
    # x: in a transaction, P: subscribed, t: tracking keys …; U is the socket, e and T were wished.
    assert set(facts["flags"]) - set("eTU") <= {"N"}, facts["flags"]
    assert (facts["sub"], facts.get("watch", "0")) == ("0", "0")
    assert facts["resp"] == str(wanted.get("protocol", 3))


def assert_all_free(pool: ConnectionPool) -> None:
    """No lease is taken (G5)."""
    state = (pool.free, pool.leased, pool.connecting)
    assert sum(state) == pool.capacity, repr(pool)
    assert state == (pool.capacity, 0, 0), repr(pool)
    assert pool.gate.limit.waiting == 0, repr(pool)
