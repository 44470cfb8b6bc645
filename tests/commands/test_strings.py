"""Strings as a table: arguments in, words out; replies in, values out; mistakes in, errors out."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.strings import Match, Matches, Strings
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError, WrongTypeError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Strings[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Strings[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

MINUTE = datetime.timedelta(minutes=1)
MOMENT = datetime.datetime(2033, 5, 18, 3, 33, 20, tzinfo=datetime.UTC)

SENT: list[tuple[str, Command[object]]] = [
    ("APPEND k v", text.append("k", "v")),
    ("DELEX k", text.delex("k")),
    ("DELEX k IFEQ v", text.delex("k", ifeq="v")),
    ("DELEX k IFNE v", text.delex("k", ifne=b"v")),
    ("DELEX k IFDEQ d", text.delex("k", ifdeq="d")),
    ("DELEX k IFDNE d", text.delex("k", ifdne="d")),
    ("DELIFEQ k v", text.delifeq("k", "v")),
    ("DIGEST k", text.digest("k")),
    ("GET k", text.get("k")),
    ("GET k", text.get(b"k")),
    ("GET k", text.get(bytearray(b"k"))),
    ("GET k", text.get(memoryview(b"k"))),
    ("GETDEL k", text.getdel("k")),
    ("GETEX k", text.getex("k")),
    ("GETEX k EX 60", text.getex("k", ex=60)),
    ("GETEX k EX 60", text.getex("k", ex=MINUTE)),
    ("GETEX k PX 60000", text.getex("k", px=MINUTE)),
    ("GETEX k EXAT 2000000000", text.getex("k", exat=MOMENT)),
    ("GETEX k PXAT 2000000000000", text.getex("k", pxat=MOMENT)),
    ("GETEX k PERSIST", text.getex("k", persist=True)),
    ("GETRANGE k 0 -1", text.getrange("k", 0, -1)),
    ("SET k v GET", text.getset("k", "v")),
    ("LCS a b", text.lcs("a", "b")),
    ("LCS a b LEN", text.lcs_len("a", "b")),
    ("LCS a b IDX MINMATCHLEN 0", text.lcs_idx("a", "b")),
    (
        "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
        text.lcs_idx("a", "b", minmatchlen=4, withmatchlen=True),
    ),
    ("MGET a b", text.mget("a", b"b")),
    ("MSET a 1 b 2.5", text.mset({"a": 1, "b": 2.5})),
    ("MSET a 1", text.mset({b"a": b"1"})),
    ("MSETEX 2 a 1 b 2", text.msetex({"a": 1, "b": 2})),
    ("MSETEX 1 a 1 NX EX 60", text.msetex({"a": 1}, nx=True, ex=60)),
    ("MSETEX 1 a 1 XX KEEPTTL", text.msetex({"a": 1}, xx=True, keepttl=True)),
    ("MSETEX 1 a 1 PX 9", text.msetex({"a": 1}, px=9)),
    ("MSETEX 1 a 1 EXAT 9", text.msetex({"a": 1}, exat=9)),
    ("MSETEX 1 a 1 PXAT 9", text.msetex({"a": 1}, pxat=9)),
    ("MSETNX a 1 b 2", text.msetnx({"a": 1, "b": 2})),
    ("PSETEX k 60000 v", text.psetex("k", MINUTE, "v")),
    ("PSETEX k 9 v", text.psetex("k", 9, "v")),
    ("SET k v", text.set("k", "v")),
    ("SET k v", text.set(b"k", bytearray(b"v"))),
    ("SET k 1", text.set("k", 1)),
    ("SET k 1.5", text.set("k", 1.5)),
    ("SET k v EX 60", text.set("k", "v", ex=60)),
    ("SET k v EX 60", text.set("k", "v", ex=MINUTE)),
    ("SET k v PX 60000", text.set("k", "v", px=MINUTE)),
    ("SET k v NX EX 1", text.set("k", "v", nx=True, ex=1)),
    ("SET k v XX KEEPTTL", text.set("k", "v", xx=True, keepttl=True)),
    ("SET k v EXAT 2000000000", text.set("k", "v", exat=MOMENT)),
    ("SET k v PXAT 2000000000000", text.set("k", "v", pxat=MOMENT)),
    ("SET k v IFEQ 0", text.set("k", "v", ifeq=0)),
    ("SET k v IFNE old", text.set("k", "v", ifne="old")),
    ("SET k v IFDEQ d", text.set("k", "v", ifdeq="d")),
    ("SET k v IFDNE d EX 1", text.set("k", "v", ifdne="d", ex=1)),
    ("SET k v GET", text.set_get("k", "v")),
    ("SET k v NX GET PX 9", text.set_get("k", "v", nx=True, px=9)),
    ("SET k v XX GET KEEPTTL", text.set_get("k", "v", xx=True, keepttl=True)),
    ("SET k v IFEQ old GET", text.set_get("k", "v", ifeq="old")),
    ("SET k v IFNE old GET EX 1", text.set_get("k", "v", ifne="old", ex=1)),
    ("SET k v IFDEQ d GET EXAT 9", text.set_get("k", "v", ifdeq="d", exat=9)),
    ("SET k v IFDNE d GET PXAT 9", text.set_get("k", "v", ifdne="d", pxat=9)),
    ("SETEX k 60 v", text.setex("k", MINUTE, "v")),
    ("SETNX k v", text.setnx("k", "v")),
    ("SETRANGE k 6 v", text.setrange("k", 6, "v")),
    ("STRLEN k", text.strlen("k")),
    ("SUBSTR k 0 1", text.substr("k", 0, 1)),
    ("SUBSTR k 2 -1", text.substr("k", 2)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


LCS2 = b"*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n$3\r\nlen\r\n:6\r\n"
LCS3 = b"%2\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n"
NO_MATCH = b"*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.append("k", "v"), b":5\r\n", 5),
    (text.delex("k"), b":1\r\n", True),
    (text.delex("k", ifeq="v"), b":0\r\n", False),
    (text.delifeq("k", "v"), b":1\r\n", True),
    (text.delifeq("k", "v"), b":0\r\n", False),
    (text.digest("k"), b"$16\r\n0123456789abcdef\r\n", "0123456789abcdef"),
    (text.digest("k"), b"$-1\r\n", None),
    (text.digest("k"), b"_\r\n", None),
    (text.get("k"), "$6\r\nhéllo\r\n".encode(), "héllo"),
    (text.get("k"), b"$0\r\n\r\n", ""),
    (text.get("k"), b"$-1\r\n", None),
    (text.get("k"), b"_\r\n", None),
    (text.getdel("k"), b"$1\r\nv\r\n", "v"),
    (text.getdel("k"), b"_\r\n", None),
    (text.getex("k"), b"$1\r\nv\r\n", "v"),
    (text.getex("k"), b"$-1\r\n", None),
    (text.getrange("k", 0, 1), b"$2\r\nvw\r\n", "vw"),
    (text.getset("k", "v"), b"$3\r\nold\r\n", "old"),
    (text.getset("k", "v"), b"$-1\r\n", None),
    (text.lcs("a", "b"), b"$6\r\nmytext\r\n", "mytext"),
    (text.lcs("a", "b"), b"$0\r\n\r\n", ""),
    (text.lcs_len("a", "b"), b":6\r\n", 6),
    (text.lcs_idx("a", "b"), LCS2, Matches([Match((4, 7), (5, 8), None)], 6)),
    (text.lcs_idx("a", "b"), LCS3, Matches([Match((4, 7), (5, 8), 4)], 6)),
    (text.lcs_idx("a", "b"), NO_MATCH, Matches([], 0)),
    (text.mget("a", "b"), b"*2\r\n$1\r\n1\r\n$-1\r\n", ["1", None]),
    (text.mget("a", "b"), b"*2\r\n_\r\n$1\r\n1\r\n", [None, "1"]),
    (text.mset({"a": 1}), b"+OK\r\n", True),
    (text.msetex({"a": 1}), b":1\r\n", True),
    (text.msetex({"a": 1}, nx=True), b":0\r\n", False),
    (text.msetnx({"a": 1}), b":1\r\n", True),
    (text.msetnx({"a": 1}), b":0\r\n", False),
    (text.psetex("k", 1, "v"), b"+OK\r\n", True),
    (text.set("k", "v"), b"+OK\r\n", True),
    (text.set("k", "v", nx=True), b"$-1\r\n", False),
    (text.set("k", "v", xx=True), b"_\r\n", False),
    (text.set_get("k", "v"), b"$3\r\nold\r\n", "old"),
    (text.set_get("k", "v"), b"$-1\r\n", None),
    (text.set_get("k", "v"), b"_\r\n", None),
    (text.setex("k", 1, "v"), b"+OK\r\n", True),
    (text.setnx("k", "v"), b":1\r\n", True),
    (text.setnx("k", "v"), b":0\r\n", False),
    (text.setrange("k", 6, "v"), b":7\r\n", 7),
    (text.strlen("k"), b":0\r\n", 0),
    (text.substr("k", 0, 1), b"$2\r\nvw\r\n", "vw"),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (binary.get("k"), b"$2\r\n\xff\x00\r\n", b"\xff\x00"),
    (binary.get("k"), b"_\r\n", None),
    (binary.getrange("k", 0, 1), b"$1\r\nv\r\n", b"v"),
    (binary.set_get("k", "v"), b"$3\r\nold\r\n", b"old"),
    (binary.set("k", "v"), b"+OK\r\n", True),
    (binary.mget("a", "b"), b"*2\r\n$1\r\n1\r\n_\r\n", [b"1", None]),
    (binary.digest("k"), b"$4\r\ncafe\r\n", "cafe"),
    (binary.lcs("a", "b"), b"$2\r\nmy\r\n", b"my"),
    (binary.lcs_idx("a", "b"), LCS2, Matches([Match((4, 7), (5, 8), None)], 6)),
    (binary.lcs_idx("a", "b"), LCS3, Matches([Match((4, 7), (5, 8), 4)], 6)),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """On a client that does not decode, values are bytes; names, counts and flags are the same."""
    result = parsed(command, raw, encoding=None)
    assert result == value
    assert type(result) is type(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.append("k", "v"), b"+OK\r\n"),
    (text.delex("k"), b":2\r\n"),
    (text.get("k"), b":1\r\n"),
    (text.get("k"), b"*0\r\n"),
    (text.getrange("k", 0, 1), b"_\r\n"),
    (text.lcs_idx("a", "b"), b"*0\r\n"),
    (text.lcs_idx("a", "b"), b"*2\r\n$7\r\nmatches\r\n*0\r\n"),
    (text.lcs_idx("a", "b"), b"%2\r\n$7\r\nmatches\r\n*1\r\n*1\r\n:1\r\n$3\r\nlen\r\n:6\r\n"),
    (text.lcs_idx("a", "b"), b"%1\r\n$7\r\nmatches\r\n*1\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n"),
    (text.mget("a"), b"$1\r\na\r\n"),
    (text.mset({"a": 1}), b"+QUEUED\r\n"),
    (text.set("k", "v"), b"$1\r\nv\r\n"),
    (text.strlen("k"), b"$1\r\n1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


def test_text_where_bytes_belong() -> None:
    """A client that does not decode never gives str, nor one that does bytes."""
    with pytest.raises(ProtocolError, match="bytes or null was expected"):
        parsed(binary.get("k"), b"$1\r\nv\r\n", encoding="utf-8")
    with pytest.raises(ProtocolError, match="str or null was expected"):
        parsed(text.get("k"), b"$1\r\nv\r\n", encoding=None)


def test_error_reply() -> None:
    """A refusal of the server is raised as the error of its code."""
    with pytest.raises(WrongTypeError):
        parsed(text.get("k"), b"-WRONGTYPE Operation against a key\r\n")


EMPTY: Mapping[str, str] = {}

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "GET: key is None", lambda: unchecked(text.get)(None)),
    (DataTypeError, "GET: key is ['k']", lambda: unchecked(text.get)(["k"])),
    (DataTypeError, "SET: value is None", lambda: unchecked(text.set)("k", None)),
    (DataTypeError, "SET: value is True", lambda: unchecked(text.set)("k", value=True)),
    (DataTypeError, "SET: ex is True", lambda: unchecked(text.set)("k", "v", ex=True)),
    (DataTypeError, "MGET: keys[1] is None", lambda: unchecked(text.mget)("a", None)),
    (DataTypeError, "MSET: mapping['a'] is None", lambda: unchecked(text.mset)({"a": None})),
    (DataTypeError, "MSET: mapping has to be a mapping", lambda: unchecked(text.mset)(["a", 1])),
    (DataValueError, "MGET: keys is empty", text.mget),
    (DataValueError, "MSET: mapping is empty", lambda: text.mset(EMPTY)),
    (DataValueError, "MSETNX: mapping is empty", lambda: text.msetnx(EMPTY)),
    (DataValueError, "MSETEX: mapping is empty", lambda: text.msetex(EMPTY)),
    (DataValueError, "SET: ex and px", lambda: text.set("k", "v", ex=1, px=1)),
    (DataValueError, "SET: ex and keepttl", lambda: text.set("k", "v", ex=0, keepttl=True)),
    (DataValueError, "SET: nx and xx", lambda: text.set("k", "v", nx=True, xx=True)),
    (DataValueError, "SET: nx and ifeq", lambda: text.set("k", "v", nx=True, ifeq="")),
    (DataValueError, "SET: xx and ifdne", lambda: text.set_get("k", "v", xx=True, ifdne="d")),
    (DataValueError, "SET: exat and pxat", lambda: text.set_get("k", "v", exat=1, pxat=1)),
    (DataValueError, "GETEX: px and persist", lambda: text.getex("k", px=1, persist=True)),
    (DataValueError, "DELEX: ifeq and ifne", lambda: text.delex("k", ifeq="a", ifne="b")),
    (DataValueError, "MSETEX: nx and xx", lambda: text.msetex({"a": 1}, nx=True, xx=True)),
    (DataValueError, "MSETEX: ex and keepttl", lambda: text.msetex({"a": 1}, ex=1, keepttl=True)),
    (
        DataValueError,
        "is not a whole number of seconds",
        lambda: text.setex("k", datetime.timedelta(milliseconds=1500), "v"),
    ),
    (
        DataValueError,
        "is not a whole number of milliseconds",
        lambda: text.psetex("k", datetime.timedelta(microseconds=1), "v"),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
