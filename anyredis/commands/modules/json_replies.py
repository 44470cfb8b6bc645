"""Replies of JSON commands: RESP2 and RESP3 give the same value, for paths of both syntaxes."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

from anyredis.exceptions import ResponseError
from anyredis.replies import (
    S,
    array,
    boolean,
    integer_or_none,
    integers_or_nones,
    unexpected,
    word,
    word_or_none,
)
from anyredis.wire.decode import Reply

T = TypeVar("T")


def integers_or_null(reply: Reply) -> list[int | None] | None:
    """A list of ints, None for a match of another type; or None for a null."""
    return None if reply is None else integers_or_nones(reply)


def length_reader(*, lists: bool) -> Callable[[Reply], int | list[int | None] | None]:
    """The reader of an int, or of a list of them; either may be a null."""
    return integers_or_null if lists else integer_or_none


# -- numbers ------------------------------------------------------------------------------------


def number_reader(*, lists: bool) -> Callable[[Reply], int | float | list[int | float | None]]:
    """The reader of a number, or of a list of them: RESP2 has JSON text, RESP3 always an array."""
    return _numbers if lists else _last_number


def _numbers(reply: Reply) -> list[int | float | None]:
    items = array(reply if isinstance(reply, list) else _of_text(reply))
    return [None if each is None else _number(reply, each) for each in items]


def _last_number(reply: Reply) -> int | float:
    """The number, or the last of several, as in RESP2."""
    if not isinstance(reply, list):
        return _number(reply, _of_text(reply))
    numbers = [each for each in _numbers(reply) if each is not None]
    if not numbers:
        # RESP2 has an error here; RESP3 tells it only by the lack of a number.
        raise ResponseError("ERR the path does not exist, or there is no number")
    return numbers[-1]


def _number(reply: Reply, value: object) -> int | float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        unexpected(reply, "a number")
    return value


def _of_text(reply: Reply) -> Any:
    """The value of JSON text."""
    if not isinstance(reply, (str, bytes)):
        unexpected(reply, "JSON text")
    try:
        return json.loads(reply)
    except (ValueError, RecursionError):
        unexpected(reply, "JSON text")


# -- truths, types, names -----------------------------------------------------------------------


def toggled_reader(*, lists: bool) -> Callable[[Reply], bool | list[bool | None]]:
    """The reader of `true` or `false`, or of an array of 1, 0 and null."""
    return _truths if lists else _truth


def _truths(reply: Reply) -> list[bool | None]:
    return [None if each is None else boolean(each) for each in array(reply)]


def _truth(reply: Reply) -> bool:
    text = word(reply)
    if text not in ("true", "false"):
        unexpected(reply, "true or false")
    return text == "true"


def type_reader(*, lists: bool) -> Callable[[Reply], str | list[str] | None]:
    """The reader of a type, or of a list of them: RESP3 has the reply in an array of its own."""
    return _types if lists else _type


def _type(reply: Reply) -> str | None:
    return word_or_none(_only(reply) if isinstance(reply, list) else reply)


def _types(reply: Reply) -> list[str] | None:
    if isinstance(reply, list) and len(reply) == 1 and not isinstance(reply[0], (str, bytes)):
        reply = reply[0]  # RESP3: [None] if there is no such key
    return None if reply is None else [word(each) for each in array(reply)]


def _only(reply: Reply) -> Reply:
    items = array(reply)
    if len(items) != 1:
        unexpected(reply, "an array of one item")
    return items[0]


def lists_or_nones(read: Callable[[Reply], T], reply: Reply) -> list[T | None] | None:
    """A list of what *read* gives, None for each null; or None for a null."""
    return (
        None if reply is None else [None if each is None else read(each) for each in array(reply)]
    )


# -- JSON.RESP ----------------------------------------------------------------------------------


def resp_reader(kind: type[S]) -> Callable[[Reply], Any]:
    """The reader of the reply to JSON.RESP, with text of *kind*."""
    return _RESP_READERS[kind]


def _resp(kind: type[bytes | str], reply: Reply) -> Any:
    if isinstance(reply, list):
        return [_resp(kind, each) for each in reply]
    if isinstance(reply, float):  # RESP3; in RESP2 it is text
        text = shown_double(reply)
        return text if kind is str else text.encode()
    if not isinstance(reply, (kind, int, type(None))) or isinstance(reply, bool):
        unexpected(reply, "a part of a document")
    return reply


_RESP_READERS: Final[dict[type, Callable[[Reply], Any]]] = {
    kind: partial(_resp, kind) for kind in (bytes, str)
}


def shown_double(value: float) -> str:
    """*value* as servers write it in RESP2: the shortest digits, an exponent if that is shorter."""
    if value and value.is_integer() and abs(value) < 2**62:
        return str(int(value))
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        unexpected(value, "a finite number")
    text, minus = "".join(map(str, digits)), "-" * sign
    power = exponent + len(digits) - 1
    if exponent >= 0 and abs(power) < len(digits) + 7:
        return f"{minus}{text}{'0' * exponent}"
    if exponent < 0 and (exponent > -7 or abs(power) < 4):
        whole, fraction = text[:exponent] or "0", text[exponent:].rjust(-exponent, "0")
        return f"{minus}{whole}.{fraction}"
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{fraction}e{power:+d}"
