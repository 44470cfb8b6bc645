"""The commands on lists that wait: words, replies and mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Batch, Blueprint, Command
from anyredis.commands.blocking_lists import BlockingLists
from anyredis.exceptions import DataError, DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, BlockingLists[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, BlockingLists[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


class Queue(Batch, BlockingLists[str]):
    """A pipeline with blocking commands, which must not exist."""

    read = TextReaders(str)


text, binary = Text(), Binary()

SENT: list[tuple[Command[object], str]] = [
    (text.blmove("a", "b"), "BLMOVE a b LEFT RIGHT 0"),
    (text.blmove("a", "b", 1.5, "right", "LEFT"), "BLMOVE a b RIGHT LEFT 1.5"),
    (text.blmove("a", "b", src="RIGHT", timeout=2), "BLMOVE a b RIGHT RIGHT 2"),
    (text.blmovem("a", "b"), "BLMOVEM a b LEFT RIGHT 0"),
    (
        text.blmovem("a", "b", 0.5, count=2, ordering="BULK"),
        "BLMOVEM a b LEFT RIGHT 0.5 COUNT 2 BULK",
    ),
    (
        text.blmovem("a", "b", 1, "RIGHT", "LEFT", count=2, mode="EXACTLY", ordering="OBO"),
        "BLMOVEM a b RIGHT LEFT 1 EXACTLY 2 OBO",
    ),
    (text.blmpop("a", direction="LEFT"), "BLMPOP 0 1 a LEFT"),
    (
        text.blmpop(["a", "b"], direction="RIGHT", timeout=1.5, count=3),
        "BLMPOP 1.5 2 a b RIGHT COUNT 3",
    ),
    (text.blpop("a"), "BLPOP a 0"),
    (text.blpop(["a", b"b"], timeout=0.25), "BLPOP a b 0.25"),
    (text.brpop("a"), "BRPOP a 0"),
    (text.brpop(["a", b"b"], timeout=3), "BRPOP a b 3"),
    (text.brpoplpush("a", "b"), "BRPOPLPUSH a b 0"),
    (text.brpoplpush("a", "b", timeout=2), "BRPOPLPUSH a b 2"),
]

READ: list[tuple[Command[object], bytes, object]] = [
    (text.blmove("a", "b"), b"$1\r\na\r\n", "a"),
    (text.blmove("a", "b"), b"*-1\r\n", None),
    (text.blmove("a", "b"), b"_\r\n", None),
    (text.blmovem("a", "b"), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.blmovem("a", "b"), b"*-1\r\n", None),
    (text.blmovem("a", "b"), b"_\r\n", None),
    (
        text.blmpop("k", direction="LEFT"),
        b"*2\r\n$1\r\nk\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        ("k", ["a", "b"]),
    ),
    (text.blmpop("k", direction="LEFT"), b"*-1\r\n", None),
    (text.blmpop("k", direction="LEFT"), b"_\r\n", None),
    (text.blpop("k"), b"*2\r\n$1\r\nk\r\n$1\r\na\r\n", ("k", "a")),
    (text.blpop("k"), b"*-1\r\n", None),
    (text.blpop("k"), b"_\r\n", None),
    (text.brpop("k"), b"*2\r\n$1\r\nk\r\n$1\r\na\r\n", ("k", "a")),
    (text.brpop("k"), b"*-1\r\n", None),
    (text.brpop("k"), b"_\r\n", None),
    (text.brpoplpush("a", "b"), b"$1\r\na\r\n", "a"),
    (text.brpoplpush("a", "b"), b"*-1\r\n", None),
]

READ_BINARY: list[tuple[Command[object], bytes, object]] = [
    (
        binary.blmpop("k", direction="LEFT"),
        b"*2\r\n$1\r\nk\r\n*1\r\n$1\r\na\r\n",
        (b"k", [b"a"]),
    ),
    (binary.blpop("k"), b"*2\r\n$1\r\nk\r\n$1\r\n\xff\r\n", (b"k", b"\xff")),
]

STRANGE: list[tuple[Command[object], bytes]] = [
    (text.blpop("k"), b"*1\r\n$1\r\nk\r\n"),
    (text.blpop("k"), b"*2\r\n$1\r\nk\r\n*1\r\n$1\r\na\r\n"),
    (text.blmpop("k", direction="LEFT"), b"*2\r\n$1\r\nk\r\n$1\r\na\r\n"),
    (text.blmove("a", "b"), b":1\r\n"),
]

MISTAKES: list[tuple[Callable[[], object], type[DataError], str]] = [
    (lambda: text.blpop([]), DataValueError, "BLPOP: keys is empty"),
    (lambda: text.brpop([]), DataValueError, "BRPOP: keys is empty"),
    (lambda: text.blmpop([], direction="LEFT"), DataValueError, "BLMPOP: keys is empty"),
    (
        lambda: unchecked(text.blmpop)("k", direction="up"),
        DataValueError,
        "BLMPOP: direction is 'up': give LEFT or RIGHT",
    ),
    (
        lambda: unchecked(text.blmove)("a", "b", 0, "up"),
        DataValueError,
        "BLMOVE: src is 'up': give LEFT or RIGHT",
    ),
    (
        lambda: text.blmovem("a", "b", count=2),
        DataValueError,
        "BLMOVEM: count needs an ordering: give OBO or BULK",
    ),
    (
        lambda: unchecked(text.blpop)("k", timeout=None),
        DataTypeError,
        "BLPOP: timeout is None",
    ),
    (lambda: unchecked(text.blpop)(["a", None]), DataTypeError, r"BLPOP: keys\[1\] is None"),
    (lambda: unchecked(text.blpop)(["a", 5]), DataTypeError, r"BLPOP: keys\[1\] is 5 \(int\)"),
    (
        lambda: unchecked(text.blpop)("a", "b"),
        DataTypeError,
        r"BLPOP: timeout is 'b'.*write \(\[key, …\], timeout=",
    ),
    (
        lambda: unchecked(text.brpop)("a", "b"),
        DataTypeError,
        r"BRPOP: timeout is 'b'.*write \(\[key, …\], timeout=",
    ),
    (lambda: unchecked(text.blpop)("a", "b", 5), DataTypeError, "write several keys as one list"),
    (lambda: unchecked(text.blmpop)("a", "b"), DataValueError, r"write blmpop\(\[key, …\], 'LEFT'"),
    (
        lambda: getattr(Queue(), "blpop")("k"),  # noqa: B009 - a type checker refuses it
        DataTypeError,
        "blpop blocks: call it on the client, not in a pipeline",
    ),
]


@pytest.mark.parametrize(("command", "sent"), SENT, ids=[sent for _, sent in SENT])
def test_words(command: Command[object], sent: str) -> None:
    """Arguments become the words that the server wants."""
    assert words(command) == sent.split()


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply in either protocol becomes the promised value."""
    assert parsed(command, raw) == value


@pytest.mark.parametrize(("command", "raw", "value"), READ_BINARY)
def test_binary_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A client that does not decode gets bytes."""
    assert parsed(command, raw, None) == value


@pytest.mark.parametrize(("command", "raw"), STRANGE)
def test_strange_replies(command: Command[object], raw: bytes) -> None:
    """A reply of another shape is an error, never a guess."""
    with pytest.raises(ProtocolError):
        parsed(command, raw)


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes(mistake: Callable[[], object], error: type[DataError], message: str) -> None:
    """Bad input is refused at once, and the message names the argument."""
    with pytest.raises(error, match=message):
        mistake()
