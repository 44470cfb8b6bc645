"""Readers of the replies of scripts and functions, by the return annotation of a typed function.

Law: a reply that is not what the annotation says raises `ProtocolError`; an annotation that no
reply of a server could fit is refused when the function is decorated.
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Final, TypeAlias, Union, get_args, get_origin

from anyredis.commands.scripting import raw_reply
from anyredis.exceptions import DataTypeError, ReplyDecodeError
from anyredis.replies import array, binary, integer, number, pairs, unexpected
from anyredis.wire.decode import Reply

Read: TypeAlias = Callable[[Reply], Any]


class Reading:
    """The reader for an annotation."""

    __slots__ = ("binary", "read")

    def __init__(self, read: Read, *, binary: bool) -> None:
        self.read = read
        self.binary = binary
        """Whether the reply has to stay bytes, also for a client that decodes."""

    def __repr__(self) -> str:
        return f"<Reading {self.read.__qualname__}{' of bytes' if self.binary else ''}>"


def reading_of(where: str, annotation: object) -> Reading:
    """The reader for *annotation*; raises `DataTypeError`, about *where*, if there is none.

    int, float, str, bytes, bool, None and Any; `list[X]`, `tuple[X, Y]`, `tuple[X, ...]`,
    `dict[X, Y]`, and `X | None`.
    """
    plain = _PLAIN.get(annotation)
    if plain is not None:
        return plain
    origin, parameters = get_origin(annotation), get_args(annotation)
    if origin is Union or origin is UnionType:
        others = [each for each in parameters if each is not NoneType]
        if len(others) == 1 and len(parameters) == 2:
            inner = reading_of(where, others[0])
            return Reading(_optional(inner.read), binary=inner.binary)
    elif origin is list:
        inner = reading_of(where, parameters[0])
        return Reading(_items(inner.read), binary=inner.binary)
    elif origin is dict:
        return _dict(where, parameters)
    elif origin is tuple:
        return _tuple(where, parameters)
    raise DataTypeError(
        f"{where} returns {_shown(annotation)}: give int, float, str, bytes, bool, None or Any, a "
        "list[...], tuple[...] or dict[...] of these, or one of these | None"
    )


def _shown(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


# -- one value ----------------------------------------------------------------------------------


def _truth(reply: Reply) -> bool:
    """True for Lua's true, False for its false, which is a null in RESP2; also 1 and 0."""
    if reply is not None and not (isinstance(reply, int) and reply in (0, 1)):
        unexpected(reply, "true or false")
    return bool(reply)


def _nothing(reply: Reply) -> None:
    if reply is not None:
        unexpected(reply, "null")


def _text(reply: Reply) -> str:
    """Text, by a client that decodes or not: the bytes of the latter are UTF-8."""
    if isinstance(reply, str):
        return reply
    try:
        return binary(reply).decode()
    except UnicodeDecodeError as error:
        raise ReplyDecodeError(
            "the reply of a script is no text in UTF-8: annotate it with bytes"
        ) from error


_PLAIN: Final[dict[object, Reading]] = {
    Any: Reading(raw_reply, binary=False),
    bool: Reading(_truth, binary=False),
    bytes: Reading(binary, binary=True),
    float: Reading(number, binary=False),
    int: Reading(integer, binary=False),
    None: Reading(_nothing, binary=False),
    NoneType: Reading(_nothing, binary=False),
    str: Reading(_text, binary=False),
}


# -- several ------------------------------------------------------------------------------------


def _optional(read: Read) -> Read:
    return lambda reply: None if reply is None else read(reply)


def _items(read: Read) -> Callable[[Reply], list[Any]]:
    return lambda reply: [read(item) for item in array(reply)]


def _tuple(where: str, parameters: tuple[Any, ...]) -> Reading:
    if len(parameters) == 2 and parameters[1] is ...:
        inner = reading_of(where, parameters[0])
        items = _items(inner.read)

        def any_number(reply: Reply) -> tuple[Any, ...]:
            return tuple(items(reply))

        return Reading(any_number, binary=inner.binary)
    each = [reading_of(where, parameter) for parameter in parameters]

    def fixed(reply: Reply) -> tuple[Any, ...]:
        found = array(reply)
        if len(found) != len(each):
            unexpected(reply, f"an array of {len(each)}")
        return tuple(reading.read(item) for reading, item in zip(each, found, strict=True))

    return Reading(fixed, binary=any(reading.binary for reading in each))


def _dict(where: str, parameters: tuple[Any, ...]) -> Reading:
    name, value = (reading_of(where, parameter) for parameter in parameters)

    def mapping(reply: Reply) -> dict[Any, Any]:
        return {name.read(key): value.read(item) for key, item in pairs(reply)}

    return Reading(mapping, binary=name.binary or value.binary)
