"""The route of a command in a cluster, and its split into parts: values in, values out.

Law: a command goes to the slot of its keys; without keys, to the nodes that the servers' request
policy gives.  If neither is known, the user has to name the node.  A command with keys in several
slots is split if its policy allows it; otherwise it is refused before anything is sent.
"""

from binascii import crc_hqx
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from anyredis.command import Command
from anyredis.exceptions import CrossSlotError, DataValueError
from anyredis.facts.lookup import KEY_POSITION, ORDINARY, Facts, facts_of
from anyredis.facts.policies import BY_SLOT, RequestPolicy, by_node_method
from anyredis.wire.encode import Value
from anyredis.wire.slots import SLOTS


class ToSlot(NamedTuple):
    """To a node that serves *slot*: the primary, or a replica too if the command *reads*."""

    slot: int
    reads: bool


class AnyNode(NamedTuple):
    """To any primary; with *slot*, to the one that serves it, unless it is in a transaction."""

    slot: int | None = None


class AllNodes(NamedTuple):
    """To all primaries and, if *replicas*, to all replicas."""

    replicas: bool


class SplitPart(NamedTuple):
    """The part of a split command for one slot; *places* are the positions of its keys among all."""

    args: tuple[Value, ...]
    slot: int
    places: tuple[int, ...]


class Split(NamedTuple):
    """One piece to each of several slots; replicas may answer if the command *reads*."""

    pieces: tuple[SplitPart, ...]
    reads: bool


Route: TypeAlias = ToSlot | AnyNode | AllNodes | Split

_WAITS: Final = frozenset((b"WAIT", b"WAITAOF"))


def key_bytes(key: Value, encoding: str) -> bytes:
    """*key* as it is sent: the slot is computed from these bytes."""
    if isinstance(key, (bytes, bytearray, memoryview)):
        return bytes(key)
    if not isinstance(key, str):
        return str(key).encode()  # numbers are sent in ASCII, whatever the encoding of text
    try:
        return key.encode(encoding)
    except UnicodeEncodeError as error:
        raise DataValueError(f"a key has characters that {encoding} cannot express") from error


def slot_of_key(key: Value, encoding: str) -> int:
    """The hash slot of *key*; raises `DataValueError` if *encoding* cannot express it."""
    if type(key) is str:
        try:
            data = key.encode(encoding)
        except UnicodeEncodeError:
            data = key_bytes(key, encoding)  # raises the error with its message
    else:
        data = key if type(key) is bytes else key_bytes(key, encoding)
    # Saved frames: slot_of, hash_tag.  This is run for every command.
    if _BRACE in data:
        tag, end, _ = data.partition(b"{")[2].partition(b"}")
        if tag and end:
            data = tag
    return crc_hqx(data, 0) % SLOTS


_BRACE: Final = ord("{")
"""As a number: to find that in bytes takes a tenth of the time that `b"{"` takes."""


def slot_of_ordinary(facts: Facts, args: tuple[Value, ...], encoding: str) -> int | None:
    """The slot of an ordinary command all of whose keys are in it; None if `route` has to decide.

    `route` gives the same slot.  Raises `DataValueError` as `route` does.
    """
    request, find_keys = facts.request, facts.find_keys
    if find_keys is None or args[0] not in ORDINARY:
        return None
    if request is not None and request is not RequestPolicy.MULTI_SHARD:
        return None
    slot: int | None = None
    for position in find_keys(facts.name, args):
        found = slot_of_key(args[position], encoding)
        if slot is None:
            slot = found
        elif slot != found:
            return None
    return slot


def slots_of_ordinary(commands: Sequence[Command[Any]], encoding: str) -> list[int] | None:
    """The slot of each command if all are ordinary, each with its keys in one slot; otherwise None.

    Raises `DataValueError` as `route` does.
    """
    slots: list[int] = []
    append, position_of, checksum = slots.append, KEY_POSITION.get, crc_hqx
    for command in commands:
        args = command.args
        position = position_of(args[0])
        if position is None or position >= len(args):
            slot = slot_of_ordinary(facts_of(args), args, encoding)
            if slot is None:
                return None
            append(slot)
            continue
        key = args[position]
        if type(key) is str and key.isascii():
            data = key.encode(encoding)
            if _BRACE not in data:
                append(checksum(data, 0) % SLOTS)  # saved frame: slot_of_key
                continue
        append(slot_of_key(key, encoding))
    return slots


