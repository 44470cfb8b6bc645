"""Tests of `anyredis.client.batch` at work: the sizes of pieces, and batches that end half way."""

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

PACK = encoder()
KB = b"x" * 1024


def batch(*commands: Command[Any], transaction: bool = False) -> CommandBatch:
    """A batch of *commands*."""
    return CommandBatch(commands, transaction=transaction)


def many(count: int, value: bytes = b"v", *, transaction: bool = False) -> CommandBatch:
    """A batch of so many SETs."""
    return batch(*(raw_command("SET", b"k", value) for _ in range(count)), transaction=transaction)


def dumped() -> Command[Any]:
    """A command whose reply stays bytes."""
    plain = raw_command("DUMP", "k")
    return Command(plain.args, plain.parse, binary=True)


# -- pieces -------------------------------------------------------------------------------------


def test_a_small_batch_is_one_piece() -> None:
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
def test_pieces_add_up(count: int, transaction: bool) -> None:
    """G13: no piece is larger than it may be, and together they are the whole, in order."""
    whole = many(count, KB, transaction=transaction)
    chunks = list(whole.chunks(PACK))
    one = PACK((b"SET", b"k", KB))
    begin, end = (PACK((b"MULTI",)), PACK((b"EXEC",))) if transaction else (b"", b"")
    assert b"".join(payload for payload, _ in chunks) == begin + one * count + end
    assert sum(reply_count for _, reply_count in chunks) == whole.expected
    assert all(0 < len(payload) <= MAX_SEND for payload, _ in chunks)
    assert all(reply_count for _, reply_count in chunks)


def test_a_piece_holds_whole_commands() -> None:
    """Each piece brings as many replies as it has commands."""
    for payload, reply_count in many(1000, KB).chunks(PACK):
        assert payload == PACK((b"SET", b"k", KB)) * reply_count


def test_a_command_larger_than_a_piece_goes_alone() -> None:
    """It is not cut, and its neighbours are not in its piece."""
    large = b"x" * (MAX_SEND + 1)
    whole = batch(raw_command("GET", "a"), raw_command("SET", "k", large), raw_command("GET", "b"))
    assert [reply_count for _, reply_count in whole.chunks(PACK)] == [1, 1, 1]


def test_tiny_commands_are_packed_some_at_a_time() -> None:
    """A piece has no more commands than are packed at once."""
    reply_count = [reply_count for _, reply_count in many(COMMANDS_AT_ONCE + 1).chunks(PACK)]
    assert reply_count == [COMMANDS_AT_ONCE, 1]


def test_pieces_are_packed_when_they_are_asked_for() -> None:
    """G13: what is to be sent later is not in memory yet."""
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
    """G11: a batch may run twice where each of its commands may."""
    read, write = raw_command("GET", "k"), raw_command("INCR", "n")
    assert batch(read, read, transaction=transaction).only_reads
    assert not batch(read, write, read, transaction=transaction).only_reads


def test_binary() -> None:
    """One command whose reply stays bytes makes all be read as bytes first."""
    assert not batch(raw_command("GET", "k")).binary
    assert batch(raw_command("GET", "k"), dumped()).binary


# -- sorted out ---------------------------------------------------------------------------------


def test_replies_of_a_plain_batch() -> None:
    """They are as they came, errors among them."""
    error = ResponseError("ERR no")
    replies: list[Reply] = [b"a", error]
    assert batch(raw_command("GET", "a"), raw_command("GET", "b")).replies_by_command(
        replies, None
    ) == [
        b"a",
        error,
    ]


def test_replies_of_a_transaction() -> None:
    """They are what EXEC gave: what was said while queueing is dropped."""
    whole = batch(raw_command("GET", "a"), raw_command("GET", "b"), transaction=True)
    assert whole.replies_by_command([b"OK", b"QUEUED", b"QUEUED", [b"a", None]], None) == [
        b"a",
        None,
    ]


def test_a_watched_key_changed() -> None:
    """EXEC that gave null is a WatchError for the whole."""
    whole = batch(raw_command("GET", "a"), transaction=True)
    with pytest.raises(WatchError, match="a watched key changed"):
        whole.replies_by_command([b"OK", b"QUEUED", None], None)


def test_a_transaction_that_was_refused() -> None:
    """Who was refused while queueing gets that error, the others a copy each of EXEC's."""
    whole = batch(*(raw_command("GET", "a") for _ in range(3)), transaction=True)
    own, abort = ResponseError("ERR unknown"), ExecAbortError("EXECABORT because")
    first, second, third = whole.replies_by_command([b"OK", b"QUEUED", own, b"QUEUED", abort], None)
    assert second is own
    assert isinstance(first, ExecAbortError)
    assert isinstance(third, ExecAbortError)
    assert len({id(abort), id(first), id(third)}) == 3


@pytest.mark.parametrize("transaction", [False, True])
def test_text_and_bytes_in_one_batch(transaction: bool) -> None:
    """A reply that has to stay bytes does, and its neighbours are decoded all the same."""
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
    """It is told with its place, counted from 1, and its command."""
    commands = [raw_command(name, "k") for name in ("GET", "LPUSH", "INCR")]
    error = WrongTypeError("WRONGTYPE")
    values: list[object] = [b"a", error, ResponseError("ERR later")]
    assert first_failure(commands, values) == (2, commands[1], error)


