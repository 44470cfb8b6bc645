"""Tests of `anyredis.client.batch` at work: sizes of chunks, and batches that are interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from anyredis import (
    Command,
    ConnectionError,
    DataTypeError,
    DataValueError,
    ExecAbortError,
    Outcome,
    RedisError,
    ResponseError,
    WatchError,
    WrongTypeError,
)
from anyredis.client.batch import (
    COMMANDS_AT_ONCE,
    CommandBatch,
    EncodedBatch,
    check_encodable,
    first_failure,
    send_large,
    send_small,
)
from anyredis.command import raw_command
from anyredis.connection import requests
from anyredis.pool.lease import Lease
from anyredis.testing import NOTHING, Answer, FakePeer, FakeServer, Words, run_then_reset
from anyredis.wire.decode import Reply, text_decoder
from anyredis.wire.encode import encoder
from anyredis.wire.request_queue import MAX_SEND
from tests.blocked_tasks import all_tasks_blocked

PACK = encoder()
KB = b"x" * 1024


def batch(*commands: Command[Any], transaction: bool = False) -> CommandBatch:
    """A batch of *commands*."""
    return CommandBatch(commands, transaction=transaction)


def many(count: int, value: bytes = b"v", *, transaction: bool = False) -> CommandBatch:
    """A batch of *count* SETs."""
    return batch(*(raw_command("SET", b"k", value) for _ in range(count)), transaction=transaction)


def dumped() -> Command[Any]:
    """A command whose reply stays bytes."""
    plain = raw_command("DUMP", "k")
    return Command(plain.args, plain.parse, binary=True)


# -- chunks -------------------------------------------------------------------------------------


def test_a_small_batch_is_one_chunk() -> None:
    """All of it in one write, and a reply for each command."""
    [(payload, reply_count)] = batch(raw_command("GET", "a"), raw_command("GET", "b")).chunks(PACK)
    assert payload == PACK((b"GET", "a")) + PACK((b"GET", "b"))
    assert reply_count == 2


def test_a_transaction_is_framed() -> None:
    """MULTI is the first of all commands, EXEC the last, and each has a reply."""
    whole = batch(raw_command("GET", "a"), transaction=True)
    [(payload, reply_count)] = whole.chunks(PACK)
    assert payload == PACK((b"MULTI",)) + PACK((b"GET", "a")) + PACK((b"EXEC",))
    assert reply_count == whole.expected == 3


@pytest.mark.parametrize("transaction", [False, True])
@pytest.mark.parametrize("count", [1, 255, 256, 257, 4095, 4096, 4097, 10_000])
def test_chunks_add_up(count: int, transaction: bool) -> None:
    """G13: no chunk is larger than allowed, and together they are the whole batch, in order."""
    whole = many(count, KB, transaction=transaction)
    chunks = list(whole.chunks(PACK))
    one = PACK((b"SET", b"k", KB))
    begin, end = (PACK((b"MULTI",)), PACK((b"EXEC",))) if transaction else (b"", b"")
    assert b"".join(payload for payload, _ in chunks) == begin + one * count + end
    assert sum(reply_count for _, reply_count in chunks) == whole.expected
    assert all(0 < len(payload) <= MAX_SEND for payload, _ in chunks)
    assert all(reply_count for _, reply_count in chunks)


def test_a_chunk_holds_whole_commands() -> None:
    """The reply count of a chunk is the number of its commands."""
    for payload, reply_count in many(1000, KB).chunks(PACK):
        assert payload == PACK((b"SET", b"k", KB)) * reply_count


def test_a_command_larger_than_a_chunk_is_sent_alone() -> None:
    """It is not split, and no other command is in its chunk."""
    large = b"x" * (MAX_SEND + 1)
    whole = batch(raw_command("GET", "a"), raw_command("SET", "k", large), raw_command("GET", "b"))
    assert [reply_count for _, reply_count in whole.chunks(PACK)] == [1, 1, 1]


def test_the_number_of_commands_encoded_at_once_is_bounded() -> None:
    """A chunk has no more commands than are encoded at once."""
    reply_count = [reply_count for _, reply_count in many(COMMANDS_AT_ONCE + 1).chunks(PACK)]
    assert reply_count == [COMMANDS_AT_ONCE, 1]


def test_chunks_are_encoded_lazily() -> None:
    """G13: a later chunk is not in memory yet."""
    packed: list[object] = []

    def pack(args: tuple[Any, ...]) -> bytes:
        packed.append(args)
        return PACK(args)

    chunks = many(COMMANDS_AT_ONCE * 3).chunks(pack)
    next(chunks)
    assert len(packed) == COMMANDS_AT_ONCE


# -- facts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transaction", [False, True])
def test_only_reads(transaction: bool) -> None:
    """G11: a batch may run twice if each of its commands may."""
    read, write = raw_command("GET", "k"), raw_command("INCR", "n")
    assert batch(read, read, transaction=transaction).only_reads
    assert not batch(read, write, read, transaction=transaction).only_reads


def test_binary() -> None:
    """If the reply of one command stays bytes, all are read as bytes first."""
    assert not batch(raw_command("GET", "k")).binary
    assert batch(raw_command("GET", "k"), dumped()).binary


# -- replies by command -------------------------------------------------------------------------


def test_replies_of_a_plain_batch() -> None:
    """They are unchanged, errors among them."""
    error = ResponseError("ERR no")
    replies: list[Reply] = [b"a", error]
    assert batch(raw_command("GET", "a"), raw_command("GET", "b")).replies_by_command(
        replies, None
    ) == [
        b"a",
        error,
    ]


def test_replies_of_a_transaction() -> None:
    """They are the reply of EXEC: the replies to the queued commands are dropped."""
    whole = batch(raw_command("GET", "a"), raw_command("GET", "b"), transaction=True)
    assert whole.replies_by_command([b"OK", b"QUEUED", b"QUEUED", [b"a", None]], None) == [
        b"a",
        None,
    ]


def test_a_watched_key_changed() -> None:
    """A null reply of EXEC is a WatchError for the whole."""
    whole = batch(raw_command("GET", "a"), transaction=True)
    with pytest.raises(WatchError, match="a watched key changed"):
        whole.replies_by_command([b"OK", b"QUEUED", None], None)


def test_a_transaction_that_was_refused() -> None:
    """A command that was refused when queued has that error, the others a copy each of EXEC's."""
    whole = batch(*(raw_command("GET", "a") for _ in range(3)), transaction=True)
    own, abort = ResponseError("ERR unknown"), ExecAbortError("EXECABORT because")
    first, second, third = whole.replies_by_command([b"OK", b"QUEUED", own, b"QUEUED", abort], None)
    assert second is own
    assert isinstance(first, ExecAbortError)
    assert isinstance(third, ExecAbortError)
    assert len({id(abort), id(first), id(third)}) == 3


