"""Replies that break off, come late, come not at all, or cannot be read."""

from __future__ import annotations

import contextlib

import anyio
import pytest

from anyredis import (
    BusyLoadingError,
    ConnectionError,
    DataError,
    Outcome,
    ProtocolError,
    Redis,
    RedisError,
    ReplyDecodeError,
    ResponseError,
    Retry,
    TimeoutError,
    WrongTypeError,
)
from anyredis.server import Server
from anyredis.testing import FakeServer, Raw, run_then_half_close, run_then_reset, silent
from anyredis.testing.resp import encode

ONCE = Retry(attempts=0)
HUGE = 512 * 1024 * 1024 + 1
LARGE = 100 * 1024 * 1024


@pytest.mark.parametrize("lose", [run_then_reset, run_then_half_close])
async def test_a_write_whose_reply_is_lost(lose: object) -> None:
    """G11: it ran once, is not sent again, and its error says that the outcome is unknown."""
    server = FakeServer()
    async with server.client() as client:
        server.on("INCRBY", run_then_reset if lose is run_then_reset else run_then_half_close)
        with pytest.raises(ConnectionError, match="whether the server ran it is unknown") as caught:
            await client.incr("n")
        assert caught.value.outcome is Outcome.UNKNOWN
        server.off("INCRBY")
        assert await client.get("n") == b"1"
    assert server.count("INCRBY") == server.memory.ran[b"INCRBY"] == 1


async def test_a_read_whose_reply_is_lost() -> None:
    """G11: it is sent again within the deadline, and the caller gets the reply."""
    server = FakeServer()
    server.on("GET", run_then_reset, times=3)
    async with server.client(decode_responses=True) as client:
        await client.set("k", "v")
        assert await client.get("k") == "v"
    assert server.count("GET") == 4


async def test_a_read_whose_reply_is_always_lost() -> None:
    """G13: retries end, with the error of the last try."""
    server = FakeServer()
    server.on("GET", run_then_reset)
    async with server.client(retry=Retry(attempts=3)) as client:
        with pytest.raises(ConnectionError, match="connection to the fake server lost"):
            await client.get("k")
    assert server.count("GET") == 4


async def test_without_a_retry_nothing_is_sent_again() -> None:
    """`retry=None` means each command is sent once."""
    server = FakeServer()
    server.on("GET", run_then_reset, times=1)
    async with server.client(retry=None) as client:
        with pytest.raises(ConnectionError):
            await client.get("k")
        assert await client.get("k") is None
    assert server.count("GET") == 2


async def test_opting_in_to_more() -> None:
    """G11: `repeat_writes` sends a write again, which can then run twice."""
    server = FakeServer()
    server.on("INCRBY", run_then_reset, times=1)
    async with server.client(retry=Retry(repeat_writes=True)) as client:
        assert await client.incr("n") == 2


async def test_a_pipeline_whose_replies_are_lost() -> None:
    """G11: a transaction that may have run is not sent again."""
    server = FakeServer()
    server.on("EXEC", run_then_reset, times=1)
    async with server.client() as client:
        with pytest.raises(ConnectionError) as caught:
            async with client.pipeline() as pipe:
                pipe.incr("n")
        assert caught.value.outcome is Outcome.UNKNOWN
        assert await client.get("n") == b"1"
    assert server.count("EXEC") == 1


async def test_a_server_that_dies_in_mid_reply() -> None:
    """G1: a reply that breaks off at any byte is an error; the next command gets its own reply."""
    reply = encode([b"some", b"items", {b"and": 1}])
    for after in range(len(reply)):
        server = FakeServer()
        server.on("LRANGE", Raw(reply))
        async with server.client(retry=None) as client:
            await client.ping()
            server.hold(after)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_lost, client)
                await server.wait_for("LRANGE")
                server.reset()
            server.release()
            assert await client.echo("mine") == b"mine"
            assert server.accepted == 2


async def _lost(client: Redis[bytes]) -> None:
    with pytest.raises(ConnectionError) as caught:
        await client.lrange("k", 0, -1)
    assert caught.value.outcome is Outcome.UNKNOWN


async def test_one_dead_connection_fails_what_it_carried_and_no_more() -> None:
    """G12: tasks on other connections notice nothing."""
    server = FakeServer()
    async with server.client(decode_responses=True, retry=None) as client:
        await client.rpush("l", "x")
        async with client.session() as session:
            assert await session.echo("one") == "one"
            shared, own = server.peers
            shared.reset()
            assert await session.echo("two") == "two"
            assert await client.echo("three") == "three"
            assert server.peers[0] is own


