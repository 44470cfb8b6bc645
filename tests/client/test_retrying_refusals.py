"""Tests of `anyredis.client.retrying` with error replies: who is sent again, on one server."""

from __future__ import annotations

import pytest

from anyredis import (
    Backoff,
    ConnectionError,
    NoReplicasError,
    Outcome,
    OutOfMemoryError,
    RedisError,
    ResponseError,
    Retry,
)
from anyredis.exceptions import from_server
from anyredis.testing import FakePeer, FakeServer, run_then_reset
from tests.test_backoff import REFUSING

AT_ONCE = Retry(attempts=3, backoff=Backoff(0, 0))
SCRIPTS = ("EVAL", "EVALSHA", "FCALL")


@pytest.mark.parametrize("text", REFUSING)
async def test_a_write_that_is_refused_is_sent_again(text: str) -> None:
    """By default, until the server accepts it; it runs once."""
    server = FakeServer()
    server.on("INCRBY", from_server(text), times=2)
    async with server.client() as client:
        assert await client.incr("n") == 1
    assert server.count("INCRBY") == 3


@pytest.mark.parametrize("retry", [None, Retry(deadline=0), Retry(attempts=0)])
async def test_those_who_fail_fast(retry: Retry | None) -> None:
    """The first error is raised: of a server that is down, of a refusal, of a lost reply."""
    server = FakeServer()
    server.on("GET", from_server("LOADING x"))
    server.on("EXISTS", run_then_reset)
    async with server.client(retry=retry) as client:
        with pytest.raises(ConnectionError, match="LOADING"):
            await client.get("k")
        with pytest.raises(ConnectionError):
            await client.exists("k")
        server.down = True
        with pytest.raises(ConnectionError, match="cannot connect"):
            await client.ping()
    assert (server.count("GET"), server.count("EXISTS")) == (1, 1)


async def test_an_error_that_is_named_is_repeated() -> None:
    """NOREPLICAS and OOM, both for a write; another error is not."""
    server = FakeServer()
    retry = Retry(attempts=3, backoff=Backoff(0, 0), errors=(NoReplicasError, OutOfMemoryError))
    async with server.client(retry=retry) as client:
        for text in ("NOREPLICAS x", "OOM x"):
            server.on("INCRBY", from_server(text), times=3)
            await client.incr("n")
        server.on("INCRBY", from_server("READONLY x"), times=1)
        with pytest.raises(ResponseError, match="READONLY"):
            await client.incr("n")
    assert server.count("INCRBY") == 4 + 4 + 1
    assert server.memory.ran[b"INCRBY"] == 2


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("text", [*REFUSING, "DENIED x", "ERR max number of clients reached"])
async def test_a_script_that_is_refused_is_not(name: str, text: str) -> None:
    """G11: its error may come from a command in it, after another one has written."""
    server = FakeServer()
    server.on(name, from_server(text))
    async with server.client() as client:
        with pytest.raises(RedisError, match=text):
            await client.execute_command(name, "x", "0")
        assert server.count(name) == 1
        pipe = client.pipeline(transaction=False, raise_on_error=False)
        pipe.execute_command(name, "x", "0")
        [error] = await pipe.execute()
        assert str(error) == text
    assert server.count(name) == 2


@pytest.mark.parametrize("name", ["EVAL_RO", "EVALSHA_RO", "FCALL_RO"])
async def test_a_script_that_only_reads_is(name: str) -> None:
    """Two runs do no harm."""
    server = FakeServer()
    server.on(name, b"done")
    server.on(name, from_server("LOADING x"), times=1)
    async with server.client() as client:
        assert await client.execute_command(name, "x", "0") == b"done"


async def test_a_script_is_sent_once_the_server_can_be_reached() -> None:
    """A refused connection is no reply to it."""
    server = FakeServer()
    server.on("EVAL", b"done")
    server.on("HELLO", from_server("LOADING x"), times=2)
    async with server.client() as client:
        assert await client.execute_command("EVAL", "x", "0") == b"done"
    assert server.count("EVAL") == 1


