"""Bloom filters as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.client.modules.bf import BlueprintBloomFilters
from anyredis.command import Command
from anyredis.commands.modules.bf import BloomFilterInfo
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError, ResponseError
from tests.commands.modules.plans import TextPlan
from tests.commands.tables import parsed, resp2, resp3, unchecked, words

text: BlueprintBloomFilters[str] = TextPlan().bf

SENT: list[tuple[str, Command[object]]] = [
    ("BF.ADD k a", text.add("k", "a")),
    ("BF.CARD k", text.card("k")),
    ("BF.EXISTS k a", text.exists("k", "a")),
    ("BF.INFO k", text.info("k")),
    ("BF.INSERT k ITEMS a", text.insert("k", "a")),
    (
        "BF.INSERT k CAPACITY 10 ERROR 0.5 EXPANSION 4 ITEMS a b",
        text.insert("k", ["a", "b"], capacity=10, error=0.5, expansion=4),
    ),
    (
        "BF.INSERT k NONSCALING NOCREATE ITEMS a",
        text.insert("k", "a", nocreate=True, nonscaling=True),
    ),
    ("BF.LOADCHUNK k 1 x", text.loadchunk("k", 1, b"x")),
    ("BF.MADD k a b 1", text.madd("k", ["a", "b"], 1)),
    ("BF.MEXISTS k a", text.mexists("k", "a")),
    ("BF.RESERVE k 0.01 100", text.reserve("k", 0.01, 100)),
    ("BF.RESERVE k 0.01 100 EXPANSION 4", text.reserve("k", 0.01, 100, expansion=4)),
    ("BF.RESERVE k 0.01 100 NONSCALING", text.reserve("k", 0.01, 100, nonscaling=True)),
    ("BF.SCANDUMP k 0", text.scandump("k", 0)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FIELDS = {
    "Capacity": 100,
    "Size": 240,
    "Number of filters": 1,
    "Number of items inserted": 3,
    "Expansion rate": 2,
}
FIXED = FIELDS | {"Expansion rate": None}

READ: list[tuple[Command[object], bytes, object]] = [
    (text.add("k", "a"), b":1\r\n", True),
    (text.add("k", "a"), b"#f\r\n", False),
    (text.card("k"), b":3\r\n", 3),
    (text.exists("k", "a"), b":0\r\n", False),
    (text.info("k"), resp2(FIELDS), BloomFilterInfo(100, 240, 1, 3, 2)),
    (text.info("k"), resp3(FIELDS), BloomFilterInfo(100, 240, 1, 3, 2)),
    (text.info("k"), resp3(FIXED), BloomFilterInfo(100, 240, 1, 3, None)),
    (text.insert("k", "a"), b"*2\r\n:1\r\n:0\r\n", [True, False]),
    (text.loadchunk("k", 1, b""), b"+OK\r\n", True),
    (text.madd("k", "a"), b"*2\r\n#t\r\n#f\r\n", [True, False]),
    (text.mexists("k", "a"), b"*1\r\n:1\r\n", [True]),
    (text.reserve("k", 0.1, 1), b"+OK\r\n", True),
    (text.scandump("k", 0), b"*2\r\n:1\r\n$2\r\n\xff\x00\r\n", (1, b"\xff\x00")),
    (text.scandump("k", 1), b"*2\r\n:0\r\n$0\r\n\r\n", (0, b"")),
    (text.scandump("k", 1), b"*2\r\n:0\r\n$-1\r\n", (0, b"")),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.add("k", "a"), b":2\r\n"),
    (text.info("k"), b"*2\r\n$8\r\nCapacity\r\n:100\r\n"),
    (text.madd("k", "a"), b":1\r\n"),
    (text.scandump("k", 0), b"*1\r\n:1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


def test_a_full_filter() -> None:
    """An error in place of one result is raised: a filter that does not grow was full."""
    for command in (text.madd("k", "a", "b"), text.insert("k", ["a", "b"])):
        with pytest.raises(ResponseError, match="filter is full"):
            parsed(command, b"*2\r\n:1\r\n-ERR non scaling filter is full\r\n")


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "BF.INSERT: items is empty", lambda: text.insert("k", [])),
    (
        DataValueError,
        "nocreate excludes capacity and error",
        lambda: text.insert("k", "a", nocreate=True, error=0.1),
    ),
    (
        DataValueError,
        "expansion and nonscaling exclude",
        lambda: text.insert("k", "a", expansion=1, nonscaling=True),
    ),
    (
        DataValueError,
        "BF.INSERT: error is 1.5: give a number between",
        lambda: text.insert("k", "a", error=1.5),
    ),
    (DataValueError, "BF.RESERVE: error_rate is 0", lambda: text.reserve("k", 0, 1)),
    (
        DataValueError,
        "BF.RESERVE: capacity is 0: give a whole number, 1",
        lambda: text.reserve("k", 0.1, 0),
    ),
    (DataTypeError, "capacity is 1.5", lambda: unchecked(text.reserve)("k", 0.1, 1.5)),
    (DataTypeError, "BF.MADD: items is a mapping", lambda: unchecked(text.madd)("k", {"a": 1})),
    (DataValueError, "BF.MEXISTS: items is empty", lambda: text.mexists("k")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
