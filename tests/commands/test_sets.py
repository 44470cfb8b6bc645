"""Sets as a table: arguments in, words out; replies in, values out; mistakes in, errors out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.sets import Sets
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Sets[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Sets[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("SADD s a 1 2.5", text.sadd("s", b"a", 1, 2.5)),
    ("SCARD s", text.scard("s")),
    ("SDIFF s t", text.sdiff("s", b"t")),
    ("SDIFFCARD 2 s t", text.sdiffcard(["s", "t"])),
    ("SDIFFCARD 2 s t LIMIT 5", text.sdiffcard(["s", "t"], limit=5)),
    ("SDIFFSTORE d s t", text.sdiffstore("d", "s", "t")),
    ("SINTER s t", text.sinter("s", "t")),
    ("SINTERCARD 2 s t", text.sintercard(["s", "t"])),
    ("SINTERCARD 1 s LIMIT 5", text.sintercard("s", limit=5)),
    ("SINTERSTORE d s t", text.sinterstore("d", "s", "t")),
    ("SISMEMBER s 1", text.sismember("s", 1)),
    ("SMEMBERS s", text.smembers("s")),
    ("SMISMEMBER s a 1", text.smismember("s", "a", 1)),
    ("SMOVE s t a", text.smove("s", "t", "a")),
    ("SPOP s", text.spop("s")),
    ("SPOP s 0", text.spop_many("s", 0)),
    ("SPOP s 3", text.spop_many("s", count=3)),
    ("SRANDMEMBER s", text.srandmember("s")),
    ("SRANDMEMBER s -3", text.srandmember_many("s", -3)),
    ("SREM s a 1", text.srem("s", "a", 1)),
    ("SSCAN s 0", text.sscan("s")),
    ("SSCAN s 7 MATCH a* COUNT 9", text.sscan("s", 7, "a*", 9)),
    ("SSCAN s 0 COUNT 9", text.sscan("s", count=9)),
    ("SUNION s t", text.sunion("s", "t")),
    ("SUNIONCARD 2 s t", text.sunioncard(["s", "t"])),
    ("SUNIONCARD 2 s t APPROX LIMIT 5", text.sunioncard(["s", "t"], limit=5, approx=True)),
    ("SUNIONSTORE d s t", text.sunionstore("d", "s", "t")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


ARRAY = b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
SET = b"~2\r\n$1\r\na\r\n$1\r\nb\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.sadd("s", "a"), b":1\r\n", 1),
    (text.scard("s"), b":0\r\n", 0),
    (text.sdiff("s"), ARRAY, {"a", "b"}),
    (text.sdiff("s"), SET, {"a", "b"}),
    (text.sdiffcard("s"), b":2\r\n", 2),
    (text.sdiffstore("d", "s"), b":2\r\n", 2),
    (text.sinter("s"), b"*0\r\n", set()),
    (text.sinter("s"), b"~0\r\n", set()),
    (text.sintercard("s"), b":2\r\n", 2),
    (text.sinterstore("d", "s"), b":2\r\n", 2),
    (text.sismember("s", "a"), b":1\r\n", True),
    (text.sismember("s", "a"), b":0\r\n", False),
    (text.smembers("s"), ARRAY, {"a", "b"}),
    (text.smembers("s"), SET, {"a", "b"}),
    (text.smismember("s", "a", "b"), b"*2\r\n:1\r\n:0\r\n", [True, False]),
    (text.smove("s", "t", "a"), b":1\r\n", True),
    (text.smove("s", "t", "a"), b":0\r\n", False),
    (text.spop("s"), b"$1\r\na\r\n", "a"),
    (text.spop("s"), b"$-1\r\n", None),
    (text.spop("s"), b"_\r\n", None),
    (text.spop_many("s", 2), ARRAY, {"a", "b"}),
    (text.spop_many("s", 2), SET, {"a", "b"}),
    (text.spop_many("s", 2), b"*0\r\n", set()),
    (text.srandmember("s"), b"$1\r\na\r\n", "a"),
    (text.srandmember("s"), b"$-1\r\n", None),
    (text.srandmember_many("s", -2), b"*2\r\n$1\r\na\r\n$1\r\na\r\n", ["a", "a"]),
    (text.srandmember_many("s", 2), SET, ["a", "b"]),
    (text.srem("s", "a"), b":1\r\n", 1),
    (text.sscan("s"), b"*2\r\n$2\r\n17\r\n" + ARRAY, (17, ["a", "b"])),
    (text.sscan("s"), b"*2\r\n$1\r\n0\r\n*0\r\n", (0, [])),
    (text.sunion("s"), ARRAY, {"a", "b"}),
    (text.sunion("s"), SET, {"a", "b"}),
    (text.sunioncard("s"), b":2\r\n", 2),
    (text.sunionstore("d", "s"), b":2\r\n", 2),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (binary.smembers("s"), ARRAY, {b"a", b"b"}),
    (binary.smembers("s"), b"~1\r\n$1\r\n\xff\r\n", {b"\xff"}),
    (binary.smismember("s", "a"), b"*1\r\n:1\r\n", [True]),
    (binary.spop("s"), b"$1\r\n\xff\r\n", b"\xff"),
    (binary.spop_many("s", 2), SET, {b"a", b"b"}),
    (binary.srandmember_many("s", 2), ARRAY, [b"a", b"b"]),
    (binary.sscan("s"), b"*2\r\n$2\r\n17\r\n" + ARRAY, (17, [b"a", b"b"])),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """On a client that does not decode, members are bytes."""
    result = parsed(command, raw, encoding=None)
    assert result == value
    assert type(result) is type(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.sadd("s", "a"), b"+OK\r\n"),
    (text.sismember("s", "a"), b":2\r\n"),
    (text.smembers("s"), b"$1\r\na\r\n"),
    (text.smembers("s"), b"*1\r\n_\r\n"),
    (text.smismember("s", "a"), b"*1\r\n:7\r\n"),
    (text.spop("s"), ARRAY),
    (text.spop_many("s", 1), b"$1\r\na\r\n"),
    (text.sscan("s"), b"*1\r\n$1\r\n0\r\n"),
    (text.sscan("s"), b"*2\r\n$1\r\n0\r\n$1\r\na\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "SADD: key is None", lambda: unchecked(text.sadd)(None, "a")),
    (DataTypeError, "SADD: values is a mapping", lambda: unchecked(text.sadd)("s", {"a": 1})),
    (DataTypeError, "SADD: values[1] is True", lambda: unchecked(text.sadd)("s", "a", True)),
    (DataTypeError, "SINTER: keys[1] is 2 (int)", lambda: unchecked(text.sinter)(["s", 2])),
    (DataTypeError, "SINTERCARD: keys[1] is None", lambda: unchecked(text.sintercard)(["s", None])),
    (DataTypeError, "SISMEMBER: value is None", lambda: unchecked(text.sismember)("s", None)),
    (DataTypeError, "SPOP: count is None", lambda: unchecked(text.spop_many)("s", None)),
    (DataValueError, "SADD: values is empty", lambda: text.sadd("s")),
    (DataValueError, "SDIFF: keys is empty", text.sdiff),
    (DataValueError, "SDIFFCARD: keys is empty", lambda: text.sdiffcard([])),
    (DataValueError, "SDIFFSTORE: keys is empty", lambda: text.sdiffstore("d")),
    (DataValueError, "SINTER: keys is empty", text.sinter),
    (DataValueError, "SINTERCARD: keys is empty", lambda: text.sintercard([], limit=1)),
    (DataValueError, "SINTERSTORE: keys is empty", lambda: text.sinterstore("d")),
    (DataValueError, "SMISMEMBER: values is empty", lambda: text.smismember("s")),
    (DataValueError, "SREM: values is empty", lambda: text.srem("s")),
    (DataValueError, "SUNION: keys is empty", text.sunion),
    (DataValueError, "SUNIONCARD: keys is empty", lambda: text.sunioncard([])),
    (DataValueError, "SUNIONSTORE: keys is empty", lambda: text.sunionstore("d")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
