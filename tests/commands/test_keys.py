"""Keys as a table: arguments in, words out; replies in, values out; mistakes in, errors out."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.keys import Keys
from anyredis.exceptions import BusyKeyError, DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Keys[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Keys[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

MINUTE = datetime.timedelta(minutes=1)
MOMENT = datetime.datetime(2033, 5, 18, 3, 33, 20, tzinfo=datetime.UTC)

SENT: list[tuple[str, Command[object]]] = [
    ("COPY a b", text.copy("a", "b")),
    ("COPY a b DB 0 REPLACE", text.copy("a", b"b", destination_db=0, replace=True)),
    ("DEL a b", text.delete("a", b"b")),
    ("DUMP k", text.dump("k")),
    ("EXISTS a a", text.exists("a", "a")),
    ("KEYS *", text.keys()),
    ("KEYS user:*", text.keys("user:*")),
    (
        "MIGRATE host 6380 - 0 60000 KEYS a b",
        text.migrate("host", 6380, ["a", "b"], destination_db=0, timeout=MINUTE),
    ),
    (
        "MIGRATE host 6380 - 1 9 COPY REPLACE AUTH pw KEYS a",
        text.migrate(
            "host", 6380, "a", destination_db=1, timeout=9, copy=True, replace=True, auth="pw"
        ),
    ),
    (
        "MIGRATE host 6380 - 1 9 AUTH2 me pw KEYS a",
        text.migrate("host", 6380, "a", destination_db=1, timeout=9, username="me", auth="pw"),
    ),
    ("MOVE k 1", text.move("k", 1)),
    ("OBJECT ENCODING k", text.object_encoding("k")),
    ("OBJECT FREQ k", text.object_freq("k")),
    ("OBJECT IDLETIME k", text.object_idletime("k")),
    ("OBJECT REFCOUNT k", text.object_refcount("k")),
    ("RANDOMKEY", text.randomkey()),
    ("RENAME a b", text.rename("a", "b")),
    ("RENAMENX a b", text.renamenx("a", "b")),
    ("RESTORE k 0 dump", text.restore("k", 0, b"dump")),
    ("RESTORE k 60000 dump REPLACE", text.restore("k", MINUTE, b"dump", replace=True)),
    ("RESTORE k 9 dump ABSTTL", text.restore("k", 9, b"dump", absttl=True)),
    ("RESTORE k 2000000000000 dump ABSTTL", text.restore("k", MOMENT, b"dump", absttl=True)),
    ("RESTORE k 0 dump IDLETIME 60", text.restore("k", 0, b"dump", idletime=MINUTE)),
    ("RESTORE k 0 dump FREQ 0", text.restore("k", 0, bytearray(b"dump"), frequency=0)),
    ("SCAN 0", text.scan()),
    ("SCAN 17 MATCH a* COUNT 100 TYPE hash", text.scan(17, "a*", 100, "hash")),
    ("SCAN 17 COUNT 0", text.scan(cursor=17, count=0)),
    ("TOUCH a b", text.touch("a", "b")),
    ("TYPE k", text.type("k")),
    ("UNLINK a b", text.unlink("a", "b")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order; `-` stands for an empty one."""
    assert [word or "-" for word in words(command)] == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.copy("a", "b"), b":1\r\n", True),
    (text.copy("a", "b"), b":0\r\n", False),
    (text.delete("a", "b"), b":2\r\n", 2),
    (text.dump("k"), b"$3\r\n\xff\x00\x01\r\n", b"\xff\x00\x01"),
    (text.dump("k"), b"$-1\r\n", None),
    (text.dump("k"), b"_\r\n", None),
    (text.exists("a"), b":1\r\n", 1),
    (text.keys(), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.keys(), b"*0\r\n", []),
    (text.migrate("h", 1, "a", destination_db=0, timeout=1), b"+OK\r\n", True),
    (text.migrate("h", 1, "a", destination_db=0, timeout=1), b"+NOKEY\r\n", False),
    (text.move("k", 1), b":1\r\n", True),
    (text.object_encoding("k"), b"$3\r\nraw\r\n", "raw"),
    (text.object_encoding("k"), b"_\r\n", None),
    (text.object_freq("k"), b":5\r\n", 5),
    (text.object_idletime("k"), b"$-1\r\n", None),
    (text.object_refcount("k"), b":1\r\n", 1),
    (text.randomkey(), b"$1\r\na\r\n", "a"),
    (text.randomkey(), b"_\r\n", None),
    (text.rename("a", "b"), b"+OK\r\n", True),
    (text.renamenx("a", "b"), b":0\r\n", False),
    (text.restore("k", 0, b""), b"+OK\r\n", True),
    (text.scan(), b"*2\r\n$1\r\n0\r\n*0\r\n", (0, [])),
    (
        text.scan(),
        b"*2\r\n$20\r\n18446744073709551615\r\n*1\r\n$1\r\na\r\n",
        (18_446_744_073_709_551_615, ["a"]),
    ),
    (text.touch("a"), b":1\r\n", 1),
    (text.type("k"), b"+none\r\n", "none"),
    (text.unlink("a"), b":0\r\n", 0),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (binary.dump("k"), b"$2\r\n\xff\x00\r\n", b"\xff\x00"),
    (binary.keys(), b"*1\r\n$1\r\n\xff\r\n", [b"\xff"]),
    (binary.migrate("h", 1, "a", destination_db=0, timeout=1), b"+NOKEY\r\n", False),
    (binary.object_encoding("k"), b"$3\r\nraw\r\n", "raw"),
    (binary.randomkey(), b"$1\r\na\r\n", b"a"),
    (binary.rename("a", "b"), b"+OK\r\n", True),
    (binary.scan(), b"*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n", (7, [b"a"])),
    (binary.type("k"), b"+string\r\n", "string"),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """On a client that does not decode, keys are bytes; counts, flags and types are the same."""
    result = parsed(command, raw, encoding=None)
    assert result == value
    assert type(result) is type(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.copy("a", "b"), b":2\r\n"),
    (text.delete("a"), b"+OK\r\n"),
    (text.dump("k"), b":1\r\n"),
    (text.keys(), b"$1\r\na\r\n"),
    (text.migrate("h", 1, "a", destination_db=0, timeout=1), b"+QUEUED\r\n"),
    (text.migrate("h", 1, "a", destination_db=0, timeout=1), b":1\r\n"),
    (text.object_encoding("k"), b":1\r\n"),
    (text.object_freq("k"), b"$1\r\n5\r\n"),
    (text.randomkey(), b":1\r\n"),
    (text.rename("a", "b"), b":1\r\n"),
    (text.scan(), b"*1\r\n$1\r\n0\r\n"),
    (text.scan(), b"*2\r\n$1\r\n0\r\n:1\r\n"),
    (text.type("k"), b"_\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


def test_error_reply() -> None:
    """A refusal of the server is raised as the error of its code."""
    with pytest.raises(BusyKeyError):
        parsed(text.restore("k", 0, b""), b"-BUSYKEY Target key name already exists.\r\n")


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "DEL: keys[1] is None", lambda: unchecked(text.delete)("a", None)),
    (DataTypeError, "RESTORE: value is None", lambda: unchecked(text.restore)("k", 0, None)),
    (DataTypeError, "SCAN: count is True", lambda: unchecked(text.scan)(count=True)),
    (DataValueError, "DEL: keys is empty", text.delete),
    (DataValueError, "EXISTS: keys is empty", text.exists),
    (DataValueError, "TOUCH: keys is empty", text.touch),
    (DataValueError, "UNLINK: keys is empty", text.unlink),
    (
        DataValueError,
        "MIGRATE: keys is empty",
        lambda: text.migrate("h", 1, [], destination_db=0, timeout=1),
    ),
    (
        DataValueError,
        "MIGRATE: username is given without auth",
        lambda: text.migrate("h", 1, "a", destination_db=0, timeout=1, username="me"),
    ),
    (
        DataValueError,
        "RESTORE: idletime and frequency",
        lambda: text.restore("k", 0, b"", idletime=1, frequency=1),
    ),
    (DataValueError, "RESTORE: ttl is a datetime", lambda: text.restore("k", MOMENT, b"")),
    (
        DataValueError,
        "RESTORE: ttl is a timedelta",
        lambda: text.restore("k", MINUTE, b"", absttl=True),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
