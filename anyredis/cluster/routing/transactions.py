"""A transaction in a cluster: all of it on one slot, and all of it again after a redirect."""

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
    """The one slot of all keys in *commands*, None if they have no keys.

    Raises `CrossSlotError` if there are several slots, and the errors of `route`.
    """
    slot: int | None = None
    for position, command in enumerate(commands, 1):
        way = route(command.args, encoding)
        if isinstance(way, ToSlot) and slot in (None, way.slot):
            slot = way.slot
        elif not isinstance(way, AnyNode):
            where = f"{shown(command.args)} (command {position} of {len(commands)})"
            if isinstance(way, AllNodes):
                where += " goes to several nodes. U"
            else:
                where += " leaves it. Give the keys the same {hash tag}, or u"
            raise CrossSlotError(
                "CROSSSLOT the transaction was not sent: it has to stay on one hash slot, and "
                f"{where}se pipeline(transaction=False)"
            )
    return slot


def refusal(replies: Sequence[Reply]) -> RedisError | None:
    """The reason why a transaction was refused that may run elsewhere or later; None otherwise.

    A command that is redirected as it is queued makes EXEC fail; EXEC itself may be redirected.
    """
    *queued, executed = replies
    if not isinstance(executed, RedisError):
        return None
    for reply in (executed, *queued):
        if isinstance(reply, (RedirectError, BusyLoadingError, *TEMPORARY_REFUSALS)):
            return reply
    return None