@pytest.mark.parametrize("transaction", [False, True])
def test_text_and_bytes_in_one_batch(transaction: bool) -> None:
    """A reply that has to stay bytes does, and the others are decoded."""
    whole = batch(raw_command("GET", "a"), dumped(), transaction=transaction)
    replies: list[Reply] = ["é".encode(), b"\xff\x00"]
    if transaction:
        replies = [b"OK", b"QUEUED", b"QUEUED", replies]
    assert whole.replies_by_command(replies, text_decoder("utf-8")) == ["é", b"\xff\x00"]


def test_without_decoding_all_stay_bytes() -> None:
    """A client of bytes has nothing to decode."""
    whole = batch(raw_command("GET", "a"), dumped())
    assert whole.replies_by_command([b"a", b"\xff"], None) == [b"a", b"\xff"]


# -- failures -----------------------------------------------------------------------------------


def test_the_first_failure() -> None:
    """It has its position, counted from 1, and its command."""
    commands = [raw_command(name, "k") for name in ("GET", "LPUSH", "INCR")]
    error = WrongTypeError("WRONGTYPE")
    values: list[object] = [b"a", error, ResponseError("ERR later")]
    assert first_failure(commands, values) == (2, commands[1], error)


def test_the_first_failure_is_the_cause() -> None:
    """A command that failed by itself precedes those that failed because of it."""
    commands = [raw_command(name, "k") for name in ("GET", "NO", "GET")]
    error = ResponseError("ERR unknown command")
    values: list[object] = [ExecAbortError("EXECABORT"), error, ExecAbortError("EXECABORT")]
    assert first_failure(commands, values) == (2, commands[1], error)


