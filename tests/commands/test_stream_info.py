"""Reports on streams as a table: arguments to words, replies to values."""

from __future__ import annotations

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.stream_info import StreamReports
from anyredis.exceptions import ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.stream_reports import (
    DeliveredEntry,
    FullStreamConsumer,
    FullStreamGroup,
    FullStreamInfo,
    StreamConsumerInfo,
    StreamGroupInfo,
    StreamInfo,
)
from anyredis.stream_entries import StreamEntry
from tests.commands.tables import parsed, resp2, resp3, words


class Text(Blueprint, StreamReports[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, StreamReports[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("XINFO CONSUMERS s g", text.xinfo_consumers("s", "g")),
    ("XINFO GROUPS s", text.xinfo_groups("s")),
    ("XINFO STREAM s", text.xinfo_stream("s")),
    ("XINFO STREAM s FULL", text.xinfo_stream_full("s")),
    ("XINFO STREAM s FULL COUNT 0", text.xinfo_stream_full("s", 0)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


CONSUMER = b"$4\r\nname\r\n$1\r\nc\r\n$7\r\npending\r\n:2\r\n$4\r\nidle\r\n:70\r\n"
GROUP = (
    b"$4\r\nname\r\n$1\r\ng\r\n$9\r\nconsumers\r\n:1\r\n$7\r\npending\r\n:2\r\n"
    b"$17\r\nlast-delivered-id\r\n$3\r\n5-0\r\n"
)
STREAM = (
    b"$6\r\nlength\r\n:1\r\n$15\r\nradix-tree-keys\r\n:1\r\n$16\r\nradix-tree-nodes\r\n:2\r\n"
    b"$17\r\nlast-generated-id\r\n$3\r\n5-0\r\n$6\r\ngroups\r\n:1\r\n"
    b"$11\r\nfirst-entry\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n$10\r\nlast-entry\r\n"
)
CONSUMER_FIELDS: dict[str, object] = {"name": "c", "pending": 2, "idle": 70}
GROUP_FIELDS: dict[str, object] = {
    "name": "g",
    "consumers": 1,
    "pending": 2,
    "last-delivered-id": "5-0",
}
STREAM_FIELDS: dict[str, object] = {
    "length": 1,
    "radix-tree-keys": 1,
    "radix-tree-nodes": 2,
    "last-generated-id": "5-0",
    "groups": 1,
    "first-entry": ["1-0", ["a", "1"]],
    "last-entry": None,
}
READ_STREAM = StreamInfo(
    *(1, 1, 2, "5-0"),
    *(None, None, None),
    groups=1,
    first_entry=StreamEntry("1-0", {"a": "1"}),
    last_entry=None,
    idempotence=None,
    fields=STREAM_FIELDS,
)

FULL_CONSUMER: dict[str, object] = {
    "name": "c",
    "seen-time": 9,
    "active-time": 9,
    "pel-count": 1,
}
FULL_GROUP: dict[str, object] = {
    "name": "g",
    "last-delivered-id": "1-0",
    "entries-read": 1,
    "lag": None,
    "pel-count": 1,
}
FULL_STREAM: dict[str, object] = {
    "length": 1,
    "radix-tree-keys": 1,
    "radix-tree-nodes": 2,
    "last-generated-id": "1-0",
    "max-deleted-entry-id": "0-0",
    "entries-added": 1,
    "recorded-first-entry-id": "1-0",
}
FULL: dict[str, object] = FULL_STREAM | {
    "entries": [["1-0", ["a", "1"]]],
    "groups": [
        FULL_GROUP
        | {
            "pending": [["1-0", "c", 9, 1]],
            "consumers": [FULL_CONSUMER | {"pending": [["1-0", 9, 1]]}],
        }
    ],
}
DELIVERED = DeliveredEntry("1-0", "c", 9, 1)
READ_FULL: FullStreamInfo[str] = FullStreamInfo(
    *(1, 1, 2, "1-0", "0-0", 1, "1-0"),
    entries=[StreamEntry("1-0", {"a": "1"})],
    groups=[
        FullStreamGroup(
            *("g", "1-0", 1, None, 1, None),
            pending=[DELIVERED],
            consumers=[FullStreamConsumer("c", 9, 9, 1, [DELIVERED], FULL_CONSUMER)],
            fields=FULL_GROUP,
        )
    ],
    idempotence=None,
    fields=FULL_STREAM,
)

READ: list[tuple[Command[object], bytes, object]] = [
    (
        text.xinfo_consumers("s", "g"),
        b"*1\r\n*6\r\n" + CONSUMER,
        [StreamConsumerInfo("c", 2, 70, None, CONSUMER_FIELDS)],
    ),
    (
        text.xinfo_consumers("s", "g"),
        b"*1\r\n%4\r\n" + CONSUMER + b"$8\r\ninactive\r\n:-1\r\n",
        [StreamConsumerInfo("c", 2, 70, -1, CONSUMER_FIELDS | {"inactive": -1})],
    ),
    (
        text.xinfo_groups("s"),
        b"*1\r\n*8\r\n" + GROUP,
        [StreamGroupInfo("g", 1, 2, "5-0", None, None, GROUP_FIELDS)],
    ),
    (
        text.xinfo_groups("s"),
        b"*1\r\n%6\r\n" + GROUP + b"$12\r\nentries-read\r\n_\r\n$3\r\nlag\r\n:7\r\n",
        [
            StreamGroupInfo(
                "g", 1, 2, "5-0", None, 7, GROUP_FIELDS | {"entries-read": None, "lag": 7}
            )
        ],
    ),
    (text.xinfo_stream("s"), b"*14\r\n" + STREAM + b"*-1\r\n", READ_STREAM),
    (text.xinfo_stream("s"), b"%7\r\n" + STREAM + b"_\r\n", READ_STREAM),
    (text.xinfo_stream_full("s"), resp2(FULL), READ_FULL),
    (text.xinfo_stream_full("s"), resp3(FULL), READ_FULL),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_replies_undecoded() -> None:
    """On a client that does not decode, names are bytes; IDs and the names of fields are text."""
    [group] = parsed(binary.xinfo_groups("s"), b"*1\r\n*8\r\n" + GROUP, encoding=None)
    assert (group.name, group.last_delivered_id) == (b"g", "5-0")
    assert group.fields["last-delivered-id"] == b"5-0"
    stream = parsed(binary.xinfo_stream("s"), b"*14\r\n" + STREAM + b"*-1\r\n", encoding=None)
    assert stream.first_entry == StreamEntry("1-0", {b"a": b"1"})


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.xinfo_consumers("s", "g"), b"_\r\n"),
    (text.xinfo_consumers("s", "g"), b"*1\r\n*4\r\n$4\r\nname\r\n$1\r\nc\r\n$4\r\nidle\r\n:1\r\n"),
    (text.xinfo_groups("s"), b"*1\r\n:1\r\n"),
    (text.xinfo_stream("s"), b"*12\r\n" + STREAM.removesuffix(b"$10\r\nlast-entry\r\n")),
    (text.xinfo_stream_full("s"), b"*14\r\n" + STREAM + b"*-1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)
