"""Batches: chunks of bounded size, and replies assigned to commands; nothing is sent here."""

from __future__ import annotations

import pytest

from anyredis.client.batch import CommandBatch, check_encodable, first_failure
from anyredis.command import Command, raw_command
from anyredis.exceptions import (
    DataValueError,
    DemotedError,
    ExecAbortError,
    RedisError,
    ResponseError,
    WatchError,
    WrongTypeError,
)
from anyredis.wire.decode import Reply, text_decoder
from anyredis.wire.encode import encoder
from anyredis.wire.request_queue import MAX_SEND

pack = encoder()


def gets(*keys: str) -> list[Command[Reply]]:
    """GET of each key."""
    return [raw_command("GET", key) for key in keys]


def test_a_small_batch_is_one_chunk() -> None:
    """All commands one after another."""
    batch = CommandBatch(gets("a", "b"), transaction=False)
    assert list(batch.chunks(pack)) == [
        (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n", 2)
    ]
    assert batch.expected == 2


def test_a_transaction_is_between_multi_and_exec() -> None:
    """MULTI and EXEC have one reply each."""
    batch = CommandBatch(gets("a"), transaction=True)
    [(data, reply_count)] = batch.chunks(pack)
    assert data == b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n"
    assert reply_count == batch.expected == 3


@pytest.mark.parametrize("transaction", [True, False])
@pytest.mark.parametrize("size", [1, 1000, MAX_SEND // 2, MAX_SEND - 30, MAX_SEND, MAX_SEND * 3])
def test_chunks_are_bounded(size: int, transaction: bool) -> None:
    """No chunk exceeds `MAX_SEND`, unless one command does; together they are the whole batch."""
    count = 20 if size > 1000 else 3000
    commands = [raw_command("SET", "k", b"x" * size)] * count
    batch = CommandBatch(commands, transaction=transaction)
    chunks = list(batch.chunks(pack))
    whole = b"".join(pack(command.args) for command in commands)
    if transaction:
        whole = pack((b"MULTI",)) + whole + pack((b"EXEC",))
    assert b"".join(data for data, _ in chunks) == whole
    assert sum(reply_count for _, reply_count in chunks) == batch.expected
    assert all(len(data) <= MAX_SEND or reply_count == 1 for data, reply_count in chunks)


def test_only_reads() -> None:
    """A batch may run twice if all its commands may."""
    assert CommandBatch(gets("a", "b"), transaction=True).only_reads
    commands = [*gets("a"), raw_command("INCR", "n")]
    assert not CommandBatch(commands, transaction=True).only_reads


def test_replies_of_a_plain_batch_are_unchanged() -> None:
    """One for each command."""
    batch = CommandBatch(gets("a", "b"), transaction=False)
    error = WrongTypeError("WRONGTYPE")
    assert batch.replies_by_command([b"1", error], None) == [b"1", error]


def test_replies_of_a_transaction_are_those_of_exec() -> None:
    """The replies to the queued commands are left out."""
    batch = CommandBatch(gets("a", "b"), transaction=True)
    assert batch.replies_by_command(["OK", "QUEUED", "QUEUED", [b"1", None]], None) == [b"1", None]


def test_a_transaction_that_was_not_executed() -> None:
    """EXEC replies null if a watched key changed."""
    batch = CommandBatch(gets("a"), transaction=True)
    with pytest.raises(WatchError):
        batch.replies_by_command(["OK", "QUEUED", None], None)


def test_a_transaction_that_was_refused() -> None:
    """Each command has its own error or a copy of EXEC's, so that each can be raised."""
    batch = CommandBatch(gets("a", "b", "c"), transaction=True)
    own, abort = ResponseError("ERR no"), ExecAbortError("EXECABORT")
    first, second, third = batch.replies_by_command(["OK", "QUEUED", own, "QUEUED", abort], None)
    assert second is own
    assert isinstance(first, ExecAbortError)
    assert isinstance(third, ExecAbortError)
    assert len({id(first), id(third), id(abort)}) == 3


def test_a_batch_with_binary_replies_decodes_the_others() -> None:
    """All are read as bytes first; a reply that does not decode is a separate error."""
    dump = Command((b"DUMP", "k"), lambda reply: reply, binary=True)
    batch = CommandBatch([dump, *gets("a", "b")], transaction=False)
    first, second, third = batch.replies_by_command([b"\xff", b"x", b"\xff"], text_decoder("utf-8"))
    assert (first, second) == (b"\xff", "x")
    assert isinstance(third, RedisError)


def test_text_that_cannot_be_encoded_is_found_before_anything_is_sent() -> None:
    """The error names the command, not the value."""
    ascii_only = encoder("ascii")
    check_encodable([("GET", "a"), ("GET", b"\xff")], ascii_only)
    with pytest.raises(DataValueError, match=r"SET: .* ascii"):
        check_encodable([("GET", "a"), ("SET", "k", "ü")], ascii_only)


def test_the_first_failure_is_a_cause() -> None:
    """A command that failed because of another comes last."""
    commands = gets("a", "b", "c")
    abort, own = ExecAbortError("EXECABORT"), ResponseError("ERR no")
    assert first_failure(commands, [abort, own, abort]) == (2, commands[1], own)
    assert first_failure(commands, [None, abort, abort]) == (2, commands[1], abort)


GET = raw_command("GET", "k")
INCR = raw_command("INCR", "k")
REFUSED = DemotedError("READONLY")


@pytest.mark.parametrize(
    ("commands", "replies", "again"),
    [
        ([GET, INCR, INCR], [b"1", REFUSED, REFUSED], True),
        ([INCR], [REFUSED], True),
        ([INCR, INCR], [1, REFUSED], False),
        ([INCR, INCR], [REFUSED, 1], False),
        ([GET, INCR], [REFUSED, WrongTypeError("WRONGTYPE")], False),
        ([GET, INCR], [b"1", 1], False),
    ],
)
def test_a_batch_that_a_demoted_server_refused(
    commands: list[Command[Reply]], replies: list[Reply], again: bool
) -> None:
    """It may run on another server if only reads of it ran."""
    batch = CommandBatch(commands, transaction=False)
    assert (batch.demoted_error(replies) is REFUSED) is again
    assert batch.demoted_error(ResponseError("ERR")) is None


@pytest.mark.parametrize(
    ("replies", "again"),
    [
        (["OK", "QUEUED", REFUSED, ExecAbortError("EXECABORT")], True),
        (["OK", "QUEUED", "QUEUED", REFUSED], True),
        (["OK", "QUEUED", "QUEUED", ExecAbortError("EXECABORT")], False),
        (["OK", "QUEUED", "QUEUED", [1, REFUSED]], False),
        (["OK", "QUEUED", "QUEUED", None], False),
    ],
)
def test_a_transaction_that_a_demoted_server_refused(replies: list[Reply], again: bool) -> None:
    """It may run on another server if EXEC was refused because of the role."""
    batch = CommandBatch([INCR, INCR], transaction=True)
    assert (batch.demoted_error(replies) is REFUSED) is again
