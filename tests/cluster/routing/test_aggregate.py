"""One reply of several, as the servers' response policies say; failures that name the nodes."""

from __future__ import annotations

import pytest

from anyredis import (
    DataValueError,
    Outcome,
    PartialFailureError,
    ProtocolError,
    ResponseError,
)
from anyredis.cluster.routing.aggregate import OWN_REPORTS, NodeReply, aggregate, refuse_own_reports
from anyredis.cluster.routing.routes import Split, SplitPart, route
from anyredis.exceptions import ConnectionError, from_server
from anyredis.facts.lookup import facts_of
from anyredis.facts.policies import REQUEST, RESPONSE, RequestPolicy, ResponsePolicy
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value


def answers(*replies: Reply) -> list[NodeReply]:
    """One of each node: n0, n1, and so on."""
    return [NodeReply(f"n{at}:1", (b"X",), reply) for at, reply in enumerate(replies)]


MERGED: list[tuple[tuple[Value, ...], tuple[Reply, ...], Reply]] = [
    ((b"DBSIZE",), (1, 2, 3), 6),
    ((b"DEL", "a"), (1, 0), 1),
    ((b"SLOWLOG", b"LEN"), (1, 2, 3), 6),
    ((b"slowlog", "len"), (1, 2), 3),
    ((b"FLUSHALL",), (b"OK", b"OK"), b"OK"),
    ((b"PING",), (b"PONG", b"PONG"), b"PONG"),
    ((b"SCRIPT", b"LOAD", "s"), (b"sha", b"sha"), b"sha"),
    ((b"SCRIPT", b"EXISTS", "a", "b", "c"), ([1, 0, 1], [1, 1, 0]), [1, 0, 0]),
    ((b"WAIT", 1, 0), (3, 1, 2), 1),
    ((b"WAITAOF", 1, 1, 0), ([1, 3], [2, 2]), [1, 2]),
    ((b"KEYS", "*"), ([b"a", b"b"], [], [b"c"]), [b"a", b"b", b"c"]),
    ((b"SLOWLOG", b"GET"), ([[1, b"x"]], [[2, b"y"]]), [[1, b"x"], [2, b"y"]]),
    ((b"SCRIPT", b"KILL"), (from_server("NOTBUSY none"), b"OK"), b"OK"),
    ((b"FUNCTION", b"KILL"), (b"OK", from_server("NOTBUSY none")), b"OK"),
    ((b"RANDOMKEY",), (None, b"k", None), b"k"),
    ((b"RANDOMKEY",), (None, None), None),
    ((b"INFO",), (b"x", b"y"), {"n0:1": b"x", "n1:1": b"y"}),
    ((b"MEMORY", b"STATS"), ({b"a": 1}, {b"a": 2}), {"n0:1": {b"a": 1}, "n1:1": {b"a": 2}}),
    ((b"PUBSUB", b"CHANNELS"), ([b"a", b"b"], [], [b"c", b"a"]), [b"a", b"b", b"c"]),
    ((b"pubsub", "shardchannels", "*"), (["a"], ["a"]), ["a"]),
    ((b"PUBSUB", b"NUMPAT"), (1, 0, 2), 3),
    ((b"PUBSUB", b"NUMSUB"), ([], []), []),
    (
        (b"PUBSUB", b"NUMSUB", "a", "b"),
        ([b"a", 1, b"b", 0], [b"a", 2, b"b", 0]),
        [b"a", 3, b"b", 0],
    ),
    ((b"PUBSUB", b"SHARDNUMSUB", "a"), (["a", 0], ["a", 2]), ["a", 2]),
    ((b"TS.QUERYINDEX", "x=1"), (["a", "b"], ["c", "a"]), ["a", "b", "c"]),
    ((b"TS.MGET", b"FILTER", "x=1"), ({"a": [1]}, {}, {"b": [2], "a": [1]}), {"a": [1], "b": [2]}),
    (
        (b"TS.MRANGE", 0, 1, b"FILTER", "x=1"),
        ([["a", [], []]], [], [["b", [], []], ["a", [], []]]),
        [["a", [], []], ["b", [], []]],
    ),
    ((b"TS.MREVRANGE", 0, 1, b"FILTER", "x=1"), ([], []), []),
    ((b"MY.CMD",), (1, [2]), [1, [2]]),
]


