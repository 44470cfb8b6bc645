"""Streams as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.command import Blueprint, Command
from anyredis.commands.stream_groups import StreamGroups
from anyredis.commands.streams import Streams
from anyredis.exceptions import DataError, DataTypeError, DataValueError, ProtocolError
from anyredis.facts.lookup import facts_of
from anyredis.replies import TextReaders
from anyredis.stream_entries import RepeatedFields, StreamEntry
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Streams[str], StreamGroups[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Streams[bytes], StreamGroups[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

MINUTE = datetime.timedelta(minutes=1)
TWICE: list[tuple[str, int]] = [("a", 1), ("a", 2)]

SENT: list[tuple[str, Command[object]]] = [
    ("XADD s * a 1 b 2", text.xadd("s", {"a": 1, b"b": 2})),
    ("XADD s 5-* a 1", text.xadd("s", {"a": 1}, "5-*")),
    ("XADD s 5 a 1", text.xadd("s", {"a": 1}, 5)),
    ("XADD s * a 1 a 2", text.xadd("s", TWICE)),
    ("XADD s MAXLEN ~ 9 * a 1", text.xadd("s", {"a": 1}, maxlen=9)),
    ("XADD s MAXLEN 0 * a 1", text.xadd("s", {"a": 1}, maxlen=0, approximate=False)),
    ("XADD s MAXLEN ~ 9 LIMIT 5 * a 1", text.xadd("s", {"a": 1}, maxlen=9, limit=5)),
    ("XADD s MINID ~ 1-0 LIMIT 0 * a 1", text.xadd("s", {"a": 1}, minid="1-0", limit=0)),
    ("XADD s MINID 7 * a 1", text.xadd("s", {"a": 1}, minid=7, approximate=False)),
    (
        "XADD s ACKED MAXLEN ~ 9 * a 1",
        text.xadd("s", {"a": 1}, maxlen=9, ref_policy="ACKED"),
    ),
    ("XADD s IDMPAUTO p * a 1", text.xadd("s", {"a": 1}, idmpauto="p")),
    ("XADD s IDMP p i * a 1", text.xadd("s", {"a": 1}, idmp=("p", b"i"))),
    (
        "XADD s NOMKSTREAM * a 1",
        text.xadd_nomkstream("s", {"a": 1}),
    ),
    (
        "XADD s NOMKSTREAM IDMP p i DELREF MINID ~ 1-0 LIMIT 5 * a 1",
        text.xadd_nomkstream(
            "s", {"a": 1}, minid="1-0", limit=5, ref_policy="DELREF", idmp=("p", "i")
        ),
    ),
    ("XCFGSET s IDMP-DURATION 60", text.xcfgset("s", idmp_duration=MINUTE)),
    (
        "XCFGSET s IDMP-DURATION 9 IDMP-MAXSIZE 100",
        text.xcfgset("s", idmp_duration=9, idmp_maxsize=100),
    ),
    ("XDEL s 1-0 2", text.xdel("s", "1-0", 2)),
    ("XDEL s 1-0 2-0 3-0", text.xdel("s", ["1-0", b"2-0"], "3-0")),
    ("XDELEX s KEEPREF IDS 2 1-0 2-0", text.xdelex("s", "1-0", "2-0")),
    ("XDELEX s ACKED IDS 1 1-0", text.xdelex("s", ["1-0"], ref_policy="ACKED")),
    ("XLEN s", text.xlen("s")),
    ("XRANGE s - +", text.xrange("s")),
    ("XRANGE s (1-0 5 COUNT 9", text.xrange("s", "(1-0", 5, 9)),
    ("XREAD STREAMS s $", text.xread({"s": "$"})),
    ("XREAD COUNT 9 BLOCK 5000 STREAMS s t $ 0", text.xread({"s": "$", "t": 0}, 9, 5000)),
    ("XREAD BLOCK 60000 STREAMS s +", text.xread({b"s": "+"}, block=MINUTE)),
    ("XREAD BLOCK 0 STREAMS s $", text.xread({"s": "$"}, block=0)),
    (
        "XREAD COUNT 2 MAXCOUNT 9 MAXSIZE 4096 STREAMS s $",
        text.xread({"s": "$"}, 2, max_count=9, max_size=4096),
    ),
    ("XREVRANGE s + -", text.xrevrange("s")),
    ("XREVRANGE s 5-0 1-0 COUNT 9", text.xrevrange("s", "5-0", "1-0", 9)),
    ("XSETID s 5-0", text.xsetid("s", "5-0")),
    (
        "XSETID s 5-0 ENTRIESADDED 9 MAXDELETEDID 2-0",
        text.xsetid("s", "5-0", entries_added=9, max_deleted_id="2-0"),
    ),
    ("XTRIM s MAXLEN ~ 9", text.xtrim("s", maxlen=9)),
    ("XTRIM s MAXLEN 0", text.xtrim("s", maxlen=0, approximate=False)),
    (
        "XTRIM s MINID ~ 1-0 LIMIT 5 KEEPREF",
        text.xtrim("s", minid="1-0", limit=5, ref_policy="KEEPREF"),
    ),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


ENTRIES = b"*2\r\n*2\r\n$3\r\n1-0\r\n*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\na\r\n$1\r\n3\r\n"
READ_ENTRIES = [StreamEntry("1-0", {"a": "1", "b": "2"}), StreamEntry("2-0", {"a": "3"})]
CODES = b"*3\r\n:1\r\n:-1\r\n:2\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.xadd("s", {"a": 1}), b"$3\r\n1-0\r\n", "1-0"),
    (text.xadd_nomkstream("s", {"a": 1}), b"$3\r\n1-0\r\n", "1-0"),
    (text.xadd_nomkstream("s", {"a": 1}), b"$-1\r\n", None),
    (text.xadd_nomkstream("s", {"a": 1}), b"_\r\n", None),
    (text.xcfgset("s", idmp_maxsize=1), b"+OK\r\n", True),
    (text.xdel("s", "1-0"), b":1\r\n", 1),
    (text.xdelex("s", "1-0"), CODES, [1, -1, 2]),
    (text.xlen("s"), b":7\r\n", 7),
    (text.xrange("s"), ENTRIES, READ_ENTRIES),
    (text.xrange("s"), b"*0\r\n", []),
    (text.xrange("s", count=0), b"*-1\r\n", []),
    (text.xrange("s", count=0), b"_\r\n", []),
    (text.xread({"s": 0}), b"*1\r\n*2\r\n$1\r\ns\r\n" + ENTRIES, {"s": READ_ENTRIES}),
    (text.xread({"s": 0}), b"%1\r\n$1\r\ns\r\n" + ENTRIES, {"s": READ_ENTRIES}),
    (text.xread({"s": 0}), b"*-1\r\n", {}),
    (text.xread({"s": 0}), b"_\r\n", {}),
    (text.xrevrange("s"), ENTRIES, READ_ENTRIES),
    (text.xsetid("s", 5), b"+OK\r\n", True),
    (text.xtrim("s", maxlen=1), b":3\r\n", 3),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_BINARY = [StreamEntry("1-0", {b"a": b"1", b"b": b"2"}), StreamEntry("2-0", {b"a": b"3"})]

READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (binary.xadd("s", {"a": 1}), b"$3\r\n1-0\r\n", "1-0"),
    (binary.xrange("s"), ENTRIES, READ_BINARY),
    (binary.xread({"s": 0}), b"*1\r\n*2\r\n$1\r\ns\r\n" + ENTRIES, {b"s": READ_BINARY}),
    (binary.xread({"s": 0}), b"%1\r\n$1\r\ns\r\n" + ENTRIES, {b"s": READ_BINARY}),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """On a client that does not decode, keys and fields are bytes, and IDs are text."""
    assert parsed(command, raw, encoding=None) == value


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.xadd("s", {"a": 1}), b"_\r\n"),
    (text.xadd("s", {"a": 1}), b":1\r\n"),
    (text.xdelex("s", "1-0"), b":1\r\n"),
    (text.xrange("s"), b"+OK\r\n"),
    (text.xrange("s"), b"*1\r\n$3\r\n1-0\r\n"),
    (text.xread({"s": 0}), b"*1\r\n$1\r\ns\r\n"),
    (text.xread({"s": 0}), b"*1\r\n*2\r\n$1\r\ns\r\n_\r\n"),
    (text.xtrim("s", maxlen=1), b"_\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


ODD = datetime.timedelta(microseconds=1500)

MISTAKES: list[tuple[type[DataError], str, Callable[[], object]]] = [
    (DataTypeError, "XADD: fields has to be a map", lambda: unchecked(text.xadd)("s", None)),
    (DataTypeError, "XADD: fields[0] is 'a'", lambda: unchecked(text.xadd)("s", "a")),
    (
        DataTypeError,
        "XADD: fields[1] is ('b')",
        lambda: unchecked(text.xadd)("s", [(1, 2), ("b",)]),
    ),
    (DataValueError, "XADD: fields is empty", lambda: text.xadd("s", {})),
    (DataValueError, "XADD: fields is empty", lambda: text.xadd("s", [])),
    (DataTypeError, "XADD: fields['a'] is True", lambda: unchecked(text.xadd)("s", {"a": True})),
    (DataValueError, "XADD: maxlen and minid", lambda: text.xadd("s", {"a": 1}, maxlen=1, minid=2)),
    (DataValueError, "XADD: limit needs maxlen", lambda: text.xadd("s", {"a": 1}, limit=2)),
    (
        DataValueError,
        "XADD: limit needs approximate=True",
        lambda: text.xadd("s", {"a": 1}, maxlen=1, approximate=False, limit=2),
    ),
    (
        DataValueError,
        "XADD: ref_policy is 'x': give KEEPREF or DELREF or ACKED",
        lambda: unchecked(text.xadd)("s", {"a": 1}, maxlen=1, ref_policy="x"),
    ),
    (
        DataValueError,
        "XADD: idmpauto and idmp",
        lambda: text.xadd("s", {"a": 1}, idmpauto="p", idmp=("p", "i")),
    ),
    (DataTypeError, "XADD: idmp is 'pi'", lambda: unchecked(text.xadd)("s", {"a": 1}, idmp="pi")),
    (DataTypeError, "XADD: maxlen is '5'", lambda: unchecked(text.xadd)("s", {"a": 1}, maxlen="5")),
    (DataValueError, "XCFGSET: nothing to set", lambda: text.xcfgset("s")),
    (DataValueError, "XDEL: ids is empty", lambda: text.xdel("s")),
    (DataValueError, "XDEL: ids is empty", lambda: text.xdel("s", [])),
    (
        DataTypeError,
        "XDEL: ids has a dict in a StreamEntry",
        lambda: unchecked(text.xdel)("s", StreamEntry("1-0", {"a": "1"})),
    ),
    (DataValueError, "XDELEX: ids is empty", lambda: text.xdelex("s")),
    (
        DataValueError,
        "XDELEX: ref_policy is 'X'",
        lambda: unchecked(text.xdelex)("s", 1, ref_policy="X"),
    ),
    (DataTypeError, "XREAD: streams has to be a mapping", lambda: unchecked(text.xread)(["s"])),
    (DataValueError, "XREAD: streams is empty", lambda: text.xread({})),
    (DataTypeError, "XREAD: block is 0.5", lambda: unchecked(text.xread)({"s": "$"}, block=0.5)),
    (DataValueError, "XREAD: block is -1", lambda: text.xread({"s": "$"}, block=-1)),
    (
        DataValueError,
        "is not a whole number of milliseconds",
        lambda: text.xread({"s": 0}, block=ODD),
    ),
    (
        DataValueError,
        "XREAD: max_count is less than count",
        lambda: text.xread({"s": 0}, 5, max_count=4),
    ),
    (
        DataValueError,
        "XREAD: streams has one key as text and as bytes",
        lambda: text.xread({"s": 0, b"s": 1}),
    ),
    (DataValueError, "XSETID: entries_added and max", lambda: text.xsetid("s", 5, entries_added=1)),
    (DataValueError, "XTRIM: down to what?", lambda: text.xtrim("s")),
    (DataValueError, "XTRIM: maxlen and minid", lambda: text.xtrim("s", maxlen=1, minid="1-0")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)


def test_an_entry_that_was_read_can_be_added_as_it_is() -> None:
    """Its pairs are fields for `xadd`, also if a field comes more than once."""
    repeated: RepeatedFields[str] = RepeatedFields([("a", "1"), ("b", "2"), ("a", "3")])
    entry = StreamEntry("1-0", repeated)
    assert words(text.xadd("s", entry.pairs))[3:] == ["a", "1", "b", "2", "a", "3"]


# -- builders, whatever they are given ----------------------------------------------------------

KEYS = st.one_of(
    st.text(max_size=4),
    st.binary(max_size=4),
    st.sampled_from(["BLOCK", "STREAMS", "COUNT", "*", "MAXLEN", "FIELDS"]),
)
IDS = st.one_of(st.integers(0, 9), st.from_regex(r"[0-9]{1,3}-[0-9]{1,3}", fullmatch=True))
COUNTS = st.none() | st.integers(1, 99)


def sent(command: Command[object]) -> list[bytes]:
    """The words as bytes."""
    return [
        bytes(each) if isinstance(each, (bytes, bytearray, memoryview)) else str(each).encode()
        for each in command.args
    ]


def as_bytes(value: object) -> bytes:
    """A key, a value or an ID as a server reads it."""
    return value if isinstance(value, bytes) else str(value).encode()


@given(
    fields=st.lists(st.tuples(KEYS, KEYS), min_size=1, max_size=4),
    entry_id=IDS,
    trim=st.one_of(
        st.fixed_dictionaries({}),
        st.fixed_dictionaries({"maxlen": st.integers(0, 99), "approximate": st.booleans()}),
        st.fixed_dictionaries({"minid": IDS, "limit": st.integers(0, 99)}),
    ),
)
def test_xadd_ends_with_its_id_and_fields(
    fields: list[tuple[Any, Any]], entry_id: int | str, trim: dict[str, Any]
) -> None:
    """Whatever the fields are called, and however the stream is trimmed."""
    words = sent(text.xadd("s", fields, entry_id, **trim))
    flat = [as_bytes(each) for pair in fields for each in pair]
    assert words[-len(flat) :] == flat
    assert words[-len(flat) - 1] == as_bytes(entry_id)
    options = words[2 : -len(flat) - 1]
    if not trim:
        assert options == []
    else:
        assert options[0] == (b"MAXLEN" if "maxlen" in trim else b"MINID")
        assert (b"~" in options) is trim.get("approximate", True)
        assert (b"LIMIT" in options) is ("limit" in trim)


@given(
    streams=st.dictionaries(
        st.text(max_size=4) | st.sampled_from(["BLOCK", "STREAMS"]), IDS, min_size=1, max_size=4
    ),
    count=COUNTS,
    block=st.none() | st.integers(0, 9999),
    group=st.none() | st.tuples(KEYS, KEYS),
)
def test_the_facts_of_a_read_are_those_of_its_arguments(
    streams: dict[str, Any], count: int | None, block: int | None, group: tuple[Any, Any] | None
) -> None:
    """Its keys, whether it blocks and for how long, whatever keys, group and consumer are called."""
    if group is None:
        command: Command[object] = text.xread(streams, count, block)
    else:
        command = text.xreadgroup(*group, streams, count, block, noack=True)
    facts = facts_of(command.args)
    positions = facts.key_positions(command.args)
    assert positions is not None
    words = sent(command)
    assert [words[at] for at in positions] == [as_bytes(key) for key in streams]
    assert words[-len(streams) :] == [as_bytes(each) for each in streams.values()]
    assert facts.blocks(command.args) is (block is not None)
    expected = 0.0 if block is None else block / 1000 or None
    assert facts.blocking_seconds(command.args) == expected
    assert facts.read_only is (group is None)


@given(
    ids=st.lists(IDS, min_size=1, max_size=4),
    min_idle_time=st.integers(0, 9999),
    idle=st.none() | st.integers(0, 9999),
    retrycount=COUNTS,
    force=st.booleans(),
)
def test_xclaim_has_its_ids_before_its_options(
    ids: list[Any], min_idle_time: int, idle: int | None, retrycount: int | None, force: bool
) -> None:
    """An option follows the last ID, and JUSTID is the last word of `xclaim_ids`."""
    options: dict[str, Any] = {"idle": idle, "retrycount": retrycount, "force": force}
    words = sent(text.xclaim("s", "g", "c", min_idle_time, ids, **options))
    assert words[4:5] == [as_bytes(min_idle_time)]
    assert words[5 : 5 + len(ids)] == [as_bytes(each) for each in ids]
    rest = words[5 + len(ids) :]
    assert (b"IDLE" in rest) is (idle is not None)
    assert (b"RETRYCOUNT" in rest) is (retrycount is not None)
    assert (b"FORCE" in rest) is force
    justid = text.xclaim_ids("s", "g", "c", min_idle_time, ids, **options)
    assert sent(justid) == [*words, b"JUSTID"]
