"""Parts of JSON documents as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anyredis.command import Command
from anyredis.commands.modules.json_namespace import BlueprintJson
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError, ResponseError
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.tables import parsed, unchecked, words

text: BlueprintJson[str] = TextPlan().json
binary: BlueprintJson[bytes] = BytesPlan().json

SENT: list[tuple[str, Command[Any]]] = [
    ('JSON.ARRAPPEND k .a 1 "b" [2]', text.arrappend("k", ".a", 1, "b", [2])),
    ('JSON.ARRINDEX k $.a "b"', text.arrindex("k", "$.a", "b")),
    ("JSON.ARRINDEX k $.a 1 0", text.arrindex("k", "$.a", 1, 0)),
    ("JSON.ARRINDEX k $.a 1 0 -1", text.arrindex("k", "$.a", 1, 0, -1)),
    ("JSON.ARRINSERT k $.a 0 1 null", text.arrinsert("k", "$.a", 0, 1, None)),
    ("JSON.ARRLEN k .", text.arrlen("k")),
    ("JSON.ARRLEN k $.a", text.arrlen("k", "$.a")),
    ("JSON.ARRPOP k . -1", text.arrpop("k")),
    ("JSON.ARRPOP k $.a 0", text.arrpop("k", "$.a", 0)),
    ("JSON.ARRTRIM k $.a 0 2", text.arrtrim("k", "$.a", 0, 2)),
    ("JSON.NUMINCRBY k $.a 2", text.numincrby("k", "$.a", 2)),
    ("JSON.NUMMULTBY k .a 0.5", text.nummultby("k", ".a", 0.5)),
    ("JSON.NUMPOWBY k .a 2", text.numpowby("k", ".a", 2)),
    ("JSON.OBJKEYS k .", text.objkeys("k")),
    ("JSON.OBJKEYS k $.a", text.objkeys("k", "$.a")),
    ("JSON.OBJLEN k .", text.objlen("k")),
    ("JSON.OBJLEN k $.a", text.objlen("k", "$.a")),
    ('JSON.STRAPPEND k . "é"', text.strappend("k", "é")),
    ('JSON.STRAPPEND k $.a "b"', text.strappend("k", "b", "$.a")),
    ("JSON.STRLEN k", text.strlen("k")),
    ("JSON.STRLEN k $.a", text.strlen("k", "$.a")),
    ("JSON.TOGGLE k .", text.toggle("k")),
    ("JSON.TOGGLE k $.a", text.toggle("k", "$.a")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[Any], bytes, object]] = [
    (text.arrappend("k", ".a", 1), b":4\r\n", 4),
    (text.arrappend("k", "$.a", 1), b"*2\r\n:4\r\n$-1\r\n", [4, None]),
    (text.arrindex("k", ".a", 1), b":-1\r\n", -1),
    (text.arrinsert("k", "$.a", 0, 1), b"*0\r\n", []),
    (text.arrlen("k"), b"$-1\r\n", None),
    (text.arrlen("k", "$"), b"_\r\n", None),
    (text.arrlen("k", "$.a"), b"*1\r\n_\r\n", [None]),
    (text.arrpop("k"), b'$3\r\n"b"\r\n', "b"),
    (text.arrpop("k"), b"$-1\r\n", None),
    (text.arrpop("k", "$.a"), b"*2\r\n$3\r\n[2]\r\n$-1\r\n", [[2], None]),
    (text.arrtrim("k", ".a", 0, 1), b":2\r\n", 2),
    # A number: JSON text in RESP2, always an array in RESP3.
    (text.numincrby("k", ".a", 2), b"$1\r\n7\r\n", 7),
    (text.numincrby("k", ".a", 2), b"*1\r\n:7\r\n", 7),
    (text.numincrby("k", ".a", 2), b"$3\r\n2.0\r\n", 2.0),
    (text.numincrby("k", ".a", 2), b"*1\r\n,2\r\n", 2.0),
    (text.numincrby("k", "..a", 2), b"*3\r\n:7\r\n:8\r\n_\r\n", 8),
    (text.numincrby("k", "$.a", 2), b"$10\r\n[7,null,8]\r\n", [7, None, 8]),
    (text.numincrby("k", "$.a", 2), b"*3\r\n:7\r\n_\r\n:8\r\n", [7, None, 8]),
    (text.numincrby("k", "$.no", 2), b"$2\r\n[]\r\n", []),
    (text.numpowby("k", ".a", 2), b"$4\r\n49.5\r\n", 49.5),
    (text.objkeys("k"), b"*1\r\n$1\r\na\r\n", ["a"]),
    (text.objkeys("k"), b"$-1\r\n", None),
    (text.objkeys("k", "$"), b"*2\r\n*1\r\n$1\r\na\r\n$-1\r\n", [["a"], None]),
    (text.objkeys("k", "$"), b"_\r\n", None),
    (text.objlen("k"), b":3\r\n", 3),
    (text.strappend("k", "a"), b":3\r\n", 3),
    (text.strlen("k"), b":3\r\n", 3),
    (text.strlen("k", "$.a"), b"*1\r\n:3\r\n", [3]),
    (text.toggle("k", ".a"), b"$4\r\ntrue\r\n", True),
    (text.toggle("k", "$.a"), b"*3\r\n:0\r\n:1\r\n$-1\r\n", [False, True, None]),
]

READ_AS_BYTES: list[tuple[Command[Any], bytes, object]] = [
    (binary.arrpop("k"), b'$3\r\n"b"\r\n', "b"),
    (binary.nummultby("k", "$.a", 2), b"$3\r\n[7]\r\n", [7]),
    (binary.objkeys("k"), b"*1\r\n$1\r\na\r\n", [b"a"]),
    (binary.toggle("k", ".a"), b"$5\r\nfalse\r\n", False),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of either protocol becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)
    assert repr(result) == repr(value), "a float stays a float, a bool a bool"


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_to_a_client_that_does_not_decode(
    command: Command[object], raw: bytes, value: object
) -> None:
    """Its text is bytes, but documents are the same."""
    assert parsed(command, raw, None) == value


ODD: list[tuple[Command[Any], bytes]] = [
    (text.arrlen("k"), b"*1\r\n:1\r\n"),
    (text.arrlen("k", "$.a"), b":1\r\n"),
    (text.arrpop("k", ".a"), b"*1\r\n$1\r\n1\r\n"),
    (text.arrpop("k", "$.a"), b"$1\r\n1\r\n"),
    (text.numincrby("k", ".a", 1), b"$3\r\n[1]\r\n"),
    (text.numincrby("k", ".a", 1), b"$4\r\ntrue\r\n"),
    (text.numincrby("k", ".a", 1), b"$1\r\nx\r\n"),
    (text.numincrby("k", "$.a", 1), b"$1\r\n1\r\n"),
    (text.numincrby("k", "$.a", 1), b":1\r\n"),
    (text.objkeys("k"), b"*1\r\n*0\r\n"),
    (text.objkeys("k", "$"), b"*1\r\n$1\r\na\r\n"),
    (text.toggle("k", ".a"), b"$1\r\n1\r\n"),
    (text.toggle("k", "$.a"), b"*1\r\n:2\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


@pytest.mark.parametrize("raw", [b"*0\r\n", b"*1\r\n_\r\n"])
def test_no_number_at_a_legacy_path(raw: bytes) -> None:
    """RESP3 answers with an array where RESP2 has an error: it is an error on both."""
    with pytest.raises(ResponseError, match="there is no number"):
        parsed(text.numincrby("k", ".a", 1), raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "values[1] is a set", lambda: text.arrappend("k", ".a", 1, {1})),
    (DataValueError, "JSON.ARRAPPEND: values is empty", lambda: text.arrappend("k", ".a")),
    (DataValueError, "JSON.ARRINSERT: values is empty", lambda: text.arrinsert("k", ".a", 0)),
    (DataTypeError, "index is 1.5", lambda: unchecked(text.arrinsert)("k", ".a", 1.5, 1)),
    (DataTypeError, "JSON.ARRPOP: index is None", lambda: unchecked(text.arrpop)("k", ".a", None)),
    (DataValueError, "stop needs start: give start=0", lambda: text.arrindex("k", "$", 1, stop=2)),
    (DataTypeError, "JSON.ARRINDEX: value is a set", lambda: text.arrindex("k", "$", {1})),
    (DataTypeError, "JSON.ARRLEN: path is 1", lambda: unchecked(text.arrlen)("k", 1)),
    (DataTypeError, "JSON.STRAPPEND: value is 1", lambda: unchecked(text.strappend)("k", 1)),
    (DataTypeError, "JSON.STRAPPEND: value is b'x'", lambda: unchecked(text.strappend)("k", b"x")),
    (
        DataValueError,
        "value is inf: JSON has no inf",
        lambda: text.numincrby("k", ".a", float("inf")),
    ),
    (DataValueError, "value is nan", lambda: text.nummultby("k", ".a", float("nan"))),
    (DataTypeError, "value is True", lambda: text.numpowby("k", ".a", True)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