def test_failures_without_a_cause() -> None:
    """If all failed because of EXEC, it is the first."""
    commands = [raw_command("GET", "k")] * 2
    values: list[object] = [ExecAbortError("EXECABORT 1"), ExecAbortError("EXECABORT 2")]
    assert first_failure(commands, values) == (1, commands[0], values[0])


# -- values that cannot be encoded --------------------------------------------------------------


def test_values_that_can_be_encoded() -> None:
    """Text that the encoding supports, numbers and bytes can be encoded."""
    check_encodable([(b"SET", "ключ", "é"), (b"SET", b"\xff", 1), (b"SET", "k", 1.5)], PACK)
    check_encodable([(b"SET", "k", "é")], encoder("latin-1"))


@pytest.mark.parametrize(
    ("encoding", "text"), [("utf-8", "\udc80"), ("latin-1", "€"), ("ascii", "é")]
)
def test_text_that_cannot_be_encoded(encoding: str, text: str) -> None:
    """It is the caller's error and names the command, not the text."""
    with pytest.raises(DataValueError, match="SET: an argument has characters") as caught:
        check_encodable([(b"GET", "fine"), (b"SET", "k", text)], encoder(encoding))
    assert text not in str(caught.value)


def test_a_type_that_cannot_be_encoded() -> None:
    """It is the caller's error, also if it passed the checks of a method."""
    wrong: Any = (b"SET", "k", object())
    with pytest.raises(DataTypeError, match="SET"):
        check_encodable([wrong], PACK)


def test_chunks_name_the_command_that_cannot_be_encoded() -> None:
    """The chunks raise the same error."""
    with pytest.raises(DataValueError, match="SET: an argument has characters"):
        list(batch(raw_command("GET", "k"), raw_command("SET", "k", "\udc80")).chunks(PACK))


@pytest.mark.parametrize("count", [1, COMMANDS_AT_ONCE + 1])
async def test_nothing_of_a_batch_that_cannot_be_encoded_is_sent(count: int) -> None:
    """A batch with bad text in a late command is refused before its first byte."""
    server = FakeServer()
    async with server.client() as client:
        pipe = client.pipeline()
        for _ in range(count):
            pipe.incr("n")
        pipe.set("k", "\udc80")
        with pytest.raises(DataValueError, match="an argument has characters"):
            await pipe.execute()
        assert client.connection_pool.free == client.connection_pool.capacity
    assert server.count("MULTI") == server.count("INCRBY") == 0


# -- sending ------------------------------------------------------------------------------------


async def test_a_small_batch_is_one_request() -> None:
    """Its answer is the list of its replies."""
    server = FakeServer()
    async with server.pool() as pool, pool.acquire() as connection:
        [piece] = batch(raw_command("INCR", "n"), raw_command("LPUSH", "n", "x")).chunks(PACK)
        replies = await send_small(connection, piece, binary=False)
    assert isinstance(replies, list)
    assert replies[0] == 1
    assert isinstance(replies[1], WrongTypeError)


async def test_a_small_batch_whose_connection_is_lost() -> None:
    """The answer is one error, not a list."""
    server = FakeServer()
    server.on("INCR", run_then_reset)
    async with server.pool() as pool, pool.acquire() as connection:
        [piece] = batch(raw_command("INCR", "n")).chunks(PACK)
        reply = await send_small(connection, piece, binary=False)
    assert isinstance(reply, ConnectionError)
    assert reply.outcome is Outcome.UNKNOWN


async def test_a_large_batch_is_sent_chunk_by_chunk() -> None:
    """Its answer is the list of all replies."""
    server = FakeServer()
    whole = many(5000, KB)
    async with server.pool() as pool, pool.acquire() as connection:
        replies = await send_large(connection, whole, whole.chunks(PACK))
    assert replies == [b"OK"] * 5000


