"""`client.transaction`: tried again after a change, within bounds; nothing is written twice."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import anyio
import pytest

from anyredis import (
    Backoff,
    BaseObserver,
    BusyLoadingError,
    CommandEvent,
    ConnectionError,
    DataError,
    NodeClient,
    NoPermissionError,
    Outcome,
    ReadOnlyError,
    Redis,
    Result,
    Retry,
    RetryEvent,
    Transaction,
    WatchError,
    WrongTypeError,
)
from anyredis.server import Server
from anyredis.testing import Answer, FakePeer, FakeServer, Words
from anyredis.testing.server import run_then_half_close, run_then_reset

AT_ONCE = Backoff(base=0, cap=0)


@pytest.fixture
async def server() -> FakeServer:
    """A server in memory."""
    return FakeServer()


@pytest.fixture
async def client(server: FakeServer) -> AsyncIterator[Redis[str]]:
    """A client of `server`, which may have two connections."""
    async with server.client(decode_responses=True, max_connections=2) as client:
        yield client


async def add_one(tx: Transaction[str]) -> int:
    """Increment `k` by reading and writing; the new value."""
    value = int(await tx.get("k") or 0) + 1
    async with tx.pipeline() as pipe:
        pipe.set("k", value)
    return value


def changing(server: FakeServer, times: int) -> None:
    """Let another client change `k` after each of the next reads."""

    def change(peer: FakePeer, words: Words) -> Answer:
        answer = peer.run(words)
        server.memory.run(server.memory.new_client(), (b"INCRBY", b"k", b"100"))
        return answer

    server.on("GET", change, times=times)


# -- results ------------------------------------------------------------------------------------


async def test_it_returns_what_the_function_returns(client: Redis[str]) -> None:
    """The value of the last try; a `Result` of its pipeline is readable."""

    async def take(tx: Transaction[str]) -> Result[int]:
        async with tx.pipeline() as pipe:
            pipe.set("k", 5)
            return pipe.decrby("k", 2)

    assert await client.transaction(add_one, "k") == 1
    result = await client.transaction(take, "k")
    assert result.value == 3


async def test_it_is_tried_again_after_a_change(server: FakeServer, client: Redis[str]) -> None:
    """Each try reads afresh, on the same connection, and holds one lease all the time."""
    changing(server, 3)
    leased: list[int] = []

    async def observed(tx: Transaction[str]) -> int:
        leased.append(client.connection_pool.leased)
        return await add_one(tx)

    assert await client.transaction(observed, "k", backoff=AT_ONCE) == 301
    assert server.count("WATCH") == server.count("EXEC") == 4
    assert leased == [1] * 4
    assert server.accepted == 1


async def test_a_function_that_queues_nothing_is_checked_too(
    server: FakeServer, client: Redis[str]
) -> None:
    """What it returns rests on values that had not changed when it ended."""
    changing(server, 1)

    async def read(tx: Transaction[str]) -> str | None:
        return await tx.get("k")

    assert await client.transaction(read, "k", backoff=AT_ONCE) == "100"
    assert server.count("EXEC") == 2


async def test_it_gives_up_after_a_number_of_tries(server: FakeServer, client: Redis[str]) -> None:
    """The error says how often it was tried; the connection is as good as before."""
    changing(server, 3)
    with pytest.raises(WatchError, match=r"during each try: the transaction was tried 3 times$"):
        await client.transaction(add_one, "k", attempts=3, backoff=AT_ONCE)
    changing(server, 1)
    with pytest.raises(WatchError, match=r"the transaction was tried once$"):
        await client.transaction(add_one, "k", attempts=1)
    assert server.count("EXEC") == 4
    assert client.connection_pool.leased == 0
    assert await client.transaction(add_one, "k") == 401


async def test_a_write_at_once_is_named(server: FakeServer, client: Redis[str]) -> None:
    """A function that forgets `pipe.` changes the watched key itself: the error tells."""

    async def forgetful(tx: Transaction[str]) -> None:
        await tx.set("k", 1)

    with pytest.raises(WatchError, match=r"runs SET at once, .* tx\.pipeline\(\)"):
        await client.transaction(forgetful, "k", attempts=2, backoff=AT_ONCE)


async def test_the_pauses_grow(
    server: FakeServer, client: Redis[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two tries it waits as `backoff` says."""
    changing(server, 4)
    pauses: list[float] = []
    sleep = anyio.sleep

    async def slept(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("anyredis.client.optimistic.anyio.sleep", slept)
    backoff = Backoff(base=1, cap=4, random=lambda: 0.0)
    await client.transaction(add_one, "k", backoff=backoff)
    assert pauses == [1, 2, 4, 4]


async def test_many_tasks(valkey: Server) -> None:
    """Twenty tasks add to one value by reading and writing: each addition is there."""
    async with (
        Redis(valkey.host, valkey.port, decode_responses=True) as client,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(20):
            tasks.start_soon(functools.partial(client.transaction, add_one, "k", attempts=1000))
    async with Redis(valkey.host, valkey.port) as client:
        assert await client.get("k") == b"20"


# -- the function -------------------------------------------------------------------------------


async def test_an_exception_of_the_function_leaves_as_itself(
    server: FakeServer, client: Redis[str]
) -> None:
    """Nothing of its pipeline is sent, it is not called again, and the keys are let go (G14)."""
    calls = 0

    async def fails(tx: Transaction[str]) -> None:
        nonlocal calls
        calls += 1
        async with tx.pipeline() as pipe:
            pipe.set("k", 1)
            raise KeyError("sold out")

    with pytest.raises(KeyError, match="sold out"):
        await client.transaction(fails, "k")
    assert calls == 1
    assert server.count("MULTI") == server.count("SET") == 0
    assert server.count("UNWATCH") == 1
    assert server.accepted == 1


async def test_an_error_reply_leaves_as_itself(server: FakeServer, client: Redis[str]) -> None:
    """A command that fails is not repeated, at once or in the pipeline; the others have run."""
    await client.set("k", "text")

    async def at_once(tx: Transaction[str]) -> None:
        await tx.lrange("k", 0, -1)

    async def queued(tx: Transaction[str]) -> None:
        async with tx.pipeline() as pipe:
            pipe.set("other", 1)
            pipe.lpush("k", 1)

    for function in (at_once, queued):
        with pytest.raises(WrongTypeError):
            await client.transaction(function, "k")
    assert server.count("LRANGE") == server.count("LPUSH") == 1
    assert await client.get("other") == "1"


async def test_it_may_ask_for_another_try(client: Redis[str]) -> None:
    """A `WatchError` that the function raises by itself counts as a change, as in redis-py."""
    calls = 0

    async def later(tx: Transaction[str]) -> str:
        nonlocal calls
        calls += 1
        await client.set("k", calls)
        if calls < 3:
            raise WatchError
        await tx.watch("other")
        return "done"

    with pytest.raises(WatchError, match="tried 3 times"):
        await client.transaction(later, "k", attempts=3, backoff=AT_ONCE)
    assert await client.transaction(later, "other", backoff=AT_ONCE) == "done"


async def test_errors_of_others_are_not_repeated(server: FakeServer, client: Redis[str]) -> None:
    """Only a loss of the transaction's own connection is: another error is the function's."""
    calls = 0

    async def elsewhere(_tx: Transaction[str]) -> None:
        nonlocal calls
        calls += 1
        raise ConnectionError("another server is down")

    with pytest.raises(ConnectionError, match="another server is down"):
        await client.transaction(elsewhere, "k")
    assert calls == 1


def _plain(tx: Transaction[str]) -> None:
    tx.pipeline().set("k", 1)


def _reading(tx: Transaction[str]) -> object:
    return tx.get("k")


PLAIN: list[Callable[[Any], object]] = [_plain, _reading, repr, lambda _tx: None]


@pytest.mark.parametrize("function", PLAIN)
async def test_a_plain_function_is_refused(
    server: FakeServer, client: Redis[str], function: Any
) -> None:
    """redis-py takes one; here it could await nothing.  Nothing is sent."""
    with pytest.raises(DataError, match="func has to be an `async def` function"):
        await client.transaction(function, "k")
    assert server.count("WATCH") == server.count("GET") == 0
    assert client.connection_pool.leased == 0


async def test_any_function_that_gives_a_coroutine_fits(client: Redis[str]) -> None:
    """A lambda, a partial, a bound method."""

    class Adder:
        async def add(self, tx: Transaction[str]) -> int:
            return await add_one(tx)

    functions: list[Callable[[Transaction[str]], Awaitable[int]]] = [
        lambda tx: Adder().add(tx),
        functools.partial(add_one),
        Adder().add,
    ]
    assert [await client.transaction(each, "k") for each in functions] == [1, 2, 3]


REFUSED: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    ((add_one,), {}, r"without any, use pipeline\(\)"),
    ((add_one, []), {}, "keys is empty"),
    ((add_one, 1), {}, "numbers are no keys"),
    (("k",), {}, "give the keys to watch"),
    (("k", "v"), {}, "func has to be an `async def` function"),
    ((add_one, "k"), {"attempts": 0}, "give 1 or more"),
    ((add_one, "k"), {"attempts": "2"}, "attempts"),
    ((add_one, "k"), {"backoff": 0.1}, "has to be a Backoff"),
    ((add_one, "k"), {"shard_hint": None}, "leave it out"),
    ((add_one, "k"), {"value_from_callable": True}, r"tx\.pipeline\(\)"),
    ((add_one, "k"), {"watch_delay": 0.1}, r"write backoff=Backoff\("),
    ((), {}, "is missing the argument 'func'"),
]


@pytest.mark.parametrize(("args", "options", "text"), REFUSED)
async def test_calls_that_are_refused(
    server: FakeServer, client: Redis[str], args: tuple[Any, ...], options: Any, text: str
) -> None:
    """redis-py's other arguments are refused with ours named, before anything is sent."""
    with pytest.raises(DataError, match=text):
        await cast("Any", client.transaction)(*args, **options)
    assert server.accepted == 0


def test_it_is_a_coroutine_function() -> None:
    """For those who look: `start_soon`, `create_task`, Starlette."""
    method: Any = vars(NodeClient)["transaction"]
    assert inspect.iscoroutinefunction(method) or hasattr(method, "_is_coroutine")


# -- failures (G11) -----------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [run_then_reset, run_then_half_close])
@pytest.mark.parametrize("name", ["WATCH", "GET"])
async def test_a_loss_before_exec_is_repeated(
    server: FakeServer, client: Redis[str], name: str, failure: Any
) -> None:
    """Nothing was written: the try is made again on another connection."""
    server.on(name, failure, times=2)
    assert await client.transaction(add_one, "k", attempts=1) == 1
    assert server.count("WATCH") == 3
    assert server.count("EXEC") == 1


async def test_a_lost_reply_to_exec_is_not_repeated(server: FakeServer, client: Redis[str]) -> None:
    """The transaction may have been executed: the error says that it is unknown."""
    server.on("EXEC", run_then_reset, times=1)
    with pytest.raises(ConnectionError) as caught:
        await client.transaction(add_one, "k")
    assert caught.value.outcome is Outcome.UNKNOWN
    assert server.count("EXEC") == 1
    assert await client.get("k") == "1"


async def test_a_loss_after_a_write_at_once_is_not_repeated(
    server: FakeServer, client: Redis[str]
) -> None:
    """The function has run a command that writes: it would run it twice."""

    async def counts(tx: Transaction[str]) -> None:
        await tx.incr("tries")
        await tx.get("k")

    server.on("GET", run_then_reset, times=1)
    with pytest.raises(ConnectionError):
        await client.transaction(counts, "k")
    assert server.count("INCRBY") == 1


async def test_a_loss_of_a_read_only_transaction_is_repeated(
    server: FakeServer, client: Redis[str]
) -> None:
    """An EXEC of reads may run twice."""

    async def read(tx: Transaction[str]) -> Result[str | None]:
        async with tx.pipeline() as pipe:
            return pipe.get("k")

    server.on("EXEC", run_then_reset, times=1)
    assert (await client.transaction(read, "k")).value is None
    assert server.count("EXEC") == 2


@pytest.mark.parametrize("name", ["WATCH", "GET", "SET"])
@pytest.mark.parametrize(
    "refusal",
    [BusyLoadingError("LOADING Redis is loading"), ReadOnlyError("READONLY You can't write")],
)
async def test_a_refusal_before_exec_is_repeated(
    server: FakeServer, client: Redis[str], name: str, refusal: Any
) -> None:
    """LOADING and READONLY prove that nothing was executed, also for a queued command."""

    def refuse(peer: FakePeer, words: Words) -> Answer:
        peer.state.dirty = peer.state.queue is not None
        return refusal  # type: ignore[no-any-return]

    server.on(name, refuse, times=2)
    assert await client.transaction(add_one, "k") == 1
    assert server.memory.ran[b"SET"] == 1


async def test_without_retry_nothing_is_repeated(server: FakeServer) -> None:
    """`retry=None`: a loss and a refusal are raised at once; a change is tried again all the same."""
    async with server.client(decode_responses=True, retry=None) as client:
        server.on("GET", run_then_reset, times=1)
        with pytest.raises(ConnectionError):
            await client.transaction(add_one, "k")
        server.on("WATCH", BusyLoadingError("LOADING"), times=1)
        with pytest.raises(BusyLoadingError):
            await client.transaction(add_one, "k")
        changing(server, 1)
        assert await client.transaction(add_one, "k", backoff=AT_ONCE) == 101


async def test_a_policy_may_repeat_writes(server: FakeServer) -> None:
    """Who opts in to repeated writes gets them for EXEC too."""
    retry = Retry(repeat_writes=True)
    async with server.client(decode_responses=True, retry=retry) as client:
        server.on("EXEC", run_then_reset, times=1)
        assert await client.transaction(add_one, "k") == 2


async def test_another_error_of_the_server_is_raised(
    server: FakeServer, client: Redis[str]
) -> None:
    """A user who may not WATCH gets that error, and the function is not left without an await."""
    server.on("WATCH", NoPermissionError("NOPERM"))
    with pytest.raises(NoPermissionError):
        await client.transaction(add_one, "k")
    with pytest.raises(NoPermissionError):
        async with client.watch("k"):
            pytest.fail("entered")
    assert client.connection_pool.leased == 0


@pytest.mark.parametrize("failure", [run_then_reset, BusyLoadingError("LOADING")])
async def test_a_failed_watch_of_a_block_is_repeated(
    server: FakeServer, client: Redis[str], failure: Any
) -> None:
    """`client.watch` begins on another connection if the first was lost; the block runs once."""
    server.on("WATCH", failure, times=1)
    entered = 0
    async with client.watch("k") as tx:
        entered += 1
        async with tx.pipeline() as pipe:
            pipe.set("k", 1)
    assert entered == 1
    assert server.count("WATCH") == 2


async def test_what_was_lost_in_a_block_is_not_repeated(
    server: FakeServer, client: Redis[str]
) -> None:
    """The block of `client.watch` is the user's: its errors leave it."""
    server.on("GET", run_then_reset, times=1)
    with pytest.raises(ConnectionError):
        async with client.watch("k") as tx:
            await tx.get("k")
    assert server.count("GET") == 1


async def test_an_observer_sees_its_commands(server: FakeServer) -> None:
    """Each command and the pipeline is told, with the retries of the try."""
    events: list[str] = []

    class Listening(BaseObserver):
        def command_started(self, event: CommandEvent) -> None:
            events.append(event.name)

        def command_retried(self, event: RetryEvent) -> None:
            events.append(f"retry of {event.name}")

    async with server.client(decode_responses=True, observer=Listening()) as client:
        server.on("GET", run_then_reset, times=1)
        await client.transaction(add_one, "k")
    expected = ["WATCH", "GET", "retry of transaction", "WATCH", "GET", "MULTI"]
    assert events == expected
