"""What a node of a cluster tells about the cluster: its nodes, its slots, its links.

Law: all of it is text and numbers, on a client that does not decode too.  It is the view of the node
that is asked, and may be old: a client of a certain node is `RedisCluster.node`.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.group import Group, choice
from anyredis.exceptions import DataValueError
from anyredis.replies import S, integer, word
from anyredis.reports.cluster_reports import (
    ClusterLink,
    ClusterNodeInfo,
    ClusterShard,
    SlotRange,
    cluster_nodes,
    links,
    replicas,
    shards,
    slot_ranges,
    slot_stats,
)
from anyredis.reports.info import InfoValue, info
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value
from anyredis.wire.slots import SLOTS

SlotMetric: TypeAlias = Literal[
    "KEY-COUNT", "CPU-USEC", "NETWORK-BYTES-IN", "NETWORK-BYTES-OUT", "MEMORY-BYTES"
]
"""A count that a node keeps for each slot."""

_METRICS: Final = (
    *("KEY-COUNT", "CPU-USEC", "NETWORK-BYTES-IN", "NETWORK-BYTES-OUT", "MEMORY-BYTES"),
)


class ClusterReports(Group[S]):
    """The commands by which a node reports about the cluster."""

    @command
    def cluster_count_failure_reports(self, node_id: Key) -> Command[int]:
        """The number of nodes that have reported the node *node_id* as failing.

        CLUSTER COUNT-FAILURE-REPORTS node_id. Server 3.0. O(N).
        """
        return Command((b"CLUSTER", b"COUNT-FAILURE-REPORTS", node_id), integer)

    @command
    def cluster_countkeysinslot(self, slot: int) -> Command[int]:
        """The number of keys that the node has in *slot*.

        CLUSTER COUNTKEYSINSLOT slot. Server 3.0. O(1).
        """
        words = (b"CLUSTER", b"COUNTKEYSINSLOT", check_slot("CLUSTER COUNTKEYSINSLOT", slot))
        return Command(words, integer)

    @command
    def cluster_getkeysinslot(self, slot: int, count: int) -> Command[list[S]]:
        """At most *count* keys that the node has in *slot*.

        CLUSTER GETKEYSINSLOT slot count. Server 3.0. O(N).
        """
        name = "CLUSTER GETKEYSINSLOT"
        if count < 0:
            raise DataValueError(f"{name}: count is {count}: give 0 or more")
        words = (b"CLUSTER", b"GETKEYSINSLOT", check_slot(name, slot), count)
        return Command(words, self.read.texts)

    @command
    def cluster_info(self) -> Command[dict[str, InfoValue]]:
        """The state of the cluster by name, such as `cluster_state` and `cluster_known_nodes`.

        Raises `ResponseError` if the server is not part of a cluster.
        CLUSTER INFO. Server 3.0. O(1).
        """
        return Command((b"CLUSTER", b"INFO"), _info, binary=True)

    @command
    def cluster_keyslot(self, key: Key) -> Command[int]:
        """The slot of *key*, as the server computes it; `RedisCluster.slot_of` asks no server.

        CLUSTER KEYSLOT key. Server 3.0. O(N).
        """
        return Command((b"CLUSTER", b"KEYSLOT", key), integer)

    @command
    def cluster_links(self) -> Command[list[ClusterLink]]:
        """The links of the node with the other nodes, two for each.

        CLUSTER LINKS. Server 7.0. O(N).
        """
        return Command((b"CLUSTER", b"LINKS"), links)

    @command
    def cluster_myid(self) -> Command[str]:
        """The id of the node.

        CLUSTER MYID. Server 3.0. O(1).
        """
        return Command((b"CLUSTER", b"MYID"), word)

    @command
    def cluster_myshardid(self) -> Command[str]:
        """The id of the shard of the node.

        CLUSTER MYSHARDID. Server 7.2. O(1).
        """
        return Command((b"CLUSTER", b"MYSHARDID"), word)

    @command
    def cluster_nodes(self) -> Command[list[ClusterNodeInfo]]:
        """All nodes that the node knows.

        CLUSTER NODES. Server 3.0. O(N).
        """
        return Command((b"CLUSTER", b"NODES"), cluster_nodes, binary=True)

    @command
    def cluster_replicas(self, node_id: Key) -> Command[list[ClusterNodeInfo]]:
        """The replicas of the primary *node_id*.

        Raises `ResponseError` if it is no primary.
        CLUSTER REPLICAS node_id. Server 5.0. O(N).
        """
        return Command((b"CLUSTER", b"REPLICAS", node_id), replicas, binary=True)

    @command
    def cluster_shards(self) -> Command[list[ClusterShard]]:
        """All shards: each primary with its replicas, and their slots.

        CLUSTER SHARDS. Server 7.0. O(N).
        """
        return Command((b"CLUSTER", b"SHARDS"), shards)

    @command
    def cluster_slots(self) -> Command[list[SlotRange]]:
        """The slots that are served, as ranges, each with its nodes.

        CLUSTER SLOTS. Server 3.0. O(N).
        """
        return Command((b"CLUSTER", b"SLOTS"), slot_ranges)

    @command
    def cluster_slot_stats(
        self,
        start: int | None = None,
        end: int | None = None,
        *,
        orderby: SlotMetric | None = None,
        limit: int | None = None,
        desc: bool = True,
    ) -> Command[dict[int, dict[str, int]]]:
        """Counts for each slot of the node: from *start* to *end*, or the first by a count.

        With *orderby* at most *limit* slots, the highest count first; with `desc=False` the lowest.
        Names are those of the server: `key-count`, `cpu-usec` …  Counts other than `key-count` need
        the server's setting `cluster-slot-stats-enabled`.
        CLUSTER SLOT-STATS [SLOTSRANGE start end | ORDERBY metric …] [ASC].
        Redis 8.2, Valkey 8.0. O(N).
        """
        name = "CLUSTER SLOT-STATS"
        words: tuple[Value, ...]
        if orderby is not None:
            metric = choice(name, "orderby", orderby, *_METRICS)
            if start is not None or end is not None:
                raise DataValueError(f"{name}: orderby and start exclude each other: give one")
            count = () if limit is None else (b"LIMIT", _limit(name, limit))
            words = (b"ORDERBY", metric, *count, *(() if desc else (b"ASC",)))
        elif start is None or end is None:
            raise DataValueError(f"{name}: give start and end, or orderby")
        elif limit is not None:
            raise DataValueError(f"{name}: limit needs orderby")
        else:
            words = (b"SLOTSRANGE", check_slot(name, start), check_slot(name, end))
        return Command((b"CLUSTER", b"SLOT-STATS", *words), slot_stats)


def check_slot(command: str, slot: int) -> int:
    """*slot*; raises `DataValueError` if there is no such slot."""
    if not 0 <= slot < SLOTS:
        raise DataValueError(f"{command}: slot is {slot}: give 0 to {SLOTS - 1}")
    return slot


def _limit(command: str, limit: int) -> int:
    if limit < 1:
        raise DataValueError(f"{command}: limit is {limit}: give 1 or more")
    return limit


def _info(reply: Reply) -> dict[str, InfoValue]:
    return info(word(reply))
