"""What the server recorded about commands, as a table: arguments to words, replies to values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.latency import Latency
from anyredis.exceptions import DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.server_reports import (
    CommandlogEntry,
    LatencyEvent,
    LatencyHistogram,
    LatencySample,
)
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Latency[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("COMMANDLOG GET 5 SLOW", text.commandlog_get(5, "SLOW")),
    ("COMMANDLOG GET -1 LARGE-REPLY", text.commandlog_get(-1, "LARGE-REPLY")),
    ("COMMANDLOG LEN LARGE-REQUEST", text.commandlog_len("LARGE-REQUEST")),
    ("COMMANDLOG RESET SLOW", text.commandlog_reset("SLOW")),
    ("LATENCY DOCTOR", text.latency_doctor()),
    ("LATENCY GRAPH command", text.latency_graph("command")),
    ("LATENCY HISTOGRAM", text.latency_histogram()),
    ("LATENCY HISTOGRAM get set", text.latency_histogram("get", "set")),
    ("LATENCY HISTORY command", text.latency_history("command")),
    ("LATENCY LATEST", text.latency_latest()),
    ("LATENCY RESET", text.latency_reset()),
    ("LATENCY RESET command fork", text.latency_reset(["command", "fork"])),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


ENTRY = (
    b"*6\r\n:3\r\n:1700000000\r\n:42\r\n*2\r\n$3\r\nGET\r\n$1\r\n\xff\r\n$3\r\na:1\r\n$2\r\nme\r\n"
)
HISTOGRAM2 = b"*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n*4\r\n:1\r\n:2\r\n:4\r\n:3\r\n"
HISTOGRAM3 = b"%1\r\n$3\r\nget\r\n%2\r\n$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n%2\r\n:1\r\n:2\r\n:4\r\n:3\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (
        text.commandlog_get(1, "SLOW"),
        b"*1\r\n" + ENTRY,
        [CommandlogEntry(3, 1_700_000_000, 42, [b"GET", b"\xff"], "a:1", "me")],
    ),
    (text.commandlog_len("SLOW"), b":3\r\n", 3),
    (text.commandlog_reset("SLOW"), b"+OK\r\n", True),
    (text.latency_doctor(), b"$2\r\nhi\r\n", "hi"),
    (text.latency_doctor(), b"=6\r\ntxt:hi\r\n", "hi"),
    (text.latency_graph("command"), b"$2\r\nhi\r\n", "hi"),
    (text.latency_histogram(), HISTOGRAM2, {"get": LatencyHistogram(3, {1: 2, 4: 3})}),
    (text.latency_histogram(), HISTOGRAM3, {"get": LatencyHistogram(3, {1: 2, 4: 3})}),
    (text.latency_histogram(), b"*0\r\n", {}),
    (text.latency_history("x"), b"*1\r\n*2\r\n:170\r\n:10\r\n", [LatencySample(170, 10)]),
    (
        text.latency_latest(),
        b"*2\r\n*4\r\n$1\r\na\r\n:170\r\n:10\r\n:12\r\n*6\r\n$1\r\nb\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n",
        [LatencyEvent("a", 170, 10, 12, []), LatencyEvent("b", 1, 2, 3, [4, 5])],
    ),
    (text.latency_reset(), b":2\r\n", 2),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.commandlog_get(1, "SLOW"), b"*1\r\n*1\r\n:3\r\n"),
    (text.commandlog_len("SLOW"), b"+OK\r\n"),
    (text.latency_doctor(), b":1\r\n"),
    (text.latency_histogram(), b"*2\r\n$1\r\na\r\n*2\r\n$5\r\ncalls\r\n:3\r\n"),
    (text.latency_history("x"), b"*1\r\n*1\r\n:170\r\n"),
    (text.latency_latest(), b"*1\r\n*1\r\n$1\r\na\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "COMMANDLOG GET: count is -2", lambda: text.commandlog_get(-2, "SLOW")),
    (
        DataValueError,
        "COMMANDLOG LEN: type is 'FAST'",
        lambda: unchecked(text.commandlog_len)("FAST"),
    ),
    (DataValueError, "LATENCY RESET: events is empty", lambda: text.latency_reset([])),
    (DataValueError, "LATENCY HISTOGRAM: commands is", lambda: text.latency_histogram([])),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
