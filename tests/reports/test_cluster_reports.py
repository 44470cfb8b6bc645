"""The reports of nodes about their cluster, from RESP2 and RESP3 shapes, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anyredis.exceptions import ProtocolError
from anyredis.reports.cluster_reports import (
    ClusterLink,
    ClusterNodeInfo,
    ClusterShard,
    ShardNode,
    SlotRange,
    SlotServer,
    cluster_nodes,
    links,
    replicas,
    shards,
    slot_ranges,
    slot_stats,
)

LINE = (
    "07c3 127.0.0.1:30004@31004,host-4,shard-id=69bc myself,slave e7d1 1 2 4 connected "
    "5 7-9 [6->-292f] [8-<-67ed]"
)
NODE = ClusterNodeInfo(
    *("07c3", "127.0.0.1", 30004, 31004, "host-4", ["myself", "slave"], "e7d1", 1, 2, 4),
    *("connected", [(5, 5), (7, 9)], {6: "292f"}, {8: "67ed"}),
)


def test_cluster_nodes() -> None:
    """A line has the node's names, its state, its slots, and the slots that move."""
    assert cluster_nodes(f"{LINE}\n".encode()) == [NODE]
    assert replicas([LINE]) == [NODE]


def test_cluster_nodes_of_old_servers() -> None:
    """Fields that a server or a node does not have are None or 0."""
    lines = "a :6379 master,noaddr - 0 0 1 disconnected\nb ::1:7@8 noflags - 0 0 1 connected 0-1\n"
    first, second = cluster_nodes(lines)
    assert (first.host, first.port, first.bus_port, first.hostname) == ("", 6379, 0, None)
    assert (first.primary_id, first.slots) == (None, [])
    assert (second.host, second.port, second.flags) == ("::1", 7, [])


def flat(fields: dict[str, Any]) -> list[Any]:
    """A map as RESP2 has it."""
    return [each for pair in fields.items() for each in pair]


@pytest.mark.parametrize("resp3", [False, True])
def test_slot_ranges(resp3: bool) -> None:
    """The primary comes first; a host that is not known is None."""
    names = {"hostname": "h", "availability-zone": "z"}
    reply: list[Any] = [
        [
            0,
            5,
            ["", 6379, "a", {} if resp3 else []],
            [None, 6380, b"b", names if resp3 else flat(names)],
        ],
        [7, 7, ["10.0.0.1", 6379, "a"]],
    ]
    assert slot_ranges(reply) == [
        SlotRange(0, 5, [SlotServer(None, 6379, "a", {}), SlotServer(None, 6380, "b", names)]),
        SlotRange(7, 7, [SlotServer("10.0.0.1", 6379, "a", {})]),
    ]


@pytest.mark.parametrize("resp3", [False, True])
def test_shards(resp3: bool) -> None:
    """A shard has its ranges of slots and its nodes; fields that are new are kept."""
    node: dict[str, Any] = {
        "id": "a",
        "port": 6379,
        "ip": "10.0.0.1",
        "endpoint": "",
        "hostname": "h",
        "role": "master",
        "replication-offset": 7,
        "health": "online",
        "weight": 3,
    }
    shape: Callable[[dict[str, Any]], Any] = dict if resp3 else flat
    reply: Any = [shape({"slots": [0, 5, 7, 7], "nodes": [shape(node)], "id": "s"})]
    known = ShardNode(
        "a", 6379, None, "10.0.0.1", None, "master", 7, "online", {"hostname": "h", "weight": 3}
    )
    assert shards(reply) == [ClusterShard([(0, 5), (7, 7)], [known], "s", {})]


@pytest.mark.parametrize("resp3", [False, True])
def test_links(resp3: bool) -> None:
    """A link has its direction, its node and its buffers."""
    fields: dict[str, Any] = {
        "direction": "to",
        "node": "a",
        "create-time": 5,
        "events": "rw",
        "send-buffer-allocated": 10,
        "send-buffer-used": 3,
    }
    reply: Any = fields if resp3 else flat(fields)
    assert links([reply]) == [ClusterLink("to", "a", 5, "rw", 10, 3, {})]


def test_slot_stats() -> None:
    """The counts of each slot, by the server's names."""
    reply: list[Any] = [[0, {"key-count": 3}], [1, ["key-count", 0, "cpu-usec", 5]]]
    assert slot_stats(reply) == {0: {"key-count": 3}, 1: {"key-count": 0, "cpu-usec": 5}}


@pytest.mark.parametrize(
    ("read", "reply"),
    [
        (cluster_nodes, b"a b c"),
        (cluster_nodes, LINE.replace("30004", "port").encode()),
        (cluster_nodes, 7),
        (replicas, ["a"]),
        (slot_ranges, [[0, 5]]),
        (slot_ranges, [[0, 5, ["h", 1]]]),
        (shards, [{"slots": [1], "nodes": []}]),
        (shards, [{"slots": [], "nodes": [{"id": "a"}]}]),
        (links, [{"direction": "to"}]),
        (slot_stats, [[0]]),
        (slot_stats, [[0, {"key-count": "many"}]]),
    ],
)
def test_reports_of_no_known_shape(read: Any, reply: Any) -> None:
    """A report that is none is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        read(reply)
