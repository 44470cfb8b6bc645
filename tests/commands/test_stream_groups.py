"""Consumer groups as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.stream_groups import StreamGroups
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.stream_entries import (
    AutoClaim,
    AutoClaimIds,
    ClaimedEntry,
    PendingEntry,
    PendingSummary,
    StreamEntry,
)
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, StreamGroups[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, StreamGroups[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

MINUTE = datetime.timedelta(minutes=1)
MOMENT = datetime.datetime(2033, 5, 18, 3, 33, 20, tzinfo=datetime.UTC)

SENT: list[tuple[str, Command[object]]] = [
    ("XACK s g 1-0 2", text.xack("s", "g", "1-0", 2)),
    ("XACK s g 1-0 2-0 3-0", text.xack("s", b"g", ["1-0", b"2-0"], "3-0")),
    ("XACKDEL s g KEEPREF IDS 1 1-0", text.xackdel("s", "g", "1-0")),
    (
        "XACKDEL s g DELREF IDS 2 1-0 2-0",
        text.xackdel("s", "g", ["1-0", "2-0"], ref_policy="DELREF"),
    ),
    ("XAUTOCLAIM s g c 60000 0-0", text.xautoclaim("s", "g", "c", MINUTE)),
    ("XAUTOCLAIM s g c 9 5-0 COUNT 10", text.xautoclaim("s", "g", "c", 9, "5-0", 10)),
    ("XAUTOCLAIM s g c 9 0-0 JUSTID", text.xautoclaim_ids("s", "g", "c", 9)),
    ("XAUTOCLAIM s g c 9 5 COUNT 10 JUSTID", text.xautoclaim_ids("s", "g", "c", 9, 5, 10)),
    ("XCLAIM s g c 60000 1-0", text.xclaim("s", "g", "c", MINUTE, "1-0")),
    ("XCLAIM s g c 9 1-0 2", text.xclaim("s", "g", "c", 9, ["1-0", 2])),
    (
        "XCLAIM s g c 9 1-0 IDLE 60000 RETRYCOUNT 3 LASTID 7-0 FORCE",
        text.xclaim(
            "s", "g", "c", 9, ["1-0"], idle=MINUTE, retrycount=3, force=True, last_id="7-0"
        ),
    ),
    ("XCLAIM s g c 9 1-0 TIME 2000000000000", text.xclaim("s", "g", "c", 9, "1-0", time=MOMENT)),
    ("XCLAIM s g c 9 1-0 JUSTID", text.xclaim_ids("s", "g", "c", 9, "1-0")),
    (
        "XCLAIM s g c 9 1-0 2-0 IDLE 0 FORCE JUSTID",
        text.xclaim_ids("s", "g", "c", 9, ("1-0", "2-0"), idle=0, force=True),
    ),
    ("XGROUP CREATE s g $", text.xgroup_create("s", "g")),
    (
        "XGROUP CREATE s g 0 MKSTREAM ENTRIESREAD 7",
        text.xgroup_create("s", "g", 0, mkstream=True, entries_read=7),
    ),
    ("XGROUP CREATECONSUMER s g c", text.xgroup_createconsumer("s", "g", "c")),
    ("XGROUP DELCONSUMER s g c", text.xgroup_delconsumer("s", "g", "c")),
    ("XGROUP DESTROY s g", text.xgroup_destroy("s", "g")),
    ("XGROUP SETID s g 5-0", text.xgroup_setid("s", "g", "5-0")),
    ("XGROUP SETID s g $ ENTRIESREAD 7", text.xgroup_setid("s", "g", "$", entries_read=7)),
    ("XNACK s g FAIL IDS 1 1-0", text.xnack("s", "g", "FAIL", "1-0")),
    (
        "XNACK s g SILENT IDS 2 1-0 2 RETRYCOUNT 3 FORCE",
        text.xnack("s", "g", "SILENT", ["1-0", 2], retrycount=3, force=True),
    ),
    ("XPENDING s g", text.xpending("s", "g")),
    ("XPENDING s g - + 10", text.xpending_range("s", "g", "-", "+", 10)),
    (
        "XPENDING s g IDLE 60000 1-0 2-0 10 c",
        text.xpending_range("s", "g", "1-0", "2-0", 10, "c", idle=MINUTE),
    ),
    ("XREADGROUP GROUP g c STREAMS s >", text.xreadgroup("g", "c", {"s": ">"})),
    (
        "XREADGROUP GROUP g c COUNT 9 BLOCK 60000 NOACK STREAMS s t > 0",
        text.xreadgroup("g", "c", {"s": ">", "t": 0}, 9, MINUTE, noack=True),
    ),
    (
        "XREADGROUP GROUP g c MAXCOUNT 9 MAXSIZE 4096 BLOCK 0 STREAMS s >",
        text.xreadgroup("g", "c", {"s": ">"}, block=0, max_count=9, max_size=4096),
    ),
    (
        "XREADGROUP GROUP g c CLAIM 60000 STREAMS s >",
        text.xreadgroup_claim("g", "c", MINUTE, {"s": ">"}),
    ),
    (
        "XREADGROUP GROUP g c COUNT 9 BLOCK 5 CLAIM 60 NOACK STREAMS s t > >",
        text.xreadgroup_claim("g", "c", 60, {"s": ">", "t": b">"}, 9, 5, noack=True),
    ),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


ENTRY = b"*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"
GONE2, GONE3 = b"*2\r\n$3\r\n2-0\r\n*-1\r\n", b"*2\r\n$3\r\n2-0\r\n_\r\n"
CLAIMED = b"*1\r\n*4\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n:70000\r\n:2\r\n"
IDS = b"*2\r\n$3\r\n1-0\r\n$3\r\n2-0\r\n"
READ_ENTRY = StreamEntry("1-0", {"a": "1"})
GONE: StreamEntry[str] = StreamEntry("2-0", {})
CODES = b"*3\r\n:1\r\n:-1\r\n:2\r\n"
PENDING = b"*1\r\n*4\r\n$3\r\n1-0\r\n$1\r\nc\r\n:70000\r\n:2\r\n"
SUMMARY = b"*4\r\n:3\r\n$3\r\n1-0\r\n$3\r\n5-0\r\n*2\r\n*2\r\n$1\r\nc\r\n$1\r\n2\r\n*2\r\n$1\r\nd\r\n$1\r\n1\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.xack("s", "g", 1), b":1\r\n", 1),
    (text.xackdel("s", "g", 1), CODES, [1, -1, 2]),
    (
        text.xautoclaim("s", "g", "c", 9),
        b"*3\r\n$3\r\n0-0\r\n*1\r\n" + ENTRY + IDS,
        AutoClaim("0-0", [READ_ENTRY], ["1-0", "2-0"]),
    ),
    (
        text.xautoclaim("s", "g", "c", 9),
        b"*2\r\n$3\r\n5-0\r\n*2\r\n" + ENTRY + b"*-1\r\n",
        AutoClaim("5-0", [READ_ENTRY], []),
    ),
    (
        text.xautoclaim_ids("s", "g", "c", 9),
        b"*3\r\n$3\r\n0-0\r\n" + IDS + b"*0\r\n",
        AutoClaimIds("0-0", ["1-0", "2-0"], []),
    ),
    (text.xclaim("s", "g", "c", 9, 1), b"*1\r\n" + ENTRY, [READ_ENTRY]),
    (text.xclaim("s", "g", "c", 9, 1), b"*2\r\n*-1\r\n" + ENTRY, [READ_ENTRY]),
    (text.xclaim("s", "g", "c", 9, 1), b"*2\r\n_\r\n" + ENTRY, [READ_ENTRY]),
    (text.xclaim_ids("s", "g", "c", 9, 1), IDS, ["1-0", "2-0"]),
    (text.xgroup_create("s", "g"), b"+OK\r\n", True),
    (text.xgroup_createconsumer("s", "g", "c"), b":1\r\n", True),
    (text.xgroup_createconsumer("s", "g", "c"), b":0\r\n", False),
    (text.xgroup_delconsumer("s", "g", "c"), b":3\r\n", 3),
    (text.xgroup_destroy("s", "g"), b":1\r\n", True),
    (text.xgroup_destroy("s", "g"), b":0\r\n", False),
    (text.xgroup_setid("s", "g", "$"), b"+OK\r\n", True),
    (text.xnack("s", "g", "FAIL", 1), b":1\r\n", 1),
    (text.xpending("s", "g"), SUMMARY, PendingSummary(3, "1-0", "5-0", {"c": 2, "d": 1})),
    (
        text.xpending("s", "g"),
        b"*4\r\n:0\r\n$-1\r\n$-1\r\n*-1\r\n",
        PendingSummary[str](0, None, None, {}),
    ),
    (
        text.xpending("s", "g"),
        b"*4\r\n:0\r\n_\r\n_\r\n_\r\n",
        PendingSummary[str](0, None, None, {}),
    ),
    (
        text.xpending_range("s", "g", "-", "+", 9),
        PENDING,
        [PendingEntry("1-0", "c", 70_000, 2)],
    ),
    (text.xpending_range("s", "g", "-", "+", 9), b"*0\r\n", []),
    (
        text.xreadgroup("g", "c", {"s": 0}),
        b"*1\r\n*2\r\n$1\r\ns\r\n*2\r\n" + ENTRY + GONE2,
        {"s": [READ_ENTRY, GONE]},
    ),
    (
        text.xreadgroup("g", "c", {"s": 0}),
        b"%1\r\n$1\r\ns\r\n*2\r\n" + ENTRY + GONE3,
        {"s": [READ_ENTRY, GONE]},
    ),
    (text.xreadgroup("g", "c", {"s": 0}), b"%1\r\n$1\r\ns\r\n*0\r\n", {"s": []}),
    (text.xreadgroup("g", "c", {"s": ">"}), b"*-1\r\n", {}),
    (text.xreadgroup("g", "c", {"s": ">"}), b"_\r\n", {}),
    (
        text.xreadgroup_claim("g", "c", 9, {"s": ">"}),
        b"*1\r\n*2\r\n$1\r\ns\r\n" + CLAIMED,
        {"s": [ClaimedEntry("1-0", {"a": "1"}, 70_000, 2)]},
    ),
    (
        text.xreadgroup_claim("g", "c", 9, {"s": ">"}),
        b"%1\r\n$1\r\ns\r\n" + CLAIMED,
        {"s": [ClaimedEntry("1-0", {"a": "1"}, 70_000, 2)]},
    ),
    (text.xreadgroup_claim("g", "c", 9, {"s": ">"}), b"_\r\n", {}),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (
        binary.xautoclaim("s", "g", "c", 9),
        b"*3\r\n$3\r\n0-0\r\n*1\r\n" + ENTRY + IDS,
        AutoClaim("0-0", [StreamEntry("1-0", {b"a": b"1"})], ["1-0", "2-0"]),
    ),
    (binary.xclaim_ids("s", "g", "c", 9, 1), IDS, ["1-0", "2-0"]),
    (binary.xpending("s", "g"), SUMMARY, PendingSummary(3, "1-0", "5-0", {b"c": 2, b"d": 1})),
    (
        binary.xpending_range("s", "g", "-", "+", 9),
        PENDING,
        [PendingEntry("1-0", b"c", 70_000, 2)],
    ),
    (
        binary.xreadgroup("g", "c", {"s": 0}),
        b"*1\r\n*2\r\n$1\r\ns\r\n*2\r\n" + ENTRY + GONE2,
        {b"s": [StreamEntry("1-0", {b"a": b"1"}), StreamEntry("2-0", {})]},
    ),
    (
        binary.xreadgroup_claim("g", "c", 9, {"s": ">"}),
        b"*1\r\n*2\r\n$1\r\ns\r\n" + CLAIMED,
        {b"s": [ClaimedEntry("1-0", {b"a": b"1"}, 70_000, 2)]},
    ),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """On a client that does not decode, names and fields are bytes, and IDs are text."""
    assert parsed(command, raw, encoding=None) == value


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.xackdel("s", "g", 1), b":1\r\n"),
    (text.xautoclaim("s", "g", "c", 9), b"*1\r\n$3\r\n0-0\r\n"),
    (text.xautoclaim_ids("s", "g", "c", 9), b"*2\r\n$3\r\n0-0\r\n_\r\n"),
    (text.xclaim("s", "g", "c", 9, 1), IDS),
    (text.xclaim_ids("s", "g", "c", 9, 1), b"*1\r\n:1\r\n"),
    (text.xgroup_destroy("s", "g"), b"+OK\r\n"),
    (text.xpending("s", "g"), b"*3\r\n:0\r\n_\r\n_\r\n"),
    (
        text.xpending("s", "g"),
        b"*4\r\n:1\r\n$3\r\n1-0\r\n$3\r\n1-0\r\n*1\r\n*2\r\n$1\r\nc\r\n$1\r\nx\r\n",
    ),
    (text.xpending_range("s", "g", "-", "+", 9), b"*1\r\n*3\r\n$3\r\n1-0\r\n$1\r\nc\r\n:7\r\n"),
    (text.xreadgroup("g", "c", {"s": ">"}), b"*1\r\n*2\r\n$1\r\ns\r\n" + CLAIMED),
    (
        text.xreadgroup_claim("g", "c", 9, {"s": ">"}),
        b"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n" + ENTRY,
    ),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "XACK: group is None", lambda: unchecked(text.xack)("s", None, 1)),
    (DataValueError, "XACK: ids is empty", lambda: text.xack("s", "g")),
    (DataValueError, "XACK: ids is empty", lambda: text.xack("s", "g", [])),
    (DataValueError, "XACKDEL: ids is empty", lambda: text.xackdel("s", "g")),
    (
        DataTypeError,
        "XAUTOCLAIM: min_idle_time is 0.5",
        lambda: unchecked(text.xautoclaim)("s", "g", "c", 0.5),
    ),
    (DataValueError, "XCLAIM: ids is empty", lambda: text.xclaim("s", "g", "c", 9, [])),
    (
        DataValueError,
        "XCLAIM: idle and time exclude each other",
        lambda: text.xclaim("s", "g", "c", 9, 1, idle=1, time=1),
    ),
    (
        DataTypeError,
        "XCLAIM: force is 1",
        lambda: unchecked(text.xclaim)("s", "g", "c", 9, 1, force=1),
    ),
    (
        DataTypeError,
        "takes 5 positional arguments, not 6",
        lambda: unchecked(text.xclaim_ids)("s", "g", "c", 9, "1-0", "2-0"),
    ),
    (
        DataValueError,
        "XNACK: mode is 'X': give SILENT or FAIL or FATAL",
        lambda: unchecked(text.xnack)("s", "g", "X", 1),
    ),
    (DataValueError, "XNACK: ids is empty", lambda: text.xnack("s", "g", "FAIL")),
    (
        DataTypeError,
        "XREADGROUP: streams has to be a mapping",
        lambda: unchecked(text.xreadgroup)("g", "c", "s"),
    ),
    (DataValueError, "XREADGROUP: streams is empty", lambda: text.xreadgroup("g", "c", {})),
    (
        DataValueError,
        "XREADGROUP: block is -1",
        lambda: text.xreadgroup("g", "c", {"s": ">"}, block=-1),
    ),
    (
        DataValueError,
        "XREADGROUP: streams has one key as text and as bytes",
        lambda: text.xreadgroup("g", "c", {"s": ">", b"s": "0"}),
    ),
    (
        DataValueError,
        "XREADGROUP: the ID of a stream is '0': CLAIM takes '>' only",
        lambda: text.xreadgroup_claim("g", "c", 9, {"s": ">", "t": "0"}),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
