"""The commands on ranges of sorted sets and on several of them: words, replies and mistakes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.sorted_set_ranges import SortedSetRanges
from anyredis.exceptions import DataError, DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


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
    (text.zdiff("a", b"b"), "ZDIFF 2 a b"),
    (text.zdiff_with_scores("a"), "ZDIFF 1 a WITHSCORES"),
    (text.zdiffstore("d", "a", "b"), "ZDIFFSTORE d 2 a b"),
    (text.zinter("a", "b"), "ZINTER 2 a b"),
    (
        text.zinter("a", "b", weights=[1, 2.5], aggregate="max"),
        "ZINTER 2 a b WEIGHTS 1 2.5 AGGREGATE MAX",
    ),
    (text.zinter_with_scores("a", weights=(2,)), "ZINTER 1 a WEIGHTS 2 WITHSCORES"),
    (text.zinter_with_scores("a", aggregate="COUNT"), "ZINTER 1 a AGGREGATE COUNT WITHSCORES"),
    (text.zintercard("a", "b"), "ZINTERCARD 2 a b"),
    (text.zintercard("a", "b", limit=3), "ZINTERCARD 2 a b LIMIT 3"),
    (text.zinterstore("d", "a", "b"), "ZINTERSTORE d 2 a b"),
    (
        text.zinterstore("d", "a", "b", weights=[1, 2], aggregate="MIN"),
        "ZINTERSTORE d 2 a b WEIGHTS 1 2 AGGREGATE MIN",
    ),
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
    (text.zunion("a", "b"), "ZUNION 2 a b"),
    (
        text.zunion("a", "b", weights=[1, 2], aggregate="SUM"),
        "ZUNION 2 a b WEIGHTS 1 2 AGGREGATE SUM",
    ),
    (text.zunion_with_scores("a", "b"), "ZUNION 2 a b WITHSCORES"),
    (text.zunionstore("d", "a", "b"), "ZUNIONSTORE d 2 a b"),
    (
        text.zunionstore("d", "a", weights=[0.5], aggregate="count"),
        "ZUNIONSTORE d 1 a WEIGHTS 0.5 AGGREGATE COUNT",
    ),
]

NUMBERS: list[Command[int]] = [
    text.zcount("k", 0, 1),
    text.zdiffstore("d", "a"),
    text.zintercard("a"),
    text.zinterstore("d", "a"),
    text.zlexcount("k", "-", "+"),
    text.zrangestore("d", "k", 0, 1),
    text.zremrangebylex("k", "-", "+"),
    text.zremrangebyrank("k", 0, 1),
    text.zremrangebyscore("k", 0, 1),
    text.zunionstore("d", "a"),
]

MEMBERS: list[tuple[Command[list[str]], Command[list[bytes]]]] = [
    (text.zdiff("a"), binary.zdiff("a")),
    (text.zinter("a"), binary.zinter("a")),
    (text.zrange("k", 0, 1), binary.zrange("k", 0, 1)),
    (text.zrangebylex("k", "-", "+"), binary.zrangebylex("k", "-", "+")),
    (text.zrangebyscore("k", 0, 1), binary.zrangebyscore("k", 0, 1)),
    (text.zrevrange("k", 0, 1), binary.zrevrange("k", 0, 1)),
    (text.zrevrangebylex("k", "+", "-"), binary.zrevrangebylex("k", "+", "-")),
    (text.zrevrangebyscore("k", 1, 0), binary.zrevrangebyscore("k", 1, 0)),
    (text.zunion("a"), binary.zunion("a")),
]

SCORED: list[tuple[Command[list[tuple[str, float]]], Command[list[tuple[bytes, float]]]]] = [
    (text.zdiff_with_scores("a"), binary.zdiff_with_scores("a")),
    (text.zinter_with_scores("a"), binary.zinter_with_scores("a")),
    (text.zrange_with_scores("k", 0, 1), binary.zrange_with_scores("k", 0, 1)),
    (text.zrangebyscore_with_scores("k", 0, 1), binary.zrangebyscore_with_scores("k", 0, 1)),
    (text.zrevrange_with_scores("k", 0, 1), binary.zrevrange_with_scores("k", 0, 1)),
    (
        text.zrevrangebyscore_with_scores("k", 1, 0),
        binary.zrevrangebyscore_with_scores("k", 1, 0),
    ),
    (text.zunion_with_scores("a"), binary.zunion_with_scores("a")),
]

MISTAKES: list[tuple[Callable[[], object], type[DataError], str]] = [
    (text.zdiff, DataValueError, "ZDIFF: keys is empty"),
    (text.zdiff_with_scores, DataValueError, "ZDIFF: keys is empty"),
    (lambda: text.zdiffstore("d"), DataValueError, "ZDIFFSTORE: keys is empty"),
    (text.zinter, DataValueError, "ZINTER: keys is empty"),
    (text.zintercard, DataValueError, "ZINTERCARD: keys is empty"),
    (lambda: text.zinterstore("d"), DataValueError, "ZINTERSTORE: keys is empty"),
    (text.zunion, DataValueError, "ZUNION: keys is empty"),
    (lambda: text.zunionstore("d"), DataValueError, "ZUNIONSTORE: keys is empty"),
    (lambda: unchecked(text.zunion)(["a"]), DataTypeError, r"ZUNION: keys\[0\] is \['a'\]"),
    (
        lambda: text.zunion("a", "b", weights=[1]),
        DataValueError,
        "ZUNION: 1 weights for 2 keys: give one for each",
    ),
    (
        lambda: unchecked(text.zunion)("a", weights=[None]),
        DataTypeError,
        r"ZUNION: weights\[0\] is None",
    ),
    (
        lambda: unchecked(text.zinter)("a", aggregate="AVG"),
        DataValueError,
        "ZINTER: aggregate is 'AVG': give SUM or MIN or MAX or COUNT",
    ),
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
