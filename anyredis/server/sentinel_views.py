"""The views of sentinels and of the servers that they watch: parsed and checked, without I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from anyredis.server.readiness import parse_info

Record: TypeAlias = Sequence[str]
"""Names and values in turn, in which sentinels describe one server."""


# Other flags come and go, or stay: a sentinel that once called a primary down is "master_down".
BAD_FLAGS = frozenset({"s_down", "o_down", "disconnected", "failover_in_progress", "unknown"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelView:
    """A sentinel's view of the servers that it watches: the flags of each, by its port."""

    epoch: int
    primary: int
    primary_flags: str
    replicas: Mapping[int, str]
    sentinels: Mapping[int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Replication:
    """The replication state of a watched server; *primary* is None if it is one itself."""

    primary: int | None
    link: str


SentinelViews: TypeAlias = Mapping[int, SentinelView | str]
"""The view of each sentinel that runs, by its port; an error text for one that did not answer."""

Replications: TypeAlias = Mapping[int, Replication | str]
"""The state of each watched server that runs, by its port; an error text if it did not answer."""

Lists: TypeAlias = defaultdict[int, list[str]]


def parse_sentinel_view(
    primary: Record, replicas: Sequence[Record], sentinels: Sequence[Record]
) -> SentinelView:
    """The view in the replies to SENTINEL MASTER, SENTINEL REPLICAS and SENTINEL SENTINELS."""
    master = _fields(primary)
    return SentinelView(
        epoch=int(master["config-epoch"]),
        primary=int(master["port"]),
        primary_flags=master["flags"],
        replicas=_flags(replicas),
        sentinels=_flags(sentinels),
    )


def parse_replication(replication: str) -> Replication:
    """The state in the reply to INFO replication."""
    fields = parse_info(replication)
    if fields.get("role") == "master":
        return Replication(primary=None, link="")
    return Replication(primary=int(fields["master_port"]), link=fields["master_link_status"])


def _fields(record: Record) -> dict[str, str]:
    return dict(zip(record[::2], record[1::2], strict=True))


def _flags(records: Sequence[Record]) -> dict[int, str]:
    return {int(fields["port"]): fields["flags"] for fields in map(_fields, records)}


def newest_primary(views: SentinelViews) -> int | None:
    """The port of the primary by the newest decision of the sentinels; None if none knows it."""
    known = [
        (view.epoch, view.primary) for view in views.values() if isinstance(view, SentinelView)
    ]
    return max(known)[1] if known else None


def find_problems(views: SentinelViews, roles: Replications) -> Lists:
    """Problems that keep the sentinels from watching all servers that run."""
    found: Lists = defaultdict(list)
    primary = newest_primary(views)
    for port, view in views.items():
        found[port] += [view] if isinstance(view, str) else _of_sentinel(port, view, views, roles)
        if isinstance(view, SentinelView) and view.primary != primary:
            found[port].append(f"does not know yet that :{primary} is the primary")
    for port, role in roles.items():
        found[port] += [role] if isinstance(role, str) else _of_server(port, role, primary)
    return defaultdict(list, {port: lines for port, lines in found.items() if lines})


def _of_sentinel(
    port: int, view: SentinelView, views: SentinelViews, roles: Replications
) -> list[str]:
    if view.primary not in roles:
        return [f"takes :{view.primary} for the primary, and it does not run"]
    seen = [
        ("primary", view.primary, view.primary_flags),
        *(("replica", other, view.replicas.get(other, "unknown")) for other in roles),
        *(("sentinel", other, view.sentinels.get(other, "unknown")) for other in views),
    ]
    return [
        f"sees the {role} :{other} as {flags}"
        for role, other, flags in seen
        if BAD_FLAGS.intersection(flags.split(","))
        and (role, other) not in {("replica", view.primary), ("sentinel", port)}
    ]


def _of_server(port: int, role: Replication, primary: int | None) -> list[str]:
    if port == primary:
        return [] if role.primary is None else [f"is still a replica of :{role.primary}"]
    if role.primary != primary:
        return [f"is not yet a replica of the primary :{primary}"]
    return [] if role.link == "up" else [f"has no link to its primary :{primary}"]
