"""Tests of `anyredis.client.batch`: sizes of chunks, facts, and values that cannot be encoded."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import DataTypeError, DataValueError
from anyredis.client.batch import COMMANDS_AT_ONCE, check_encodable
from anyredis.command import raw_command
from anyredis.testing import FakeServer
from anyredis.wire.encode import encoder
from anyredis.wire.request_queue import MAX_SEND
from tests.client.batches import KB, PACK, batch, dumped, many

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
