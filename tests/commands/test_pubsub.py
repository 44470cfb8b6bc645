"""Publishing and reports of subscriptions as a table: words, replies, mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.pubsub import PubSubCommands
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, PubSubCommands[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, PubSubCommands[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("PUBLISH c m", text.publish("c", "m")),
    ("PUBLISH c 7", text.publish(b"c", 7)),
    ("PUBSUB CHANNELS *", text.pubsub_channels()),
    ("PUBSUB CHANNELS a*", text.pubsub_channels("a*")),
    ("PUBSUB NUMPAT", text.pubsub_numpat()),
    ("PUBSUB NUMSUB", text.pubsub_numsub()),
    ("PUBSUB NUMSUB a b c", text.pubsub_numsub("a", ["b", b"c"])),
    ("PUBSUB SHARDCHANNELS *", text.pubsub_shardchannels()),
    ("PUBSUB SHARDCHANNELS a*", text.pubsub_shardchannels(b"a*")),
    ("PUBSUB SHARDNUMSUB", text.pubsub_shardnumsub()),
    ("PUBSUB SHARDNUMSUB a b", text.pubsub_shardnumsub(["a", "b"])),
    ("SPUBLISH c m", text.spublish("c", "m")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


COUNTS = b"*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:0\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.publish("c", "m"), b":3\r\n", 3),
    (text.spublish("c", "m"), b":0\r\n", 0),
    (text.pubsub_channels(), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.pubsub_channels(), b"*0\r\n", []),
    (text.pubsub_shardchannels(), b"*1\r\n$1\r\na\r\n", ["a"]),
    (text.pubsub_numpat(), b":4\r\n", 4),
    (text.pubsub_numsub("a", "b"), COUNTS, [("a", 2), ("b", 0)]),
    (text.pubsub_numsub("a", "b"), b"%2\r\n" + COUNTS[4:], [("a", 2), ("b", 0)]),
    (text.pubsub_numsub(), b"*0\r\n", []),
    (text.pubsub_shardnumsub("a", "b"), COUNTS, [("a", 2), ("b", 0)]),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (binary.pubsub_channels(), b"*1\r\n$1\r\n\xff\r\n", [b"\xff"]),
    (binary.pubsub_numsub(b"\xff"), b"*2\r\n$1\r\n\xff\r\n:1\r\n", [(b"\xff", 1)]),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """On a client that does not decode, names are bytes."""
    assert parsed(command, raw, encoding=None) == value


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.publish("c", "m"), b"+OK\r\n"),
    (text.pubsub_channels(), b":1\r\n"),
    (text.pubsub_channels(), b"*1\r\n:1\r\n"),
    (text.pubsub_numpat(), b"_\r\n"),
    (text.pubsub_numsub("a"), b"*1\r\n$1\r\na\r\n"),
    (text.pubsub_shardnumsub("a"), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
    (text.spublish("c", "m"), b"*0\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "PUBLISH: channel is None", lambda: unchecked(text.publish)(None, "m")),
    (DataTypeError, "PUBLISH: message is None", lambda: unchecked(text.publish)("c", None)),
    (DataTypeError, "SPUBLISH: message is None", lambda: unchecked(text.spublish)("c", None)),
    (DataTypeError, "NUMSUB: .*numbers are no keys", lambda: unchecked(text.pubsub_numsub)(1)),
    (DataValueError, "NUMSUB: channels is empty", lambda: text.pubsub_numsub([])),
    (DataTypeError, "pattern is None", lambda: unchecked(text.pubsub_channels)(None)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A wrong argument is refused before anything is sent, by its name."""
    with pytest.raises(error, match=message):
        call()