def test_the_first_failure_is_the_one_to_blame() -> None:
    """A command that failed by itself goes before those that failed because of it."""
    commands = [raw_command(name, "k") for name in ("GET", "NO", "GET")]
    error = ResponseError("ERR unknown command")
    values: list[object] = [ExecAbortError("EXECABORT"), error, ExecAbortError("EXECABORT")]
    assert first_failure(commands, values) == (2, commands[1], error)


def test_a_failure_with_nobody_to_blame() -> None:
    """Where all failed because EXEC did, it is the first."""
    commands = [raw_command("GET", "k")] * 2
    values: list[object] = [ExecAbortError("EXECABORT 1"), ExecAbortError("EXECABORT 2")]
    assert first_failure(commands, values) == (1, commands[0], values[0])


# -- what cannot be packed ----------------------------------------------------------------------


def test_what_can_be_packed() -> None:
    """Text that the encoding can express, numbers and bytes are fine."""
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


def test_a_type_that_cannot_be_packed() -> None:
    """It is the caller's error, whoever let it through."""
    wrong: Any = (b"SET", "k", object())
    with pytest.raises(DataTypeError, match="SET"):
        check_encodable([wrong], PACK)


def test_packing_says_which_it_was() -> None:
    """The same error comes out of the pieces."""
    with pytest.raises(DataValueError, match="SET: an argument has characters"):
        list(batch(raw_command("GET", "k"), raw_command("SET", "k", "\udc80")).chunks(PACK))


@pytest.mark.parametrize("count", [1, COMMANDS_AT_ONCE + 1])
async def test_nothing_is_sent_of_what_cannot_be_packed(count: int) -> None:
    """A batch with bad text somewhere far behind is refused before its first byte."""
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


async def test_a_large_batch_goes_piece_by_piece() -> None:
    """Its answer is the list of all replies."""
    server = FakeServer()
    whole = many(5000, KB)
    async with server.pool() as pool, pool.acquire() as connection:
        chunks = whole.chunks(PACK)
        replies = await send_large(connection, chunks, whole.expected, binary=False)
    assert replies == [b"OK"] * 5000


class StopsReading:
    """Runs a command; after so many of them the server reads no more of that connection."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.stopped = anyio.Event()

    def __call__(self, peer: FakePeer, words: Words) -> Answer:
        """Run one."""
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
            pass  # there it is, and will be had again
        async with anyio.create_task_group() as tasks:

            async def send() -> None:
                async with pool.acquire() as mine:
                    assert mine is connection
                    chunks = whole.chunks(PACK)
                    await send_large(mine, chunks, whole.expected, binary=False)

            tasks.start_soon(send)
            await stops.stopped.wait()
            await anyio.wait_all_tasks_blocked()
            assert connection.wire.unsent_bytes <= 3 * MAX_SEND
            tasks.cancel_scope.cancel()
        assert connection.closed
        assert (pool.free, pool.leased, pool.connecting) == (1, 0, 0)
        await anyio.wait_all_tasks_blocked()
        assert server.peers == []
    assert server.count("MULTI") == 1
    assert server.count("EXEC") == 0
    assert 300 <= server.count("SET") < 5000
    assert server.memory.ran[b"SET"] == 0


async def test_a_large_batch_whose_connection_is_lost_half_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """G11: the answer is an error that tells that some of it was sent."""
    monkeypatch.setattr(requests, "HIGH_WATER", MAX_SEND)
    server = FakeServer()

    def reset(peer: FakePeer, words: Words) -> Answer:
        peer.reset()
        return NOTHING

    server.on("SET", reset)
    whole = many(5000, KB, transaction=True)
    async with server.pool() as pool, pool.acquire() as connection:
        reply = await send_large(connection, whole.chunks(PACK), whole.expected, binary=False)
    assert isinstance(reply, ConnectionError)
    assert reply.outcome is Outcome.UNKNOWN
    assert server.count("EXEC") == 0


async def test_a_large_batch_on_a_closed_connection() -> None:
    """G11: the answer is an error that tells that nothing was sent."""
    server = FakeServer()
    whole = many(5000, KB)
    async with server.pool() as pool, pool.acquire() as connection:
        connection.close("pulled the plug")
        reply = await send_large(connection, whole.chunks(PACK), whole.expected, binary=False)
    assert isinstance(reply, ConnectionError)
    assert reply.outcome is Outcome.NOT_SENT
    assert server.count("SET") == 0


async def test_pieces_that_break_off() -> None:
    """A connection that half a batch was sent on is closed, whatever the reason."""

    def chunks() -> Iterator[tuple[bytes, int]]:
        yield PACK((b"MULTI",)), 1
        raise RedisError("no more")

    server = FakeServer()
    async with server.pool() as pool, pool.acquire() as connection:
        with pytest.raises(RedisError, match="no more"):
            await send_large(connection, chunks(), 3, binary=False)
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
