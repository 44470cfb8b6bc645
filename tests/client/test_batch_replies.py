"""Tests of `anyredis.client.batch`: the reply of each command, and the first failure."""

from __future__ import annotations

import pytest

from anyredis import ExecAbortError, ResponseError, WatchError, WrongTypeError
from anyredis.client.batch import first_failure
from anyredis.command import raw_command
from anyredis.wire.decode import Reply, text_decoder
from tests.client.batches import batch, dumped

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