@pytest.mark.parametrize(("args", "replies", "whole"), MERGED, ids=lambda each: str(each)[:30])
def test_aggregate_of_replies(
    args: tuple[Value, ...], replies: tuple[Reply, ...], whole: Reply
) -> None:
    """Sums, minima, all of them, one of them, each by its node."""
    assert aggregate(facts_of(args), answers(*replies)) == whole


def test_every_command_for_several_nodes_can_be_merged() -> None:
    """Each has a policy for its replies, or gives arrays, which are joined."""
    several = {name for name, request in REQUEST.items() if request is not RequestPolicy.SPECIAL}
    joined = several - RESPONSE.keys()
    assert (
        joined
        == {
            *(b"KEYS", b"MGET", b"CLUSTER SLOT-STATS", b"COMMANDLOG GET", b"SLOWLOG GET"),
            *(b"HIMPORT DISCARD", b"HIMPORT DISCARDALL", b"HIMPORT PREPARE"),
        }
        & several
    )
    for name in several:
        replies: list[Reply] = [[1], [1]] if name in joined else [1, 1]
        assert aggregate(facts_of(tuple(name.split())), answers(*replies)) is not None


NOT_ALIKE: list[tuple[tuple[Value, ...], tuple[Reply, ...]]] = [
    ((b"PUBSUB", b"CHANNELS"), ([b"a"], [[b"b"]])),
    ((b"PUBSUB", b"CHANNELS"), ([b"a"], 1)),
    ((b"PUBSUB", b"NUMSUB", "a"), ([b"a", 1], [b"b", 1])),
    ((b"PUBSUB", b"NUMSUB", "a"), ([b"a", 1], [b"a", 1, b"b", 1])),
    ((b"PUBSUB", b"NUMSUB", "a"), ([b"a"], [b"a"])),
    ((b"PUBSUB", b"NUMSUB", "a"), ([b"a", 1], [b"a", b"x"])),
    ((b"TS.MRANGE", 0), ({"x=1": [{}, [1]]}, {"x=1": [{}, [2]]})),  # parts of one group
    ((b"TS.MRANGE", 0), ([["x=1", [], [1]]], [["x=1", [], [2]]])),
    ((b"TS.MGET", 0), ([[1, []]], [])),
    ((b"TS.MGET", 0), ({"a": 1}, 1)),
]


@pytest.mark.parametrize(("args", "replies"), NOT_ALIKE, ids=lambda each: str(each)[:30])
def test_reports_that_cannot_be_joined(args: tuple[Value, ...], replies: tuple[Reply, ...]) -> None:
    """Replies of another shape, or about other names, are a `ProtocolError`."""
    with pytest.raises(ProtocolError, match="the server answered"):
        aggregate(facts_of(args), answers(*replies))


def test_any_random_key_may_come() -> None:
    """Of all nodes that have some."""
    replies = answers(b"a", None, b"b")
    found = [aggregate(facts_of((b"RANDOMKEY",)), replies) for _ in range(100)]
    assert b"a" in found
    assert b"b" in found
    assert None not in found


def test_logical_policies() -> None:
    """AND and OR, also if a server says more than 1."""
    assert aggregate(facts_of((b"SCRIPT", b"EXISTS", "a")), answers([2], [1])) == [1]
    assert ResponsePolicy.AGG_LOGICAL_OR not in RESPONSE.values(), "then it needs a line above"
    assert ResponsePolicy.AGG_MAX not in RESPONSE.values(), "then it needs a line above"


def test_split_replies_come_in_order() -> None:
    """Each value at the place of its key, which may be there twice."""
    args = (b"MGET", "a", "b", "{a}2", "c", "a")
    way = route(args)
    assert isinstance(way, Split)
    values = {"a": b"1", "b": None, "{a}2": b"3", "c": b"4"}
    replies = [
        NodeReply("n:1", piece.args, [values[str(key)] for key in piece.args[1:]])
        for piece in way.pieces
    ]
    assert aggregate(facts_of(args), replies, way) == [b"1", None, b"3", b"4", b"1"]


def test_documents_come_in_order() -> None:
    """Those of JSON.MGET as the values of MGET: its path is the key of no value."""
    args = (b"JSON.MGET", "a", "b", "{a}2", "$.x")
    way = route(args)
    assert isinstance(way, Split)
    replies = [
        NodeReply("n:1", piece.args, [str(key).encode() for key in piece.args[1:-1]])
        for piece in way.pieces
    ]
    assert aggregate(facts_of(args), replies, way) == [b"a", b"b", b"{a}2"]
    facts = facts_of((b"JSON.MSET", "a", "$", b"1", "b", "$", b"2"))
    assert aggregate(facts, answers(b"OK", b"OK")) == b"OK"


