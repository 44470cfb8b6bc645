"""The commands on several sorted sets: words, replies and mistakes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.sorted_set_combinations import SortedSetCombinations
from anyredis.exceptions import DataError, DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, resp2, resp3, unchecked, words


class Text(Blueprint, SortedSetCombinations[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, SortedSetCombinations[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[Command[object], str]] = [
    (text.zdiff(["a", b"b"]), "ZDIFF 2 a b"),
    (text.zdiff_with_scores("a"), "ZDIFF 1 a WITHSCORES"),
    (text.zdiffstore("d", ["a", "b"]), "ZDIFFSTORE d 2 a b"),
    (text.zinter(["a", "b"]), "ZINTER 2 a b"),
    (
        text.zinter(["a", "b"], weights=[1, 2.5], aggregate="max"),
        "ZINTER 2 a b WEIGHTS 1 2.5 AGGREGATE MAX",
    ),
    (text.zinter_with_scores("a", weights=(2,)), "ZINTER 1 a WEIGHTS 2 WITHSCORES"),
    (text.zinter_with_scores("a", aggregate="COUNT"), "ZINTER 1 a AGGREGATE COUNT WITHSCORES"),
    (text.zintercard(["a", "b"]), "ZINTERCARD 2 a b"),
    (text.zintercard(["a", "b"], limit=3), "ZINTERCARD 2 a b LIMIT 3"),
    (text.zinterstore("d", ["a", "b"]), "ZINTERSTORE d 2 a b"),
    (
        text.zinterstore("d", ["a", "b"], weights=[1, 2], aggregate="MIN"),
        "ZINTERSTORE d 2 a b WEIGHTS 1 2 AGGREGATE MIN",
    ),
    (text.zunion(["a", "b"]), "ZUNION 2 a b"),
    (
        text.zunion(["a", "b"], weights=[1, 2], aggregate="SUM"),
        "ZUNION 2 a b WEIGHTS 1 2 AGGREGATE SUM",
    ),
    (text.zunion_with_scores(["a", "b"]), "ZUNION 2 a b WITHSCORES"),
    (text.zunionstore("d", ["a", "b"]), "ZUNIONSTORE d 2 a b"),
    (
        text.zunionstore("d", "a", weights=[0.5], aggregate="count"),
        "ZUNIONSTORE d 1 a WEIGHTS 0.5 AGGREGATE COUNT",
    ),
]

NUMBERS: list[Command[int]] = [
    text.zdiffstore("d", "a"),
    text.zintercard("a"),
    text.zinterstore("d", "a"),
    text.zunionstore("d", "a"),
]

MEMBERS: list[tuple[Command[list[str]], Command[list[bytes]]]] = [
    (text.zdiff("a"), binary.zdiff("a")),
    (text.zinter("a"), binary.zinter("a")),
    (text.zunion("a"), binary.zunion("a")),
]

SCORED: list[tuple[Command[list[tuple[str, float]]], Command[list[tuple[bytes, float]]]]] = [
    (text.zdiff_with_scores("a"), binary.zdiff_with_scores("a")),
    (text.zinter_with_scores("a"), binary.zinter_with_scores("a")),
    (text.zunion_with_scores("a"), binary.zunion_with_scores("a")),
]

MISTAKES: list[tuple[Callable[[], object], type[DataError], str]] = [
    (lambda: text.zdiff([]), DataValueError, "ZDIFF: keys is empty"),
    (lambda: text.zdiff_with_scores([]), DataValueError, "ZDIFF: keys is empty"),
    (lambda: text.zdiffstore("d", []), DataValueError, "ZDIFFSTORE: keys is empty"),
    (lambda: text.zinter([]), DataValueError, "ZINTER: keys is empty"),
    (lambda: text.zintercard([]), DataValueError, "ZINTERCARD: keys is empty"),
    (lambda: text.zinterstore("d", []), DataValueError, "ZINTERSTORE: keys is empty"),
    (lambda: text.zunion([]), DataValueError, "ZUNION: keys is empty"),
    (lambda: text.zunionstore("d", []), DataValueError, "ZUNIONSTORE: keys is empty"),
    (lambda: unchecked(text.zunion)(["a", 2]), DataTypeError, r"ZUNION: keys\[1\] is 2"),
    (
        lambda: text.zunion(["a", "b"], weights=[1]),
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
]


@pytest.mark.parametrize(("command", "sent"), SENT, ids=[sent for _, sent in SENT])
def test_words(command: Command[object], sent: str) -> None:
    """Arguments become the words that the server wants."""
    assert words(command) == sent.split()


SCORES = [("b", 1.5), ("a", 2.0)]

READ: list[tuple[Command[object], bytes, object]] = [
    (text.zdiffstore("d", "a"), b":3\r\n", 3),
    (text.zintercard("a"), b":3\r\n", 3),
    (text.zinterstore("d", "a"), b":3\r\n", 3),
    (text.zunionstore("d", "a"), b":3\r\n", 3),
    (text.zdiff("a"), resp3(["b", "a"]), ["b", "a"]),
    (text.zinter("a"), resp3(["b", "a"]), ["b", "a"]),
    (text.zunion("a"), resp3(["b", "a"]), ["b", "a"]),
    (text.zdiff_with_scores("a"), resp2(["b", 1.5, "a", 2.0]), SCORES),
    (text.zdiff_with_scores("a"), resp3([["b", 1.5], ["a", 2.0]]), SCORES),
    (text.zinter_with_scores("a"), resp2(["b", 1.5, "a", 2.0]), SCORES),
    (text.zinter_with_scores("a"), resp3([["b", 1.5], ["a", 2.0]]), SCORES),
    (text.zunion_with_scores("a"), resp2(["b", 1.5, "a", 2.0]), SCORES),
    (text.zunion_with_scores("a"), resp3([["b", 1.5], ["a", 2.0]]), SCORES),
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
