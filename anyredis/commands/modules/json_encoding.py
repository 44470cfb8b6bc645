"""Values to JSON text; one that cannot be encoded is refused, with the place of the part at fault.

Law: NaN and the infinities are refused whatever the codec: JSON has none, and some codecs write
them as null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from math import isfinite
from typing import Any, Final, cast

from anyredis.exceptions import DataError, DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec

DEEPEST: Final = 128
"""The levels that are searched for a part at fault: RedisJSON takes no deeper document."""


def encoded(command: str, argument: str, value: object, codec: JsonCodec) -> bytes:
    """The JSON text of *value*, the *argument* of a call, in UTF-8.

    Raises `DataError` that names the part of *value* that has no JSON text.
    """
    try:
        data = _in_utf_8(codec.dumps(value))
    except Exception as error:
        raise _refusal(command, argument, value, codec, error) from error
    if any(word in data for word in codec.not_finite) and not is_finite(value):
        found = _smallest(value, lambda each: not is_finite(each))
        place, part = found or ("", value)
        raise _not_finite(f"{command}: {argument}{place}", part)
    return data


def _in_utf_8(text: object) -> bytes:
    """What a codec gave, as bytes; raises `TypeError` if it is no text."""
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, bytes):
        return text
    if isinstance(text, (bytearray, memoryview)):
        return bytes(cast("bytearray", text))
    raise TypeError(f"dumps gave {excerpt(text, 40)}, which is neither str nor bytes")


def with_text_keys(value: object) -> object:
    """*value* with text in place of bytes as keys of its dicts, at all levels.

    Raises `DataValueError` if one of them is no UTF-8.
    """
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value).items()
        return {_text_key(key): with_text_keys(item) for key, item in pairs}
    if isinstance(value, (list, tuple)):
        return [with_text_keys(each) for each in cast("list[object]", value)]
    return value


def _text_key(key: object) -> object:
    if not isinstance(key, bytes):
        return key
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise DataValueError(f"the key {excerpt(key, 40)} is no UTF-8") from error


# -- NaN and infinities -------------------------------------------------------------------------

PLAIN: Final = frozenset((str, int, float, bool, type(None), dict, list, tuple))


def is_finite(value: object) -> bool:
    """Whether there is neither a NaN nor an infinity in *value*, at any level."""
    level: list[Any] = [value]
    while level:
        # A pass for each type of value, not a call for each value: documents are large.
        types = set(map(type, level))
        for kind in types:
            if issubclass(kind, float) and not all(map(isfinite, _of(level, kind))):
                return False
        parts: list[Any] = []
        for kind in types & {list, tuple}:
            parts += chain.from_iterable(_of(level, kind))
        if dict in types:
            mappings: list[dict[Any, Any]] = _of(level, dict)
            parts += chain.from_iterable(each.values() for each in mappings)
        for kind in types - PLAIN:
            parts += [part for each in _of(level, kind) for _, part in _parts(each)]
        level = parts
    return True


def _of(level: list[Any], kind: type) -> list[Any]:
    """Those values that are of exactly this *kind*."""
    return [each for each in level if type(each) is kind]


# -- the part at fault --------------------------------------------------------------------------


def _refusal(
    command: str, argument: str, value: object, codec: JsonCodec, error: Exception
) -> DataError:
    def is_refused(part: object) -> bool:
        return _error_for(part, codec) is not None

    found = None if isinstance(error, RecursionError) else _smallest(value, is_refused)
    if found is None:
        return DataValueError(f"{command}: {argument} is nested too deeply, or contains itself")
    place, part = found
    where = f"{command}: {argument}{place}"
    if isinstance(part, float) and not isfinite(part):
        return _not_finite(where, part)
    key = next((each for each in _keys_of(part) if is_refused({each: None})), None)
    if key is not None:
        where, part = f"{command}: the key {excerpt(key, 40)} of {argument}{place}", key
    reason = _error_for({key: None} if part is key else part, codec) or error
    refused = DataTypeError if isinstance(reason, TypeError) else DataValueError
    kind = _with_article(type(part).__name__)
    return refused(f"{where} is {kind}, which has no JSON text: {excerpt(reason, 160)}")


def _not_finite(where: str, value: object) -> DataValueError:
    return DataValueError(
        f"{where} is {excerpt(value, 40)}: JSON has no NaN and no infinity: give None or text"
    )


def _error_for(part: object, codec: JsonCodec) -> Exception | None:
    """The exception of the codec for *part*, or None if it can be encoded."""
    try:
        _in_utf_8(codec.dumps(part))
    except Exception as error:  # noqa: BLE001 - the codec's own, whatever it is
        return error
    return None


def _smallest(value: object, is_at_fault: Callable[[object], bool]) -> tuple[str, object] | None:
    """The smallest part of *value* that is at fault, after its place, such as `['tags'][2]`.

    None if it is too deep.
    """
    place = ""
    for _ in range(DEEPEST):
        for step, part in _parts(value):
            if is_at_fault(part):
                place, value = place + step, part
                break
        else:
            return place, value
    return None


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """The parts of *value*, each with the step that leads to it."""
    if isinstance(value, Mapping):
        for key, part in cast("Mapping[object, object]", value).items():
            yield f"[{excerpt(key, 40)}]", part
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(cast("list[object]", value)):
            yield f"[{index}]", part
    elif callable(tolist := getattr(value, "tolist", None)):  # an array or a number of numpy
        items: object = tolist()
        found = _parts(items)
        yield from found if isinstance(items, list) else [("", items)]
    else:
        for name in _fields(value):
            if hasattr(value, name):
                yield f".{name}", getattr(value, name)


_DECLARING: Final = (
    *("__struct_fields__", "__dataclass_fields__", "__pydantic_fields__", "__attrs_attrs__"),
)
"""Where classes of msgspec, the standard library, pydantic and attrs have the fields' names."""


def _fields(value: object) -> tuple[str, ...]:
    """The names of the fields of *value*, if its class declares any."""
    for attribute in _DECLARING:
        fields: Iterable[Any] | None = getattr(type(value), attribute, None)
        if fields is not None:
            return tuple(getattr(each, "name", each) for each in fields)
    return ()


def _keys_of(value: object) -> tuple[object, ...]:
    return tuple(cast("Mapping[object, object]", value)) if isinstance(value, Mapping) else ()


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
