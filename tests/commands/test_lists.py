"""The commands on lists: words, replies and mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.lists import Lists
from anyredis.exceptions import DataError, DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Lists[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Lists[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[Command[object], str]] = [
    (text.lindex("k", -1), "LINDEX k -1"),
    (text.linsert("k", "BEFORE", "p", "v"), "LINSERT k BEFORE p v"),
    (text.linsert("k", "after", "p", 1), "LINSERT k AFTER p 1"),
    (text.llen("k"), "LLEN k"),
    (text.lmove("a", "b"), "LMOVE a b LEFT RIGHT"),
    (text.lmove("a", "b", "right", "LEFT"), "LMOVE a b RIGHT LEFT"),
    (text.lmove("a", "b", dest="LEFT"), "LMOVE a b LEFT LEFT"),
    (text.lmovem("a", "b"), "LMOVEM a b LEFT RIGHT"),
    (text.lmovem("a", "b", count=2, ordering="OBO"), "LMOVEM a b LEFT RIGHT COUNT 2 OBO"),
    (
        text.lmovem("a", "b", "RIGHT", "LEFT", count=2, mode="exactly", ordering="bulk"),
        "LMOVEM a b RIGHT LEFT EXACTLY 2 BULK",
    ),
    (text.lmpop("a", direction="LEFT"), "LMPOP 1 a LEFT"),
    (text.lmpop(["a", b"b"], direction="right", count=3), "LMPOP 2 a b RIGHT COUNT 3"),
    (text.lpop("k"), "LPOP k"),
    (text.lpop_many("k", 2), "LPOP k 2"),
    (text.lpos("k", "v"), "LPOS k v"),
    (text.lpos("k", "v", rank=-1, maxlen=9), "LPOS k v RANK -1 MAXLEN 9"),
    (text.lpos_many("k", "v"), "LPOS k v COUNT 0"),
    (text.lpos_many("k", "v", 2, rank=1, maxlen=0), "LPOS k v COUNT 2 RANK 1 MAXLEN 0"),
    (text.lpush("k", "a", b"b", 1, 2.5), "LPUSH k a b 1 2.5"),
    (text.lpushx("k", "a", "b"), "LPUSHX k a b"),
    (text.lrange("k", 0, -1), "LRANGE k 0 -1"),
    (text.lrem("k", -2, "v"), "LREM k -2 v"),
    (text.lset("k", 0, "v"), "LSET k 0 v"),
    (text.ltrim("k", 1, -1), "LTRIM k 1 -1"),
    (text.rpop("k"), "RPOP k"),
    (text.rpop_many("k", 2), "RPOP k 2"),
    (text.rpoplpush("a", "b"), "RPOPLPUSH a b"),
    (text.rpush("k", bytearray(b"a"), memoryview(b"b")), "RPUSH k a b"),
    (text.rpushx("k", "a", "b"), "RPUSHX k a b"),
]

READ: list[tuple[Command[object], bytes, object]] = [
    (text.lindex("k", 0), b"$1\r\na\r\n", "a"),
    (text.lindex("k", 0), b"$-1\r\n", None),
    (text.lindex("k", 0), b"_\r\n", None),
    (text.linsert("k", "BEFORE", "p", "v"), b":-1\r\n", -1),
    (text.llen("k"), b":3\r\n", 3),
    (text.lmove("a", "b"), b"$1\r\na\r\n", "a"),
    (text.lmove("a", "b"), b"_\r\n", None),
    (text.lmovem("a", "b"), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.lmovem("a", "b"), b"*-1\r\n", None),
    (text.lmovem("a", "b"), b"_\r\n", None),
    (
        text.lmpop("k", direction="LEFT"),
        b"*2\r\n$1\r\nk\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        ("k", ["a", "b"]),
    ),
    (text.lmpop("k", direction="LEFT"), b"*-1\r\n", None),
    (text.lmpop("k", direction="LEFT"), b"_\r\n", None),
    (text.lpop("k"), b"$1\r\na\r\n", "a"),
    (text.lpop("k"), b"$-1\r\n", None),
    (text.lpop_many("k", 2), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.lpop_many("k", 0), b"*0\r\n", []),
    (text.lpop_many("k", 2), b"*-1\r\n", None),
    (text.lpop_many("k", 2), b"_\r\n", None),
    (text.lpos("k", "v"), b":0\r\n", 0),
    (text.lpos("k", "v"), b"$-1\r\n", None),
    (text.lpos("k", "v"), b"_\r\n", None),
    (text.lpos_many("k", "v"), b"*2\r\n:0\r\n:4\r\n", [0, 4]),
    (text.lpush("k", "v"), b":1\r\n", 1),
    (text.lpushx("k", "v"), b":0\r\n", 0),
    (text.lrange("k", 0, -1), b"*2\r\n$1\r\na\r\n$2\r\n\xc3\xa4\r\n", ["a", "ä"]),
    (text.lrange("k", 0, -1), b"*0\r\n", []),
    (text.lrem("k", 0, "v"), b":2\r\n", 2),
    (text.lset("k", 0, "v"), b"+OK\r\n", True),
    (text.ltrim("k", 0, 1), b"+OK\r\n", True),
    (text.rpop("k"), b"$1\r\na\r\n", "a"),
    (text.rpop_many("k", 1), b"*1\r\n$1\r\na\r\n", ["a"]),
    (text.rpoplpush("a", "b"), b"$-1\r\n", None),
    (text.rpush("k", "v"), b":1\r\n", 1),
    (text.rpushx("k", "v"), b":0\r\n", 0),
]

READ_BINARY: list[tuple[Command[object], bytes, object]] = [
    (binary.lindex("k", 0), b"$1\r\n\xff\r\n", b"\xff"),
    (binary.lmovem("a", "b"), b"*1\r\n$1\r\na\r\n", [b"a"]),
    (
        binary.lmpop("k", direction="LEFT"),
        b"*2\r\n$1\r\nk\r\n*1\r\n$1\r\na\r\n",
        (b"k", [b"a"]),
    ),
    (binary.lpop_many("k", 1), b"*1\r\n$1\r\na\r\n", [b"a"]),
    (binary.lrange("k", 0, -1), b"*1\r\n$1\r\na\r\n", [b"a"]),
    (binary.lset("k", 0, "v"), b"+OK\r\n", True),
]

STRANGE: list[tuple[Command[object], bytes]] = [
    (text.llen("k"), b"$1\r\n3\r\n"),
    (text.lmpop("k", direction="LEFT"), b"*1\r\n$1\r\nk\r\n"),
    (text.lmpop("k", direction="LEFT"), b"*2\r\n$1\r\nk\r\n$1\r\na\r\n"),
    (text.lpop("k"), b"*1\r\n$1\r\na\r\n"),
    (text.lpos_many("k", "v"), b":0\r\n"),
    (text.lrange("k", 0, -1), b"*1\r\n_\r\n"),
    (text.lset("k", 0, "v"), b"+QUEUED\r\n"),
]

MISTAKES: list[tuple[Callable[[], object], type[DataError], str]] = [
    (
        lambda: unchecked(text.linsert)("k", "at", "p", "v"),
        DataValueError,
        "LINSERT: where is 'at': give BEFORE or AFTER",
    ),
    (
        lambda: unchecked(text.lmove)("a", "b", "UP"),
        DataValueError,
        "LMOVE: src is 'UP': give LEFT or RIGHT",
    ),
    (
        lambda: unchecked(text.lmove)("a", "b", "LEFT", None),
        DataValueError,
        "LMOVE: dest is None: give LEFT or RIGHT",
    ),
    (
        lambda: text.lmovem("a", "b", count=2),
        DataValueError,
        "LMOVEM: count needs an ordering: give OBO or BULK",
    ),
    (lambda: text.lmovem("a", "b", mode="COUNT"), DataValueError, "LMOVEM: .* give count too"),
    (lambda: text.lmovem("a", "b", ordering="OBO"), DataValueError, "LMOVEM: .* give count too"),
    (
        lambda: unchecked(text.lmovem)("a", "b", count=2, ordering="FIFO"),
        DataValueError,
        "LMOVEM: ordering is 'FIFO': give OBO or BULK",
    ),
    (
        lambda: unchecked(text.lmovem)("a", "b", count=2, mode="SOME", ordering="OBO"),
        DataValueError,
        "LMOVEM: mode is 'SOME': give COUNT or EXACTLY",
    ),
    (lambda: text.lmpop([], direction="LEFT"), DataValueError, "LMPOP: keys is empty"),
    (
        lambda: unchecked(text.lmpop)("k", direction="up"),
        DataValueError,
        "LMPOP: direction is 'up'",
    ),
    (lambda: text.lpush("k"), DataValueError, "LPUSH: values is empty"),
    (lambda: text.lpushx("k"), DataValueError, "LPUSHX: values is empty"),
    (lambda: text.rpush("k"), DataValueError, "RPUSH: values is empty"),
    (lambda: text.rpushx("k"), DataValueError, "RPUSHX: values is empty"),
    (lambda: unchecked(text.rpush)("k", "a", None), DataTypeError, r"RPUSH: values\[1\] is None"),
    (lambda: unchecked(text.rpush)("k", {"a": 1}), DataTypeError, "RPUSH: values is a mapping"),
    (lambda: unchecked(text.lpop_many)("k", None), DataTypeError, "LPOP: count is None"),
    (lambda: unchecked(text.lindex)(None, 0), DataTypeError, "LINDEX: key is None"),
]


@pytest.mark.parametrize(("command", "sent"), SENT, ids=[sent for _, sent in SENT])
def test_words(command: Command[object], sent: str) -> None:
    """Arguments become the words that the server wants."""
    assert words(command) == sent.split()


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply in either protocol becomes the promised value."""
    assert parsed(command, raw) == value


@pytest.mark.parametrize(("command", "raw", "value"), READ_BINARY)
def test_binary_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A client that does not decode gets bytes."""
    assert parsed(command, raw, None) == value


@pytest.mark.parametrize(("command", "raw"), STRANGE)
def test_strange_replies(command: Command[object], raw: bytes) -> None:
    """A reply of another shape is an error, never a guess."""
    with pytest.raises(ProtocolError):
        parsed(command, raw)


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes(mistake: Callable[[], object], error: type[DataError], message: str) -> None:
    """Bad input is refused at once, and the message names the argument."""
    with pytest.raises(error, match=message):
        mistake()
