"""The sentinels that a command of SENTINEL goes to.

Law: a question about the servers goes to all sentinels, and the first good answer counts.  Each
sentinel has a configuration of its own, so a change of it goes to all, and all have to make it.  A
failover is ordered once.  What a sentinel says of itself is asked of that one.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from anyredis.exceptions import DataValueError
from anyredis.facts.names import each, word
from anyredis.facts.table import full_name, shown
from anyredis.wire.encode import Value


class Destination(Enum):
    """The sentinels that get a command."""

    FIRST = "the first that answers"
    ALL = "all"
    ONE = "the first that is reached"
    ITSELF = "the one that the caller names"


_DESTINATIONS: Final[dict[bytes, Destination]] = {
    **each(
        b"""
        SENTINEL|CKQUORUM SENTINEL|GET-MASTER-ADDR-BY-NAME SENTINEL|INFO-CACHE
        SENTINEL|IS-MASTER-DOWN-BY-ADDR SENTINEL|MASTER SENTINEL|MASTERS SENTINEL|REPLICAS
        SENTINEL|SENTINELS SENTINEL|SLAVES
        """,
        Destination.FIRST,
    ),
    **each(
        b"""
        SENTINEL|FLUSHCONFIG SENTINEL|MONITOR SENTINEL|REMOVE SENTINEL|RESET SENTINEL|SET
        """,
        Destination.ALL,
    ),
    b"SENTINEL FAILOVER": Destination.ONE,
}


def destination_of(args: tuple[Value, ...]) -> Destination:
    """The destination of the command in *args*; `ITSELF` if it is in no table."""
    name = full_name(args)
    sets = name == b"SENTINEL CONFIG" and len(args) > 2 and word(args[2]) == b"SET"
    if sets or (name == b"SENTINEL DEBUG" and len(args) > 2):
        return Destination.ALL
    return _DESTINATIONS.get(name, Destination.ITSELF)


def refuse_own(args: tuple[Value, ...]) -> DataValueError:
    """The error for a command whose destination is `ITSELF`, without a sentinel."""
    return DataValueError(
        f"{shown(args)} is about one sentinel: call it on sentinel.node(address), or for the answer "
        "of each sentinel write sentinel.each(lambda node: node...)"
    )
