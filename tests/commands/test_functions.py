"""Functions as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.functions import Functions
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.server_reports import (
    EngineStats,
    FunctionDescription,
    FunctionStats,
    LibraryDescription,
    RunningFunction,
)
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Functions[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Functions[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("FCALL f 0", text.fcall("f", 0)),
    ("FCALL f 1 k a 1", text.fcall(b"f", 1, "k", "a", 1)),
    ("FCALL_RO f 1 k a", text.fcall_ro("f", 1, "k", "a")),
    ("FUNCTION DELETE lib", text.function_delete("lib")),
    ("FUNCTION DUMP", text.function_dump()),
    ("FUNCTION FLUSH SYNC", text.function_flush()),
    ("FUNCTION FLUSH ASYNC", text.function_flush("async")),
    ("FUNCTION KILL", text.function_kill()),
    ("FUNCTION LIST LIBRARYNAME *", text.function_list()),
    ("FUNCTION LIST LIBRARYNAME l* WITHCODE", text.function_list("l*", withcode=True)),
    ("FUNCTION LOAD code", text.function_load("code")),
    ("FUNCTION LOAD REPLACE code", text.function_load("code", replace=True)),
    ("FUNCTION RESTORE bytes APPEND", text.function_restore(b"bytes")),
    ("FUNCTION RESTORE bytes FLUSH", text.function_restore(b"bytes", "FLUSH")),
    ("FUNCTION RESTORE bytes REPLACE", text.function_restore(b"bytes", policy="replace")),
    ("FUNCTION STATS", text.function_stats()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


F2 = b"*6\r\n$4\r\nname\r\n$1\r\nf\r\n$11\r\ndescription\r\n$-1\r\n$5\r\nflags\r\n*1\r\n+no-writes\r\n"
F3 = b"%3\r\n$4\r\nname\r\n$1\r\nf\r\n$11\r\ndescription\r\n$1\r\nd\r\n$5\r\nflags\r\n~0\r\n"
HEAD = b"$12\r\nlibrary_name\r\n$3\r\nlib\r\n$6\r\nengine\r\n$3\r\nLUA\r\n$9\r\nfunctions\r\n*1\r\n"
CODE = b"$12\r\nlibrary_code\r\n$2\r\n#!\r\n"
LIST2 = b"*1\r\n*6\r\n" + HEAD + F2
LIST3 = b"*1\r\n%4\r\n" + HEAD + F3 + CODE

PLAIN = LibraryDescription(
    "lib", "LUA", [FunctionDescription("f", None, frozenset({"no-writes"}))], None
)
WITH_CODE = LibraryDescription(
    "lib", "LUA", [FunctionDescription("f", "d", frozenset[str]())], "#!"
)

COUNTS = b"$15\r\nlibraries_count\r\n:1\r\n$15\r\nfunctions_count\r\n:2\r\n"
IDLE2 = b"*4\r\n$14\r\nrunning_script\r\n$-1\r\n$7\r\nengines\r\n*2\r\n$3\r\nLUA\r\n*4\r\n" + COUNTS
BUSY3 = (
    b"%2\r\n$14\r\nrunning_script\r\n%3\r\n$4\r\nname\r\n$1\r\nf\r\n$7\r\ncommand\r\n"
    b"*2\r\n$5\r\nFCALL\r\n$1\r\n\xff\r\n$11\r\nduration_ms\r\n:12\r\n"
    b"$7\r\nengines\r\n%1\r\n$3\r\nLUA\r\n%2\r\n" + COUNTS
)
ENGINES = {"LUA": EngineStats(1, 2)}
RUNNING = RunningFunction("f", [b"FCALL", b"\xff"], 12)

READ: list[tuple[Command[object], bytes, object]] = [
    (text.fcall("f", 0), b":7\r\n", 7),
    (text.fcall_ro("f", 0), b"$1\r\na\r\n", "a"),
    (text.function_delete("lib"), b"+OK\r\n", True),
    (text.function_dump(), b"$2\r\n\xff\x00\r\n", b"\xff\x00"),
    (text.function_flush(), b"+OK\r\n", True),
    (text.function_kill(), b"+OK\r\n", True),
    (text.function_list(), LIST2, [PLAIN]),
    (binary.function_list(), LIST2, [PLAIN]),
    (text.function_list(withcode=True), LIST3, [WITH_CODE]),
    (text.function_list(), b"*0\r\n", []),
    (text.function_load("code"), b"$3\r\nlib\r\n", "lib"),
    (binary.function_load("code"), b"$3\r\nlib\r\n", "lib"),
    (text.function_restore(b"x"), b"+OK\r\n", True),
    (text.function_stats(), IDLE2, FunctionStats(None, ENGINES)),
    (text.function_stats(), BUSY3, FunctionStats(RUNNING, ENGINES)),
    (binary.function_stats(), BUSY3, FunctionStats(RUNNING, ENGINES)),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_values(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, in RESP2 and RESP3."""
    assert parsed(command, raw) == value


def test_bytes() -> None:
    """Text is bytes for a client that does not decode; names are always str."""
    assert parsed(binary.fcall_ro("f", 0), b"$1\r\na\r\n", None) == b"a"
    assert parsed(binary.function_list(withcode=True), LIST3, None) == [WITH_CODE]


UNEXPECTED: list[tuple[Command[object], bytes]] = [
    (text.function_delete("lib"), b":1\r\n"),
    (text.function_dump(), b"$-1\r\n"),
    (text.function_flush(), b":1\r\n"),
    (text.function_kill(), b":1\r\n"),
    (text.function_list(), b"$-1\r\n"),
    (text.function_list(), b"*1\r\n*2\r\n$6\r\nengine\r\n$3\r\nLUA\r\n"),
    (text.function_list(), b"*1\r\n*6\r\n" + HEAD + b"*2\r\n$4\r\nname\r\n$1\r\nf\r\n"),
    (text.function_load("code"), b":1\r\n"),
    (text.function_restore(b"x"), b"$-1\r\n"),
    (text.function_stats(), b"*2\r\n$14\r\nrunning_script\r\n$-1\r\n"),
    (text.function_stats(), b":1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNEXPECTED)
def test_other_replies(command: Command[object], raw: bytes) -> None:
    """A reply of another shape is a `ProtocolError`, never a value."""
    with pytest.raises(ProtocolError):
        parsed(command, raw)


WRONG: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: text.fcall("f", 2, "k"), DataValueError, "FCALL: numkeys is 2, with 1"),
    (lambda: text.fcall_ro("f", 2, "k"), DataValueError, "FCALL_RO: numkeys is 2, with 1"),
    (lambda: unchecked(text.fcall)("f", "k"), DataTypeError, "numkeys is 'k'"),
    (lambda: unchecked(text.function_flush)("later"), DataValueError, "give SYNC or ASYNC"),
    (
        lambda: unchecked(text.function_restore)(b"x", "MERGE"),
        DataValueError,
        "APPEND or FLUSH or REPLACE",
    ),
    (lambda: unchecked(text.function_load)("x", True), DataTypeError, "write replace=... by name"),
    (lambda: unchecked(text.function_list)("x", True), DataTypeError, "write withcode=... by name"),
    (lambda: unchecked(text.function_load)("x", replace=1), DataTypeError, "replace is 1"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_mistakes(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """A call that makes no sense is refused when it is made, in words that name the argument."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
