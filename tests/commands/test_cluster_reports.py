"""The reports about a cluster as a table: arguments to words, replies to values.

`tests/test_cluster_reports.py` has the shapes of the longer reports.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.cluster_reports import ClusterReports
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.cluster_reports import (
    ClusterLink,
    ClusterNodeInfo,
    ClusterShard,
    ShardNode,
    SlotRange,
    SlotServer,
)
from tests.commands.tables import parsed, resp2, resp3, unchecked, words


class Text(Blueprint, ClusterReports[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, ClusterReports[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("CLUSTER COUNT-FAILURE-REPORTS id", text.cluster_count_failure_reports("id")),
    ("CLUSTER COUNTKEYSINSLOT 5", text.cluster_countkeysinslot(5)),
    ("CLUSTER GETKEYSINSLOT 5 10", text.cluster_getkeysinslot(5, 10)),
    ("CLUSTER INFO", text.cluster_info()),
    ("CLUSTER KEYSLOT k", text.cluster_keyslot("k")),
    ("CLUSTER LINKS", text.cluster_links()),
    ("CLUSTER MYID", text.cluster_myid()),
    ("CLUSTER MYSHARDID", text.cluster_myshardid()),
    ("CLUSTER NODES", text.cluster_nodes()),
    ("CLUSTER REPLICAS id", text.cluster_replicas("id")),
    ("CLUSTER SHARDS", text.cluster_shards()),
    ("CLUSTER SLOTS", text.cluster_slots()),
    ("CLUSTER SLOT-STATS SLOTSRANGE 0 5", text.cluster_slot_stats(0, 5)),
    ("CLUSTER SLOT-STATS ORDERBY KEY-COUNT", text.cluster_slot_stats(orderby="KEY-COUNT")),
    (
        "CLUSTER SLOT-STATS ORDERBY CPU-USEC LIMIT 3 ASC",
        text.cluster_slot_stats(orderby="CPU-USEC", limit=3, desc=False),
    ),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


NODES = b"a 10.0.0.1:6379@16379 master - 0 0 1 connected 0-5\n"

LINK: dict[str, object] = {
    "direction": "to",
    "node": "a",
    "create-time": 5,
    "events": "r",
    "send-buffer-allocated": 48,
    "send-buffer-used": 0,
}
LINKS = [ClusterLink("to", "a", 5, "r", 48, 0, {})]
SHARD: dict[str, object] = {
    "slots": [0, 5],
    "nodes": [
        {
            "id": "a",
            "port": 1,
            "ip": "h",
            "endpoint": "h",
            "role": "master",
            "replication-offset": 7,
            "health": "online",
            "hostname": "",
        }
    ],
}
SHARDS = [
    ClusterShard(
        [(0, 5)],
        [ShardNode("a", 1, None, "h", "h", "master", 7, "online", {"hostname": ""})],
        None,
        {},
    )
]
NODE = ClusterNodeInfo(
    *("a", "10.0.0.1", 6379, 16379, None, ["master"], None, 0, 0, 1, "connected"),
    *([(0, 5)], {}, {}),
)

READ: list[tuple[Command[object], bytes, object]] = [
    (text.cluster_count_failure_reports("id"), b":0\r\n", 0),
    (text.cluster_countkeysinslot(5), b":3\r\n", 3),
    (text.cluster_getkeysinslot(5, 10), b"*1\r\n$1\r\nk\r\n", ["k"]),
    (text.cluster_info(), b"$18\r\ncluster_state:ok\r\n\r\n", {"cluster_state": "ok"}),
    (text.cluster_info(), b"=22\r\ntxt:cluster_state:ok\r\n\r\n", {"cluster_state": "ok"}),
    (text.cluster_keyslot("k"), b":7629\r\n", 7629),
    (text.cluster_links(), b"*0\r\n", []),
    (text.cluster_links(), resp2([LINK]), LINKS),
    (text.cluster_links(), resp3([LINK]), LINKS),
    (text.cluster_nodes(), resp2(NODES.decode()), [NODE]),
    (text.cluster_nodes(), b"=%d\r\ntxt:%s\r\n" % (len(NODES) + 4, NODES), [NODE]),
    (text.cluster_replicas("id"), resp2([NODES.decode()]), [NODE]),
    (text.cluster_myid(), b"$2\r\nid\r\n", "id"),
    (text.cluster_myshardid(), b"$2\r\nid\r\n", "id"),
    (text.cluster_shards(), b"*0\r\n", []),
    (text.cluster_shards(), resp2([SHARD]), SHARDS),
    (text.cluster_shards(), resp3([SHARD]), SHARDS),
    (
        text.cluster_slots(),
        b"*1\r\n*3\r\n:0\r\n:5\r\n*3\r\n$1\r\nh\r\n:1\r\n$1\r\na\r\n",
        [SlotRange(0, 5, [SlotServer("h", 1, "a", {})])],
    ),
    (
        text.cluster_slots(),
        resp2([[0, 5, ["h", 1, "a", {"hostname": "x"}]]]),
        [SlotRange(0, 5, [SlotServer("h", 1, "a", {"hostname": "x"})])],
    ),
    (
        text.cluster_slots(),
        resp3([[0, 5, ["h", 1, "a", {"hostname": "x"}]]]),
        [SlotRange(0, 5, [SlotServer("h", 1, "a", {"hostname": "x"})])],
    ),
    (text.cluster_slot_stats(0, 0), resp2([[0, {"key-count": 3}]]), {0: {"key-count": 3}}),
    (
        text.cluster_slot_stats(0, 0),
        b"*1\r\n*2\r\n:0\r\n%1\r\n$9\r\nkey-count\r\n:3\r\n",
        {0: {"key-count": 3}},
    ),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_text_and_keys() -> None:
    """On a client that does not decode, keys are bytes, and all else is text."""
    assert parsed(binary.cluster_getkeysinslot(5, 1), b"*1\r\n$1\r\nk\r\n", None) == [b"k"]
    assert parsed(binary.cluster_myid(), b"$2\r\nid\r\n", None) == "id"


ODD: list[tuple[Command[object], bytes]] = [
    (text.cluster_countkeysinslot(5), b"+OK\r\n"),
    (text.cluster_info(), b":1\r\n"),
    (text.cluster_links(), b"*1\r\n:1\r\n"),
    (text.cluster_myid(), b"_\r\n"),
    (text.cluster_nodes(), b"$3\r\na b\r\n"),
    (text.cluster_slots(), b"*1\r\n*1\r\n:0\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "slot is 16384: give 0 to 16383", lambda: text.cluster_countkeysinslot(16384)),
    (DataValueError, "slot is -1", lambda: text.cluster_getkeysinslot(-1, 10)),
    (DataValueError, "count is -1", lambda: text.cluster_getkeysinslot(1, -1)),
    (DataTypeError, "slot is '5'", lambda: unchecked(text.cluster_countkeysinslot)("5")),
    (DataValueError, "give start and end, or orderby", text.cluster_slot_stats),
    (DataValueError, "give start and end, or orderby", lambda: text.cluster_slot_stats(0)),
    (DataValueError, "limit needs orderby", lambda: text.cluster_slot_stats(0, 5, limit=3)),
    (
        DataValueError,
        "orderby and start exclude",
        lambda: text.cluster_slot_stats(0, 5, orderby="CPU-USEC"),
    ),
    (
        DataValueError,
        "limit is 0",
        lambda: text.cluster_slot_stats(orderby="CPU-USEC", limit=0),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