@pytest.mark.parametrize("text", REFUSING)
async def test_the_reply_of_exec_proves_nothing(text: str) -> None:
    """G11: neither as a whole nor inside it; the transaction is sent once."""
    server = FakeServer()
    server.on("EXEC", from_server(text), times=1)
    server.on("EXEC", [1, from_server(text)], times=1)
    async with server.client() as client:
        for errors in (1, 2):
            pipe = client.pipeline(raise_on_error=False)
            pipe.incr("n")
            pipe.incr("n")
            values = await pipe.execute()
            assert sum(isinstance(value, RedisError) for value in values) == errors
            assert server.count("EXEC") == errors


async def test_a_transaction_that_was_discarded_is_sent_again() -> None:
    """A command that is refused while it is queued: EXECABORT proves that none ran."""
    server = FakeServer()

    def refuse(peer: FakePeer, _words: tuple[bytes, ...]) -> RedisError:
        peer.run((b"NONSENSE",))
        return from_server("LOADING x")

    server.on("INCRBY", refuse, times=1)
    async with server.client() as client:
        async with client.pipeline() as pipe:
            counts = pipe.incr("n"), pipe.incr("n")
        assert [each.value for each in counts] == [1, 2]
    assert server.count("EXEC") == 2


async def test_a_pipeline_of_which_only_reads_ran_is_sent_again() -> None:
    """Refused writes and reads that ran: the whole pipeline is repeated, and each write runs once."""
    server = FakeServer()
    server.on("INCRBY", from_server("NOREPLICAS x"), times=2)
    async with server.client() as client:
        async with client.pipeline(transaction=False) as pipe:
            pipe.get("n")
            counts = pipe.incr("n"), pipe.incr("n")
        assert [each.value for each in counts] == [1, 2]
    assert server.memory.ran[b"INCRBY"] == 2


async def test_a_pipeline_of_which_a_write_ran_is_not() -> None:
    """G11: each command has its own reply or error."""
    server = FakeServer()
    server.on("SET", from_server("NOREPLICAS x"))
    async with server.client() as client:
        pipe = client.pipeline(transaction=False, raise_on_error=False)
        count, stored = pipe.incr("n"), pipe.set("k", 1)
        await pipe.execute()
    assert count.value == 1
    assert isinstance(stored.error, NoReplicasError)
    assert server.count("INCRBY") == 1


async def test_a_pipeline_that_goes_on_being_refused() -> None:
    """Repeats are bounded; in the end each command has its own error, as without repeats."""
    server = FakeServer()
    server.on("SET", from_server("NOREPLICAS x"))
    async with server.client(retry=AT_ONCE) as client:
        pipe = client.pipeline(transaction=False, raise_on_error=False)
        found, stored = pipe.get("k"), pipe.set("k", 1)
        await pipe.execute()
        assert found.value is None
        assert isinstance(stored.error, NoReplicasError)
    assert server.count("SET") == 4


async def test_a_session_repeats_nothing() -> None:
    """Whatever the error and the policy; but its connection is dialled as the policy allows."""
    server = FakeServer()
    server.on("HELLO", from_server("LOADING x"), times=2)
    server.on("INCRBY", from_server("NOREPLICAS x"))
    async with server.client() as client, client.session() as session:
        with pytest.raises(NoReplicasError):
            await session.incr("n")
    assert server.count("INCRBY") == 1


async def test_a_blocking_command_keeps_its_lease() -> None:
    """A refused BLPOP is sent again, with the same lease: nobody gets it meanwhile."""
    server = FakeServer()
    server.on("BLPOP", [b"q", b"item"])
    server.on("BLPOP", from_server("LOADING x"), times=2)
    async with server.client(max_connections=1) as client:
        assert await client.blpop("q", timeout=1) == (b"q", b"item")
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (1, 0, 0)
    assert server.count("BLPOP") == 3


async def test_a_blocking_command_whose_reply_was_lost() -> None:
    """G11: it may have taken an item, so its outcome is unknown, and it is sent once."""
    server = FakeServer()
    server.on("BLPOP", run_then_reset)
    async with server.client() as client:
        with pytest.raises(ConnectionError) as caught:
            await client.blpop("q", timeout=1)
    assert caught.value.outcome is Outcome.UNKNOWN
    assert server.count("BLPOP") == 1
