"""Which node of a cluster serves which slot, as some node of it said: values, replaced whole.

Source: the documentation of CLUSTER SLOTS, and of the MOVED and ASK redirections in the cluster
specification.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from anyredis.address import TCPAddress
from anyredis.exceptions import ProtocolError
from anyredis.replies import array, integer, record, unexpected, word
from anyredis.wire.decode import Reply
from anyredis.wire.slots import SLOTS


@dataclass(frozen=True)
class Shard:
    """A primary with its replicas."""

    primary: TCPAddress
    replicas: tuple[TCPAddress, ...] = ()

    @property
    def nodes(self) -> tuple[TCPAddress, ...]:
        """All of them, the primary first."""
        return (self.primary, *self.replicas)


@dataclass(frozen=True)
class SlotMap:
    """The shard of each slot, None if no node serves it.

    *zones* are the availability zones of nodes, if the servers report them.
    """

    by_slot: Sequence[Shard | None] = (None,) * SLOTS
    zones: dict[TCPAddress, str] = field(default_factory=dict[TCPAddress, str])
    _known_shards: dict[TCPAddress, Shard] | None = field(default=None, repr=False, compare=False)
    """Shards by their primaries, of a slot map that was made of another; some may have no slots."""

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

    @cached_property
    def covered(self) -> int:
        """The number of slots that are served."""
        ends = [*(begin for begin, _ in self.ranges[1:]), SLOTS]
        return sum(
            end - begin
            for (begin, shard), end in zip(self.ranges, ends, strict=True)
            if shard is not None
        )

    def moved(self, slot: int, to: TCPAddress) -> SlotMap:
        """The same, but for *slot*, whose primary is *to* now.

        Thousands of slots may move one by one: nothing here looks at all of them in Python.
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
    """The shard of *primary*, which may have been a replica in the shard *before*."""
    if before is not None and primary in before.nodes:
        return Shard(primary, tuple(each for each in before.nodes if each != primary))
    return known.get(primary) or Shard(primary)


def parse_slots(reply: Reply, asked: TCPAddress) -> SlotMap:
    """The slot map that CLUSTER SLOTS tells, asked of the node at *asked*.

    Raises `ProtocolError` for a reply of another shape.
    """
    by_slot: list[Shard | None] = [None] * SLOTS
    zones: dict[TCPAddress, str] = {}
    for entry in array(reply):
        match array(entry):
            case [start, end, *nodes] if nodes:
                first, last = integer(start), integer(end)
            case _:
                unexpected(entry, "a range of slots and its nodes")
        if not 0 <= first <= last < SLOTS:
            unexpected(entry, "a range of slots and its nodes")
        addresses = [_node(node, asked, zones) for node in nodes]
        shard = Shard(addresses[0], tuple(addresses[1:]))
        by_slot[first : last + 1] = [shard] * (last + 1 - first)
    return SlotMap(by_slot, zones)


def _node(reply: Reply, asked: TCPAddress, zones: dict[TCPAddress, str]) -> TCPAddress:
    """The address of one node: host, port, id and, from server 7.0 on, more about it."""
    fields = array(reply)
    if len(fields) < 2:
        unexpected(reply, "a node's host and port")
    host, port = fields[:2]
    about = record(fields[3]) if len(fields) > 3 else {}
    name = "" if host is None else word(host)
    if name == "?":  # it is to be known by a host name, and has none
        name = word(about.get("ip", b""))
    address = TCPAddress(name or asked.host, integer(port))
    if zone := word(about.get("availability-zone", b"")):
        zones[address] = zone
    return address


def redirect_address(text: str, asked: TCPAddress) -> TCPAddress:
    """The address in a redirection from the node at *asked*, whose host is meant by an empty one.

    Raises `ProtocolError` if it cannot be read.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ProtocolError(f"{asked} redirects to {text!r}, which is no host:port")
    return TCPAddress(host if host not in ("", "?") else asked.host, int(port))


def best_of(slot_maps: Iterable[SlotMap]) -> SlotMap:
    """The slot map to use, of several: it covers the most slots, and the most nodes agree on it."""
    heard = list(slot_maps)
    views = [_primaries(slot_map) for slot_map in heard]
    votes = Counter(views)
    _, best = max(zip(views, heard, strict=True), key=lambda it: (it[1].covered, votes[it[0]]))
    return best


def _primaries(slot_map: SlotMap) -> tuple[tuple[int, TCPAddress | None], ...]:
    """The part on which two nodes have to agree: they report replicas in different orders."""
    return tuple(
        (begin, None if shard is None else shard.primary) for begin, shard in slot_map.ranges
    )