async def test_a_late_reply() -> None:
    """G3: a reply that comes after its caller gave up is dropped; the connection stays."""
    server = FakeServer()
    async with server.client(decode_responses=True) as client:
        await client.ping()
        server.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.echo, "late")
            await server.wait_for("ECHO")
            tasks.cancel_scope.cancel()
        assert client.connection_pool.free == client.connection_pool.capacity
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_echoes, client, "mine")
            await server.wait_for("ECHO", 2)
            server.release()
    assert server.accepted == 1


async def _echoes(client: Redis[str], text: str) -> None:
    assert await client.echo(text) == text


async def test_a_reply_that_never_comes() -> None:
    """After stream_timeout: TimeoutError, outcome unknown, a new connection for the next."""
    server = FakeServer()
    server.on("INCRBY", silent, times=1)
    async with server.client(stream_timeout=0.05) as client:
        with pytest.raises(TimeoutError, match=r"no reply within 0\.05 s") as caught:
            await client.incr("n")
        assert caught.value.outcome is Outcome.UNKNOWN
        assert await client.incr("n") == 1
        assert server.accepted == 2
        assert len(server.peers) == 1
    assert server.count("INCRBY") == 2


async def test_a_reply_to_no_request() -> None:
    """G1: one reply too many ends the connection, before it can be taken for another's."""
    server = FakeServer()
    server.on("ECHO", Raw(b"$4\r\nmine\r\n$5\r\nextra\r\n"), times=1)
    async with server.client(decode_responses=True) as client:
        assert await client.echo("mine") == "mine"
        assert await client.echo("next") == "next"
        assert server.accepted == 2


async def test_a_reply_that_is_no_reply() -> None:
    """A server that begins to speak another language is hung up on."""
    server = FakeServer()
    server.on("SET", Raw(b"HTTP/1.1 500 Oops\r\n"), times=1)
    async with server.client() as client:
        with pytest.raises(ConnectionError, match="does not speak the Redis protocol") as caught:
            await client.set("k", "v")
        assert isinstance(caught.value.__cause__, ProtocolError)
        assert caught.value.outcome is Outcome.UNKNOWN
        assert await client.set("k", "v")


async def test_a_reply_of_another_shape() -> None:
    """A reply that the command cannot have is a ProtocolError of that caller alone."""
    server = FakeServer()
    server.on("GET", [b"a", b"list"], times=1)
    async with server.client() as client:
        with pytest.raises(ProtocolError, match="where bytes or null was expected"):
            await client.get("k")
        assert await client.get("k") is None
    assert server.accepted == 1


@pytest.mark.parametrize("protocol", [2, 3])
async def test_text_that_does_not_decode(valkey: Server, protocol: int) -> None:
    """G12: it is the error of one caller; others at the same time get their text."""
    found: dict[str, object] = {}

    async def get(key: str) -> None:
        try:
            found[key] = await client.get(key)
        except RedisError as error:
            found[key] = error

    async with Redis(
        valkey.host, valkey.port, decode_responses=True, protocol=protocol, max_connections=10
    ) as client:
        await client.mset({"a": "é", "b": b"\xff\xfe", "c": "ü"})
        identity = await client.client_id()
        async with anyio.create_task_group() as tasks:
            for key in "abc":
                tasks.start_soon(get, key)
        assert found["a"] == "é"
        assert found["c"] == "ü"
        assert isinstance(found["b"], ReplyDecodeError)
        assert "decode_responses=False" in str(found["b"])
        with pytest.raises(ReplyDecodeError):
            await client.mget("a", "b", "c")
        assert await client.client_id() == identity


async def test_a_push_that_does_not_decode_is_not_a_reply() -> None:
    """G1: text that does not decode in a push must not be taken for a reply."""
    server = FakeServer()
    async with server.client(decode_responses=True, retry=None) as client:
        await client.ping()
        [peer] = server.peers

        def push_first(_peer: object, words: tuple[bytes, ...]) -> bytes:
            peer.push("invalidate", [b"\xff"])
            return words[1]

        server.on("ECHO", push_first, times=1)
        assert await client.echo("one") == "one"
        assert await client.echo("two") == "two"


