"""The SORT commands: words, replies and mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.sorting import Sorting
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Sorting[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Sorting[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("SORT k", text.sort("k")),
    ("SORT k DESC ALPHA", text.sort("k", desc=True, alpha=True)),
    ("SORT k BY w_* LIMIT 0 10", text.sort("k", by="w_*", start=0, num=10)),
    ("SORT k GET #", text.sort_get("k", "#")),
    (
        "SORT k BY w_* LIMIT 1 2 DESC ALPHA GET # GET o_*->f",
        text.sort_get("k", "#", "o_*->f", by="w_*", start=1, num=2, desc=True, alpha=True),
    ),
    ("SORT_RO k", text.sort_ro("k")),
    (
        "SORT_RO k BY nosort LIMIT 0 1 DESC ALPHA",
        text.sort_ro("k", by="nosort", start=0, num=1, desc=True, alpha=True),
    ),
    ("SORT_RO k GET o_*", text.sort_ro_get("k", "o_*")),
    (
        "SORT_RO k BY w_* LIMIT 0 1 DESC ALPHA GET #",
        text.sort_ro_get("k", "#", by="w_*", start=0, num=1, desc=True, alpha=True),
    ),
    ("SORT k STORE d", text.sort_store("k", "d")),
    (
        "SORT k BY w_* LIMIT 0 1 DESC ALPHA GET o_* STORE d",
        text.sort_store("k", "d", "o_*", by="w_*", start=0, num=1, desc=True, alpha=True),
    ),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.sort("k"), b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n", ["1", "2"]),
    (text.sort("k"), b"*0\r\n", []),
    (text.sort_get("k", "o_*"), b"*2\r\n$1\r\n1\r\n$-1\r\n", ["1", None]),
    (text.sort_ro("k"), b"*1\r\n$1\r\n1\r\n", ["1"]),
    (text.sort_ro_get("k", "o_*"), b"*1\r\n_\r\n", [None]),
    (text.sort_store("k", "d"), b":3\r\n", 3),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value."""
    assert parsed(command, raw) == value


def test_replies_undecoded() -> None:
    """On a client that does not decode, members are bytes."""
    assert parsed(binary.sort("k"), b"*1\r\n$1\r\n\xff\r\n", encoding=None) == [b"\xff"]
    assert parsed(binary.sort_ro("k"), b"*1\r\n$1\r\n1\r\n", encoding=None) == [b"1"]
    assert parsed(binary.sort_get("k", "#"), b"*1\r\n_\r\n", encoding=None) == [None]
    assert parsed(binary.sort_ro_get("k", "#"), b"*1\r\n$1\r\n1\r\n", encoding=None) == [b"1"]


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.sort("k"), b"*1\r\n_\r\n"),
    (text.sort("k"), b":1\r\n"),
    (text.sort_get("k", "#"), b"*1\r\n:1\r\n"),
    (text.sort_store("k", "d"), b"*0\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "SORT: key is None", lambda: unchecked(text.sort)(None)),
    (DataTypeError, "SORT: get[1] is None", lambda: unchecked(text.sort_get)("k", "#", None)),
    (DataValueError, "SORT: start and num", lambda: text.sort("k", start=0)),
    (DataValueError, "SORT_RO: start and num", lambda: text.sort_ro("k", num=1)),
    (DataValueError, "SORT: get is empty", lambda: text.sort_get("k")),
    (DataValueError, "SORT_RO: get is empty", lambda: text.sort_ro_get("k")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
