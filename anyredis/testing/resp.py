"""Replies to bytes, as a server writes them: RESP2 and RESP3."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, TypeAlias

from anyredis.exceptions import RedisError


class Raw(NamedTuple):
    """Bytes to send unchanged, RESP or not."""

    data: bytes


class Pairs(NamedTuple):
    """Members with their scores: an array of pairs in RESP3, flat in RESP2."""

    members: Sequence[tuple[bytes, float]]


class ByKey(NamedTuple):
    """Values by key: a map in RESP3, an array of pairs in RESP2."""

    items: Sequence[tuple[bytes, Answer]]


class Nothing:
    """The type of `NOTHING`."""

    def __repr__(self) -> str:
        """The name of the only instance."""
        return "NOTHING"


NOTHING: Final = Nothing()
"""In place of an answer: none is sent."""

Scalar: TypeAlias = (
    bool | int | float | str | bytes | RedisError | Raw | Pairs | ByKey | Nothing | None
)
Answer: TypeAlias = "Scalar | Sequence[Answer] | Mapping[Answer, Answer] | AbstractSet[Answer]"
"""An answer of a fake server: str is a simple string (`OK`), bytes a bulk string, a `RedisError`
an error reply with its message."""


def encode(answer: Answer, protocol: int = 3) -> bytes:
    """The bytes of *answer* in RESP 2 or 3, nested to any depth."""
    if isinstance(answer, Raw):
        return answer.data
    if isinstance(answer, RedisError):
        return b"-%b\r\n" % str(answer).encode()
    if isinstance(answer, str):
        return b"+%b\r\n" % answer.encode()
    if isinstance(answer, bytes):
        return b"$%d\r\n%b\r\n" % (len(answer), answer)
    if isinstance(answer, Nothing):
        return b""
    if isinstance(answer, ByKey):
        by_key: Answer = dict(answer.items) if protocol == 3 else list(map(list, answer.items))
        return encode(by_key, protocol)
    if isinstance(answer, Pairs | Mapping | AbstractSet | Sequence):
        return _aggregate(answer, protocol)
    return _scalar(answer, protocol)


def encode_push(items: Sequence[Answer]) -> bytes:
    """The bytes of a RESP3 push of *items*."""
    return b">%d\r\n" % len(items) + _joined(items, 3)


def _joined(items: Sequence[Answer], protocol: int) -> bytes:
    return b"".join(encode(item, protocol) for item in items)


def _aggregate(
    answer: Pairs | Mapping[Answer, Answer] | AbstractSet[Answer] | Sequence[Answer], protocol: int
) -> bytes:
    sign, items = b"*", list[Answer]()
    if isinstance(answer, Pairs):
        flat = [each for pair in answer.members for each in pair]
        items += flat if protocol == 2 else [list(pair) for pair in answer.members]
    elif isinstance(answer, Mapping):
        sign = b"%" if protocol == 3 else b"*"
        items += [item for pair in answer.items() for item in pair]
    elif isinstance(answer, AbstractSet):
        sign = b"~" if protocol == 3 else b"*"
        items += answer
    else:
        items += answer
    count = len(answer) if sign == b"%" else len(items)
    return b"%b%d\r\n" % (sign, count) + _joined(items, protocol)


def number_text(number: float) -> bytes:
    """A floating-point number as servers write it: 3, 0.1, 1e+20, inf."""
    if math.isinf(number):
        return b"inf" if number > 0 else b"-inf"
    if number.is_integer() and abs(number) < 1 << 62:
        return b"%d" % number if number or math.copysign(1, number) > 0 else b"-0"
    return repr(number).encode()


def _scalar(answer: float | None, protocol: int) -> bytes:
    if answer is None:
        return b"_\r\n" if protocol == 3 else b"$-1\r\n"
    if isinstance(answer, bool):
        return b"#%b\r\n" % (b"t" if answer else b"f") if protocol == 3 else b":%d\r\n" % answer
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    text = number_text(answer)
    return b",%b\r\n" % text if protocol == 3 else encode(text)