async def test_pushes_in_the_middle() -> None:
    """G1: pushes between replies, and between the bytes of a turn, change no reply."""
    server = FakeServer()

    def push_around(peer: object, words: tuple[bytes, ...]) -> Raw:
        note = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
        return Raw(note + encode(words[1]) + note)

    server.on("ECHO", push_around)
    async with (
        server.client(decode_responses=True, max_connections=100) as client,
        anyio.create_task_group() as tasks,
    ):
        for number in range(100):
            tasks.start_soon(_echoes, client, str(number))
    assert server.accepted == 1


async def test_loading_is_retried_within_one_lease() -> None:
    """G5: a command that is tried again holds one lease, however often."""
    server = FakeServer()
    server.on("GET", silent)
    server.on("GET", BusyLoadingError("LOADING"), times=1)
    async with server.client(max_connections=1) as client, anyio.create_task_group() as tasks:
        pool = client.connection_pool
        await client.ping()
        tasks.start_soon(client.get, "k")
        await server.wait_for("GET", 2)
        assert (pool.free, pool.leased, pool.connecting) == (0, 1, 0)
        tasks.cancel_scope.cancel()
    assert client.connection_pool.endpoint.server.allocator.leased == 0


async def test_an_error_reply_is_the_callers_own() -> None:
    """G12: a command that the server refuses fails alone, and is not sent again."""
    server = FakeServer()
    server.on("SET", ResponseError("ERR out of order"), times=1)
    async with server.client() as client:
        with pytest.raises(ResponseError, match="ERR out of order"):
            await client.set("k", "v")
        assert await client.set("k", "v")
    assert server.count("SET") == 2
    assert server.accepted == 1


async def test_a_value_of_100_mb(valkey: Server) -> None:
    """It goes there and comes back whole, and so do the commands around it."""
    value = bytes(range(256)) * (LARGE // 256)
    async with Redis(valkey.host, valkey.port, max_connections=10) as client:
        await client.set("large", value)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_same, client, value)
            for _ in range(5):
                await client.ping()
        await client.unlink("large")


async def _same(client: Redis[bytes], value: bytes) -> None:
    assert await client.get("large") == value


async def test_a_value_of_more_than_512_mb(valkey: Server) -> None:
    """The caller gets the server's refusal, and the next command a new connection."""
    async with Redis(valkey.host, valkey.port) as client:
        first = await client.client_id()
        with pytest.raises(ResponseError, match="invalid bulk length"):
            await client.set("huge", bytes(HUGE))
        assert await client.client_id() > first
        assert await client.exists("huge") == 0


@pytest.mark.parametrize("transaction", [True, False])
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("count", [1, 5000])
async def test_one_reply_of_a_batch_does_not_decode(
    valkey: Server, transaction: bool, protocol: int, count: int
) -> None:
    """G12: only its command fails, each with its own error; the others ran and have their values."""
    async with Redis(valkey.host, valkey.port, decode_responses=True, protocol=protocol) as client:
        await client.set("spoiled", b"\xff\xfe")
        await client.hset("nested", mapping={"a": "x", "b": b"\xff"})
        for pipe in (
            client.pipeline(transaction, raise_on_error=False),
            client.pipeline(transaction),
        ):
            numbers = [pipe.incr("n") for _ in range(count)]
            spoiled, fine, nested = pipe.get("spoiled"), pipe.echo("é"), pipe.hgetall("nested")
            refused, binary = pipe.lpush("n", "x"), pipe.dump("missing")
            last = pipe.incr("n")
            with contextlib.suppress(ReplyDecodeError):
                await pipe.execute()
            for each in (spoiled, nested):
                with pytest.raises(ReplyDecodeError, match="the command was run") as caught:
                    _ = each.value
                assert not isinstance(caught.value, DataError)
            with pytest.raises(WrongTypeError):
                _ = refused.value
            assert (fine.value, binary.value) == ("é", None)
            assert last.value == numbers[-1].value + 1


async def test_one_reply_of_a_batch_without_binary_commands(valkey: Server) -> None:
    """G12: the same if the decoder reads text, in a session and in a pipeline too."""
    async with (
        Redis(valkey.host, valkey.port, decode_responses=True) as client,
        client.session() as session,
    ):
        await client.set("spoiled", b"\xff\xfe")
        for executor in (client, session):
            pipe = executor.pipeline(raise_on_error=False)
            before, spoiled, after = pipe.incr("n"), pipe.get("spoiled"), pipe.echo("é")
            values = await pipe.execute()
            assert isinstance(values[1], ReplyDecodeError)
            assert values[0] == before.value
            assert after.value == "é"
            with pytest.raises(ReplyDecodeError):
                _ = spoiled.value
