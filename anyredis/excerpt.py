"""A short text for a value, for messages.

Law: the work is bounded by the length of the text, not by the size of the value; a value of a
server or of a caller goes into a message only through `excerpt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, cast

LENGTH: Final = 100
"""The greatest number of characters in an excerpt."""

ITEMS: Final = 8
"""Items of a collection that are shown."""

DEPTH: Final = 3
"""Collections within collections that are shown."""

BITS: Final = 256
"""Larger integers are described, because Python refuses to write very long ones."""


def excerpt(value: object, length: int = LENGTH) -> str:
    """The `repr` of *value*, cut to *length* characters."""
    text = _shown(value, length, DEPTH)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def unmade(value: object) -> str:
    """The `repr` of *value* whose constructor has failed: a traceback with variables shows it."""
    return f"<{type(value).__name__} not made>"


def _shown(value: object, length: int, depth: int) -> str:
    if isinstance(value, (str, bytes, bytearray)):
        return repr(value if len(value) <= length else value[:length])
    if isinstance(value, memoryview):
        return f"<memoryview of {value.nbytes} bytes>"
    if isinstance(value, int):
        return repr(value) if value.bit_length() <= BITS else "an integer of many digits"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}({_shown(str(value), length, depth)})"
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        if not depth:
            return "{…}"
        some = islice(pairs.items(), ITEMS)
        shown = (f"{_shown(k, length, 0)}: {_shown(v, length, depth - 1)}" for k, v in some)
        return f"{{{_joined(shown, len(pairs))}}}"
    if isinstance(value, (list, tuple, set, frozenset)):
        items = cast("list[object] | tuple[object, ...] | set[object]", value)
        left, right = _BRACKETS[next(kind for kind in _BRACKETS if isinstance(items, kind))]
        if not depth:
            return f"{left}…{right}"
        shown = (_shown(each, length, depth - 1) for each in islice(items, ITEMS))
        return f"{left}{_joined(shown, len(items))}{right}"
    return repr(value)


_BRACKETS: Final[dict[type, tuple[str, str]]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
}


def _joined(shown: Iterable[str], count: int) -> str:
    return ", ".join((*shown, *(("…",) if count > ITEMS else ())))
