"""The slot map of a cluster: the node that serves each slot, by the report of one node.

Law: slot maps are values; the pool replaces its slot map as a whole.  Source: the documentation of
CLUSTER SLOTS, and of the MOVED and ASK redirections in the cluster specification.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from anyredis.address import TCPAddress, is_host, port_number
from anyredis.address_remap import AddressRemap, reachable
from anyredis.exceptions import ProtocolError
from anyredis.excerpt import excerpt
from anyredis.replies import array, integer, record, unexpected, word
from anyredis.wire.decode import Reply
from anyredis.wire.slots import SLOTS


class Shard(NamedTuple):
    """A primary and its replicas."""

    primary: TCPAddress
    replicas: tuple[TCPAddress, ...] = ()

    @property
    def nodes(self) -> tuple[TCPAddress, ...]:
        """All nodes of the shard, the primary first."""
        return (self.primary, *self.replicas)


class SlotMap:
    """The shard of each slot, None if no node serves it.

    *zones* are the availability zones of the nodes that report one.
    """

    def __init__(
        self,
        by_slot: Sequence[Shard | None] = (None,) * SLOTS,
        zones: Mapping[TCPAddress, str] | None = None,
        known_shards: dict[TCPAddress, Shard] | None = None,
    ) -> None:
        self.by_slot: Final = by_slot
        self.zones: Final = zones or {}
        self._known_shards = known_shards
        """Shards by primary, in a slot map made by `moved`; some of them may have no slots."""

    @cached_property
    def ranges(self) -> tuple[tuple[int, Shard | None], ...]:
        """The first slot of each contiguous range, and its shard."""
        found: list[tuple[int, Shard | None]] = []
        begin = 0
        for shard, same in itertools.groupby(self.by_slot):
            found.append((begin, shard))
            begin += len(list(same))  # all in C: this is run for each of 16384 slots
        return tuple(found)

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """All shards that serve slots, in the order of their first slots."""
        return tuple(dict.fromkeys(shard for _, shard in self.ranges if shard is not None))

    # In the middle of a failover a node can be in two shards: each node counts once.

    @cached_property
    def nodes(self) -> tuple[TCPAddress, ...]:
        """All nodes of shards that serve slots, each primary followed by its replicas."""
        return tuple(dict.fromkeys(each for shard in self.shards for each in shard.nodes))

    @cached_property
    def primaries(self) -> tuple[TCPAddress, ...]:
        """Their primaries, in the order of their first slots."""
        return tuple(dict.fromkeys(shard.primary for shard in self.shards))

    @cached_property
    def replicas(self) -> frozenset[TCPAddress]:
        """Their replicas."""
        return frozenset(each for shard in self.shards for each in shard.replicas)

    def spans(self) -> Iterator[tuple[int, int, Shard | None]]:
        """The first slot of each contiguous range, the first one after it, and its shard."""
        for (begin, shard), (end, _) in itertools.pairwise([*self.ranges, (SLOTS, None)]):
            yield begin, end, shard

    @cached_property
    def covered(self) -> int:
        """The number of slots that a node serves."""
        return sum(end - begin for begin, end, shard in self.spans() if shard is not None)

    def moved(self, slot: int, to: TCPAddress) -> SlotMap:
        """A slot map that differs in *slot*: its primary is *to*.

        Thousands of slots may move one by one: no step here is a Python loop over all slots.
        """
        known = self._by_primary
        shard = _shard_of(to, self.by_slot[slot], known)
        by_slot = list(self.by_slot)
        by_slot[slot] = shard
        return SlotMap(by_slot, self.zones, known | {to: shard})

    @cached_property
    def _by_primary(self) -> dict[TCPAddress, Shard]:
        if self._known_shards is not None:
            return self._known_shards
        return {shard.primary: shard for shard in self.shards}


def _shard_of(
    primary: TCPAddress, before: Shard | None, known: Mapping[TCPAddress, Shard]
) -> Shard:
    """The shard of *primary*; in the shard *before* it may have been a replica."""
    if before is not None and primary in before.nodes:
        return Shard(primary, tuple(each for each in before.nodes if each != primary))
    return known.get(primary) or Shard(primary)


MAX_NODES = 2**17
"""Descriptions of nodes in one reply to CLUSTER SLOTS: eight for each slot."""


def parse_slots(reply: Reply, asked: TCPAddress, remap: AddressRemap | None = None) -> SlotMap:
    """The slot map in the reply of the node at *asked* to CLUSTER SLOTS, its addresses by *remap*.

    Raises the error of `reachable`, and `ProtocolError` for a reply of another shape, after a
    bounded time: if ranges overlap, or if there are more of them, or of nodes, than a cluster can
    have.
    """
    by_slot: list[Shard | None] = [None] * SLOTS
    zones: dict[TCPAddress, str] = {}
    entries = array(reply)
    slots = described = 0
    if len(entries) > SLOTS:
        unexpected(reply, f"at most {SLOTS} ranges of slots")
    for entry in entries:
        match array(entry):
            case [start, end, *nodes] if nodes:
                first, last = integer(start), integer(end)
            case _:
                unexpected(entry, "a range of slots and its nodes")
        if not 0 <= first <= last < SLOTS:
            unexpected(entry, "a range of slots and its nodes")
        slots += last + 1 - first
        described += len(nodes)
        if slots > SLOTS or any(by_slot[first : last + 1]):
            unexpected(entry, "a range of slots that overlaps no other")
        if described > MAX_NODES:
            raise ProtocolError(f"{asked} describes more than {MAX_NODES} nodes of slots")
        addresses = [_node(node, asked, zones, remap) for node in nodes]
        shard = Shard(addresses[0], tuple(addresses[1:]))
        by_slot[first : last + 1] = [shard] * (last + 1 - first)
    return SlotMap(by_slot, zones)


def _node(
    reply: Reply, asked: TCPAddress, zones: dict[TCPAddress, str], remap: AddressRemap | None
) -> TCPAddress:
    """The address of one node, from its host, port, id and, from server 7.0 on, metadata."""
    fields = array(reply)
    if len(fields) < 2:
        unexpected(reply, "a node's host and port")
    host, port = fields[:2]
    metadata = record(fields[3]) if len(fields) > 3 else {}
    name = "" if host is None else word(host)
    if name == "?":  # the cluster prefers host names, and this node has none
        name = word(metadata.get("ip", b""))
    number = integer(port)
    if not 0 < number < 65536 or (name and not is_host(name)):
        unexpected([host, port], "a node's host and a port from 1 to 65535")
    address = reachable(TCPAddress(name or asked.host, number), remap)
    if zone := word(metadata.get("availability-zone", b"")):
        zones[address] = zone
    return address


def redirect_address(text: str, asked: TCPAddress, remap: AddressRemap | None = None) -> TCPAddress:
    """The address in a redirect from the node at *asked*; an empty host means the host of that node.

    Raises `ProtocolError` if *text* is no address, and the error of `reachable`.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    number = port_number(port)
    if not number or (host and not is_host(host)):
        raise ProtocolError(f"{asked} redirects to {excerpt(text)}, which is no host:port")
    return reachable(TCPAddress(host if host not in ("", "?") else asked.host, number), remap)


def best_of(slot_maps: Iterable[SlotMap]) -> SlotMap:
    """The slot map to adopt: it covers the most slots and, among equals, most nodes agree on it."""
    candidates = list(slot_maps)
    views = [_primaries(slot_map) for slot_map in candidates]
    votes = Counter(views)
    _, best = max(zip(views, candidates, strict=True), key=lambda it: (it[1].covered, votes[it[0]]))
    return best


def _primaries(slot_map: SlotMap) -> tuple[tuple[int, TCPAddress | None], ...]:
    """The primaries by range, for comparison: nodes list replicas in different orders."""
    return tuple(
        (begin, None if shard is None else shard.primary) for begin, shard in slot_map.ranges
    )
