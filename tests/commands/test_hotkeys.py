"""Hot keys as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.hotkeys import HotKeys, HotKeyTracking
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, HotKeyTracking[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("HOTKEYS GET", text.hotkeys_get()),
    ("HOTKEYS RESET", text.hotkeys_reset()),
    ("HOTKEYS START METRICS 1 CPU", text.hotkeys_start(["CPU"])),
    (
        "HOTKEYS START METRICS 2 CPU NET COUNT 5 DURATION 9 SAMPLE 3 SLOTS 2 1 7",
        text.hotkeys_start(["CPU", "NET"], count=5, duration=9, sample_ratio=3, slots=[1, 7]),
    ),
    ("HOTKEYS STOP", text.hotkeys_stop()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FIELDS = (
    b"$15\r\ntracking-active\r\n:1\r\n"
    b"$14\r\nselected-slots\r\n*1\r\n*2\r\n:0\r\n:5\r\n"
    b"$15\r\ntotal-net-bytes\r\n:91\r\n"
    b"$14\r\nby-cpu-time-us\r\n*2\r\n$1\r\na\r\n:16\r\n"
)
HOT = HotKeys(True, {"a": 16}, {}, [(0, 5)], {"total-net-bytes": 91})

READ: list[tuple[Command[object], bytes, object]] = [
    (text.hotkeys_get(), b"_\r\n", None),
    (text.hotkeys_get(), b"*1\r\n*8\r\n" + FIELDS, HOT),
    (text.hotkeys_get(), b"*1\r\n%4\r\n" + FIELDS, HOT),
    (text.hotkeys_reset(), b"+OK\r\n", True),
    (text.hotkeys_start(["NET"]), b"+OK\r\n", True),
    (text.hotkeys_stop(), b"+OK\r\n", True),
    (text.hotkeys_stop(), b"_\r\n", True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.hotkeys_get(), b"*0\r\n"),
    (text.hotkeys_get(), b"*1\r\n*2\r\n$1\r\na\r\n:1\r\n"),
    (text.hotkeys_start(["NET"]), b":1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "metrics has to be a list", lambda: unchecked(text.hotkeys_start)("CPU")),
    (DataValueError, "names one twice", lambda: text.hotkeys_start(["CPU", "CPU"])),
    (DataValueError, "metrics is empty", lambda: text.hotkeys_start([])),
    (DataValueError, "metrics is 'RAM'", lambda: unchecked(text.hotkeys_start)(["RAM"])),
    (DataValueError, "count is 0", lambda: text.hotkeys_start(["CPU"], count=0)),
    (DataValueError, "sample_ratio is 0", lambda: text.hotkeys_start(["CPU"], sample_ratio=0)),
    (DataValueError, "slot is 16384", lambda: text.hotkeys_start(["CPU"], slots=[16384])),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
