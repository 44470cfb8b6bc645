"""The destination of each command: the whole table of four servers, and the splits."""

from __future__ import annotations

import re

import pytest

from anyredis import CrossSlotError, DataError, DataValueError
from anyredis.cluster.routing.routes import (
    AllNodes,
    AnyNode,
    Split,
    SplitPart,
    ToSlot,
    key_bytes,
    route,
    slot_of_keys,
)
from anyredis.facts.key_positions import FIRST_KEY
from anyredis.facts.policies import OF_MODULES, REQUEST, SUBSCRIPTION_REPORTS, ResponsePolicy
from anyredis.facts.table import SPECIAL
from anyredis.testing import Answer, FakeCluster, FakePeer, Words
from anyredis.wire.encode import Value, encoder
from anyredis.wire.slots import slot_of
from tests.cluster.commands import COMMANDS, KEY, Way, call, expected

A, B, C = slot_of(b"a"), slot_of(b"b"), slot_of(b"c")

OF_CONNECTIONS = {(b"HELLO",), (b"HELLO", b"3"), (b"CLIENT", b"SETINFO"), (b"CLUSTER", b"SLOTS")}
"""Commands that the client sends by itself: they get their usual answer."""

WHAT_TO_DO = re.compile(
    r"client\.(session|node|subscribe)\(|the client's (pubsub\(\)|protocol=)|leave the client's block"
    r"|connection into a (replica's|stream)|without the replies"
)
"""A refusal names the alternative, or says why there is none."""


def answer_one(peer: FakePeer, words: Words) -> Answer:
    """The answer 1, or an empty array to reports in arrays, to any command."""
    if words[:2] in OF_CONNECTIONS:
        return peer.run(words)
    name = b" ".join(words[:2])
    response = SUBSCRIPTION_REPORTS.get(name)
    if words[0].startswith(b"TS.") and words[0] in OF_MODULES:
        _, response = OF_MODULES[words[0]]
    return 1 if response in (None, ResponsePolicy.AGG_SUM) else []


def calls_by_port(cluster: FakeCluster, words: Words) -> list[int]:
    """The port of each node that got the call *words*, once for each time."""
    return [node.port for node in cluster.nodes for got in node.server.received if got == words]


async def test_every_command_goes_where_it_has_to() -> None:
    """It goes to its slot, to all nodes or to any node; or it is refused, with the remedy."""
    cluster = FakeCluster(3, 1)
    for node in cluster.nodes:
        node.server.on("*", answer_one)
    primaries, nodes = [7000, 7001, 7002], [node.port for node in cluster.nodes]
    found: dict[str, Way | list[int]] = {}
    refusals: dict[str, str] = {}
    async with cluster.client() as client:
        for name in COMMANDS:
            words = call(name)
            for node in cluster.nodes:
                node.server.received.clear()
            try:
                await client.execute_command(*words)
            except DataError as error:
                refusals[name] = str(error)
                found[name] = Way.REFUSED
            ports = calls_by_port(cluster, words)
            if found.get(name) is Way.REFUSED or ports == []:
                assert ports == []
            elif ports == nodes:
                found[name] = Way.NODES
            elif ports == primaries:
                found[name] = Way.PRIMARIES
            elif ports == [cluster.node_of(KEY).port] and expected(name) is Way.SLOT:
                found[name] = Way.SLOT
            else:
                found[name] = Way.ANYWHERE if ports[0] in primaries and len(ports) == 1 else ports
    for name, refusal in refusals.items():
        assert WHAT_TO_DO.search(refusal), refusal
        assert refusal.startswith(name.split()[0]), refusal
    del found["CLUSTER SLOTS"]  # the client asks for that by itself, too
    assert found == {name: expected(name) for name in COMMANDS if name != "CLUSTER SLOTS"}


def test_the_table_is_there() -> None:
    """Each way has its commands."""
    ways = [expected(name) for name in COMMANDS]
    assert min(ways.count(way) for way in Way) > 10
    assert len(ways) > 500


def test_a_command_with_keys_goes_to_their_slot() -> None:
    """Every command that is routed by its key goes to that slot, as one piece."""
    ways = {name: route(call(name)) for name in COMMANDS if expected(name) is Way.SLOT}
    slot = slot_of(KEY)
    assert {
        name: way for name, way in ways.items() if not isinstance(way, ToSlot) or way.slot != slot
    } == {}


