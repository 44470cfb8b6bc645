"""Vector sets as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.vector_sets import RawVector, VectorMatch, VectorSetInfo, VectorSets
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked


class Text(Blueprint, VectorSets[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, VectorSets[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

ONE = struct.pack("<2f", 1, 2)

SENT: list[tuple[str, Command[object]]] = [
    ("VADD k FP32 @ a", text.vadd("k", [1, 2], "a")),
    (
        "VADD k REDUCE 2 FP32 @ a CAS Q8 EF 5 SETATTR {} M 8",
        text.vadd(
            *("k", ONE, "a"),
            reduce_dim=2,
            cas=True,
            quantization="Q8",
            ef=5,
            attributes="{}",
            numlinks=8,
        ),
    ),
    ("VCARD k", text.vcard("k")),
    ("VDIM k", text.vdim("k")),
    ("VEMB k a", text.vemb("k", "a")),
    ("VEMB k a RAW", text.vemb_raw("k", "a")),
    ("VGETATTR k a", text.vgetattr("k", "a")),
    ("VINFO k", text.vinfo("k")),
    ("VISMEMBER k a", text.vismember("k", "a")),
    ("VLINKS k a", text.vlinks("k", "a")),
    ("VLINKS k a WITHSCORES", text.vlinks_with_scores("k", "a")),
    ("VRANDMEMBER k", text.vrandmember("k")),
    ("VRANDMEMBER k -3", text.vrandmember_many("k", -3)),
    ("VRANGE k - [b", text.vrange("k", "-", "[b")),
    ("VRANGE k (a + 5", text.vrange("k", "(a", "+", count=5)),
    ("VREM k a", text.vrem("k", "a")),
    ("VSETATTR k a {}", text.vsetattr("k", "a", "{}")),
    ("VSIM k ELE a", text.vsim("k", "a")),
    (
        "VSIM k FP32 @ COUNT 3 EPSILON 0.5 EF 9 FILTER .x>1 FILTER-EF 7 TRUTH NOTHREAD",
        text.vsim(
            *("k", (1, 2)),
            count=3,
            epsilon=0.5,
            ef=9,
            filter=".x>1",
            filter_ef=7,
            truth=True,
            no_thread=True,
        ),
    ),
    ("VSIM k FP32 @ WITHSCORES COUNT 3", text.vsim_with_scores("k", ONE, count=3)),
    ("VSIM k ELE a WITHSCORES WITHATTRIBS", text.vsim_with_attributes("k", "a")),
]


def shown(command: Command[object]) -> str:
    """The words of *command*, with @ for the vector."""
    words = ("@" if word == ONE else word for word in command.args)
    return " ".join(word.decode() if isinstance(word, bytes) else str(word) for word in words)


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert shown(command) == sent


STATE = VectorSetInfo("int8", 3, 2, 0, {"hnsw-m": 16})
STATE_FIELDS = (
    b"$10\r\nquant-type\r\n$4\r\nint8\r\n$6\r\nhnsw-m\r\n:16\r\n$10\r\nvector-dim\r\n:3\r\n"
    b"$4\r\nsize\r\n:2\r\n$9\r\nmax-level\r\n:0\r\n"
)

READ: list[tuple[Command[object], bytes, object]] = [
    (text.vadd("k", [1], "a"), b":1\r\n", True),
    (text.vadd("k", [1], "a"), b"#f\r\n", False),
    (text.vcard("k"), b":2\r\n", 2),
    (text.vdim("k"), b":3\r\n", 3),
    (text.vemb("k", "a"), b"*2\r\n$3\r\n0.5\r\n$1\r\n3\r\n", [0.5, 3.0]),
    (text.vemb("k", "a"), b"*2\r\n,0.5\r\n,3\r\n", [0.5, 3.0]),
    (text.vemb("k", "a"), b"*-1\r\n", None),
    (
        text.vemb_raw("k", "a"),
        b"*4\r\n+int8\r\n$2\r\n\xff\x7f\r\n$3\r\n3.5\r\n$3\r\n0.8\r\n",
        RawVector("int8", b"\xff\x7f", 3.5, 0.8),
    ),
    (
        text.vemb_raw("k", "a"),
        b"*3\r\n+bin\r\n$1\r\n\xff\r\n,3.5\r\n",
        RawVector("bin", b"\xff", 3.5, None),
    ),
    (text.vemb_raw("k", "a"), b"_\r\n", None),
    (text.vgetattr("k", "a"), b"$2\r\n{}\r\n", "{}"),
    (text.vgetattr("k", "a"), b"$-1\r\n", None),
    (text.vinfo("k"), b"*10\r\n" + STATE_FIELDS, STATE),
    (text.vinfo("k"), b"%5\r\n" + STATE_FIELDS, STATE),
    (text.vinfo("k"), b"*-1\r\n", None),
    (text.vismember("k", "a"), b":1\r\n", True),
    (text.vismember("k", "a"), b"#t\r\n", True),
    (text.vlinks("k", "a"), b"*2\r\n*0\r\n*1\r\n$1\r\nb\r\n", [[], ["b"]]),
    (text.vlinks("k", "a"), b"_\r\n", None),
    (
        text.vlinks_with_scores("k", "a"),
        b"*1\r\n*2\r\n$1\r\nb\r\n$3\r\n0.5\r\n",
        [[("b", 0.5)]],
    ),
    (text.vlinks_with_scores("k", "a"), b"*1\r\n%1\r\n$1\r\nb\r\n,0.5\r\n", [[("b", 0.5)]]),
    (text.vlinks_with_scores("k", "a"), b"_\r\n", None),
    (text.vrandmember("k"), b"$1\r\na\r\n", "a"),
    (text.vrandmember("k"), b"_\r\n", None),
    (text.vrandmember_many("k", 2), b"*1\r\n$1\r\na\r\n", ["a"]),
    (text.vrange("k", "-", "+"), b"*1\r\n$1\r\na\r\n", ["a"]),
    (text.vrem("k", "a"), b":0\r\n", False),
    (text.vrem("k", "a"), b"#t\r\n", True),
    (text.vsetattr("k", "a", ""), b":1\r\n", True),
    (text.vsetattr("k", "a", ""), b"#t\r\n", True),
    (text.vsim("k", "a"), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.vsim_with_scores("k", "a"), b"*2\r\n$1\r\na\r\n$3\r\n0.5\r\n", [("a", 0.5)]),
    (text.vsim_with_scores("k", "a"), b"%1\r\n$1\r\na\r\n,0.5\r\n", [("a", 0.5)]),
    (
        text.vsim_with_attributes("k", "a"),
        b"*6\r\n$1\r\na\r\n$1\r\n1\r\n$-1\r\n$1\r\nb\r\n$3\r\n0.5\r\n$2\r\n{}\r\n",
        [VectorMatch("a", 1.0, None), VectorMatch("b", 0.5, "{}")],
    ),
    (
        text.vsim_with_attributes("k", "a"),
        b"%2\r\n$1\r\na\r\n*2\r\n,1\r\n_\r\n$1\r\nb\r\n*2\r\n,0.5\r\n$2\r\n{}\r\n",
        [VectorMatch("a", 1.0, None), VectorMatch("b", 0.5, "{}")],
    ),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_elements_as_bytes() -> None:
    """On a client that does not decode, elements and attributes are bytes."""
    raw = b"*3\r\n$1\r\na\r\n$1\r\n1\r\n$2\r\n{}\r\n"
    matches = parsed(binary.vsim_with_attributes("k", "a"), raw, encoding=None)
    assert matches == [VectorMatch(b"a", 1.0, b"{}")]
    assert parsed(binary.vinfo("k"), b"*10\r\n" + STATE_FIELDS, encoding=None) == STATE


ODD: list[tuple[Command[object], bytes]] = [
    (text.vadd("k", [1], "a"), b"+OK\r\n"),
    (text.vemb("k", "a"), b"*1\r\n$1\r\nx\r\n"),
    (text.vemb_raw("k", "a"), b"*1\r\n+bin\r\n"),
    (text.vinfo("k"), b"*2\r\n$4\r\nsize\r\n:2\r\n"),
    (text.vlinks("k", "a"), b":1\r\n"),
    (text.vsim("k", "a"), b"*1\r\n_\r\n"),
    (text.vsim_with_attributes("k", "a"), b"*2\r\n$1\r\na\r\n$1\r\n1\r\n"),
    (text.vsim_with_attributes("k", "a"), b"%1\r\n$1\r\na\r\n,1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "VADD: vector is a str", lambda: unchecked(text.vadd)("k", "1,2", "a")),
    (DataValueError, "VADD: vector is empty", lambda: text.vadd("k", [], "a")),
    (DataValueError, "VADD: reduce_dim is 0", lambda: text.vadd("k", [1], "a", reduce_dim=0)),
    (DataValueError, "VADD: numlinks is 0", lambda: text.vadd("k", [1], "a", numlinks=0)),
    (
        DataTypeError,
        "VADD: attributes is a mapping",
        lambda: unchecked(text.vadd)("k", [1], "a", attributes={"x": 1}),
    ),
    (
        DataValueError,
        "VADD: quantization is 'Q4'",
        lambda: unchecked(text.vadd)("k", [1], "a", quantization="Q4"),
    ),
    (
        DataTypeError,
        "VSETATTR: attributes is a mapping",
        lambda: unchecked(text.vsetattr)("k", "a", {"x": 1}),
    ),
    (DataValueError, "VSIM: count is 0", lambda: text.vsim("k", "a", count=0)),
    (DataValueError, "VSIM: input has 1 bytes", lambda: text.vsim("k", b"a")),
    (DataValueError, "VSIM: ef is -1", lambda: text.vsim_with_scores("k", "a", ef=-1)),
    (
        DataValueError,
        "VSIM: filter_ef is 0",
        lambda: text.vsim_with_attributes("k", "a", filter_ef=0),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
