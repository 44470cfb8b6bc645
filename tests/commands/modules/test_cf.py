"""Cuckoo filters as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.client.modules.cf import BlueprintCuckooFilters
from anyredis.command import Command
from anyredis.commands.modules.cf import CuckooFilterInfo
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from tests.commands.modules.plans import TextPlan
from tests.commands.tables import parsed, resp2, resp3, unchecked, words

text: BlueprintCuckooFilters[str] = TextPlan().cf

SENT: list[tuple[str, Command[object]]] = [
    ("CF.ADD k a", text.add("k", "a")),
    ("CF.ADDNX k a", text.addnx("k", "a")),
    ("CF.COMPACT k", text.compact("k")),
    ("CF.COUNT k a", text.count("k", "a")),
    ("CF.DEL k a", text.delete("k", "a")),
    ("CF.EXISTS k a", text.exists("k", "a")),
    ("CF.INFO k", text.info("k")),
    ("CF.INSERT k ITEMS a", text.insert("k", "a")),
    (
        "CF.INSERT k CAPACITY 10 NOCREATE ITEMS a b",
        text.insert("k", ["a", "b"], capacity=10, nocreate=True),
    ),
    ("CF.INSERTNX k CAPACITY 10 ITEMS a", text.insertnx("k", "a", capacity=10)),
    ("CF.LOADCHUNK k 1 x", text.loadchunk("k", 1, b"x")),
    ("CF.MEXISTS k a b", text.mexists("k", "a", "b")),
    ("CF.RESERVE k 100", text.reserve("k", 100)),
    (
        "CF.RESERVE k 100 EXPANSION 0 BUCKETSIZE 2 MAXITERATIONS 20",
        text.reserve("k", 100, bucket_size=2, max_iterations=20, expansion=0),
    ),
    ("CF.SCANDUMP k 0", text.scandump("k", 0)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FIELDS = {
    "Size": 1080,
    "Number of buckets": 512,
    "Number of filters": 1,
    "Number of items inserted": 3,
    "Number of items deleted": 4,
    "Bucket size": 2,
    "Expansion rate": 5,
    "Max iterations": 20,
}

READ: list[tuple[Command[object], bytes, object]] = [
    (text.add("k", "a"), b":1\r\n", True),
    (text.addnx("k", "a"), b"#f\r\n", False),
    (text.compact("k"), b"+OK\r\n", True),
    (text.count("k", "a"), b":2\r\n", 2),
    (text.delete("k", "a"), b":0\r\n", False),
    (text.exists("k", "a"), b"#t\r\n", True),
    (text.info("k"), resp2(FIELDS), CuckooFilterInfo(1080, 512, 1, 3, 4, 2, 5, 20)),
    (text.info("k"), resp3(FIELDS), CuckooFilterInfo(1080, 512, 1, 3, 4, 2, 5, 20)),
    (text.insert("k", "a"), b"*2\r\n:1\r\n:-1\r\n", [True, False]),
    (text.insert("k", "a"), b"*2\r\n#t\r\n#f\r\n", [True, False]),
    (text.insertnx("k", "a"), b"*3\r\n:1\r\n:0\r\n:-1\r\n", [1, 0, -1]),
    (text.loadchunk("k", 1, b""), b"+OK\r\n", True),
    (text.mexists("k", "a"), b"*2\r\n:1\r\n:0\r\n", [True, False]),
    (text.reserve("k", 1), b"+OK\r\n", True),
    (text.scandump("k", 0), b"*2\r\n:1\r\n$1\r\n\xff\r\n", (1, b"\xff")),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.add("k", "a"), b":2\r\n"),
    (text.info("k"), b"*2\r\n$4\r\nSize\r\n:100\r\n"),
    (text.insert("k", "a"), b"*1\r\n:2\r\n"),
    (text.insertnx("k", "a"), b"*1\r\n$1\r\n1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "CF.INSERT: items is empty", lambda: text.insert("k", [])),
    (DataValueError, "CF.RESERVE: capacity is 0", lambda: text.reserve("k", 0)),
    (DataValueError, "bucket_size is -1", lambda: text.reserve("k", 1, bucket_size=-1)),
    (DataTypeError, "nocreate is 1", lambda: unchecked(text.insertnx)("k", "a", nocreate=1)),
    (DataValueError, "CF.MEXISTS: items is empty", lambda: text.mexists("k")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
