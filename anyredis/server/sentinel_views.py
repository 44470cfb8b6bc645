"""What sentinels and the servers they watch say, read and judged: values, nothing is asked here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from anyredis.server.talk import parse_info

Record: TypeAlias = Sequence[str]
"""Names and values in turn, as sentinels tell what they know of somebody."""


# Others come and go, or stay for ever: a sentinel that once called a primary down is "master_down".
BAD_FLAGS = frozenset({"s_down", "o_down", "disconnected", "failover_in_progress", "unknown"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Whom a sentinel watches: the flags of each by its port."""

    epoch: int
    primary: int
    primary_flags: str
    replicas: Mapping[int, str]
    sentinels: Mapping[int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What a watched server says of itself; *primary* is None where it takes itself for one."""

    primary: int | None
    link: str


Watches: TypeAlias = Mapping[int, Watch | str]
"""What each sentinel that runs knows, by its port; or what went wrong when it was asked."""

Roles: TypeAlias = Mapping[int, Role | str]
"""What each watched server that runs says, by its port; or what went wrong when it was asked."""

Lists: TypeAlias = defaultdict[int, list[str]]


def parse_watch(primary: Record, replicas: Sequence[Record], sentinels: Sequence[Record]) -> Watch:
    """What SENTINEL MASTER, SENTINEL REPLICAS and SENTINEL SENTINELS tell."""
    master = _fields(primary)
    return Watch(
        epoch=int(master["config-epoch"]),
        primary=int(master["port"]),
        primary_flags=master["flags"],
        replicas=_flags(replicas),
        sentinels=_flags(sentinels),
    )


def parse_role(replication: str) -> Role:
    """What INFO replication tells."""
    fields = parse_info(replication)
    if fields.get("role") == "master":
        return Role(primary=None, link="")
    return Role(primary=int(fields["master_port"]), link=fields["master_link_status"])


def _fields(record: Record) -> dict[str, str]:
    return dict(zip(record[::2], record[1::2], strict=True))


def _flags(records: Sequence[Record]) -> dict[int, str]:
    return {int(fields["port"]): fields["flags"] for fields in map(_fields, records)}


def newest(watches: Watches) -> int | None:
    """The port of the primary by the newest decision of the sentinels; None if none tells."""
    known = [(watch.epoch, watch.primary) for watch in watches.values() if isinstance(watch, Watch)]
    return max(known)[1] if known else None


def troubles(watches: Watches, roles: Roles) -> Lists:
    """Complaints about all that keeps the sentinels from guarding the servers that run."""
    found: Lists = defaultdict(list)
    primary = newest(watches)
    for port, watch in watches.items():
        found[port] += (
            [watch] if isinstance(watch, str) else _of_sentinel(port, watch, watches, roles)
        )
        if isinstance(watch, Watch) and watch.primary != primary:
            found[port].append(f"has not heard that :{primary} is the primary")
    for port, role in roles.items():
        found[port] += [role] if isinstance(role, str) else _of_server(port, role, primary)
    return defaultdict(list, {port: lines for port, lines in found.items() if lines})


def _of_sentinel(port: int, watch: Watch, watches: Watches, roles: Roles) -> list[str]:
    if watch.primary not in roles:
        return [f"takes :{watch.primary} for the primary, and it does not run"]
    seen = [
        ("primary", watch.primary, watch.primary_flags),
        *(("replica", other, watch.replicas.get(other, "unknown")) for other in roles),
        *(("sentinel", other, watch.sentinels.get(other, "unknown")) for other in watches),
    ]
    return [
        f"sees the {role} :{other} as {flags}"
        for role, other, flags in seen
        if BAD_FLAGS.intersection(flags.split(","))
        and (role, other) not in {("replica", watch.primary), ("sentinel", port)}
    ]


def _of_server(port: int, role: Role, primary: int | None) -> list[str]:
    if port == primary:
        return [] if role.primary is None else [f"is a replica of :{role.primary} still"]
    if role.primary != primary:
        return [f"is no replica of the primary :{primary} yet"]
    return [] if role.link == "up" else [f"has no link to its primary :{primary}"]
