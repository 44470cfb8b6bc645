"""Hashes as a table: arguments in, words out; replies in, values out; mistakes in, errors out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.hashes import Hashes
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Hashes[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Hashes[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("HDEL h a b", text.hdel("h", "a", b"b")),
    ("HEXISTS h a", text.hexists("h", "a")),
    ("HGET h a", text.hget("h", "a")),
    ("HGETALL h", text.hgetall("h")),
    ("HINCRBY h a 1", text.hincrby("h", "a")),
    ("HINCRBY h a -5", text.hincrby("h", "a", -5)),
    ("HINCRBYFLOAT h a 1.0", text.hincrbyfloat("h", "a")),
    ("HINCRBYFLOAT h a 0.5", text.hincrbyfloat("h", "a", 0.5)),
    ("HKEYS h", text.hkeys("h")),
    ("HLEN h", text.hlen("h")),
    ("HMGET h a b", text.hmget("h", "a", "b")),
    ("HMSET h a 1 b 2.5", text.hmset("h", {"a": 1, "b": 2.5})),
    ("HRANDFIELD h", text.hrandfield("h")),
    ("HRANDFIELD h -3", text.hrandfield_many("h", -3)),
    ("HRANDFIELD h 3 WITHVALUES", text.hrandfield_with_values("h", 3)),
    ("HSCAN h 0", text.hscan("h")),
    ("HSCAN h 7 MATCH a* COUNT 9", text.hscan("h", 7, "a*", 9)),
    ("HSCAN h 0 MATCH a*", text.hscan("h", match=b"a*")),
    ("HSCAN h 0 NOVALUES", text.hscan_no_values("h")),
    ("HSCAN h 7 COUNT 9 NOVALUES", text.hscan_no_values("h", cursor=7, count=9)),
    ("HSET h a 1", text.hset("h", "a", 1)),
    ("HSET h a 1", text.hset("h", field=b"a", value=b"1")),
    ("HSET h a 1 b 2", text.hset("h", mapping={"a": 1, "b": 2})),
    ("HSET h a 1", text.hset("h", mapping={b"a": b"1"})),
    ("HSET h a 1 b 2 c 3", text.hset("h", "a", 1, mapping={"b": 2, "c": 3})),
    ("HSETNX h a 1", text.hsetnx("h", "a", 1)),
    ("HSTRLEN h a", text.hstrlen("h", "a")),
    ("HVALS h", text.hvals("h")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FLAT = b"*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n"
PAIRS = b"*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"
TWICE = b"*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n1\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.hdel("h", "a"), b":1\r\n", 1),
    (text.hexists("h", "a"), b":1\r\n", True),
    (text.hexists("h", "a"), b":0\r\n", False),
    (text.hget("h", "a"), b"$1\r\n1\r\n", "1"),
    (text.hget("h", "a"), b"$-1\r\n", None),
    (text.hget("h", "a"), b"_\r\n", None),
    (text.hgetall("h"), FLAT, {"a": "1", "b": "2"}),
    (text.hgetall("h"), b"%1\r\n$1\r\na\r\n$1\r\n1\r\n", {"a": "1"}),
    (text.hgetall("h"), b"*0\r\n", {}),
    (text.hgetall("h"), b"%0\r\n", {}),
    (text.hincrby("h", "a"), b":-4\r\n", -4),
    (text.hincrbyfloat("h", "a"), b"$3\r\n2.5\r\n", 2.5),
    (text.hincrbyfloat("h", "a"), b",2.5\r\n", 2.5),
    (text.hkeys("h"), b"*1\r\n$1\r\na\r\n", ["a"]),
    (text.hlen("h"), b":0\r\n", 0),
    (text.hmget("h", "a", "b"), b"*2\r\n$1\r\n1\r\n$-1\r\n", ["1", None]),
    (text.hmget("h", "a", "b"), b"*2\r\n_\r\n$1\r\n1\r\n", [None, "1"]),
    (text.hmset("h", {"a": 1}), b"+OK\r\n", True),
    (text.hrandfield("h"), b"$1\r\na\r\n", "a"),
    (text.hrandfield("h"), b"$-1\r\n", None),
    (text.hrandfield_many("h", 2), b"*1\r\n$1\r\na\r\n", ["a"]),
    (text.hrandfield_many("h", 2), b"*0\r\n", []),
    (text.hrandfield_with_values("h", 2), FLAT, [("a", "1"), ("b", "2")]),
    (text.hrandfield_with_values("h", -2), TWICE, [("a", "1"), ("a", "1")]),
    (text.hrandfield_with_values("h", -2), PAIRS, [("a", "1"), ("a", "1")]),
    (text.hrandfield_with_values("h", 2), b"*0\r\n", []),
    (text.hscan("h"), b"*2\r\n$2\r\n17\r\n" + FLAT, (17, {"a": "1", "b": "2"})),
    (text.hscan("h"), b"*2\r\n$1\r\n0\r\n*0\r\n", (0, {})),
    (text.hscan_no_values("h"), b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n", (0, ["a"])),
    (text.hset("h", "a", 1), b":1\r\n", 1),
    (text.hsetnx("h", "a", 1), b":0\r\n", False),
    (text.hstrlen("h", "a"), b":5\r\n", 5),
    (text.hvals("h"), b"*1\r\n$1\r\n1\r\n", ["1"]),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (binary.hget("h", "a"), b"$1\r\n\xff\r\n", b"\xff"),
    (binary.hgetall("h"), FLAT, {b"a": b"1", b"b": b"2"}),
    (binary.hgetall("h"), b"%1\r\n$1\r\na\r\n$1\r\n\xff\r\n", {b"a": b"\xff"}),
    (binary.hincrbyfloat("h", "a"), b"$3\r\n2.5\r\n", 2.5),
    (binary.hmget("h", "a", "b"), b"*2\r\n$1\r\n1\r\n_\r\n", [b"1", None]),
    (binary.hmset("h", {"a": 1}), b"+OK\r\n", True),
    (binary.hrandfield_with_values("h", -2), PAIRS, [(b"a", b"1"), (b"a", b"1")]),
    (binary.hscan("h"), b"*2\r\n$2\r\n17\r\n" + FLAT, (17, {b"a": b"1", b"b": b"2"})),
    (binary.hscan_no_values("h"), b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n", (0, [b"a"])),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """On a client that does not decode, fields and values are bytes."""
    result = parsed(command, raw, encoding=None)
    assert result == value
    assert type(result) is type(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.hexists("h", "a"), b":2\r\n"),
    (text.hget("h", "a"), b":1\r\n"),
    (text.hgetall("h"), b"*1\r\n$1\r\na\r\n"),
    (text.hgetall("h"), b"*2\r\n$1\r\na\r\n_\r\n"),
    (text.hgetall("h"), b"_\r\n"),
    (text.hkeys("h"), b"*1\r\n_\r\n"),
    (text.hlen("h"), b"$1\r\n1\r\n"),
    (text.hmset("h", {"a": 1}), b":1\r\n"),
    (text.hrandfield_with_values("h", 1), b"*1\r\n*1\r\n$1\r\na\r\n"),
    (text.hscan("h"), b"*1\r\n$1\r\n0\r\n"),
    (text.hscan("h"), b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"),
    (text.hscan_no_values("h"), b"*2\r\n$1\r\n0\r\n$1\r\na\r\n"),
    (text.hset("h", "a", 1), b"+OK\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


EMPTY: Mapping[str, str] = {}

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "HGET: key is None", lambda: unchecked(text.hget)(None, "a")),
    (DataTypeError, "HGET: field is None", lambda: unchecked(text.hget)("h", None)),
    (DataTypeError, "HDEL: fields[1] is None", lambda: unchecked(text.hdel)("h", ["a", None])),
    (DataTypeError, "HMGET: fields[1] is None", lambda: unchecked(text.hmget)("h", "a", None)),
    (DataTypeError, "HSET: value is True", lambda: unchecked(text.hset)("h", "a", value=True)),
    (DataTypeError, "HSET: value is None", lambda: text.hset("h", "a")),
    (DataTypeError, "HSET: value is None", lambda: text.hset("h", "a", None, mapping={"b": 1})),
    (DataTypeError, "HSET: field is None", lambda: text.hset("h", None, "v")),
    (
        DataTypeError,
        "HSET: mapping['a'] is None",
        lambda: unchecked(text.hset)("h", mapping={"a": None}),
    ),
    (
        DataTypeError,
        "HSET: mapping has to be a mapping",
        lambda: unchecked(text.hset)("h", mapping=["a", 1]),
    ),
    (
        DataTypeError,
        "HSCAN: match is ['a*']",
        lambda: unchecked(text.hscan)("h", match=["a*"]),
    ),
    (DataValueError, "HSET: nothing to store", lambda: text.hset("h")),
    (DataValueError, "HSET: mapping is empty", lambda: text.hset("h", mapping=EMPTY)),
    (DataValueError, "HMSET: mapping is empty", lambda: text.hmset("h", EMPTY)),
    (DataValueError, "HDEL: fields is empty", lambda: text.hdel("h")),
    (DataValueError, "HMGET: fields is empty", lambda: text.hmget("h")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
