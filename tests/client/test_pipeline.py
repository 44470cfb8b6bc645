"""Pipelines: queued commands, the time at which they run, their results and errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import pytest

from anyredis import (
    DataError,
    DataTypeError,
    DataValueError,
    ExecAbortError,
    Pipeline,
    Redis,
    ResponseError,
    WatchError,
    WrongTypeError,
)
from anyredis.server import Server
from tests.servers import ask


@pytest.fixture
async def client(valkey: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes."""
    async with Redis(valkey.host, valkey.port, decode_responses=True) as client:
        yield client


either = pytest.mark.parametrize("transaction", [True, False], ids=["transaction", "plain"])


@either
async def test_it_runs_at_the_end_of_the_block(client: Redis[str], transaction: bool) -> None:
    """Each call gives a `Result`, which has its value afterwards, with the command's type."""
    async with client.pipeline(transaction=transaction) as pipe:
        ok, counter, text = pipe.set("k", "v"), pipe.incr("n", 5), pipe.get("k")
        members = pipe.smembers("missing")
        assert len(pipe) == 4
        assert await client.exists("k") == 0, "nothing is sent before"
    assert (ok.value, counter.value, text.value, members.value) == (True, 5, "v", set())
    assert [each.error for each in (ok, counter, text, members)] == [None] * 4


@either
async def test_execute_gives_the_values(client: Redis[str], transaction: bool) -> None:
    """At any time; the pipeline is empty afterwards, and can be used again."""
    async with client.pipeline(transaction=transaction) as pipe:
        pipe.set("k", 1)
        pipe.incr("k")
        assert await pipe.execute() == [True, 2]
        assert len(pipe) == 0
        assert await pipe.execute() == []
        last = pipe.get("k")
    assert last.value == "2"


@either
async def test_without_a_block(client: Redis[str], transaction: bool) -> None:
    """`execute` is enough."""
    pipe = client.pipeline(transaction=transaction)
    pipe.set("k", 1)
    assert await pipe.execute() == [True]


@either
async def test_an_empty_pipeline_sends_nothing(
    client: Redis[str], valkey: Server, transaction: bool
) -> None:
    """It is not false either."""
    await client.ping()
    before = calls(valkey)
    async with client.pipeline(transaction=transaction) as pipe:
        assert pipe
    assert calls(valkey) == before


def calls(server: Server) -> int:
    """The number of commands that the server has run, without those of this function."""
    stats = ask(server, "INFO", "commandstats")
    assert isinstance(stats, bytes)
    return sum(
        int(line.partition(b"calls=")[2].partition(b",")[0])
        for line in stats.splitlines()
        if b"calls=" in line and b"info" not in line
    )


@either
async def test_a_block_left_by_an_exception_sends_nothing(
    client: Redis[str], transaction: bool
) -> None:
    """The queued commands are removed."""
    pipe = client.pipeline(transaction=transaction)
    result = pipe.set("k", 1)
    with pytest.raises(KeyError):
        async with pipe:
            raise KeyError
    assert len(pipe) == 0
    assert await client.exists("k") == 0
    with pytest.raises(RuntimeError, match="SET has no reply: its pipeline has not run"):
        _ = result.value


@either
async def test_reset_removes_queued_commands(client: Redis[str], transaction: bool) -> None:
    """As if they had never been queued."""
    async with client.pipeline(transaction=transaction) as pipe:
        pipe.set("k", 1)
        pipe.reset()
        pipe.set("l", 1)
    assert await client.keys("*") == ["l"]


@either
async def test_the_first_error_is_raised_after_all_have_run(
    client: Redis[str], transaction: bool
) -> None:
    """It names the command and its position; the others have run."""
    pipe = client.pipeline(transaction=transaction)
    pipe.rpush("list", 1)
    wrong = pipe.get("list")
    pipe.incr("list")
    last = pipe.set("k", 1)
    with pytest.raises(WrongTypeError, match=r"command 2 of 4 in the pipeline, GET") as caught:
        async with pipe:
            pass
    assert last.value is True
    assert wrong.error is caught.value.__cause__
    with pytest.raises(WrongTypeError):
        _ = wrong.value
    assert await client.get("k") == "1"


@either
async def test_errors_can_stand_among_the_values(client: Redis[str], transaction: bool) -> None:
    """With `raise_on_error=False` nothing is raised."""
    async with client.pipeline(transaction=transaction, raise_on_error=False) as pipe:
        pipe.rpush("list", 1)
        pipe.get("list")
        pipe.set("k", 1)
        length, error, ok = await pipe.execute()
    assert (length, ok) == (1, True)
    assert isinstance(error, WrongTypeError)


@either
async def test_execute_decides_about_errors(client: Redis[str], transaction: bool) -> None:
    """`execute(raise_on_error=…)` overrides what the pipeline does, and only for that call."""
    pipe = client.pipeline(transaction=transaction)
    for told in ({"raise_on_error": False}, {"raise_on_error": True}, {}):
        pipe.rpush("list", 1)
        pipe.get("list")
        if told.get("raise_on_error", True):
            with pytest.raises(WrongTypeError):
                await pipe.execute(**told)
        else:
            assert isinstance((await pipe.execute(**told))[1], WrongTypeError)
    lenient = client.pipeline(transaction=transaction, raise_on_error=False)
    lenient.get("list")
    with pytest.raises(WrongTypeError):
        await lenient.execute(True)


