"""t-digests as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from anyredis.command import Command
from anyredis.commands.modules.tdigest import BlueprintTDigests, TDigestInfo
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from tests.commands.modules.plans import TextPlan
from tests.commands.tables import parsed, resp2, resp3, unchecked, words

text: BlueprintTDigests[str] = TextPlan().tdigest

SENT: list[tuple[str, Command[object]]] = [
    ("TDIGEST.ADD k 1 2.5", text.add("k", [1, 2.5])),
    ("TDIGEST.ADD k 1", text.add("k", 1)),
    ("TDIGEST.BYRANK k 0 5", text.byrank("k", 0, 5)),
    ("TDIGEST.BYREVRANK k 0", text.byrevrank("k", [0])),
    ("TDIGEST.CDF k 1 2.5", text.cdf("k", 1, 2.5)),
    ("TDIGEST.CREATE k", text.create("k")),
    ("TDIGEST.CREATE k COMPRESSION 200", text.create("k", 200)),
    ("TDIGEST.INFO k", text.info("k")),
    ("TDIGEST.MAX k", text.max("k")),
    ("TDIGEST.MERGE d 2 a b", text.merge("d", "a", "b")),
    (
        "TDIGEST.MERGE d 1 a COMPRESSION 50 OVERRIDE",
        text.merge("d", ["a"], compression=50, override=True),
    ),
    ("TDIGEST.MIN k", text.min("k")),
    ("TDIGEST.QUANTILE k 0 0.5 1", text.quantile("k", 0, 0.5, 1)),
    ("TDIGEST.RANK k 1", text.rank("k", 1)),
    ("TDIGEST.RESET k", text.reset("k")),
    ("TDIGEST.REVRANK k 1 2", text.revrank("k", [1, 2])),
    ("TDIGEST.TRIMMED_MEAN k 0.1 0.9", text.trimmed_mean("k", 0.1, 0.9)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FIELDS = {
    "Compression": 100,
    "Capacity": 610,
    "Merged nodes": 1,
    "Unmerged nodes": 2,
    "Merged weight": 3,
    "Unmerged weight": 4,
    "Observations": 5,
    "Total compressions": 6,
    "Memory usage": 9768,
}
INFO = TDigestInfo(100, 610, 1, 2, 5, 6, 9768, 3.0, 4.0)

READ: list[tuple[Command[object], bytes, object]] = [
    (text.add("k", 1), b"+OK\r\n", True),
    (text.byrank("k", 0), b"*2\r\n$1\r\n1\r\n$3\r\ninf\r\n", [1.0, math.inf]),
    (text.byrevrank("k", 0), b"*2\r\n,1\r\n,-inf\r\n", [1.0, -math.inf]),
    (text.cdf("k", 1), b"*1\r\n,0.5\r\n", [0.5]),
    (text.create("k"), b"+OK\r\n", True),
    (text.info("k"), resp2(FIELDS), INFO),
    (text.info("k"), resp3(FIELDS), INFO),
    (text.max("k"), b"$3\r\nnan\r\n", math.nan),
    (text.max("k"), b",10\r\n", 10.0),
    (text.merge("d", "a"), b"+OK\r\n", True),
    (text.min("k"), b"$3\r\n1.5\r\n", 1.5),
    (text.quantile("k", 0), b"*1\r\n,nan\r\n", [math.nan]),
    (text.rank("k", 1), b"*2\r\n:-1\r\n:2\r\n", [-1, 2]),
    (text.reset("k"), b"+OK\r\n", True),
    (text.revrank("k", 1), b"*1\r\n:-2\r\n", [-2]),
    (text.trimmed_mean("k", 0, 1), b"$3\r\n4.1\r\n", 4.1),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value or repr(result) == repr(value)  # NaN equals nothing
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.add("k", 1), b":2\r\n"),
    (text.info("k"), b"*2\r\n$11\r\nCompression\r\n:100\r\n"),
    (text.quantile("k", 0), b"*1\r\n$1\r\na\r\n"),
    (text.rank("k", 1), b"*1\r\n,0.5\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "TDIGEST.ADD: values is empty", lambda: text.add("k", [])),
    (DataTypeError, "TDIGEST.ADD: values[1] is 'x'", lambda: unchecked(text.add)("k", [1, "x"])),
    (DataValueError, "values[0] is nan", lambda: text.add("k", math.nan)),
    (DataValueError, "TDIGEST.BYRANK: ranks[0] is -1", lambda: text.byrank("k", -1)),
    (DataTypeError, "ranks[1] is 1.5", lambda: unchecked(text.byrevrank)("k", 0, 1.5)),
    (DataValueError, "TDIGEST.CREATE: compression is 0", lambda: text.create("k", 0)),
    (DataTypeError, "sourcekeys[0] is 2", lambda: unchecked(text.merge)("d", 2, "a", "b")),
    (
        DataValueError,
        "quantiles[1] is 1.5: give a number from 0 to 1",
        lambda: text.quantile("k", 0, 1.5),
    ),
    (DataValueError, "low_cut_quantile has to be below", lambda: text.trimmed_mean("k", 0.9, 0.1)),
    (DataValueError, "high_cut_quantile is 2", lambda: text.trimmed_mean("k", 0.9, 2)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