def test_the_fast_path_is_for_what_needs_no_second_look() -> None:
    """A command on the fast path neither blocks, nor changes its connection, nor has a tip."""
    assert not FIRST_KEY.keys() & SPECIAL
    assert not FIRST_KEY.keys() & REQUEST.keys()


def test_a_command_about_a_slot_goes_to_its_node() -> None:
    """Any other node would answer that the slot is empty."""
    assert route((b"CLUSTER", b"GETKEYSINSLOT", 12182, 10)) == ToSlot(12182, reads=True)
    assert route(("cluster", "countkeysinslot", "5")) == ToSlot(5, reads=True)
    wrong: list[tuple[Value, ...]] = [("x",), (16384,), (-1,), (), (b"\xff",), ("1.5",)]
    for words in wrong:
        with pytest.raises(
            DataValueError, match="CLUSTER COUNTKEYSINSLOT needs a slot, 0 to 16383"
        ):
            route((b"CLUSTER", b"COUNTKEYSINSLOT", *words))


@pytest.mark.parametrize(
    "words",
    [
        (b"RENAME", "a", "b"),
        (b"SINTERSTORE", "a", "b", "c"),
        (b"MSETNX", "a", 1, "b", 1),
        (b"PFMERGE", "a", "b"),
        (b"EVAL", "return 1", 2, "a", "b"),
        (b"XREAD", b"STREAMS", "a", "b", 0, 0),
        (b"BLPOP", "a", "b", 0),
        (b"SORT", "a", b"STORE", "b"),
        (b"MSETEX", 2, "a", 1, "b", 1, b"NX"),
        (b"MSETEX", 2, "a", 1, "b", 1, "EX", 5, "xx"),
    ],
)
def test_what_cannot_be_split_is_refused(words: tuple[Value, ...]) -> None:
    """Keys in several slots of a command that is one: the error says how they get into one."""
    with pytest.raises(CrossSlotError, match=r"was not sent.*several hash slots.*\{hash tag\}"):
        route(words)


SPLITS: list[tuple[tuple[Value, ...], list[SplitPart]]] = [
    (
        (b"MGET", "a", "b", "{a}2", "a"),
        [SplitPart((b"MGET", "a", "{a}2", "a"), A, (0, 2, 3)), SplitPart((b"MGET", "b"), B, (1,))],
    ),
    (
        (b"MSET", "a", 1, "b", 2, "a", 3),
        [SplitPart((b"MSET", "a", 1, "a", 3), A, (0, 2)), SplitPart((b"MSET", "b", 2), B, (1,))],
    ),
    (
        (b"JSON.MGET", "a", "b", "{a}2", "$.nx"),
        [
            SplitPart((b"JSON.MGET", "a", "{a}2", "$.nx"), A, (0, 2)),
            SplitPart((b"JSON.MGET", "b", "$.nx"), B, (1,)),
        ],
    ),
    (
        (b"JSON.MSET", "a", "$", b"1", "b", ".x", b"2", "a", "$.y", b"3"),
        [
            SplitPart((b"JSON.MSET", "a", "$", b"1", "a", "$.y", b"3"), A, (0, 2)),
            SplitPart((b"JSON.MSET", "b", ".x", b"2"), B, (1,)),
        ],
    ),
    (
        (b"MSETEX", 3, "a", "NX", "b", 2, "c", 3, b"EX", 5),
        [
            SplitPart((b"MSETEX", 1, "a", "NX", b"EX", 5), A, (0,)),
            SplitPart((b"MSETEX", 1, "b", 2, b"EX", 5), B, (1,)),
            SplitPart((b"MSETEX", 1, "c", 3, b"EX", 5), C, (2,)),
        ],
    ),
    *(
        (
            (name, "a", "b", "a"),
            [SplitPart((name, "a", "a"), A, (0, 2)), SplitPart((name, "b"), B, (1,))],
        )
        for name in (b"DEL", b"EXISTS", b"UNLINK", b"TOUCH")
    ),
]


@pytest.mark.parametrize(("words", "pieces"), SPLITS, ids=lambda each: str(each)[:20])
def test_what_is_split(words: tuple[Value, ...], pieces: list[SplitPart]) -> None:
    """A piece for each slot has its keys in their order, with their values."""
    way = route(words)
    assert isinstance(way, Split)
    assert list(way.pieces) == pieces
    assert way.reads is (words[0] in {b"MGET", b"JSON.MGET", b"EXISTS", b"TOUCH"})


