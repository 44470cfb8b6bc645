"""The sentinels that a command of SENTINEL goes to.

Law: a question about the servers goes to all sentinels, and the first good answer counts.  Each
sentinel has a configuration of its own, so a change of it goes to all, and all have to make it.  A
failover is ordered once.  What a sentinel says of itself is asked of that one.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from anyredis.exceptions import DataValueError
from anyredis.facts.names import each, word
from anyredis.facts.table import full_name, shown
from anyredis.wire.encode import Value

Destination: TypeAlias = Literal["first", "all", "one", "itself"]
"""The first that answers, all, the first that is reached, or the one that the caller names."""

FIRST: Final = "first"
ALL: Final = "all"
ONE: Final = "one"
ITSELF: Final = "itself"

_DESTINATIONS: Final[dict[bytes, Destination]] = {
    **each(
        b"""
        SENTINEL|CKQUORUM SENTINEL|GET-MASTER-ADDR-BY-NAME SENTINEL|INFO-CACHE
        SENTINEL|IS-MASTER-DOWN-BY-ADDR SENTINEL|MASTER SENTINEL|MASTERS SENTINEL|REPLICAS
        SENTINEL|SENTINELS SENTINEL|SLAVES
        """,
        FIRST,
    ),
    **each(
        b"""
        SENTINEL|FLUSHCONFIG SENTINEL|MONITOR SENTINEL|REMOVE SENTINEL|RESET SENTINEL|SET
        """,
        ALL,
    ),
    b"SENTINEL FAILOVER": ONE,
}


def destination_of(args: tuple[Value, ...]) -> Destination:
    """The destination of the command in *args*; `ITSELF` if it is in no table."""
    name = full_name(args)
    sets = name == b"SENTINEL CONFIG" and len(args) > 2 and word(args[2]) == b"SET"
    if sets or (name == b"SENTINEL DEBUG" and len(args) > 2):
        return ALL
    return _DESTINATIONS.get(name, ITSELF)


def refuse_own(args: tuple[Value, ...]) -> DataValueError:
    """The error for a command whose destination is `ITSELF`, without a sentinel."""
    return DataValueError(
        f"{shown(args)} is about one sentinel: call it on sentinel.node(address), or for the answer "
        "of each sentinel write sentinel.each(lambda node: node...)"
    )