def route(args: tuple[Value, ...], encoding: str = "utf-8", facts: Facts | None = None) -> Route:
    """The route of the command *args*; *facts* are its facts, if they were looked up before.

    Raises `CrossSlotError` if its keys are in several slots and it cannot be split, and
    `DataValueError` if its route is not known or it is malformed.
    """
    facts = facts or facts_of(args)
    if facts.name in _WAITS:
        raise DataValueError(
            f"{facts.shown} is about the writes of its own connection: use client.session(key)"
        )
    request = facts.request
    if request is RequestPolicy.ALL_NODES or request is RequestPolicy.ALL_SHARDS:
        return AllNodes(replicas=request is RequestPolicy.ALL_NODES)
    positions = facts.key_positions(args)
    if positions is None:
        raise DataValueError(
            f"{facts.shown} is not known here, nor where its keys are: name a node, as in "
            "execute_command(…, node=address), or use client.node(address)"
        )
    if positions:
        return _by_keys(facts, args, positions, encoding)
    if facts.any_node:
        if facts.name == b"PUBLISH" and len(args) > 1:
            # The cluster bus keeps the order of messages that come from one node.
            return AnyNode(slot_of_key(args[1], encoding))
        return AnyNode()
    if facts.name in BY_SLOT:
        return ToSlot(_slot_number(facts, args), facts.read_only)
    raise DataValueError(
        f"{facts.shown} concerns one node, and only you know which: use client.node(address), or "
        "each of client.nodes(); execute_command takes node=address" + _hint(facts)
    )


def _hint(facts: Facts) -> str:
    """The method of the client that asks all nodes, as the end of a message, if there is one."""
    method = by_node_method(facts.name)
    return _HINTS.get(facts.name, "") if method is None else f". client.{method}(…) asks all nodes"


_HINTS: Final = {b"SCAN": ". scan_iter goes through all nodes"}


def _slot_number(facts: Facts, args: tuple[Value, ...]) -> int:
    """The slot in the first argument of *args*."""
    try:
        slot = int(args[2])
    except (IndexError, ValueError):
        slot = -1
    if not 0 <= slot < SLOTS:
        raise DataValueError(f"{facts.shown} needs a slot, 0 to {SLOTS - 1}")
    return slot


def slots_of_keys(args: tuple[Value, ...], keys: Sequence[int], encoding: str) -> list[int]:
    """The slot of each key."""
    return [slot_of_key(args[position], encoding) for position in keys]


def slot_of_keys(args: tuple[Value, ...], keys: Sequence[int], encoding: str) -> int | None:
    """The slot of all keys, None if they are in several."""
    slots = set(slots_of_keys(args, keys, encoding))
    return slots.pop() if len(slots) == 1 else None


def _by_keys(
    facts: Facts, args: tuple[Value, ...], keys: Sequence[int], encoding: str
) -> ToSlot | Split:
    slots = slots_of_keys(args, keys, encoding)
    if len(set(slots)) == 1:
        return ToSlot(slots[0], facts.read_only)
    can_split = facts.request is RequestPolicy.MULTI_SHARD
    if can_split and (pieces := _pieces(facts.name, args, keys, slots, encoding)):
        return Split(pieces, facts.read_only)
    raise CrossSlotError(
        f"CROSSSLOT {facts.shown} was not sent: its keys are in several hash slots. Give them the "
        "same {hash tag}"
    )


def _pieces(
    name: bytes,
    args: tuple[Value, ...],
    keys: Sequence[int],
    slots: Sequence[int],
    encoding: str,
) -> tuple[SplitPart, ...]:
    """One piece for each slot; empty if the pieces would not mean the same as the command."""
    places: dict[int, list[int]] = {}
    for place, slot in enumerate(slots):
        places.setdefault(slot, []).append(place)
    width = _WIDTHS.get(name, 1)
    counts_keys = name == b"MSETEX"
    options = args[keys[-1] + width :]  # or the path of JSON.MGET
    if counts_keys and any(key_bytes(each, encoding).upper() in _CONDITIONS for each in options):
        return ()  # "all keys or none" is not possible in several slots
    pieces: list[SplitPart] = []
    for slot, places_of_slot in places.items():
        words: list[Value] = [args[0], len(places_of_slot)] if counts_keys else [args[0]]
        for place in places_of_slot:
            key = keys[place]
            words += args[key : key + width]
        pieces.append(SplitPart((*words, *options), slot, tuple(places_of_slot)))
    return tuple(pieces)


_WIDTHS: Final = {b"MSET": 2, b"MSETEX": 2, b"JSON.MSET": 3}
"""The number of words that belong to a key, with the key itself."""
_CONDITIONS: Final = frozenset((b"NX", b"XX"))
