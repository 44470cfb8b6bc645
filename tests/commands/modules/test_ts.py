"""Time series as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from anyredis.command import Command
from anyredis.commands.modules.samples import Samples
from anyredis.commands.modules.series_info import SeriesInfo, SeriesRule
from anyredis.commands.modules.series_replies import LatestSample, SeriesGroup, SeriesRange
from anyredis.commands.modules.ts import BlueprintTimeSeries
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError, ResponseError
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.tables import parsed, resp2, resp3, unchecked, words

text: BlueprintTimeSeries[str] = TextPlan().ts
binary: BlueprintTimeSeries[bytes] = BytesPlan().ts

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)

OPTIONS = "RETENTION 60000 ENCODING UNCOMPRESSED CHUNK_SIZE 128 DUPLICATE_POLICY MAX"
BUCKETS = "COUNT 3 ALIGN start AGGREGATION MAX 10 BUCKETTIMESTAMP MID EMPTY"
LABELS: dict[str, str | int] = {"a": 1, "b": "x"}

SENT: list[tuple[str, Command[object]]] = [
    ("TS.ADD k 1000 1.5", text.add("k", 1000, 1.5)),
    ("TS.ADD k * 1", text.add("k", "*", 1)),
    ("TS.ADD k 1767268800000 1", text.add("k", NOON, 1)),
    (
        f"TS.ADD k 0 1 {OPTIONS} ON_DUPLICATE SUM IGNORE 10 0.5 LABELS a 1 b x",
        text.add(
            *("k", 0, 1),
            retention=MINUTE,
            uncompressed=True,
            labels=LABELS,
            chunk_size=128,
            duplicate_policy="max",
            ignore=(10, 0.5),
            on_duplicate="sum",
        ),
    ),
    ("TS.ALTER k RETENTION 0", text.alter("k", retention=0)),
    ("TS.ALTER k LABELS", text.alter("k", labels={})),
    (
        "TS.ALTER k CHUNK_SIZE 48 DUPLICATE_POLICY LAST IGNORE 1 2",
        text.alter("k", chunk_size=48, duplicate_policy="last", ignore=(1, 2)),
    ),
    ("TS.CREATE k", text.create("k")),
    ("TS.CREATE k RETENTION 5 LABELS a 1", text.create("k", retention=5, labels={"a": 1})),
    ("TS.CREATERULE k d AGGREGATION AVG 60000", text.createrule("k", "d", "avg", MINUTE)),
    ("TS.CREATERULE k d AGGREGATION STD.P 10 7", text.createrule("k", "d", "std.p", 10, 7)),
    ("TS.DECRBY k 2", text.decrby("k", 2)),
    ("TS.DECRBY k 2 TIMESTAMP 5 LABELS a 1", text.decrby("k", 2, 5, labels={"a": 1})),
    ("TS.DEL k - +", text.delete("k", "-", "+")),
    ("TS.DEL k 0 1767268800000", text.delete("k", 0, NOON)),
    ("TS.DELETERULE k d", text.deleterule("k", "d")),
    ("TS.GET k", text.get("k")),
    ("TS.GET k LATEST", text.get("k", latest=True)),
    ("TS.INCRBY k 2.5 TIMESTAMP *", text.incrby("k", 2.5, "*")),
    ("TS.INCRBY k 1 RETENTION 5", text.incrby("k", 1, retention=5)),
    ("TS.INFO k", text.info("k")),
    ("TS.MADD a 1 1.5 b * 2", text.madd([("a", 1, 1.5), ("b", "*", 2)])),
    ("TS.MGET FILTER a=1", text.mget("a=1")),
    (
        "TS.MGET LATEST WITHLABELS FILTER a=1 b!=",
        text.mget(["a=1", "b!="], with_labels=True, latest=True),
    ),
    ("TS.MGET SELECTED_LABELS a b FILTER a=1", text.mget("a=1", select_labels=["a", "b"])),
    ("TS.MRANGE - + FILTER a=1", text.mrange("-", "+", "a=1")),
    (
        f"TS.MRANGE 0 9 LATEST FILTER_BY_TS 1 2 FILTER_BY_VALUE 1 5 WITHLABELS {BUCKETS} FILTER a=1",
        text.mrange(
            *(0, 9, ["a=1"], 3, "max", 10),
            with_labels=True,
            filter_by_ts=[1, 2],
            filter_by_min_value=1,
            filter_by_max_value=5,
            align="start",
            latest=True,
            bucket_timestamp="mid",
            empty=True,
        ),
    ),
    (
        "TS.MRANGE - + WITHLABELS FILTER a=1 GROUPBY room REDUCE MAX",
        text.mrange_groups("-", "+", "a=1", "room", "max"),
    ),
    (
        "TS.MREVRANGE - + SELECTED_LABELS a FILTER a=1",
        text.mrevrange("-", "+", "a=1", select_labels=["a"]),
    ),
    (
        "TS.MREVRANGE - + WITHLABELS COUNT 1 FILTER a=1 GROUPBY room REDUCE SUM",
        text.mrevrange_groups("-", "+", "a=1", "room", "sum", 1),
    ),
    ("TS.QUERYINDEX a=1 b!=(x,y)", text.queryindex(["a=1", "b!=(x,y)"])),
    ("TS.RANGE k - +", text.range("k", "-", "+")),
    (
        "TS.RANGE k 0 1767268800000 COUNT 5 ALIGN 7 AGGREGATION TWA 60000",
        text.range("k", 0, NOON, 5, "twa", MINUTE, align=7),
    ),
    (
        "TS.REVRANGE k - + FILTER_BY_TS 1767268800000",
        text.revrange("k", "-", "+", filter_by_ts=[NOON]),
    ),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


ROWS: list[Any] = [[1000, 1.5], [2000, 2.0]]
SAMPLES = Samples([(1000, 1.5), (2000, 2.0)])
COUNTS: dict[str, Any] = {
    "totalSamples": 2,
    "memoryUsage": 4288,
    "firstTimestamp": 1000,
    "lastTimestamp": 2000,
    "retentionTime": 0,
    "chunkCount": 1,
    "chunkSize": 4096,
    "chunkType": "compressed",
    "duplicatePolicy": None,
}
END: dict[str, Any] = {"ignoreMaxTimeDiff": 3, "ignoreMaxValDiff": 0.5, "new": "x"}
INFO2 = (
    COUNTS
    | {
        "labels": [["a", "1"]],
        "sourceKey": None,
        "rules": [["d", 60000, "AVG", 7]],
    }
    | END
)
INFO3: dict[str, Any] = (
    COUNTS | {"labels": {"a": "1"}, "sourceKey": None, "rules": {"d": [60000, "AVG", 7]}} | END
)
INFO = SeriesInfo(
    *(2, 4288, 1000, 2000, 0, 1, 4096, "compressed", None, {"a": "1"}, None),
    *({"d": SeriesRule(60000, "avg", 7)}, 3, 0.5, {"new": "x"}),
)
RANGES = {"k": SeriesRange({"a": "1", "b": None}, SAMPLES)}
GROUPS = {"room=hall": SeriesGroup("room", "hall", SAMPLES)}
GROUP2: list[Any] = [["room", "hall"], ["__reducer__", "max"], ["__source__", "a,b"]]
GROUP3: list[Any] = [{"room": "hall"}, {"reducers": ["max"]}, {"sources": ["a", "b"]}, ROWS]
NOTHING: list[Any] = []
NO_LABELS: dict[str, Any] = {}

READ: list[tuple[Command[object], bytes, object]] = [
    (text.add("k", 1, 1), b":1\r\n", 1),
    (text.alter("k"), b"+OK\r\n", True),
    (text.create("k"), b"+OK\r\n", True),
    (text.createrule("k", "d", "avg", 1), b"+OK\r\n", True),
    (text.decrby("k", 1), b":5\r\n", 5),
    (text.delete("k", 0, 1), b":3\r\n", 3),
    (text.deleterule("k", "d"), b"+OK\r\n", True),
    (text.get("k"), b"*0\r\n", None),
    (text.get("k"), resp2([1000, 1.5]), (1000, 1.5)),
    (text.get("k"), resp3([1000, 1.5]), (1000, 1.5)),
    (binary.get("k"), resp2([1000, 1.5]), (1000, 1.5)),
    (text.incrby("k", 1), b":5\r\n", 5),
    (text.info("k"), resp2(INFO2), INFO),
    (text.info("k"), resp3(INFO3), INFO),
    (text.madd([("a", 1, 1)]), b"*2\r\n:1\r\n:2\r\n", [1, 2]),
    (text.mget("a=1"), resp2([["k", NOTHING, [1, 2.5]]]), {"k": LatestSample({}, (1, 2.5))}),
    (text.mget("a=1"), resp3({"k": [{"a": "1"}, NOTHING]}), {"k": LatestSample({"a": "1"}, None)}),
    (text.mrange(0, 1, "a=1"), resp2([["k", [["a", "1"], ["b", None]], ROWS]]), RANGES),
    (
        text.mrange(0, 1, "a=1"),
        resp3({"k": [{"a": "1", "b": None}, {"aggregators": NOTHING}, ROWS]}),
        RANGES,
    ),
    (text.mrange_groups(0, 1, "a=1", "room", "max"), resp2([["room=hall", GROUP2, ROWS]]), GROUPS),
    (text.mrange_groups(0, 1, "a=1", "room", "max"), resp3({"room=hall": GROUP3}), GROUPS),
    (text.mrevrange(0, 1, "a=1"), b"%0\r\n", {}),
    (text.mrevrange_groups(0, 1, "a=1", "room", "max"), b"*0\r\n", {}),
    (text.queryindex("a=1"), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.range("k", 0, 1), resp2(ROWS), SAMPLES),
    (text.range("k", 0, 1), resp3(ROWS), SAMPLES),
    (binary.range("k", 0, 1), resp2(ROWS), SAMPLES),
    (text.range("k", 0, 1), resp2([[1000, 1.5], [2000, 2]]), SAMPLES),
    (text.revrange("k", 0, 1), b"*0\r\n", Samples()),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.add("k", 1, 1), b"+OK\r\n"),
    (text.get("k"), b"*1\r\n:1\r\n"),
    (text.get("k"), b"*2\r\n:1\r\n+x\r\n"),
    (text.info("k"), resp2(COUNTS)),
    (text.mget("a=1"), resp2([["k", NOTHING]])),
    (text.mget("a=1"), resp3({"k": [NO_LABELS]})),
    (text.mrange_groups(0, 1, "a=1", "x", "max"), resp2([["x=1", NOTHING, ROWS]])),
    (text.range("k", 0, 1), resp2([[1000, 1.5], [2000]])),
    (text.range("k", 0, 1), resp2([[1000, 1.5], [2000, 1, 1]])),
    (text.range("k", 0, 1), resp2([[1000, "a"]])),
    (text.range("k", 0, 1), resp2([1000, 1.5])),
    (text.range("k", 0, 1), b":1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


def test_a_refused_sample() -> None:
    """The error has the place of the sample, and says how many of all were added."""
    command = text.madd([("a", 1, 1), ("b", 2, 2), ("c", 3, 3)])
    with pytest.raises(ResponseError) as refused:
        parsed(command, b"*3\r\n:1\r\n-ERR TSDB: no\r\n-ERR TSDB: never\r\n")
    assert str(refused.value) == "samples[1]: ERR TSDB: no (1 of 3 samples were added)"


bad: Any = unchecked
MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (
        DataValueError,
        "TS.ADD: timestamp is 'now': give milliseconds",
        lambda: text.add("k", "now", 1),
    ),
    (DataValueError, "TS.ADD: timestamp is -1", lambda: text.add("k", -1, 1)),
    (DataTypeError, "TS.ADD: timestamp is 1.5", lambda: bad(text.add)("k", 1.5, 1)),
    (DataTypeError, "TS.ADD: value is '1'", lambda: bad(text.add)("k", 1, "1")),
    (
        DataValueError,
        "chunk_size is 50: give bytes, a multiple of 8",
        lambda: text.create("k", chunk_size=50),
    ),
    (DataValueError, "retention is -1", lambda: text.create("k", retention=-1)),
    (
        DataValueError,
        "duplicate_policy is 'all'",
        lambda: bad(text.create)("k", duplicate_policy="all"),
    ),
    (DataTypeError, "ignore has to be a pair", lambda: bad(text.alter)("k", ignore=5)),
    (DataTypeError, "ignore[0] is 1.5", lambda: bad(text.alter)("k", ignore=(1.5, 1))),
    (DataTypeError, "labels is a list", lambda: bad(text.alter)("k", labels=["a"])),
    (DataValueError, "aggregator is 'mean'", lambda: bad(text.createrule)("k", "d", "mean", 1)),
    (DataValueError, "bucket_duration is 0", lambda: text.createrule("k", "d", "avg", 0)),
    (DataTypeError, "TS.MADD: samples has to be a list", lambda: text.madd([])),
    (DataTypeError, "samples[1] is ('a', 1)", lambda: bad(text.madd)([("a", 1, 1), ("a", 1)])),
    (DataTypeError, "samples[0][2] is 'x'", lambda: bad(text.madd)([("a", 1, "x")])),
    (DataValueError, "TS.MGET: filters is empty", lambda: text.mget([])),
    (
        DataValueError,
        "with_labels and select_labels exclude",
        lambda: text.mget("a=1", with_labels=True, select_labels=["a"]),
    ),
    (
        DataValueError,
        "aggregator needs bucket_duration",
        lambda: text.range("k", 0, 1, None, "avg"),
    ),
    (
        DataValueError,
        "bucket_duration needs aggregator",
        lambda: text.range("k", 0, 1, None, None, 5),
    ),
    (DataValueError, "align needs aggregator", lambda: text.range("k", 0, 1, align=5)),
    (DataValueError, "empty needs aggregator", lambda: text.range("k", 0, 1, empty=True)),
    (
        DataValueError,
        "give both filter_by_min_value",
        lambda: text.range("k", 0, 1, filter_by_min_value=1),
    ),
    (DataValueError, "filter_by_ts is empty", lambda: text.range("k", 0, 1, filter_by_ts=[])),
    (
        DataValueError,
        "filter_by_ts[0] is 'x'",
        lambda: bad(text.range)("k", 0, 1, filter_by_ts=["x"]),
    ),
    (DataValueError, "to_time is '*'", lambda: text.range("k", 0, "*")),
    (DataValueError, "reduce is 'twa'", lambda: bad(text.mrange_groups)(0, 1, "a=1", "x", "twa")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
