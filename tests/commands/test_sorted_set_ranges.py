"""The commands on ranges of sorted sets: words, replies and mistakes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.sorted_set_ranges import SortedSetRanges
from anyredis.exceptions import DataError, DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, resp2, resp3, unchecked, words


class Text(Blueprint, SortedSetRanges[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, SortedSetRanges[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[Command[object], str]] = [
    (text.zcount("k", 1, 2.5), "ZCOUNT k 1 2.5"),
    (text.zcount("k", "(1", "+inf"), "ZCOUNT k (1 +inf"),
    (text.zcount("k", -inf, inf), "ZCOUNT k -inf inf"),
    (text.zlexcount("k", "-", b"[b"), "ZLEXCOUNT k - [b"),
    (text.zrange("k", 0, -1), "ZRANGE k 0 -1"),
    (text.zrange("k", 0, 1, desc=True), "ZRANGE k 0 1 REV"),
    (text.zrange("k", "(1", inf, byscore=True), "ZRANGE k (1 inf BYSCORE"),
    (
        text.zrange("k", b"[c", "-", bylex=True, desc=True, offset=0, num=5),
        "ZRANGE k [c - BYLEX REV LIMIT 0 5",
    ),
    (text.zrange_with_scores("k", 0, -1), "ZRANGE k 0 -1 WITHSCORES"),
    (
        text.zrange_with_scores("k", 9, 1, byscore=True, desc=True, offset=1, num=-1),
        "ZRANGE k 9 1 BYSCORE REV LIMIT 1 -1 WITHSCORES",
    ),
    (text.zrangebylex("k", "-", "+"), "ZRANGEBYLEX k - +"),
    (text.zrangebylex("k", "[a", "(c", start=0, num=1), "ZRANGEBYLEX k [a (c LIMIT 0 1"),
    (text.zrangebyscore("k", 1, 2), "ZRANGEBYSCORE k 1 2"),
    (text.zrangebyscore("k", 1, 2, start=0, num=1), "ZRANGEBYSCORE k 1 2 LIMIT 0 1"),
    (text.zrangebyscore_with_scores("k", 1, 2), "ZRANGEBYSCORE k 1 2 WITHSCORES"),
    (
        text.zrangebyscore_with_scores("k", "-inf", 2, start=0, num=1),
        "ZRANGEBYSCORE k -inf 2 LIMIT 0 1 WITHSCORES",
    ),
    (text.zrangestore("d", "k", 0, -1), "ZRANGESTORE d k 0 -1"),
    (
        text.zrangestore("d", "k", 5, 1, byscore=True, desc=True, offset=0, num=1),
        "ZRANGESTORE d k 5 1 BYSCORE REV LIMIT 0 1",
    ),
    (text.zrangestore("d", "k", "-", "+", bylex=True), "ZRANGESTORE d k - + BYLEX"),
    (text.zremrangebylex("k", "-", "(c"), "ZREMRANGEBYLEX k - (c"),
    (text.zremrangebyrank("k", 0, -2), "ZREMRANGEBYRANK k 0 -2"),
    (text.zremrangebyscore("k", "-inf", 1.5), "ZREMRANGEBYSCORE k -inf 1.5"),
    (text.zrevrange("k", 0, -1), "ZREVRANGE k 0 -1"),
    (text.zrevrange_with_scores("k", 0, -1), "ZREVRANGE k 0 -1 WITHSCORES"),
    (text.zrevrangebylex("k", "+", "-"), "ZREVRANGEBYLEX k + -"),
    (text.zrevrangebylex("k", "+", "-", start=1, num=2), "ZREVRANGEBYLEX k + - LIMIT 1 2"),
    (text.zrevrangebyscore("k", 2, 1), "ZREVRANGEBYSCORE k 2 1"),
    (text.zrevrangebyscore("k", 2, 1, start=0, num=1), "ZREVRANGEBYSCORE k 2 1 LIMIT 0 1"),
    (
        text.zrevrangebyscore_with_scores("k", 2, 1, start=0, num=1),
        "ZREVRANGEBYSCORE k 2 1 LIMIT 0 1 WITHSCORES",
    ),
]

NUMBERS: list[Command[int]] = [
    text.zcount("k", 0, 1),
    text.zlexcount("k", "-", "+"),
    text.zrangestore("d", "k", 0, 1),
    text.zremrangebylex("k", "-", "+"),
    text.zremrangebyrank("k", 0, 1),
    text.zremrangebyscore("k", 0, 1),
]

MEMBERS: list[tuple[Command[list[str]], Command[list[bytes]]]] = [
    (text.zrange("k", 0, 1), binary.zrange("k", 0, 1)),
    (text.zrangebylex("k", "-", "+"), binary.zrangebylex("k", "-", "+")),
    (text.zrangebyscore("k", 0, 1), binary.zrangebyscore("k", 0, 1)),
    (text.zrevrange("k", 0, 1), binary.zrevrange("k", 0, 1)),
    (text.zrevrangebylex("k", "+", "-"), binary.zrevrangebylex("k", "+", "-")),
    (text.zrevrangebyscore("k", 1, 0), binary.zrevrangebyscore("k", 1, 0)),
]

SCORED: list[tuple[Command[list[tuple[str, float]]], Command[list[tuple[bytes, float]]]]] = [
    (text.zrange_with_scores("k", 0, 1), binary.zrange_with_scores("k", 0, 1)),
    (text.zrangebyscore_with_scores("k", 0, 1), binary.zrangebyscore_with_scores("k", 0, 1)),
    (text.zrevrange_with_scores("k", 0, 1), binary.zrevrange_with_scores("k", 0, 1)),
    (
        text.zrevrangebyscore_with_scores("k", 1, 0),
        binary.zrevrangebyscore_with_scores("k", 1, 0),
    ),
]

MISTAKES: list[tuple[Callable[[], object], type[DataError], str]] = [
    (
        lambda: text.zrange("k", 0, 1, byscore=True, bylex=True),
        DataValueError,
        "ZRANGE: byscore and bylex exclude each other",
    ),
    (
        lambda: text.zrange("k", 0, 1, byscore=True, num=1),
        DataValueError,
        "ZRANGE: offset and num go together",
    ),
    (
        lambda: text.zrange_with_scores("k", 0, 1, offset=0, num=1),
        DataValueError,
        "ZRANGE: offset and num go with byscore or bylex",
    ),
    (
        lambda: text.zrangestore("d", "k", 0, 1, offset=0),
        DataValueError,
        "ZRANGESTORE: offset and num go together",
    ),
    (
        lambda: text.zrangebyscore("k", 0, 1, start=0),
        DataValueError,
        "ZRANGEBYSCORE: start and num go together",
    ),
    (
        lambda: text.zrevrangebylex("k", "+", "-", num=1),
        DataValueError,
        "ZREVRANGEBYLEX: start and num go together",
    ),
    (lambda: unchecked(text.zcount)("k", None, 1), DataTypeError, "ZCOUNT: min is None"),
]


@pytest.mark.parametrize(("command", "sent"), SENT, ids=[sent for _, sent in SENT])
def test_words(command: Command[object], sent: str) -> None:
    """Arguments become the words that the server wants."""
    assert words(command) == sent.split()


SCORES = [("b", 1.5), ("a", 2.0)]

READ: list[tuple[Command[object], bytes, object]] = [
    (text.zcount("k", 0, 1), b":3\r\n", 3),
    (text.zlexcount("k", "-", "+"), b":3\r\n", 3),
    (text.zrangestore("d", "k", 0, 1), b":3\r\n", 3),
    (text.zremrangebylex("k", "-", "+"), b":3\r\n", 3),
    (text.zremrangebyrank("k", 0, 1), b":3\r\n", 3),
    (text.zremrangebyscore("k", 0, 1), b":3\r\n", 3),
    (text.zrange("k", 0, 1), resp3(["b", "a"]), ["b", "a"]),
    (text.zrangebylex("k", "-", "+"), resp3(["b", "a"]), ["b", "a"]),
    (text.zrangebyscore("k", 0, 1), resp3(["b", "a"]), ["b", "a"]),
    (text.zrevrange("k", 0, 1), resp3(["b", "a"]), ["b", "a"]),
    (text.zrevrangebylex("k", "+", "-"), resp3(["b", "a"]), ["b", "a"]),
    (text.zrevrangebyscore("k", 1, 0), resp3(["b", "a"]), ["b", "a"]),
    (text.zrange_with_scores("k", 0, 1), resp2(["b", 1.5, "a", 2.0]), SCORES),
    (text.zrange_with_scores("k", 0, 1), resp3([["b", 1.5], ["a", 2.0]]), SCORES),
    (text.zrangebyscore_with_scores("k", 0, 1), resp2(["b", 1.5, "a", 2.0]), SCORES),
    (text.zrangebyscore_with_scores("k", 0, 1), resp3([["b", 1.5], ["a", 2.0]]), SCORES),
    (text.zrevrange_with_scores("k", 0, 1), resp2(["b", 1.5, "a", 2.0]), SCORES),
    (text.zrevrange_with_scores("k", 0, 1), resp3([["b", 1.5], ["a", 2.0]]), SCORES),
    (text.zrevrangebyscore_with_scores("k", 1, 0), resp2(["b", 1.5, "a", 2.0]), SCORES),
    (text.zrevrangebyscore_with_scores("k", 1, 0), resp3([["b", 1.5], ["a", 2.0]]), SCORES),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("command", NUMBERS)
def test_counts(command: Command[int]) -> None:
    """A count is an int, and nothing else."""
    assert parsed(command, b":3\r\n") == 3
    with pytest.raises(ProtocolError):
        parsed(command, b"*0\r\n")


@pytest.mark.parametrize(("decoding", "plain"), MEMBERS)
def test_members(decoding: Command[list[str]], plain: Command[list[bytes]]) -> None:
    """Members are a list in the server's order, of str or bytes as the client decodes."""
    raw = b"*2\r\n$1\r\nb\r\n$1\r\na\r\n"
    assert parsed(decoding, raw) == ["b", "a"]
    assert parsed(plain, raw, None) == [b"b", b"a"]
    assert parsed(decoding, b"*0\r\n") == []
    with pytest.raises(ProtocolError):
        parsed(decoding, b"_\r\n")


@pytest.mark.parametrize(("decoding", "plain"), SCORED)
def test_members_with_scores(
    decoding: Command[list[tuple[str, float]]], plain: Command[list[tuple[bytes, float]]]
) -> None:
    """Members with scores are pairs, from the flat RESP2 array and from the RESP3 pairs."""
    flat = b"*4\r\n$1\r\nb\r\n$3\r\n1.5\r\n$1\r\na\r\n$3\r\ninf\r\n"
    nested = b"*2\r\n*2\r\n$1\r\nb\r\n,1.5\r\n*2\r\n$1\r\na\r\n,inf\r\n"
    assert parsed(decoding, flat) == parsed(decoding, nested) == [("b", 1.5), ("a", inf)]
    assert parsed(plain, flat, None) == parsed(plain, nested, None) == [(b"b", 1.5), (b"a", inf)]
    assert parsed(decoding, b"*0\r\n") == []
    with pytest.raises(ProtocolError):
        parsed(decoding, b"*1\r\n$1\r\nb\r\n")


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes(mistake: Callable[[], object], error: type[DataError], message: str) -> None:
    """Bad input is refused at once, and the message names the argument."""
    with pytest.raises(error, match=message):
        mistake()
