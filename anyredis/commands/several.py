"""Several keys, fields or values, given one by one, as one collection, or both.

Law: text and bytes are one value.  A collection is flattened by one level.  A mapping, a collection
in a collection and an iterator are refused, because each reading of them would be a guess; so is a
number among keys, because it may be a timeout or the number of keys of another client's form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias, cast

from anyredis.commands.checks import number
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.wire.encode import READY, Key, Value

SomeKeys: TypeAlias = Key | Collection[Key]
"""One key, or a collection of keys."""

SomeValues: TypeAlias = Value | Collection[Value]
"""One value, or a collection of values."""

Weights: TypeAlias = Mapping[str, float] | Mapping[bytes, float] | Mapping[Key, float]
"""Keys, each with the factor for its scores; a union: the keys of a `Mapping` do not widen."""

_KEY_TYPES: Final = frozenset((str, bytes))

PLAIN_KEYS: Final = _KEY_TYPES.issuperset
PLAIN_VALUES: Final = READY.issuperset

ONE: Final = (str, bytes, bytearray, memoryview)
"""The types that are one value although they have a length and elements."""


def all_keys(command: str, argument: str, keys: tuple[Any, ...]) -> tuple[Key, ...]:
    """The *keys*, those in collections too; raises `DataError` if there is none, or a number."""
    if len(keys) == 1 and type(keys[0]) in _KEY_TYPES:
        return keys  # most of the time
    if keys and PLAIN_KEYS(map(type, keys)):
        return keys
    found = _flattened(command, argument, keys)
    for index, key in enumerate(found):
        if isinstance(key, (int, float)) and not isinstance(key, bool):
            msg = (
                f"{command}: {argument}[{index}] is {excerpt(key, 40)} ({type(key).__name__}): numbers "
                f"are no keys here, and the number of keys is left out; write str({excerpt(key, 40)})"
            )
            raise DataTypeError(msg)
    return found


def all_values(command: str, argument: str, values: tuple[Any, ...]) -> tuple[Value, ...]:
    """The *values*, those in collections too; raises `DataError` if there is none."""
    if len(values) == 1 and type(values[0]) in READY:
        return values  # most of the time
    if values and PLAIN_VALUES(map(type, values)):
        return values
    return _flattened(command, argument, values)


def all_fields(command: str, argument: str, fields: tuple[Any, ...]) -> tuple[Key, ...]:
    """Like `all_values`, for names, where a number stands for its digits."""
    if len(fields) == 1 and type(fields[0]) in READY:
        return fields  # most of the time
    if fields and PLAIN_VALUES(map(type, fields)):
        return fields
    return _flattened(command, argument, fields)


def optional_values(command: str, argument: str, values: tuple[Any, ...]) -> tuple[Value, ...]:
    """Like `all_values`, where nothing at all is meant by no argument; an empty list is refused."""
    return all_values(command, argument, values) if values else ()


def keys_of(command: str, keys: SomeKeys) -> tuple[Key, ...]:
    """The keys of a parameter that takes one key or one collection of them."""
    return all_keys(command, "keys", (keys,))


def any_keys(command: str, argument: str, keys: SomeKeys | None) -> tuple[Key, ...]:
    """The keys of a parameter that takes one key, or a collection that may be empty."""
    if isinstance(keys, (list, tuple)) and PLAIN_KEYS(map(type, keys)):
        return tuple(keys)  # most of the time
    return () if keys is None or is_empty_list((keys,)) else all_keys(command, argument, (keys,))


def any_values(command: str, argument: str, values: SomeValues | None) -> tuple[Value, ...]:
    """The values of a parameter that takes one value, or a collection that may be empty."""
    if isinstance(values, (list, tuple)) and PLAIN_VALUES(map(type, values)):
        return tuple(values)  # most of the time
    if values is None or is_empty_list((values,)):
        return ()
    return all_values(command, argument, (values,))


def is_empty_list(values: tuple[Any, ...]) -> bool:
    """Whether *values* is one empty collection, which is neither text nor a mapping."""
    only = values[0] if len(values) == 1 else None
    if isinstance(only, (*ONE, Mapping)) or not isinstance(only, Collection):
        return False
    return len(cast("Collection[object]", only)) == 0


def weighted(
    command: str,
    keys: SomeKeys | Weights,
    weights: Sequence[float] | None,
    argument: str = "keys",
) -> tuple[Value, ...]:
    """The words for *keys*, their number first, and for the weights if there are any.

    *argument* is the name of the parameter that *keys* is.
    Raises `DataError` if both a mapping and *weights* are given, or not one weight for each key.
    """
    factors: tuple[float, ...] = () if weights is None else tuple(weights)
    if isinstance(keys, Mapping):
        if weights is not None:
            msg = f"{command}: {argument} is a mapping with weights: leave weights= out"
            raise DataValueError(msg)
        pairs = cast("Mapping[Key, float]", keys)
        names = all_keys(command, argument, (list(pairs),))
        factors = tuple(pairs.values())
    else:
        names = all_keys(command, argument, (keys,))
        if weights is not None and isinstance(keys, AbstractSet):
            msg = f"{command}: a set has no order: give keys and their weights as a mapping"
            raise DataTypeError(msg)
    if not factors and weights is None:
        return (len(names), *names)
    if len(factors) != len(names):
        msg = f"{command}: {len(factors)} weights for {len(names)} keys: give one for each"
        raise DataValueError(msg)
    for index, weight in enumerate(factors):
        mapped = f"{argument}[{excerpt(names[index], 80)}]"
        place = mapped if weights is None else f"weights[{index}]"
        number(f"{command}: {place}", weight)
    return (len(names), *names, b"WEIGHTS", *factors)


def _flattened(command: str, argument: str, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """All values of *given*; a value that cannot be sent is left to the check of all words."""
    found: list[Any] = []
    for item in given:
        if _is_one(item):
            found.append(item)
        else:
            found += _collection(command, argument, item)
    if not found:
        msg = f"{command}: {argument} is empty: give at least one"
        raise DataValueError(msg)
    return tuple(found)


def _is_one(item: object) -> bool:
    return isinstance(item, ONE) or not isinstance(item, Iterable)


def _collection(command: str, argument: str, items: object) -> Collection[object]:
    """*items* as a collection of single values; raises `DataTypeError` if they are none."""
    kind = type(items).__name__
    if isinstance(items, Mapping):
        msg = (
            f"{command}: {argument} is a mapping ({kind}): give a list, such as list(d) for its "
            "keys or list(d.values()) for its values"
        )
        raise DataTypeError(msg)
    if not isinstance(items, Collection):
        msg = f"{command}: {argument} is a {kind}, which can be read only once: give list(...)"
        raise DataTypeError(msg)
    values = cast("Collection[object]", items)
    for value in values:
        if not _is_one(value):
            inner = type(value).__name__
            msg = f"{command}: {argument} has a {inner} in a {kind}: give one flat list"
            raise DataTypeError(msg)
    return values
