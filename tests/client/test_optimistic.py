"""`client.transaction`: tried again after a change, within bounds; what it returns and refuses."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

import anyio
import pytest

from anyredis import (
    Backoff,
    ConnectionError,
    DataError,
    NodeClient,
    Redis,
    Result,
    Transaction,
    WatchError,
    WrongTypeError,
)
from anyredis.server import Server
from anyredis.testing import FakeServer
from tests.client.optimistic import AT_ONCE, add_one, changing

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
