"""Which nodes of a shard answer reads, and which of them answers the next one."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.pool.endpoint import ClusterEndpoint


class ReadFrom(enum.Enum):
    """Whom a cluster client with `readonly=True` asks for what it only reads."""

    REPLICAS = "replicas"
    """The replicas in turn; the primary where no replica is fit."""

    ANY = "any"
    """The replicas and the primary in turn."""

    NEAREST = "nearest"
    """Whoever answered fastest when last measured, replica or primary."""

    ZONE = "zone"
    """Those in the client's availability zone in turn, replicas first; else as `REPLICAS`."""


@dataclass(frozen=True)
class ShardMember:
    """One node of a shard, as far as it matters for reading."""

    endpoint: ClusterEndpoint
    is_replica: bool
    zone: str = ""
    latency: float | None = None
    """Seconds for a PING, None before it was measured."""


class ReadBalancer:
    """The nodes of one shard, in the order in which *policy* prefers them, and whose turn it is."""

    def __init__(self, policy: ReadFrom, zone: str | None, readers: Sequence[ShardMember]) -> None:
        self._policy = policy
        self._zone = zone
        self._readers = readers
        self._turn = 0
        choices: dict[float, list[ClusterEndpoint]] = {}
        for reader in self._readers:
            choices.setdefault(self._rank(reader), []).append(reader.endpoint)
        self._choices = [choices[rank] for rank in sorted(choices)]
        """Those that are alike take turns; a later group is for when none of an earlier is fit."""

    def _rank(self, reader: ShardMember) -> float:
        """0 for whom to ask first."""
        if self._policy is ReadFrom.ANY:
            return 0
        if self._policy is ReadFrom.NEAREST:
            # None is measured before the first one is asked; then all take turns.
            return float("inf") if reader.latency is None else reader.latency
        away = self._policy is ReadFrom.ZONE and reader.zone != self._zone
        return 2 * away + (not reader.is_replica)

    def next(self) -> ClusterEndpoint:
        """Whom to ask now: the next who is fit, or the primary, if nobody is."""
        for endpoints in self._choices:
            for _ in endpoints:
                self._turn += 1
                endpoint = endpoints[self._turn % len(endpoints)]
                if not endpoint.server.is_unhealthy:
                    return endpoint
        return self._readers[0].endpoint


def check_reading(readonly: bool, read_from: object, zone: object) -> None:
    """Raise `DataError` for options of reading that contradict each other."""
    if not isinstance(read_from, ReadFrom):
        raise DataTypeError(f"read_from has to be an anyredis.ReadFrom, not {read_from!r:.80}")
    if read_from is not ReadFrom.REPLICAS and not readonly:
        raise DataValueError("read_from is about reading from replicas: give readonly=True too")
    if (read_from is ReadFrom.ZONE) is not isinstance(zone, str):
        raise DataValueError(
            "ReadFrom.ZONE and availability_zone, the client's own, go together: give both"
        )
