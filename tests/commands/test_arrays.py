"""Arrays as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.arrays import ArrayPredicate, Arrays
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Arrays[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Arrays[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

BOTH: list[ArrayPredicate] = [("EXACT", 1), ("RE", "^a")]

SENT: list[tuple[str, Command[object]]] = [
    ("ARCOUNT k", text.arcount("k")),
    ("ARDEL k 1 2 3", text.ardel("k", [1, 2], 3)),
    ("ARDELRANGE k 0 5 9 7", text.ardelrange("k", (0, 5), (9, 7))),
    ("ARGET k 5", text.arget("k", 5)),
    ("ARGETRANGE k 0 5", text.argetrange("k", 0, 5)),
    ("ARGREP k 0 5 GLOB a*", text.argrep("k", 0, 5, [("GLOB", "a*")])),
    (
        "ARGREP k 5 0 EXACT 1 RE ^a AND LIMIT 3 NOCASE",
        text.argrep("k", 5, 0, BOTH, combinator="AND", limit=3, nocase=True),
    ),
    (
        "ARGREP k 0 5 MATCH a WITHVALUES NOCASE",
        text.argrep_with_values("k", 0, 5, [("MATCH", "a")], nocase=True),
    ),
    ("ARINFO k", text.arinfo("k")),
    ("ARINFO k FULL", text.arinfo_full("k")),
    ("ARINSERT k a b", text.arinsert("k", "a", "b")),
    ("ARLASTITEMS k 2", text.arlastitems("k", 2)),
    ("ARLASTITEMS k 2 REV", text.arlastitems("k", 2, rev=True)),
    ("ARLEN k", text.arlen("k")),
    ("ARMGET k 1 2", text.armget("k", 1, 2)),
    ("ARMSET k 7 a 9 b", text.armset("k", {7: "a", 9: "b"})),
    ("ARNEXT k", text.arnext("k")),
    ("AROP k 0 5 SUM", text.arop("k", 0, 5, "SUM")),
    ("AROP k 0 5 MATCH a", text.arop("k", 0, 5, "MATCH", "a")),
    ("ARRING k 3 a b", text.arring("k", 3, "a", "b")),
    ("ARSCAN k 0 5", text.arscan("k", 0, 5)),
    ("ARSCAN k 0 5 LIMIT 2", text.arscan("k", 0, 5, limit=2)),
    ("ARSEEK k 9", text.arseek("k", 9)),
    ("ARSET k 5 a b", text.arset("k", 5, ["a", "b"])),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


VALUES = b"*2\r\n$1\r\na\r\n$-1\r\n"
ITEMS = b"*1\r\n*2\r\n:5\r\n$1\r\na\r\n"
STATE2 = b"*4\r\n$5\r\ncount\r\n:3\r\n$14\r\navg-dense-size\r\n$3\r\n1.5\r\n"
STATE3 = b"%2\r\n$5\r\ncount\r\n:3\r\n$14\r\navg-dense-size\r\n,1.5\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.arcount("k"), b":3\r\n", 3),
    (text.ardel("k", 1), b":1\r\n", 1),
    (text.ardelrange("k", (0, 5)), b":1\r\n", 1),
    (text.arget("k", 5), b"$1\r\na\r\n", "a"),
    (text.arget("k", 5), b"_\r\n", None),
    (text.argetrange("k", 0, 5), VALUES, ["a", None]),
    (text.argrep("k", 0, 5, [("EXACT", 1)]), b"*2\r\n:1\r\n:5\r\n", [1, 5]),
    (text.argrep_with_values("k", 0, 5, [("EXACT", 1)]), ITEMS, [(5, "a")]),
    (text.arinfo("k"), b"*2\r\n$5\r\ncount\r\n:3\r\n", {"count": 3}),
    (text.arinfo("k"), b"%1\r\n$5\r\ncount\r\n:3\r\n", {"count": 3}),
    (text.arinfo_full("k"), STATE2, {"count": 3, "avg-dense-size": 1.5}),
    (text.arinfo_full("k"), STATE3, {"count": 3, "avg-dense-size": 1.5}),
    (text.arinsert("k", "a"), b":5\r\n", 5),
    (text.arlastitems("k", 2), VALUES, ["a", None]),
    (text.arlen("k"), b":6\r\n", 6),
    (text.armget("k", 1, 2), VALUES, ["a", None]),
    (text.armset("k", {1: "a"}), b":1\r\n", 1),
    (text.arnext("k"), b":5\r\n", 5),
    (text.arnext("k"), b"_\r\n", None),
    (text.arop("k", 0, 5, "SUM"), b"$3\r\n6.5\r\n", 6.5),
    (text.arop("k", 0, 5, "SUM"), b"$19\r\n9007199254740993123\r\n", 9007199254740993123),
    (text.arop("k", 0, 5, "MIN"), b"$2\r\n-1\r\n", -1),
    (text.arop("k", 0, 5, "USED"), b":3\r\n", 3),
    (text.arop("k", 0, 5, "SUM"), b"_\r\n", None),
    (text.arring("k", 3, "a"), b":0\r\n", 0),
    (text.arscan("k", 0, 5), ITEMS, [(5, "a")]),
    (text.arseek("k", 9), b":1\r\n", True),
    (text.arseek("k", 9), b":0\r\n", False),
    (text.arset("k", 5, "a"), b":1\r\n", 1),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_values_as_bytes() -> None:
    """On a client that does not decode, values are bytes."""
    assert parsed(binary.argetrange("k", 0, 1), VALUES, encoding=None) == [b"a", None]
    assert parsed(binary.arscan("k", 0, 5), ITEMS, encoding=None) == [(5, b"a")]
    assert parsed(binary.arop("k", 0, 5, "SUM"), b"$3\r\n6.5\r\n", encoding=None) == 6.5


ODD: list[tuple[Command[object], bytes]] = [
    (text.arcount("k"), b"+OK\r\n"),
    (text.argrep("k", 0, 5, [("EXACT", 1)]), ITEMS),
    (text.arinfo("k"), b"*2\r\n$5\r\ncount\r\n$1\r\nx\r\n"),
    (text.arop("k", 0, 5, "SUM"), b"$1\r\nx\r\n"),
    (text.arscan("k", 0, 5), b"*1\r\n:5\r\n"),
    (text.arseek("k", 9), b":5\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


grep = unchecked(text.argrep)

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "ARGET: index is -1", lambda: text.arget("k", -1)),
    (DataValueError, "ARGETRANGE: end is -1", lambda: text.argetrange("k", 0, -1)),
    (DataTypeError, "indices[1] is '2'", lambda: unchecked(text.armget)("k", 1, "2")),
    (DataValueError, "ARDEL: indices is empty", lambda: text.ardel("k")),
    (DataValueError, "ARDELRANGE: ranges is empty", lambda: text.ardelrange("k")),
    (
        DataTypeError,
        "ranges[0] is 0, which is no range",
        lambda: unchecked(text.ardelrange)("k", 0, 5),
    ),
    (DataTypeError, "mapping has to be a mapping", lambda: unchecked(text.armset)("k", [(1, "a")])),
    (DataValueError, "mapping is empty", lambda: text.armset("k", {})),
    (DataTypeError, "an index is 'a'", lambda: unchecked(text.armset)("k", {"a": 1})),
    (DataValueError, "ARSET: values is empty", lambda: text.arset("k", 0)),
    (DataValueError, "ARRING: size is 0", lambda: text.arring("k", 0, "a")),
    (DataValueError, "ARLASTITEMS: count is 0", lambda: text.arlastitems("k", 0)),
    (DataValueError, "operation is 'AVG'", lambda: unchecked(text.arop)("k", 0, 5, "AVG")),
    (DataValueError, "value is for MATCH", lambda: text.arop("k", 0, 5, "MATCH")),
    (DataValueError, "value is for MATCH", lambda: text.arop("k", 0, 5, "SUM", "a")),
    (DataValueError, "predicates is empty", lambda: text.argrep("k", 0, 5, [])),
    (DataTypeError, "predicates has to be a list", lambda: grep("k", 0, 5, "a*")),
    (DataTypeError, "predicates[0] has to be a pair", lambda: grep("k", 0, 5, ["a*"])),
    (DataValueError, "predicates[0] is 'LIKE'", lambda: grep("k", 0, 5, [("LIKE", "a")])),
    (
        DataValueError,
        "limit is 0",
        lambda: text.argrep_with_values("k", 0, 5, [("RE", "a")], limit=0),
    ),
    (DataValueError, "ARSCAN: limit is 0", lambda: text.arscan("k", 0, 5, limit=0)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