@pytest.mark.parametrize(
    ("args", "replies"),
    [
        ((b"DBSIZE",), (1, b"x")),
        ((b"DBSIZE",), (None, 1)),
        ((b"DBSIZE",), ([1], 1)),
        ((b"SCRIPT", b"EXISTS", "a"), ([1, 1], [1])),
        ((b"SCRIPT", b"EXISTS", "a"), ([1], [b"x"])),
    ],
)
def test_replies_that_cannot_be(args: tuple[Value, ...], replies: tuple[Reply, ...]) -> None:
    """A server that answers something else breaks the protocol: never a TypeError."""
    with pytest.raises(ProtocolError, match="the server answered"):
        aggregate(facts_of(args), answers(*replies))


@pytest.mark.parametrize("reply", [[b"1"], [b"1", b"2", b"3"], b"x", None])
def test_a_split_reply_that_cannot_be(reply: Reply) -> None:
    """Too short, too long, no array."""
    way = Split(
        (SplitPart((b"MGET", "a", "b"), 1, (0, 2)), SplitPart((b"MGET", "c"), 2, (1,))), reads=True
    )
    parts = [NodeReply("n:1", (), reply), NodeReply("n:2", (), [b"x"])]
    with pytest.raises(ProtocolError, match="the server answered"):
        aggregate(facts_of((b"MGET", "a", "c", "b")), parts, way)


def test_a_failure_in_part() -> None:
    """The error names the nodes, the answer of each, and the parts that succeeded."""
    lost = ConnectionError("gone", outcome=Outcome.UNKNOWN)
    parts = [
        NodeReply("n0:1", (b"DEL", "a"), 1),
        NodeReply("n1:1", (b"DEL", "b"), lost),
        NodeReply("n2:1", (b"DEL", "c"), from_server("ERR no")),
        NodeReply("n0:1", (b"DEL", "d"), 1),
    ]
    with pytest.raises(PartialFailureError) as caught:
        aggregate(facts_of((b"DEL", "a", "b", "c", "d")), parts)
    error = caught.value
    assert str(error) == ("DEL failed in part (n2:1: ERR no; n1:1: gone); it succeeded on n0:1")
    assert [each.address for each in error.failed] == ["n1:1", "n2:1"]
    assert error.failed[0].reply is lost
    assert error.failed[0].command == (b"DEL", "b")
    assert [(each.command, each.reply) for each in error.succeeded] == [
        ((b"DEL", "a"), 1),
        ((b"DEL", "d"), 1),
    ]


@pytest.mark.parametrize("args", [(b"DBSIZE",), (b"SCRIPT", b"KILL"), (b"FUNCTION", b"KILL")])
def test_a_failure_of_all(args: tuple[Value, ...]) -> None:
    """Then a command that needs a single success fails too; the error says that none succeeded."""
    no = ResponseError("NOTBUSY No scripts")
    with pytest.raises(PartialFailureError, match=r"failed everywhere \(n1:1: NOT") as caught:
        aggregate(facts_of(args), answers(no, no))
    assert caught.value.succeeded == ()
    assert len(caught.value.failed) == 2


def test_one_error_is_enough() -> None:
    """One error fails the call if all have to succeed, with any policy."""
    for args in ((b"INFO",), (b"RANDOMKEY",), (b"KEYS", "*"), (b"FLUSHALL",), (b"MGET", "a", "b")):
        with pytest.raises(PartialFailureError, match="succeeded on n0:1"):
            aggregate(facts_of(args), answers([b"x"], from_server("NOPERM no")))


def test_reports_of_each_node() -> None:
    """Its replies have no aggregate: the error names the methods to use instead."""
    assert b"INFO" in OWN_REPORTS
    assert b"RANDOMKEY" not in OWN_REPORTS
    for name in OWN_REPORTS:
        remedy = (
            r"for itself.*client\.node\(address\), or (client\.\w+_by_node\(|.*client\.nodes\(\))"
        )
        with pytest.raises(DataValueError, match=remedy):
            refuse_own_reports(facts_of(tuple(name.split())))
    refuse_own_reports(facts_of((b"DBSIZE",)))
