"""A transaction in a cluster.

Law: all commands of a transaction are about one slot.  If a part of it is redirected or refused,
the whole transaction is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyredis.backoff import REFUSALS
from anyredis.cluster.routing.routes import AllNodes, AnyNode, ToSlot, route, slot_of_key
from anyredis.command import Command
from anyredis.exceptions import (
    ClusterDownError,
    CrossSlotError,
    ExecAbortError,
    RedirectError,
    RedisError,
    TryAgainError,
)
from anyredis.facts.lookup import facts_of
from anyredis.facts.table import shown
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key


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


def slot_of_keys(method: str, keys: Sequence[Key], encoding: str) -> int:
    """The one slot of *keys*; raises `CrossSlotError` in the name of *method* if there are several."""
    slots = {slot_of_key(key, encoding) for key in keys}
    if len(slots) > 1:
        raise CrossSlotError(
            f"CROSSSLOT {method}: the keys are in {len(slots)} hash slots, so no node watches all of "
            "them. Give the keys the same {hash tag}"
        )
    return slots.pop()


def check_slot(commands: Sequence[Command[Any]], slot: int, encoding: str) -> None:
    """Raise `CrossSlotError` if one of *commands* is about another slot, or goes to several nodes."""
    for command in commands:
        way = route(command.args, encoding)
        if isinstance(way, AnyNode) or (isinstance(way, ToSlot) and way.slot == slot):
            continue
        raise CrossSlotError(
            f"CROSSSLOT {shown(command.args)} was not sent: this transaction stays on hash slot "
            f"{slot}, that of the keys that it watches. Give all keys the same {{hash tag}}, or "
            "call it on the client"
        )


def refusal_of_reads(
    commands: Sequence[Command[Any]], replies: Sequence[Reply]
) -> RedisError | None:
    """The first redirect or refusal in *replies*, if the other commands only read."""
    pairs = list(zip(commands, replies, strict=True))
    refused = [reply for _, reply in pairs if isinstance(reply, (RedirectError, *REFUSALS))]
    ran = [each for each, reply in pairs if not isinstance(reply, (RedirectError, *REFUSALS))]
    if not refused or not all(facts_of(each.args).read_only for each in ran):
        return None
    return refused[0]


def refusal(replies: Sequence[Reply]) -> RedisError | None:
    """The error of a transaction that was not run but can run on another node or later.

    None if it was run, or failed for good.  A command that is refused when it is queued makes EXEC
    answer EXECABORT; EXEC itself may be refused too, but only for its slot.
    """
    *queued, executed = replies
    if isinstance(executed, (RedirectError, TryAgainError, ClusterDownError)):
        return executed
    if not isinstance(executed, ExecAbortError):
        return None
    refused = (reply for reply in queued if isinstance(reply, (RedirectError, *REFUSALS)))
    return next(refused, None)
