"""The commands on members of sorted sets: words, replies and mistakes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest

from anyredis.command import Batch, Blueprint, Command
from anyredis.commands.sorted_sets import SortedSets
from anyredis.exceptions import DataError, DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, SortedSets[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, SortedSets[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


class Queue(Batch, SortedSets[str]):
    """A pipeline, which cannot wait."""

    read = TextReaders(str)


text, binary = Text(), Binary()

SENT: list[tuple[Command[object], str]] = [
    (text.bzmpop("a", min=True), "BZMPOP 0 1 a MIN"),
    (text.bzmpop(["a", "b"], timeout=1.5, max=True, count=2), "BZMPOP 1.5 2 a b MAX COUNT 2"),
    (text.bzpopmax("a"), "BZPOPMAX a 0"),
    (text.bzpopmax(["a", "b"], timeout=0.5), "BZPOPMAX a b 0.5"),
    (text.bzpopmin("a"), "BZPOPMIN a 0"),
    (text.bzpopmin(["a", "b"], timeout=2), "BZPOPMIN a b 2"),
    (text.zadd("k", {"a": 1, "b": 2.5}), "ZADD k 1 a 2.5 b"),
    (text.zadd("k", {b"a": inf, b"b": -inf}), "ZADD k inf a -inf b"),
    (text.zadd("k", {"a": 1}, nx=True, ch=True), "ZADD k NX CH 1 a"),
    (text.zadd("k", {"a": 1}, xx=True, gt=True), "ZADD k XX GT 1 a"),
    (text.zadd("k", {"a": 1}, xx=True, lt=True, ch=True), "ZADD k XX LT CH 1 a"),
    (text.zadd("k", {"a": 1}, gt=True), "ZADD k GT 1 a"),
    (text.zadd_incr("k", "m", 1.5), "ZADD k INCR 1.5 m"),
    (text.zadd_incr("k", "m", 1, nx=True), "ZADD k NX INCR 1 m"),
    (text.zadd_incr("k", "m", 1, xx=True, gt=True), "ZADD k XX GT INCR 1 m"),
    (text.zadd_incr("k", "m", -1, lt=True), "ZADD k LT INCR -1 m"),
    (text.zcard("k"), "ZCARD k"),
    (text.zincrby("k", 1.5, "m"), "ZINCRBY k 1.5 m"),
    (text.zmpop("a", min=True), "ZMPOP 1 a MIN"),
    (text.zmpop(["a", b"b"], max=True, count=2), "ZMPOP 2 a b MAX COUNT 2"),
    (text.zmscore("k", "a", 1), "ZMSCORE k a 1"),
    (text.zpopmax("k"), "ZPOPMAX k"),
    (text.zpopmax("k", 2), "ZPOPMAX k 2"),
    (text.zpopmin("k"), "ZPOPMIN k"),
    (text.zpopmin("k", count=0), "ZPOPMIN k 0"),
    (text.zrandmember("k"), "ZRANDMEMBER k"),
    (text.zrandmember_many("k", -2), "ZRANDMEMBER k -2"),
    (text.zrandmember_with_scores("k", 2), "ZRANDMEMBER k 2 WITHSCORES"),
    (text.zrank("k", "m"), "ZRANK k m"),
    (text.zrank_with_score("k", "m"), "ZRANK k m WITHSCORE"),
    (text.zrem("k", "a", "b"), "ZREM k a b"),
    (text.zrevrank("k", "m"), "ZREVRANK k m"),
    (text.zrevrank_with_score("k", "m"), "ZREVRANK k m WITHSCORE"),
    (text.zscan("k"), "ZSCAN k 0"),
    (text.zscan("k", 7, "a*", 100), "ZSCAN k 7 MATCH a* COUNT 100"),
    (text.zscan("k", match=b"*"), "ZSCAN k 0 MATCH *"),
    (text.zscan_no_scores("k"), "ZSCAN k 0 NOSCORES"),
    (text.zscan_no_scores("k", 7, "a*", 9), "ZSCAN k 7 MATCH a* COUNT 9 NOSCORES"),
    (text.zscore("k", "m"), "ZSCORE k m"),
]

READ: list[tuple[Command[object], bytes, object]] = [
    (
        text.bzmpop("k", min=True),
        b"*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$1\r\na\r\n$3\r\n1.5\r\n",
        ("k", [("a", 1.5)]),
    ),
    (
        text.bzmpop("k", min=True),
        b"*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$1\r\na\r\n,1.5\r\n",
        ("k", [("a", 1.5)]),
    ),
    (text.bzmpop("k", min=True), b"*-1\r\n", None),
    (text.bzmpop("k", min=True), b"_\r\n", None),
    (text.bzpopmax("k"), b"*3\r\n$1\r\nk\r\n$1\r\na\r\n$3\r\ninf\r\n", ("k", "a", inf)),
    (text.bzpopmax("k"), b"*3\r\n$1\r\nk\r\n$1\r\na\r\n,inf\r\n", ("k", "a", inf)),
    (text.bzpopmax("k"), b"*-1\r\n", None),
    (text.bzpopmin("k"), b"*3\r\n$1\r\nk\r\n$1\r\na\r\n$4\r\n-inf\r\n", ("k", "a", -inf)),
    (text.bzpopmin("k"), b"*3\r\n$1\r\nk\r\n$1\r\na\r\n,-inf\r\n", ("k", "a", -inf)),
    (text.bzpopmin("k"), b"_\r\n", None),
    (text.zadd("k", {"a": 1}), b":1\r\n", 1),
    (text.zadd_incr("k", "m", 1), b"$3\r\n1.5\r\n", 1.5),
    (text.zadd_incr("k", "m", 1), b",1.5\r\n", 1.5),
    (text.zadd_incr("k", "m", 1), b"$-1\r\n", None),
    (text.zadd_incr("k", "m", 1), b"_\r\n", None),
    (text.zcard("k"), b":2\r\n", 2),
    (text.zincrby("k", 1, "m"), b"$1\r\n2\r\n", 2.0),
    (text.zincrby("k", 1, "m"), b",2\r\n", 2.0),
    (
        text.zmpop("k", max=True),
        b"*2\r\n$1\r\nk\r\n*2\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
        ("k", [("b", 2.0), ("a", 1.0)]),
    ),
    (
        text.zmpop("k", max=True),
        b"*2\r\n$1\r\nk\r\n*2\r\n*2\r\n$1\r\nb\r\n,2\r\n*2\r\n$1\r\na\r\n,1\r\n",
        ("k", [("b", 2.0), ("a", 1.0)]),
    ),
    (text.zmpop("k", max=True), b"*-1\r\n", None),
    (text.zmpop("k", max=True), b"_\r\n", None),
    (text.zmscore("k", "a", "b"), b"*2\r\n$3\r\n1.5\r\n$-1\r\n", [1.5, None]),
    (text.zmscore("k", "a", "b"), b"*2\r\n,1.5\r\n_\r\n", [1.5, None]),
    (text.zpopmax("k"), b"*2\r\n$1\r\na\r\n$1\r\n1\r\n", [("a", 1.0)]),
    (text.zpopmax("k"), b"*2\r\n$1\r\na\r\n,1\r\n", [("a", 1.0)]),
    (
        text.zpopmax("k", 2),
        b"*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n1\r\n",
        [("b", 2.0), ("a", 1.0)],
    ),
    (
        text.zpopmax("k", 2),
        b"*2\r\n*2\r\n$1\r\nb\r\n,2\r\n*2\r\n$1\r\na\r\n,1\r\n",
        [("b", 2.0), ("a", 1.0)],
    ),
    (text.zpopmin("k"), b"*2\r\n$1\r\na\r\n,1\r\n", [("a", 1.0)]),
    (text.zpopmin("k", 2), b"*1\r\n*2\r\n$1\r\na\r\n,1\r\n", [("a", 1.0)]),
    (text.zpopmin("k", 2), b"*0\r\n", []),
    (text.zrandmember("k"), b"$1\r\na\r\n", "a"),
    (text.zrandmember("k"), b"$-1\r\n", None),
    (text.zrandmember("k"), b"_\r\n", None),
    (text.zrandmember_many("k", -2), b"*2\r\n$1\r\na\r\n$1\r\na\r\n", ["a", "a"]),
    (text.zrandmember_many("k", 2), b"*0\r\n", []),
    (text.zrandmember_with_scores("k", 1), b"*2\r\n$1\r\na\r\n$1\r\n1\r\n", [("a", 1.0)]),
    (text.zrandmember_with_scores("k", 1), b"*1\r\n*2\r\n$1\r\na\r\n,1\r\n", [("a", 1.0)]),
    (text.zrank("k", "m"), b":0\r\n", 0),
    (text.zrank("k", "m"), b"$-1\r\n", None),
    (text.zrank("k", "m"), b"_\r\n", None),
    (text.zrank_with_score("k", "m"), b"*2\r\n:1\r\n$1\r\n6\r\n", (1, 6.0)),
    (text.zrank_with_score("k", "m"), b"*2\r\n:1\r\n,6\r\n", (1, 6.0)),
    (text.zrank_with_score("k", "m"), b"*-1\r\n", None),
    (text.zrank_with_score("k", "m"), b"_\r\n", None),
    (text.zrem("k", "a"), b":1\r\n", 1),
    (text.zrevrank("k", "m"), b":2\r\n", 2),
    (text.zrevrank_with_score("k", "m"), b"*2\r\n:1\r\n$1\r\n6\r\n", (1, 6.0)),
    (text.zrevrank_with_score("k", "m"), b"*2\r\n:1\r\n,6\r\n", (1, 6.0)),
    # The scores of a SCAN are strings in RESP3 too.
    (
        text.zscan("k"),
        b"*2\r\n$2\r\n17\r\n*4\r\n$1\r\na\r\n$3\r\n1.5\r\n$1\r\nb\r\n$3\r\ninf\r\n",
        (17, [("a", 1.5), ("b", inf)]),
    ),
    (text.zscan("k"), b"*2\r\n$1\r\n0\r\n*0\r\n", (0, [])),
    (
        text.zscan_no_scores("k"),
        b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        (0, ["a", "b"]),
    ),
    (text.zscore("k", "m"), b"$3\r\n1.5\r\n", 1.5),
    (text.zscore("k", "m"), b",1.5\r\n", 1.5),
    (text.zscore("k", "m"), b"$-1\r\n", None),
    (text.zscore("k", "m"), b"_\r\n", None),
]

READ_BINARY: list[tuple[Command[object], bytes, object]] = [
    (
        binary.bzmpop("k", min=True),
        b"*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$1\r\na\r\n$3\r\n1.5\r\n",
        (b"k", [(b"a", 1.5)]),
    ),
    (binary.bzpopmin("k"), b"*3\r\n$1\r\nk\r\n$1\r\na\r\n$3\r\n1.5\r\n", (b"k", b"a", 1.5)),
    (binary.zadd_incr("k", "m", 1), b"$3\r\n1.5\r\n", 1.5),
    (binary.zmscore("k", "a", "b"), b"*2\r\n$3\r\n1.5\r\n$-1\r\n", [1.5, None]),
    (binary.zpopmin("k"), b"*2\r\n$1\r\n\xff\r\n$1\r\n1\r\n", [(b"\xff", 1.0)]),
    (binary.zrank_with_score("k", "m"), b"*2\r\n:1\r\n$1\r\n6\r\n", (1, 6.0)),
    (binary.zscan("k"), b"*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n", (17, [(b"a", 1.0)])),
    (binary.zscan_no_scores("k"), b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n", (0, [b"a"])),
]

STRANGE: list[tuple[Command[object], bytes]] = [
    (text.bzpopmin("k"), b"*2\r\n$1\r\nk\r\n$1\r\na\r\n"),
    (text.bzpopmin("k"), b"*3\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\nx\r\n"),
    (text.zmpop("k", min=True), b"*1\r\n$1\r\nk\r\n"),
    (text.zmscore("k", "a"), b"$1\r\n1\r\n"),
    (text.zpopmin("k"), b"*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n"),
    (text.zrank("k", "m"), b"$1\r\n1\r\n"),
    (text.zrank_with_score("k", "m"), b":1\r\n"),
    (text.zscan("k"), b"*1\r\n$1\r\n0\r\n"),
    (text.zscore("k", "m"), b"$1\r\nx\r\n"),
]

MISTAKES: list[tuple[Callable[[], object], type[DataError], str]] = [
    (lambda: text.bzmpop([], min=True), DataValueError, "BZMPOP: keys is empty"),
    (lambda: text.bzmpop("k"), DataValueError, "BZMPOP: .* give min=True or max=True"),
    (lambda: text.bzpopmax([]), DataValueError, "BZPOPMAX: keys is empty"),
    (lambda: text.bzpopmin([]), DataValueError, "BZPOPMIN: keys is empty"),
    (
        lambda: unchecked(text.bzpopmin)("k", timeout=None),
        DataTypeError,
        "BZPOPMIN: timeout is None",
    ),
    (
        lambda: getattr(Queue(), "bzpopmin")("k"),  # noqa: B009 - a type checker refuses it
        DataTypeError,
        "bzpopmin blocks: call it on the client, not in a pipeline",
    ),
    (lambda: text.zadd("k", {}), DataValueError, "ZADD: mapping is empty"),
    (
        lambda: unchecked(text.zadd)("k", [("a", 1)]),
        DataTypeError,
        "ZADD: mapping has to be a mapping, not list",
    ),
    (lambda: unchecked(text.zadd)("k", {"a": None}), DataTypeError, r"ZADD: mapping\['a'\] is"),
    (lambda: unchecked(text.zadd)("k", {"a": True}), DataTypeError, r"ZADD: mapping\['a'\] is"),
    (
        lambda: text.zadd("k", {"a": 1}, nx=True, xx=True),
        DataValueError,
        "ZADD: nx and xx exclude each other",
    ),
    (
        lambda: text.zadd("k", {"a": 1}, nx=True, gt=True),
        DataValueError,
        "ZADD: nx and gt exclude each other",
    ),
    (
        lambda: text.zadd_incr("k", "m", 1, gt=True, lt=True),
        DataValueError,
        "ZADD: gt and lt exclude each other",
    ),
    (lambda: text.zmpop([], min=True), DataValueError, "ZMPOP: keys is empty"),
    (lambda: text.zmpop("k"), DataValueError, "ZMPOP: .* give min=True or max=True"),
    (
        lambda: text.zmpop("k", min=True, max=True),
        DataValueError,
        "ZMPOP: min and max exclude each other",
    ),
    (lambda: text.zmscore("k"), DataValueError, "ZMSCORE: members is empty"),
    (
        lambda: unchecked(text.zmscore)("k", [["a"]]),
        DataTypeError,
        "ZMSCORE: members has a list in a list",
    ),
    (lambda: text.zrem("k"), DataValueError, "ZREM: values is empty"),
    (lambda: unchecked(text.zscore)("k", None), DataTypeError, "ZSCORE: value is None"),
]


@pytest.mark.parametrize(("command", "sent"), SENT, ids=[sent for _, sent in SENT])
def test_words(command: Command[object], sent: str) -> None:
    """Arguments become the words that the server wants."""
    assert words(command) == sent.split()


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply in either protocol becomes the promised value."""
    assert parsed(command, raw) == value


@pytest.mark.parametrize(("command", "raw", "value"), READ_BINARY)
def test_binary_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A client that does not decode gets bytes."""
    assert parsed(command, raw, None) == value


@pytest.mark.parametrize(("command", "raw"), STRANGE)
def test_strange_replies(command: Command[object], raw: bytes) -> None:
    """A reply of another shape is an error, never a guess."""
    with pytest.raises(ProtocolError):
        parsed(command, raw)


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes(mistake: Callable[[], object], error: type[DataError], message: str) -> None:
    """Bad input is refused at once, and the message names the argument."""
    with pytest.raises(error, match=message):
        mistake()


def test_zadd_with_incr() -> None:
    """redis-py's *incr* has another reply: the refusal names `zadd_incr`, for one member only."""
    zadd = unchecked(text.zadd)
    assert text.zadd("k", {"a": 1}, incr=False).args == (b"ZADD", "k", 1, "a")
    with pytest.raises(
        DataValueError, match=r"one member only, .*zadd_incr\(key, member, amount\)"
    ):
        zadd("k", {"a": 1}, incr=True)
    with pytest.raises(DataValueError, match=r"one member only, not 2, .*zadd_incr"):
        zadd("k", {"a": 1, "b": 2}, incr=True)