class StopsReading:
    """Runs a command; after a number of them the server stops reading from that connection."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.stopped = anyio.Event()

    def __call__(self, peer: FakePeer, words: Words) -> Answer:
        """Run one command."""
        self.left -= 1
        if not self.left:
            peer.stop_reading()
            self.stopped.set()
        return peer.run(words)


async def test_a_large_batch_that_is_cancelled_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """G2, G3: its connection is closed, the rest is never sent, and no transaction runs."""
    monkeypatch.setattr(requests, "HIGH_WATER", MAX_SEND)
    server = FakeServer()
    stops = StopsReading(after=300)
    server.on("SET", stops)
    whole = many(5000, KB, transaction=True)
    async with server.pool(max_connections=1) as pool:
        async with pool.acquire() as connection:
            pass  # it is open, and will be used again
        async with anyio.create_task_group() as tasks:

            async def send() -> None:
                async with pool.acquire() as mine:
                    assert mine is connection
                    await send_large(mine, whole, whole.chunks(PACK))

            tasks.start_soon(send)
            await stops.stopped.wait()
            await all_tasks_blocked()
            assert connection.wire.unsent_bytes <= 3 * MAX_SEND
            tasks.cancel_scope.cancel()
        assert connection.closed
        assert (pool.free, pool.leased, pool.connecting) == (1, 0, 0)
        await all_tasks_blocked()
        assert server.peers == []
    assert server.count("MULTI") == 1
    assert server.count("EXEC") == 0
    assert 300 <= server.count("SET") < 5000
    assert server.memory.ran[b"SET"] == 0


async def test_a_large_batch_whose_connection_is_lost_half_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """G11: the reply is an error: a part was sent."""
    monkeypatch.setattr(requests, "HIGH_WATER", MAX_SEND)
    server = FakeServer()

    def reset(peer: FakePeer, words: Words) -> Answer:
        peer.reset()
        return NOTHING

    server.on("SET", reset)
    whole = many(5000, KB, transaction=True)
    async with server.pool() as pool, pool.acquire() as connection:
        reply = await send_large(connection, whole, whole.chunks(PACK))
    assert isinstance(reply, ConnectionError)
    assert reply.outcome is Outcome.UNKNOWN
    assert server.count("EXEC") == 0


async def test_a_large_batch_on_a_closed_connection() -> None:
    """G11: the reply is an error: nothing was sent."""
    server = FakeServer()
    whole = many(5000, KB)
    async with server.pool() as pool, pool.acquire() as connection:
        connection.close("pulled the plug")
        reply = await send_large(connection, whole, whole.chunks(PACK))
    assert isinstance(reply, ConnectionError)
    assert reply.outcome is Outcome.NOT_SENT
    assert server.count("SET") == 0


async def test_an_error_between_chunks() -> None:
    """A connection that has sent a part of a batch is closed, after any error."""

    def chunks() -> Iterator[tuple[bytes, int]]:
        yield PACK((b"MULTI",)), 1
        raise RedisError("no more")

    server = FakeServer()
    async with server.pool() as pool, pool.acquire() as connection:
        with pytest.raises(RedisError, match="no more"):
            await send_large(connection, many(1, transaction=True), chunks())
        assert connection.closed


@pytest.mark.parametrize("value", [b"v", KB], ids=["small", "large"])
async def test_a_batch_gives_its_connection_back(value: bytes) -> None:
    """Between two tries its lease is held without a connection, after an answer or an error."""
    server = FakeServer()
    async with server.pool(max_connections=1) as pool, Lease(pool.endpoint) as lease:
        packed = EncodedBatch(many(300, value), PACK)
        for answer in (run_then_reset, None):
            if answer is not None:
                server.on("SET", answer, times=1)
            reply = await packed.send(lease)
            assert isinstance(reply, list) is (answer is None)
            assert lease.connection is None
            assert (pool.free, pool.leased, pool.connecting) == (0, 1, 0)
