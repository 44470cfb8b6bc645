"""Which node of a shard answers the next read.

Law: nodes that the policy ranks alike take turns; an unhealthy node is passed over while a healthy
one is there.  A balancer is made from one slot map and one set of latencies, and dropped with them.
"""

import enum
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from anyredis.address import TCPAddress
from anyredis.cluster.nodes.slot_map import Shard, SlotMap
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.wire.slots import SLOTS


class ReadFrom(enum.Enum):
    """The nodes to which a cluster client with `readonly=True` sends commands that only read."""

    REPLICAS = "replicas"
    """The replicas in turn; the primary if no replica is healthy."""

    ANY = "any"
    """The replicas and the primary in turn."""

    NEAREST = "nearest"
    """The node that answered fastest when last measured, replica or primary."""

    ZONE = "zone"
    """The nodes in the client's availability zone in turn, replicas first; otherwise as `REPLICAS`."""


class ShardMember(NamedTuple):
    """One node of a shard, as far as it matters for reading."""

    endpoint: ClusterEndpoint
    is_replica: bool
    zone: str = ""
    latency: float | None = None
    """Seconds for a PING, None before it was measured."""


class ReadBalancer:
    """The nodes of one shard, in the order in which *policy* prefers them, and the next turn."""

    def __init__(self, policy: ReadFrom, zone: str | None, readers: Sequence[ShardMember]) -> None:
        self._policy = policy
        self._zone = zone
        self._readers = readers
        self._turn = 0
        choices: dict[float, list[ClusterEndpoint]] = {}
        for reader in self._readers:
            choices.setdefault(self._rank(reader), []).append(reader.endpoint)
        self._choices = [choices[rank] for rank in sorted(choices)]
        """Groups of nodes that take turns; a later group is for when no node of an earlier is healthy."""

    def _rank(self, reader: ShardMember) -> float:
        """The least for the nodes to ask first."""
        if self._policy is ReadFrom.ANY:
            return 0
        if self._policy is ReadFrom.NEAREST:
            # Before the first measurement all nodes rank alike.
            return float("inf") if reader.latency is None else reader.latency
        away = self._policy is ReadFrom.ZONE and reader.zone != self._zone
        return 2 * away + (not reader.is_replica)

    def next(self) -> ClusterEndpoint:
        """The endpoint to ask now: the next healthy one; the primary if there is none."""
        for endpoints in self._choices:
            for _ in endpoints:
                self._turn += 1
                endpoint = endpoints[self._turn % len(endpoints)]
                if not endpoint.server.is_unhealthy:
                    return endpoint
        return self._readers[0].endpoint


class ReadBalancers:
    """The balancer of each shard of a slot map, made when a read needs it, and the latencies.

    *endpoint_at* gives the endpoint to the node at an address.
    """

    def __init__(
        self,
        policy: ReadFrom,
        zone: str | None,
        endpoint_at: Callable[[TCPAddress], ClusterEndpoint],
    ) -> None:
        self.latencies: dict[TCPAddress, float] = {}
        """Seconds for a PING to each node that was measured."""
        self.by_slot: list[ReadBalancer | None] = [None] * SLOTS
        """The balancers once more, because the hash of a shard takes long."""
        self._policy = policy
        self._zone = zone
        self._endpoint_at = endpoint_at
        self._balancers: dict[Shard, ReadBalancer] = {}
        self._measured: set[TCPAddress] = set()
        """Nodes whose latency is not out of date."""

    def balancer_for(self, slot: int, slot_map: SlotMap) -> ReadBalancer | None:
        """The balancer of the shard that serves *slot*; None if no shard is known."""
        shard = slot_map.by_slot[slot]
        if shard is None:
            return None
        balancer = self._balancers.get(shard)
        if balancer is None:
            members = [
                ShardMember(
                    self._endpoint_at(address),
                    is_replica=position > 0,
                    zone=slot_map.zones.get(address, ""),
                    latency=self.latencies.get(address),
                )
                for position, address in enumerate(shard.nodes)
            ]
            balancer = self._balancers[shard] = ReadBalancer(self._policy, self._zone, members)
        self.by_slot[slot] = balancer
        return balancer

    def reset(self) -> None:
        """Drop all balancers: the slot map or the latencies have changed."""
        self._balancers.clear()
        self.by_slot[:] = [None] * SLOTS

    def to_measure(self, endpoints: Iterable[ClusterEndpoint]) -> list[ClusterEndpoint]:
        """Those of *endpoints* whose latency decides about reads and is out of date."""
        if self._policy is not ReadFrom.NEAREST:
            return []
        return [each for each in endpoints if each.address not in self._measured]

    def record_latencies(self, latencies: dict[TCPAddress, float]) -> None:
        """From now on the nearest node is the one with the least of *latencies*, in seconds."""
        self.latencies.update(latencies)
        self._measured.update(latencies)
        self.reset()

    def expire_latencies(self) -> None:
        """All nodes are to be measured again; the latencies hold until then."""
        self._measured.clear()