async def test_flags_of_a_pipeline(client: Redis[str]) -> None:
    """They are bools: a false value of another type does not hide errors."""
    wrong: Any
    for wrong in ("no", 0, None):
        with pytest.raises(DataTypeError, match=r"raise_on_error is .*: give True or False"):
            client.pipeline(raise_on_error=wrong)
        with pytest.raises(DataTypeError, match=r"transaction is .*: give True or False"):
            client.pipeline(wrong)
    wrong = "no"
    pipe = client.pipeline()
    pipe.set("k", 1)
    with pytest.raises(DataTypeError, match="execute: raise_on_error is 'no'"):
        await pipe.execute(wrong)
    assert len(pipe) == 1


async def test_a_transaction_is_all_or_nothing(client: Redis[str]) -> None:
    """A command that the server does not accept aborts all; its own error is the one raised."""
    pipe = client.pipeline()
    before = pipe.set("k", 1)
    pipe.execute_command("NO.SUCH", "x")
    pipe.set("l", 1)
    with pytest.raises(ResponseError, match=r"command 2 of 3 in the pipeline, NO\.SUCH") as caught:
        await pipe.execute()
    assert not isinstance(caught.value, ExecAbortError)
    assert isinstance(before.error, ExecAbortError)
    assert await client.exists("k", "l") == 0


async def test_a_plain_pipeline_is_not(client: Redis[str]) -> None:
    """Each command succeeds or fails alone."""
    async with client.pipeline(transaction=False, raise_on_error=False) as pipe:
        pipe.set("k", 1)
        pipe.execute_command("NO.SUCH", "x")
        pipe.set("l", 1)
    assert await client.exists("k", "l") == 2


async def test_a_watched_key_that_changed(client: Redis[str]) -> None:
    """The transaction of a session raises `WatchError`; none of it has run."""
    async with client.session() as session:
        await session.watch("k")
        await client.set("k", "other")
        pipe = session.pipeline()
        result = pipe.set("k", "mine")
        with pytest.raises(WatchError):
            await pipe.execute()
        with pytest.raises(RuntimeError):
            _ = result.value
        async with session.pipeline() as pipe:  # EXEC has unwatched it
            pipe.set("k", "mine")
    assert await client.get("k") == "mine"


@either
async def test_some_replies_stay_bytes(client: Redis[str], transaction: bool) -> None:
    """DUMP gives bytes also in a pipeline whose other replies are text."""
    await client.set("k", "ü")
    async with client.pipeline(transaction=transaction) as pipe:
        dump, text, both = pipe.dump("k"), pipe.get("k"), pipe.mget("k", "missing")
    assert isinstance(dump.value, bytes)
    assert text.value == "ü"
    assert both.value == ["ü", None]
    assert await client.restore("copy", 0, dump.value)
    assert await client.get("copy") == "ü"


@either
async def test_many_thousands(client: Redis[str], transaction: bool) -> None:
    """They are sent in chunks, and are still one pipeline."""
    async with client.pipeline(transaction=transaction) as pipe:
        results = [pipe.set(f"k{number}", "x" * 100) for number in range(20_000)]
        counted = pipe.dbsize()
    assert all(result.value for result in results)
    assert counted.value == 20_000


Queue: TypeAlias = Callable[[Any], object]

MISFITS: list[tuple[Queue, str]] = [
    (lambda pipe: pipe.set("k", None), "SET: value is None"),
    (lambda pipe: pipe.execute_command("BLPOP", "list", 0), "BLPOP blocks"),
    (lambda pipe: pipe.blpop("list"), "blpop blocks"),
    (lambda pipe: pipe.execute_command("SELECT", 1), "SELECT changes its connection"),
    (lambda pipe: pipe.execute_command("MULTI"), "MULTI changes its connection"),
    (lambda pipe: pipe.execute_command("SUBSCRIBE", "c"), "SUBSCRIBE cannot be sent"),
    (lambda pipe: pipe.execute_command(), "a command's name first"),
]


@pytest.mark.parametrize(("queue", "message"), MISFITS)
async def test_commands_that_no_pipeline_can_have(
    client: Redis[str], queue: Queue, message: str
) -> None:
    """It is refused at the call; commands that are queued already stay."""
    async with client.pipeline() as pipe:
        pipe.set("k", 1)
        with pytest.raises(DataError, match=message):
            queue(pipe)
        assert len(pipe) == 1
    assert await client.get("k") == "1"


@either
async def test_text_that_cannot_be_encoded(valkey: Server, transaction: bool) -> None:
    """Nothing of the pipeline is sent, however large it is."""
    async with Redis(valkey.host, valkey.port, encoding="ascii", decode_responses=True) as client:
        for count in (1, 5000):
            pipe = client.pipeline(transaction=transaction)
            for number in range(count):
                pipe.set(f"k{number}", "x" * 100)
            pipe.set("k", "ü")
            with pytest.raises(DataValueError, match="ascii"):
                await pipe.execute()
            assert await client.dbsize() == 0


async def test_repr(client: Redis[str]) -> None:
    """It shows the kind and the number of commands; a result shows its value or error."""
    pipe: Pipeline[str] = client.pipeline()
    result = pipe.get("k")
    assert repr(pipe) == "<transaction of 1 commands>"
    assert repr(client.pipeline(transaction=False)) == "<pipeline of 0 commands>"
    assert repr(result) == "<Result GET: waiting>"
    await pipe.execute()
    assert repr(result) == "<Result GET: None>"
