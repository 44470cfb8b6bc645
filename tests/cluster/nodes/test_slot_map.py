"""Tests of `anyredis.cluster.nodes.slot_map`: reports of nodes, as values."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.address import TCPAddress
from anyredis.cluster.nodes.slot_map import Shard, SlotMap, best_of, parse_slots, redirect_address
from anyredis.exceptions import ProtocolError, RedisError
from anyredis.wire.decode import Reply
from anyredis.wire.slots import SLOTS

ASKED = TCPAddress("asked", 7000)
A, B, C, D = (TCPAddress("10.0.0.1", port) for port in (7001, 7002, 7003, 7004))


def node(address: TCPAddress, *more: Reply) -> Reply:
    """A node as CLUSTER SLOTS tells it."""
    return [address.host.encode(), address.port, b"id", *more]


def slot_map_of(*ranges: tuple[int, int, Shard]) -> SlotMap:
    """A slot map with these ranges of slots, ends included."""
    by_slot: list[Shard | None] = [None] * SLOTS
    for first, last, shard in ranges:
        by_slot[first : last + 1] = [shard] * (last + 1 - first)
    return SlotMap(by_slot)


def shard_of(reply: Reply) -> Shard | None:
    """The shard of slot 0, where one node is told as *reply*."""
    return parse_slots([[0, 10, reply]], ASKED).by_slot[0]


# -- CLUSTER SLOTS ------------------------------------------------------------------------------


def test_ranges_with_replicas() -> None:
    """Each range belongs to its first node, and those that follow are its replicas."""
    slot_map = parse_slots([[0, 99, node(A), node(B)], [200, 16383, node(C)]], ASKED)
    assert slot_map.ranges == ((0, Shard(A, (B,))), (100, None), (200, Shard(C)))
    assert slot_map.shards == (Shard(A, (B,)), Shard(C))
    assert slot_map.covered == SLOTS - 100
    assert [slot_map.by_slot[slot] for slot in (0, 99, 100, 199, 200, 16383)] == [
        *[Shard(A, (B,))] * 2,
        *[None] * 2,
        *[Shard(C)] * 2,
    ]


def test_nodes() -> None:
    """Each counts once, also one that is a replica here and has become a primary there."""
    slot_map = slot_map_of(
        (0, 99, Shard(A, (B, C))), (200, 299, Shard(B, (A,))), (300, 300, Shard(D))
    )
    assert slot_map.nodes == (A, B, C, D)
    assert slot_map.primaries == (A, B, D)
    assert slot_map.replicas == {A, B, C}
    told_twice = slot_map_of((0, 9, Shard(A, (B,))), (10, 19, Shard(A, (C,))))
    assert (told_twice.primaries, told_twice.nodes) == ((A,), (A, B, C))
    assert SlotMap().nodes == SlotMap().primaries == ()


def test_spans() -> None:
    """They reach from one range to the next, and cover all slots."""
    slot_map = slot_map_of((0, 99, Shard(A)), (200, 299, Shard(B)))
    spans = [(0, 100, Shard(A)), (100, 200, None), (200, 300, Shard(B)), (300, SLOTS, None)]
    assert list(slot_map.spans()) == spans
    assert list(SlotMap().spans()) == [(0, SLOTS, None)]


@pytest.mark.parametrize("host", [b"", None, "", b"?"])
def test_a_host_that_is_not_known_is_the_one_that_was_asked(host: Reply) -> None:
    """Empty from a node that knows no address of its own, null from Redis 7 on."""
    assert shard_of([host, 7005, b"id"]) == Shard(TCPAddress("asked", 7005))


@pytest.mark.parametrize("more", [{b"ip": b"10.0.0.9"}, [b"ip", b"10.0.0.9"], {"ip": "10.0.0.9"}])
def test_a_node_without_the_hostname_that_it_should_have(more: Reply) -> None:
    """`?` stands for it, and the metadata tell the address: RESP3 map or RESP2 list."""
    assert shard_of([b"?", 7005, b"id", more]) == Shard(TCPAddress("10.0.0.9", 7005))


@pytest.mark.parametrize("host", ["node-1.example", "2001:db8::1", "10.0.0.1"])
def test_hosts_of_all_kinds(host: str) -> None:
    """Names and IPv6 addresses are taken as they are, as bytes or as text."""
    expected = Shard(TCPAddress(host, 7005))
    assert shard_of([host.encode(), 7005, b"id", []]) == expected
    assert shard_of([host, 7005]) == expected
    assert shard_of([host, 7005, b"id", {b"hostname": b"another"}]) == expected


@pytest.mark.parametrize("kind", [dict, list])
def test_zones(kind: type) -> None:
    """Valkey tells the availability zone of each node; an empty one is none."""
    pairs: list[tuple[Reply, Reply]] = [(b"availability-zone", b"z1")]
    more: Reply = dict(pairs) if kind is dict else [b"availability-zone", b"z1"]
    none: Reply = {b"availability-zone": b""}
    slot_map = parse_slots([[0, 5, node(A, more), node(B, none), node(C)]], ASKED)
    assert slot_map.zones == {A: "z1"}


SHAPES: list[Any] = [
    *(None, b"OK", 5, {}, [5], [[]], [[0]], [[0, 1]], [[0, 1, []]], [[0, 1, [b"h"]]]),
    *([[0, SLOTS, [b"h", 1]]], [[-1, 5, [b"h", 1]]], [[5, 4, [b"h", 1]]], [[0, 1, b"h"]]),
    *([[b"0", 1, [b"h", 1]]], [[0, 1, [b"h", b"1"]]], [[0, 1, [[], 1]]]),
    [[0, 1, [b"?", 1, b"id", 5]]],
    [[0, 1, [b"h", 1, b"id", [b"odd"]]]],
]


@pytest.mark.parametrize("reply", SHAPES)
def test_another_shape_is_an_error(reply: Reply) -> None:
    """Nothing is guessed."""
    with pytest.raises(ProtocolError):
        parse_slots(reply, ASKED)


JUNK = st.recursive(
    st.none() | st.integers(-2, 20000) | st.binary(max_size=3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=2), inner),
    max_leaves=12,
)


@given(JUNK)
def test_garbage_is_a_redis_error(reply: Reply) -> None:
    """Any reply gives a slot map or an error of this package."""
    try:
        parse_slots(reply, ASKED)
        parse_slots([[0, 1, reply]], ASKED)
        parse_slots([[0, 1, [b"?", 1, b"id", reply]]], ASKED)
    except RedisError:
        pass  # ProtocolError, mostly: what matters is that nothing else came


# -- changes ------------------------------------------------------------------------------------


def test_a_slot_that_moved_to_a_primary() -> None:
    """It joins the shard that the node has already; the slot map before stays as it was."""
    before = slot_map_of((0, 99, Shard(A, (B,))), (100, 16383, Shard(C, (D,))))
    after = before.moved(5, C)
    assert after.by_slot[5] == Shard(C, (D,))
    assert before.by_slot[5] == Shard(A, (B,))
    assert after.shards == (Shard(A, (B,)), Shard(C, (D,)))


def test_a_slot_that_moved_to_a_replica_of_it() -> None:
    """It was promoted: the old primary is a replica now."""
    slot_map = slot_map_of((0, 16383, Shard(A, (B, C)))).moved(5, C)
    assert slot_map.by_slot[5] == Shard(C, (A, B))
    assert slot_map.moved(6, C).by_slot[6] == Shard(C, (A, B))


def test_a_slot_that_moved_to_an_unknown_node() -> None:
    """The node is a shard of its own, until more is heard."""
    assert slot_map_of((0, 9, Shard(A))).moved(10, D).by_slot[10] == Shard(D)


def test_thousands_of_slots_move_one_by_one() -> None:
    """No move looks for shards among all slots again; replicas stay known."""
    slot_map = slot_map_of((0, 99, Shard(A, (B,))), (100, 16383, Shard(C, (D,))))
    for slot in range(100):
        slot_map = slot_map.moved(slot, C)
        assert not {"ranges", "shards"} & vars(slot_map).keys()
    assert slot_map.shards == (Shard(C, (D,)),)
    assert slot_map.moved(0, A).by_slot[0] == Shard(A, (B,))


def test_zones_stay_when_a_slot_moves() -> None:
    """Only the slot map of slots is patched."""
    slot_map = parse_slots([[0, 5, node(A, {b"availability-zone": b"z1"})]], ASKED)
    assert slot_map.moved(3, B).zones == {A: "z1"}


def test_a_slot_map_without_slots() -> None:
    """The slot map before any was heard."""
    assert (SlotMap().ranges, SlotMap().shards, SlotMap().covered) == (((0, None),), (), 0)


# -- redirections -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "host"),
    [
        *(("10.0.0.1:7001", "10.0.0.1"), (":7001", "asked"), ("?:7001", "asked")),
        *(("node.example:7001", "node.example"), ("[2001:db8::1]:7001", "2001:db8::1")),
        ("2001:db8::1:7001", "2001:db8::1"),
    ],
)
def test_where_a_redirection_leads(text: str, host: str) -> None:
    """Servers write an IPv6 address without brackets, and no host where they know none."""
    assert redirect_address(text, ASKED) == TCPAddress(host, 7001)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", "host:0", "host:65536", "h:-1"])
def test_a_redirection_that_leads_nowhere(text: str) -> None:
    """It is an error that names the node which said so."""
    with pytest.raises(ProtocolError, match="asked:7000 redirects"):
        redirect_address(text, ASKED)


# -- the best slot map --------------------------------------------------------------------------


def test_the_widest_slot_map_is_adopted() -> None:
    """A node that was cut off knows less."""
    less, more = slot_map_of((0, 99, Shard(A))), slot_map_of((0, 100, Shard(A)))
    assert best_of([less, less, more]) is more


def test_the_majority_is_believed() -> None:
    """Of slot maps that cover as much, the one that most nodes tell."""
    old, new = slot_map_of((0, 16383, Shard(A))), slot_map_of((0, 16383, Shard(B)))
    alike = slot_map_of((0, 16383, Shard(B)))
    for order in itertools.permutations([old, new, alike]):
        assert best_of(order) in (new, alike)


def test_the_order_of_replicas_is_no_contradiction() -> None:
    """Nodes tell the replicas of others in different orders."""
    old = slot_map_of((0, 16383, Shard(A, (B, C, D))))
    new = [slot_map_of((0, 16383, Shard(B, order))) for order in ((C, D), (D, C))]
    assert best_of([old, *new]) in new


# -- size ---------------------------------------------------------------------------------------


def test_a_slot_map_of_a_thousand_nodes() -> None:
    """It is parsed and compared whole; by measure that takes about 3 ms each."""
    ranges: list[Reply] = []
    for number in range(500):
        host = b"10.0.0.%d" % (number % 250)
        begin, end = (16384 * each // 500 for each in (number, number + 1))
        ranges.append([begin, end - 1, [host, 7000 + number], [host, 8000 + number]])
    slot_maps = [parse_slots(ranges, ASKED) for _ in range(3)]
    assert best_of(slot_maps) is slot_maps[0]
    assert len(slot_maps[0].shards) == 500
    assert slot_maps[0].covered == SLOTS


# -- nonsense -----------------------------------------------------------------------------------


A_NODE: Reply = [b"h", 7000, b"id"]

NONSENSE: dict[str, Any] = {
    "overlapping": [[0, 100, A_NODE], [100, 200, A_NODE]],
    "twice": [[0, 16383, A_NODE]] * 2,
    "many whole ranges": [[0, 16383, A_NODE]] * 300_000,
    "many ranges": [[5, 5, A_NODE]] * 300_000,
    "many nodes": [[0, 1, *[A_NODE] * 300_000]],
    "a slot too high": [[0, 16384, A_NODE]],
    "a negative slot": [[-1, 3, A_NODE]],
    "backwards": [[3, 1, A_NODE]],
    "text": [[b"0", b"1", A_NODE]],
    "no node": [[0, 1]],
    "no array": b"x" * 10,
    "an entry that is none": [3],
    "port 0": [[0, 1, [b"h", 0, b"id"]]],
    "a negative port": [[0, 1, [b"h", -6379, b"id"]]],
    "a high port": [[0, 1, [b"h", 65536, b"id"]]],
    "a huge port": [[0, 1, [b"h", 10**30, b"id"]]],
    "a port of text": [[0, 1, [b"h", b"7000", b"id"]]],
    "a host with a space": [[0, 1, [b"a b", 7000, b"id"]]],
    "a long host": [[0, 1, [b"h" * 1_000_000, 7000, b"id"]]],
}


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=[*NONSENSE])
def test_nonsense_is_refused(reply: Reply) -> None:
    """It is a `ProtocolError` with a short message, after little work."""
    begin = time.process_time()
    with pytest.raises(ProtocolError) as caught:
        parse_slots(reply, ASKED)
    assert len(str(caught.value)) < 500
    assert time.process_time() - begin < 10


@pytest.mark.parametrize(
    "text", ["h:0", "h:65536", "h:-1", "h:" + "9" * 5000, "h:٣", "h", "", "a b:1", "h" * 300 + ":1"]
)
def test_a_redirect_to_nowhere(text: str) -> None:
    """It is a `ProtocolError` with a short message."""
    with pytest.raises(ProtocolError) as caught:
        redirect_address(text, ASKED)
    assert len(str(caught.value)) < 300
