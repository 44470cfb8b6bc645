"""The commands on commands as a table: arguments to words, replies to values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.command_facts import CommandFacts
from anyredis.exceptions import DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.server_reports import CommandDoc, CommandInfo, TextReply
from tests.commands.tables import parsed, words


class Text(Blueprint, CommandFacts[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, CommandFacts[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("COMMAND", text.command()),
    ("COMMAND COUNT", text.command_count()),
    ("COMMAND DOCS", text.command_docs()),
    ("COMMAND DOCS get config|get", text.command_docs("get", "config|get")),
    ("COMMAND GETKEYS MSET a 1", text.command_getkeys("MSET", "a", 1)),
    ("COMMAND GETKEYSANDFLAGS SET a 1", text.command_getkeysandflags(["SET", "a", 1])),
    ("COMMAND INFO", text.command_info()),
    ("COMMAND INFO get set", text.command_info("get", "set")),
    ("COMMAND LIST", text.command_list()),
    ("COMMAND LIST FILTERBY MODULE json", text.command_list(module="json")),
    ("COMMAND LIST FILTERBY ACLCAT read", text.command_list(category="read")),
    ("COMMAND LIST FILTERBY PATTERN ge*", text.command_list(pattern="ge*")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


def bulk(data: str) -> bytes:
    """A string of the protocol."""
    return b"$%d\r\n%s\r\n" % (len(data), data.encode())


def many(*items: bytes) -> bytes:
    """An array of the protocol."""
    return b"*%d\r\n" % len(items) + b"".join(items)


def fields(sign: bytes, *items: bytes) -> bytes:
    """A map as RESP3 (`%`) or RESP2 (`*`) has it."""
    count = len(items) // 2 if sign == b"%" else len(items)
    return b"%s%d\r\n" % (sign, count) + b"".join(items)


def info(sign: bytes, name: str, *subcommands: bytes) -> bytes:
    """A command in the reply of COMMAND."""
    spec = fields(
        sign,
        *(bulk("flags"), many(bulk("RO"))),
        *(bulk("begin_search"), fields(sign, bulk("type"), bulk("index"))),
    )
    numbers = b":-2\r\n", many(b"+readonly\r\n"), b":1\r\n", b":-1\r\n", b":2\r\n"
    return many(
        *(bulk(name), *numbers, many(b"+@read\r\n"), many(bulk("tip"))),
        *(many(spec), many(*subcommands)),
    )


SPEC: dict[str, TextReply] = {"flags": ["RO"], "begin_search": {"type": "index"}}
INNER = CommandInfo("a|b", -2, ["readonly"], 1, -1, 2, ["@read"], ["tip"], [SPEC], [])
OUTER = INNER._replace(name="a", subcommands=[INNER])
OLD = many(bulk("a"), b":2\r\n", many(), b":0\r\n", b":0\r\n", b":0\r\n")
DOC = CommandDoc("Does.", "1.0.0", "string", "O(1)", [{"name": "key"}], {}, {"state": "fine"})
NO_DOC = CommandDoc("", "", "", "", [], {"a|b": CommandDoc("", "7.0.0", "", "", [], {}, {})}, {})


def doc(sign: bytes) -> bytes:
    """The documentation of a command, and of a container."""
    known = fields(
        sign,
        *(bulk("summary"), bulk("Does."), bulk("since"), bulk("1.0.0")),
        *(bulk("group"), bulk("string"), bulk("complexity"), bulk("O(1)")),
        *(bulk("state"), bulk("fine")),
        *(bulk("arguments"), many(fields(sign, bulk("name"), bulk("key")))),
    )
    container = fields(
        sign,
        bulk("subcommands"),
        fields(sign, bulk("a|b"), fields(sign, bulk("since"), bulk("7.0.0"))),
    )
    return fields(sign, bulk("get"), known, bulk("a"), container)


FLAGS = many(many(bulk("k"), many(b"+RW\r\n", b"+update\r\n")))

READ: list[tuple[Command[object], bytes, object]] = [
    (text.command(), many(info(b"*", "a", info(b"*", "a|b"))), {"a": OUTER}),
    (text.command(), many(info(b"%", "a", info(b"%", "a|b"))), {"a": OUTER}),
    (text.command_count(), b":200\r\n", 200),
    (text.command_docs(), doc(b"*"), {"get": DOC, "a": NO_DOC}),
    (text.command_docs(), doc(b"%"), {"get": DOC, "a": NO_DOC}),
    (text.command_getkeys("GET", "k"), many(bulk("k")), ["k"]),
    (text.command_getkeysandflags("GET", "k"), FLAGS, [("k", ["RW", "update"])]),
    (text.command_info("a|b", "no"), many(info(b"%", "a|b"), b"_\r\n"), [INNER, None]),
    (text.command_info("a|b", "no"), many(info(b"*", "a|b"), b"*-1\r\n"), [INNER, None]),
    (text.command_info("a"), many(OLD), [CommandInfo("a", 2, [], 0, 0, 0, [], [], [], [])]),
    (text.command_list(), many(bulk("get")), ["get"]),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_text_and_keys() -> None:
    """On a client that does not decode, keys are bytes, and all else is text."""
    assert parsed(binary.command_getkeys("GET", "k"), many(bulk("k")), encoding=None) == [b"k"]
    assert parsed(binary.command_list(), many(bulk("get")), encoding=None) == ["get"]
    command = binary.command_getkeysandflags("GET", "k")
    assert parsed(command, FLAGS, encoding=None) == [(b"k", ["RW", "update"])]
    assert parsed(binary.command_docs(), doc(b"*"), encoding=None)["get"] == DOC
    assert parsed(binary.command(), many(info(b"*", "a", info(b"*", "a|b"))), encoding=None) == {
        "a": OUTER
    }


ODD: list[tuple[Command[object], bytes]] = [
    (text.command(), many(many(bulk("a")))),
    (text.command_count(), b"+OK\r\n"),
    (text.command_docs(), many(bulk("a"), b":1\r\n")),
    (text.command_getkeys("GET", "k"), b":1\r\n"),
    (text.command_getkeysandflags("GET", "k"), many(bulk("k"))),
    (text.command_list(), many(b":1\r\n")),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "COMMAND GETKEYS: args is empty", text.command_getkeys),
    (DataValueError, "COMMAND GETKEYSANDFLAGS: args is empty", text.command_getkeysandflags),
    (DataValueError, "COMMAND INFO: names is empty", lambda: text.command_info([])),
    (DataValueError, "COMMAND DOCS: names is empty", lambda: text.command_docs([])),
    (
        DataValueError,
        "COMMAND LIST: module and pattern exclude",
        lambda: text.command_list(module="m", pattern="*"),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
