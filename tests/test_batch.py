"""Batches: pieces of bounded size, and replies sorted out; nothing is sent here."""

from __future__ import annotations

import pytest

from anyredis.batch import BatchOfCommands, check_packable, first_failure
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
from anyredis.wire.session import PIECE

pack = encoder()


def gets(*keys: str) -> list[Command[Reply]]:
    """GET of each key."""
    return [raw_command("GET", key) for key in keys]


def test_a_small_batch_is_one_piece() -> None:
    """All commands one after another."""
    batch = BatchOfCommands(gets("a", "b"), transaction=False)
    assert list(batch.pieces(pack)) == [
        (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n", 2)
    ]
    assert batch.expected == 2


def test_a_transaction_is_between_multi_and_exec() -> None:
    """Which bring a reply each."""
    batch = BatchOfCommands(gets("a"), transaction=True)
    [(data, brings)] = batch.pieces(pack)
    assert data == b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n"
    assert brings == batch.expected == 3


@pytest.mark.parametrize("transaction", [True, False])
@pytest.mark.parametrize("size", [1, 1000, PIECE // 2, PIECE - 30, PIECE, PIECE * 3])
def test_pieces_are_bounded(size: int, transaction: bool) -> None:
    """No piece is larger than `PIECE`, but for a command that is; together they are all of it."""
    count = 20 if size > 1000 else 3000
    commands = [raw_command("SET", "k", b"x" * size)] * count
    batch = BatchOfCommands(commands, transaction=transaction)
    pieces = list(batch.pieces(pack))
    whole = b"".join(pack(command.args) for command in commands)
    if transaction:
        whole = pack((b"MULTI",)) + whole + pack((b"EXEC",))
    assert b"".join(data for data, _ in pieces) == whole
    assert sum(brings for _, brings in pieces) == batch.expected
    assert all(len(data) <= PIECE or brings == 1 for data, brings in pieces)


def test_only_reads() -> None:
    """A batch may run twice where all of it may."""
    assert BatchOfCommands(gets("a", "b"), transaction=True).only_reads
    commands = [*gets("a"), raw_command("INCR", "n")]
    assert not BatchOfCommands(commands, transaction=True).only_reads


def test_replies_of_a_plain_batch_are_as_they_came() -> None:
    """One for each command."""
    batch = BatchOfCommands(gets("a", "b"), transaction=False)
    error = WrongTypeError("WRONGTYPE")
    assert batch.sorted_out([b"1", error], None) == [b"1", error]


def test_replies_of_a_transaction_are_those_of_exec() -> None:
    """What was said to queue them is left out."""
    batch = BatchOfCommands(gets("a", "b"), transaction=True)
    assert batch.sorted_out(["OK", "QUEUED", "QUEUED", [b"1", None]], None) == [b"1", None]


def test_a_transaction_that_was_not_executed() -> None:
    """EXEC answers null where a watched key changed."""
    batch = BatchOfCommands(gets("a"), transaction=True)
    with pytest.raises(WatchError):
        batch.sorted_out(["OK", "QUEUED", None], None)


def test_a_transaction_that_was_refused() -> None:
    """Each command has its own error, or that of EXEC: one for each, to be raised apart."""
    batch = BatchOfCommands(gets("a", "b", "c"), transaction=True)
    own, abort = ResponseError("ERR no"), ExecAbortError("EXECABORT")
    first, second, third = batch.sorted_out(["OK", "QUEUED", own, "QUEUED", abort], None)
    assert second is own
    assert isinstance(first, ExecAbortError)
    assert isinstance(third, ExecAbortError)
    assert len({id(first), id(third), id(abort)}) == 3


def test_a_batch_with_binary_replies_decodes_the_others() -> None:
    """All were read as bytes then; a reply that is no text is an error of its own."""
    dump = Command((b"DUMP", "k"), lambda reply: reply, binary=True)
    batch = BatchOfCommands([dump, *gets("a", "b")], transaction=False)
    first, second, third = batch.sorted_out([b"\xff", b"x", b"\xff"], text_decoder("utf-8"))
    assert (first, second) == (b"\xff", "x")
    assert isinstance(third, RedisError)


def test_what_cannot_be_packed_is_found_before_anything_is_sent() -> None:
    """And names the command, not the value."""
    ascii_only = encoder("ascii")
    check_packable([("GET", "a"), ("GET", b"\xff")], ascii_only)
    with pytest.raises(DataValueError, match=r"SET: .* ascii"):
        check_packable([("GET", "a"), ("SET", "k", "ü")], ascii_only)


def test_the_first_failure_is_one_by_itself() -> None:
    """What failed only because another did comes last."""
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
def test_a_batch_that_was_turned_away(
    commands: list[Command[Reply]], replies: list[Reply], again: bool
) -> None:
    """It may run elsewhere if nothing of it ran but reads."""
    batch = BatchOfCommands(commands, transaction=False)
    assert (batch.turned_away(replies) is REFUSED) is again
    assert batch.turned_away(ResponseError("ERR")) is None


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
def test_a_transaction_that_was_turned_away(replies: list[Reply], again: bool) -> None:
    """It may run elsewhere if EXEC was refused because of the role."""
    batch = BatchOfCommands([INCR, INCR], transaction=True)
    assert (batch.turned_away(replies) is REFUSED) is again
