"""Makes one reply of the replies to the parts of a command.

Law: the response policy of a command decides how its replies are combined.  One failed part makes
the command fail, unless its policy is `ONE_SUCCEEDED`.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from anyredis.cluster.routing.routes import Split
from anyredis.exceptions import DataValueError, PartialFailureError, PartOutcome, RedisError
from anyredis.excerpt import excerpt
from anyredis.facts.lookup import Facts
from anyredis.facts.policies import RESPONSE, ResponsePolicy, by_node_method
from anyredis.replies import array, integer, unexpected
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value


class NodeReply(NamedTuple):
    """The reply of the node at *address* to *args*."""

    address: str
    args: tuple[Value, ...]
    reply: Reply


OWN_REPORTS: Final = frozenset(
    name
    for name, response in RESPONSE.items()
    if response is ResponsePolicy.SPECIAL and name != b"RANDOMKEY"
)
"""Commands by which each node reports on itself: their replies have no aggregate."""


def refuse_own_reports(facts: Facts) -> None:
    """Raise `DataValueError` for a command whose replies have no aggregate."""
    if facts.name in OWN_REPORTS:
        all_nodes = by_node_method(facts.name)
        instead = (
            "call it on each of client.nodes()"
            if all_nodes is None
            else f"client.{all_nodes}(…), which asks all nodes"
        )
        raise DataValueError(
            f"{facts.shown} is answered by each node for itself: call it on "
            f"client.node(address), or {instead}"
        )


def aggregate(facts: Facts, answers: Sequence[NodeReply], split: Split | None = None) -> Reply:
    """The one reply to a command with these *facts*.

    Raises `PartialFailureError` if a part failed and the response policy does not tolerate that.
    """
    name, response = facts.name, facts.response
    succeeded = [answer for answer in answers if not isinstance(answer.reply, RedisError)]
    tolerated = response is ResponsePolicy.ONE_SUCCEEDED and succeeded
    if len(succeeded) < len(answers) and not tolerated:
        raise failure(name, answers)
    replies = [answer.reply for answer in succeeded]
    if name in OWN_REPORTS:
        return {answer.address: answer.reply for answer in succeeded}
    if name == b"RANDOMKEY":
        return random.choice([reply for reply in replies if reply is not None] or [None])  # noqa: S311 - no secret
    if split is not None and response is None:
        return _in_order(replies, split)
    if response is None:
        return _joined(replies)
    if response in _COLLECT:
        return _COLLECT[response](replies)
    combine = _COMBINE.get(response)
    return replies[0] if combine is None else _combined(replies, combine)


def failure(name: bytes, answers: Sequence[NodeReply]) -> PartialFailureError:
    """The error for a command if some or all of its parts failed."""
    failed = [answer for answer in answers if isinstance(answer.reply, RedisError)]
    succeeded = [answer for answer in answers if not isinstance(answer.reply, RedisError)]
    errors = {answer.address: str(answer.reply) for answer in reversed(failed)}
    details = "; ".join(f"{address}: {error}" for address, error in errors.items())
    done = ", ".join(dict.fromkeys(answer.address for answer in succeeded))
    extent = f"in part ({details}); it succeeded on {done}" if done else f"everywhere ({details})"
    return PartialFailureError(
        f"{name.decode('ascii', 'replace')} failed {extent}",
        failed=tuple(PartOutcome(*answer) for answer in failed),
        succeeded=tuple(PartOutcome(*answer) for answer in succeeded),
    )


def _in_order(replies: Sequence[Reply], split: Split) -> list[Reply]:
    """The items of all replies, each at the position of its key in the command (MGET)."""
    items: dict[int, Reply] = {}
    for piece, reply in zip(split.pieces, replies, strict=True):
        items.update(zip(piece.places, _of_length(len(piece.places), reply), strict=True))
    return [items[place] for place in range(len(items))]


def _joined(replies: list[Reply]) -> Reply:
    """All items of arrays, in any order; other replies as a list."""
    if all(isinstance(reply, list) for reply in replies):
        return [item for reply in replies for item in array(reply)]
    return replies


def _union(replies: list[Reply]) -> Reply:
    """All names in arrays, each once."""
    names: dict[str | bytes, None] = {}
    for reply in replies:
        for name in array(reply):
            if not isinstance(name, (str, bytes)):
                unexpected(reply, "an array of texts")
            names[name] = None
    return [*names]


def _merged_by_key(replies: list[Reply]) -> Reply:
    """All entries of maps, or of arrays whose entries begin with their key (RESP2).

    An entry that several nodes give alike is one; raises `ProtocolError` if they differ.
    """
    if not all(isinstance(reply, dict) for reply in replies):
        rows = [item for reply in replies for item in array(reply)]
        merged = _merged([(array(row)[0], row) for row in rows if array(row)])
        return [*merged.values()]
    return _merged([item for reply in replies if isinstance(reply, dict) for item in reply.items()])


def _merged(entries: list[tuple[Reply, Reply]]) -> dict[Reply, Reply]:
    merged: dict[Reply, Reply] = {}
    for key, value in entries:
        if not isinstance(key, (str, bytes)):
            unexpected(key, "a key")
        if merged.setdefault(key, value) != value:
            unexpected(value, f"one value for {excerpt(key)}, but several nodes have parts of it")
    return merged


def _summed_by_name(replies: list[Reply]) -> Reply:
    """The names in arrays of names and numbers, each followed by the sum of its numbers."""
    first = array(replies[0])
    if len(first) % 2:
        unexpected(first, "an even number of items")
    rows = [_of_length(len(first), reply) for reply in replies]
    if any(row[::2] != first[::2] for row in rows):
        unexpected([*rows], "the same names from each node")
    sums = [sum(map(integer, column)) for column in zip(*(row[1::2] for row in rows), strict=True)]
    return [item for pair in zip(first[::2], sums, strict=True) for item in pair]


def _combined(replies: Sequence[Reply], combine: Callable[[list[int]], int]) -> Reply:
    """One number made of several; arrays are combined item by item."""
    if isinstance(replies[0], list):
        rows = [_of_length(len(array(replies[0])), reply) for reply in replies]
        columns = zip(*rows, strict=True)
        return [combine([integer(item) for item in column]) for column in columns]
    return combine([integer(reply) for reply in replies])


def _of_length(length: int, reply: Reply) -> list[Reply]:
    """*reply*, which has to be an array of *length*."""
    items = array(reply)
    if len(items) != length:
        unexpected(reply, f"an array of {length}")
    return items


_COMBINE: Final[dict[ResponsePolicy, Callable[[list[int]], int]]] = {
    ResponsePolicy.AGG_SUM: sum,
    ResponsePolicy.AGG_MIN: min,
    ResponsePolicy.AGG_MAX: max,
    ResponsePolicy.AGG_LOGICAL_AND: lambda numbers: int(all(numbers)),
    ResponsePolicy.AGG_LOGICAL_OR: lambda numbers: int(any(numbers)),
}

_COLLECT: Final[dict[ResponsePolicy, Callable[[list[Reply]], Reply]]] = {
    ResponsePolicy.UNION: _union,
    ResponsePolicy.MERGED_BY_KEY: _merged_by_key,
    ResponsePolicy.SUM_BY_NAME: _summed_by_name,
}
