"""JSON documents as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anyredis.command import Command
from anyredis.commands.modules.json_namespace import BlueprintJson
from anyredis.exceptions import (
    DataError,
    DataTypeError,
    DataValueError,
    ProtocolError,
    ReplyDecodeError,
    UnknownCommandError,
)
from anyredis.testing import FakeServer
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.tables import parsed, unchecked, words

text: BlueprintJson[str] = TextPlan().json
binary: BlueprintJson[bytes] = BytesPlan().json

SENT: list[tuple[str, Command[Any]]] = [
    ("JSON.CLEAR k .", text.clear("k")),
    ("JSON.CLEAR k $.a", text.clear("k", "$.a")),
    ("JSON.DEBUG MEMORY k .", text.debug("MEMORY", "k")),
    ("JSON.DEBUG MEMORY k $.a", text.debug("MEMORY", "k", "$.a")),
    ("JSON.DEL k .", text.delete("k")),
    ("JSON.DEL k $.a", text.delete("k", "$.a")),
    ("JSON.FORGET k .", text.forget("k")),
    ("JSON.FORGET k $.a", text.forget("k", "$.a")),
    ("JSON.GET k .", text.get("k")),
    ("JSON.GET k $.a .b", text.get("k", "$.a", b".b")),
    ("JSON.GET k NOESCAPE $.a", text.get("k", "$.a", no_escape=True)),
    ('JSON.MERGE k $ {"a":null}', text.merge("k", "$", {"a": None})),
    ('JSON.MERGE k .a {"b":[1]}', text.merge("k", ".a", {b"b": [1]}, decode_keys=True)),
    ("JSON.MGET a .b", text.mget("a", ".b")),
    ("JSON.MGET a b $.c", text.mget(["a", "b"], "$.c")),
    ('JSON.MSET a $ 1 b .c "x"', text.mset([("a", "$", 1), ("b", ".c", "x")])),
    ("JSON.RESP k .", text.resp("k")),
    ("JSON.RESP k $.a", text.resp("k", "$.a")),
    ('JSON.SET k $ {"a":1.5,"é":[true,null]}', text.set("k", "$", {"a": 1.5, "é": [True, None]})),
    ("JSON.SET k $.a 1 NX", text.set("k", "$.a", 1, nx=True)),
    ("JSON.SET k .a 1 XX", text.set("k", b".a", 1, xx=True)),
    ("JSON.SET k $ [0.5] FPHA FP32", text.set("k", "$", [0.5], fpha="FP32")),
    ('JSON.SET k $ {"a":{"b":1}}', text.set("k", "$", {b"a": {b"b": 1}}, decode_keys=True)),
    ("JSON.TYPE k .", text.type("k")),
    ("JSON.TYPE k $.a", text.type("k", "$.a")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


DOCUMENT = b'$14\r\n{"a":[1,"\xc3\xa9"]}\r\n'

READ: list[tuple[Command[Any], bytes, object]] = [
    (text.clear("k"), b":1\r\n", 1),
    (text.debug("MEMORY", "k"), b":801\r\n", 801),
    (text.debug("MEMORY", "k", "$.a"), b"*2\r\n:8\r\n:9\r\n", [8, 9]),
    (text.delete("k"), b":0\r\n", 0),
    (text.forget("k"), b":1\r\n", 1),
    (text.get("k"), DOCUMENT, {"a": [1, "é"]}),
    (text.get("k", type=dict[str, list[int | str]]), DOCUMENT, {"a": [1, "é"]}),
    (text.get("k"), b"$-1\r\n", None),
    (text.get("k"), b"_\r\n", None),
    (text.get("k"), b"$4\r\nnull\r\n", None),
    (text.get("k", "$.n"), b"$3\r\n[5]\r\n", [5]),
    (text.get("k", "$.n", type=list[float]), b"$3\r\n[5]\r\n", [5.0]),
    (text.merge("k", "$", 1), b"+OK\r\n", True),
    (text.merge("k", "$.a.b", 1), b"$-1\r\n", False),
    (text.mget(["a", "b"], "$"), b"*2\r\n$3\r\n[5]\r\n$-1\r\n", [[5], None]),
    (text.mset([("k", "$", 1)]), b"+OK\r\n", True),
    (text.resp("k"), b"$3\r\n1.5\r\n", "1.5"),
    (text.resp("k"), b",1.5\r\n", "1.5"),
    (text.resp("k"), b"*3\r\n+{\r\n$1\r\na\r\n:5\r\n", ["{", "a", 5]),
    (text.resp("k"), b"$-1\r\n", None),
    (text.set("k", "$", 1), b"+OK\r\n", True),
    (text.set("k", "$", 1, nx=True), b"$-1\r\n", False),
    # A type: in RESP3 the reply is in an array of its own.
    (text.type("k"), b"$6\r\nobject\r\n", "object"),
    (text.type("k"), b"*1\r\n$6\r\nobject\r\n", "object"),
    (text.type("k"), b"$-1\r\n", None),
    (text.type("k"), b"*1\r\n_\r\n", None),
    (text.type("k", "$.a"), b"*1\r\n$6\r\nobject\r\n", ["object"]),
    (text.type("k", "$.a"), b"*1\r\n*1\r\n$6\r\nobject\r\n", ["object"]),
    (text.type("k", "$.*"), b"*2\r\n$4\r\nnull\r\n$5\r\narray\r\n", ["null", "array"]),
    (text.type("k", "$.*"), b"*1\r\n*2\r\n$4\r\nnull\r\n$5\r\narray\r\n", ["null", "array"]),
    (text.type("k", "$.no"), b"*0\r\n", []),
    (text.type("k", "$.no"), b"*1\r\n*0\r\n", []),
    (text.type("no", "$.a"), b"$-1\r\n", None),
    (text.type("no", "$.a"), b"*1\r\n_\r\n", None),
]

READ_AS_BYTES: list[tuple[Command[Any], bytes, object]] = [
    (binary.get("k"), DOCUMENT, {"a": [1, "é"]}),
    (binary.mget(["a"], "$", type=list[float]), b"*1\r\n$3\r\n[5]\r\n", [[5.0]]),
    (binary.resp("k"), b",1.5\r\n", b"1.5"),
    (binary.resp("k", "$"), b"*1\r\n*3\r\n+[\r\n,2\r\n_\r\n", [[b"[", b"2", None]]),
    (binary.type("k"), b"$6\r\nobject\r\n", "object"),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of either protocol becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_to_a_client_that_does_not_decode(
    command: Command[object], raw: bytes, value: object
) -> None:
    """Its text is bytes, but documents are the same."""
    assert parsed(command, raw, None) == value


ODD: list[tuple[Command[Any], bytes]] = [
    (text.get("k"), b"$1\r\nx\r\n"),
    (text.get("k"), b":1\r\n"),
    (text.get("k"), b"*1\r\n$1\r\n1\r\n"),
    (text.get("k", type=int), b"$1\r\nx\r\n"),
    (text.mget("k", "$"), b"$1\r\n1\r\n"),
    (text.mget("k", "$"), b"*1\r\n:1\r\n"),
    (text.type("k"), b":1\r\n"),
    (text.type("k"), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
    (text.type("k", "$.a"), b"$6\r\nobject\r\n"),
    (text.resp("k"), b"#t\r\n"),
    (text.debug("MEMORY", "k"), b"*1\r\n:1\r\n"),
    (text.debug("MEMORY", "k", "$"), b":1\r\n"),
    (text.set("k", "$", 1), b":1\r\n"),
    (text.mset([("k", "$", 1)]), b"$-1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


def test_a_document_of_another_type() -> None:
    """It is an error of the reply, which says what was wanted and what is wrong."""
    with pytest.raises(ReplyDecodeError, match=r"read as int: .*Expected `int`, got `str`"):
        parsed(text.get("k", type=int), b'$3\r\n"a"\r\n')


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (
        DataTypeError,
        "JSON.SET: value['tags'][2] is a set",
        lambda: text.set("k", "$", {"tags": ["a", "b", {1}]}),
    ),
    (
        DataValueError,
        "JSON.SET: value['x'] is nan: JSON has no NaN",
        lambda: text.set("k", "$", {"x": float("nan")}),
    ),
    (DataTypeError, "JSON.MERGE: value is an object", lambda: text.merge("k", "$", object())),
    (
        DataTypeError,
        "JSON.MSET: triplets[1][2]['a'] is a set",
        lambda: text.mset([("a", "$", 1), ("b", "$", {"a": {1}})]),
    ),
    (DataTypeError, "the key b'a' of value is a bytes", lambda: text.set("k", "$", {b"a": 1})),
    (
        DataValueError,
        r"the key b'\xff' is no UTF-8",
        lambda: text.set("k", "$", {b"\xff": 1}, decode_keys=True),
    ),
    (DataValueError, "nx and xx exclude", lambda: text.set("k", "$", 1, nx=True, xx=True)),
    (DataValueError, "fpha is 'FP8'", lambda: unchecked(text.set)("k", "$", 1, fpha="FP8")),
    (DataTypeError, "JSON.SET: path is None", lambda: unchecked(text.set)("k", None, 1)),
    (DataTypeError, "JSON.GET: paths[0] is 3 (int)", lambda: unchecked(text.get)("k", 3)),
    (DataTypeError, "JSON.MGET: path is []", lambda: unchecked(text.mget)("k", [])),
    (
        DataTypeError,
        "JSON.MSET: triplets[0][1] is 1",
        lambda: unchecked(text.mset)([("k", 1, 2)]),
    ),
    (
        DataTypeError,
        "JSON.MSET: triplets[0] is ('k', '$')",
        lambda: unchecked(text.mset)([("k", "$")]),
    ),
    (DataTypeError, "triplets is a dict", lambda: unchecked(text.mset)({"k": 1})),
    (DataTypeError, "triplets is a int", lambda: unchecked(text.mset)(3)),
    (DataValueError, "triplets is empty", lambda: text.mset([])),
    (DataValueError, "keys is empty", lambda: text.mget([], "$")),
    (
        DataValueError,
        "'noescape' as an option: write '.noescape'",
        lambda: text.get("k", "noescape"),
    ),
    (DataValueError, "b'FORMAT' as an option", lambda: text.get("k", "$.a", b"FORMAT")),
    (DataValueError, "subcommand is 'HELP'", lambda: unchecked(text.debug)("HELP", "k")),
    (
        DataTypeError,
        "type= is 'no such type'",
        lambda: unchecked(text.get)("k", type="no such type"),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)


async def test_nothing_of_a_transaction_is_sent() -> None:
    """G11: what cannot be encoded is refused when it is queued, not half way through."""
    server = FakeServer()
    async with server.client() as client:
        pipe = client.pipeline()
        pipe.json.set("k", "$", {"a": 1})
        with pytest.raises(DataError, match=r"JSON\.SET: value\['a'\] is a set"):
            pipe.json.set("k", "$", {"a": {1}})
        with pytest.raises(DataError, match="JSON"):
            await client.json.mset([("k", "$", 1), ("l", "$", {1})])
    assert server.count("JSON.SET") == server.count("JSON.MSET") == server.count("MULTI") == 0


async def test_a_fake_server_says_what_to_do() -> None:
    """It knows no JSON; a test can script it."""
    server = FakeServer()
    async with server.client() as client:
        with pytest.raises(UnknownCommandError, match=r'script it with server\.on\("JSON\.GET"'):
            await client.json.get("k")
