"""A transaction in a cluster.

Law: all commands of a transaction are about one slot.  If a part of it is redirected or refused,
the whole transaction is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyredis.cluster.routing.redirect_policy import TEMPORARY_REFUSALS
from anyredis.cluster.routing.routes import AllNodes, AnyNode, ToSlot, route
from anyredis.command import Command
from anyredis.exceptions import BusyLoadingError, CrossSlotError, RedirectError, RedisError
from anyredis.facts.table import shown
from anyredis.wire.decode import Reply


def slot_of_all(commands: Sequence[Command[Any]], encoding: str) -> int | None:
    """The one slot of the keys of *commands*, None if they have no keys.

    Raises `CrossSlotError` if there are several slots, and the errors of `route`.
    """
    slot: int | None = None
    for position, command in enumerate(commands, 1):
        way = route(command.args, encoding)
        if isinstance(way, ToSlot) and slot in (None, way.slot):
            slot = way.slot
        elif not isinstance(way, AnyNode):
            reason = f"{shown(command.args)} (command {position} of {len(commands)})"
            if isinstance(way, AllNodes):
                reason += " goes to several nodes. U"
            else:
                reason += " leaves it. Give the keys the same {hash tag}, or u"
            raise CrossSlotError(
                "CROSSSLOT the transaction was not sent: it has to stay on one hash slot, and "
                f"{reason}se pipeline(transaction=False)"
            )
    return slot


def refusal(replies: Sequence[Reply]) -> RedisError | None:
    """The error of a transaction that was not run but can run on another node or later.

    None if it was run, or failed for good.  A command that is redirected when it is queued makes
    EXEC fail; EXEC itself may be redirected, too.
    """
    *queued, executed = replies
    if not isinstance(executed, RedisError):
        return None
    for reply in (executed, *queued):
        if isinstance(reply, (RedirectError, BusyLoadingError, *TEMPORARY_REFUSALS)):
            return reply
    return None