def test_one_slot_is_not_split() -> None:
    """Hash tags keep a command in one piece, NX or not."""
    slot = slot_of(b"t")
    assert route((b"MGET", "{t}1", "{t}2", "t")) == ToSlot(slot, reads=True)
    assert route((b"MSET", "{t}1", 1, "x{t}", 2)) == ToSlot(slot, reads=False)
    assert route((b"MSETEX", 2, "{t}1", 1, "{t}2", 1, b"NX")) == ToSlot(slot, reads=False)
    assert route((b"RENAME", "{t}1", "{t}2")) == ToSlot(slot, reads=False)
    assert route((b"GET", "{}t")) == ToSlot(slot_of(b"{}t"), reads=True)


def test_names_in_any_spelling() -> None:
    """Text or bytes, upper or lower case."""
    for name in (b"get", "GET", "get", bytearray(b"Get")):
        assert route((name, "a")) == ToSlot(A, reads=True)
    assert route(("object", "encoding", "a")) == ToSlot(A, reads=True)
    assert route((b"dbsize",)) == AllNodes(replicas=False)


def test_keys_of_other_types() -> None:
    """A number, or bytes of another type, goes to the slot of its sent bytes."""
    for key in (b"12", bytearray(b"12"), memoryview(b"12"), "12", 12):
        assert route((b"GET", key)) == ToSlot(slot_of(b"12"), reads=True)
    for number in (1.5, 1e22, -0.0, 10**30):
        packed = encoder()((number,)).split(b"\r\n")[2]
        assert key_bytes(number, "utf-8") == packed


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "cp500"])
@pytest.mark.parametrize("key", ["é", "{é}x", "k", 12, 1.5])
def test_keys_in_another_encoding(encoding: str, key: Value) -> None:
    """A key goes to the slot of the very bytes that are sent for it, of a number too."""
    sent = encoder(encoding)((key,)).split(b"\r\n", 2)[2].removesuffix(b"\r\n")
    assert key_bytes(key, encoding) == sent
    assert route((b"GET", key), encoding) == ToSlot(slot_of(sent), reads=True)


def test_a_key_that_cannot_be_encoded() -> None:
    """It is the caller's error, and names the encoding."""
    for key, encoding in (("é", "ascii"), ("\ud800", "utf-8")):
        with pytest.raises(DataValueError, match=encoding):
            route((b"GET", key), encoding)


def test_the_slot_of_several_keys() -> None:
    """None if there are several."""
    args = (b"MGET", "a", "{a}1", "b")
    assert slot_of_keys(args, (1, 2), "utf-8") == A
    assert slot_of_keys(args, (1, 2, 3), "utf-8") is None


def test_scripts_without_keys_go_anywhere() -> None:
    """To one primary; with keys to theirs."""
    assert route((b"EVAL", "return 1", 0)) == AnyNode()
    assert route((b"EVAL", "return 1", 1, "a", "b")) == ToSlot(A, reads=False)
    assert route((b"FCALL_RO", "f", 1, "a")) == ToSlot(A, reads=True)


def test_messages_of_one_channel_go_to_one_node() -> None:
    """PUBLISH goes to the node of the channel's slot, so that the messages keep their order."""
    assert route((b"PUBLISH", "a", "m")) == AnyNode(A)
    assert route((b"PUBLISH", "{a}b", "n")) == AnyNode(A)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((b"MY.CMD", "a"), r"MY\.CMD is not known here.*execute_command\(…, node=address\)"),
        ((b"BGSAVE",), r"BGSAVE concerns one node.*each of client\.nodes\(\)"),
        ((b"CLIENT", b"KILL", "a"), r"CLIENT KILL concerns one node"),
        ((b"SCAN", 0), r"SCAN concerns one node.*scan_iter goes through all nodes"),
        ((b"WAIT", 1, 0), r"WAIT is about.*own connection: use client\.session\(key\)"),
        ((b"GET",), "GET needs a key"),
        ((b"MSET", "a"), "MSET: each key begins a group of 2"),
        ((b"EVAL", "s", 2, "a"), "EVAL: numkeys is 2, but 1 argument follows"),
    ],
)
def test_what_is_not_sent(words: tuple[Value, ...], message: str) -> None:
    """The error says why, and what to do."""
    with pytest.raises(DataValueError, match=message):
        route(words)
