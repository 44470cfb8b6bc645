"""Replies to bytes, as a server writes them: RESP2 and RESP3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from anyredis.exceptions import RedisError


class Raw(NamedTuple):
    """Bytes to send unchanged, RESP or not."""

    data: bytes


class Nothing:
    """The type of `NOTHING`."""

    def __repr__(self) -> str:
        """The name of the only instance."""
        return "NOTHING"


NOTHING: Final = Nothing()
"""In place of an answer: none is sent."""

Scalar: TypeAlias = bool | int | float | str | bytes | RedisError | Raw | Nothing | None
Answer: TypeAlias = "Scalar | Sequence[Answer] | Mapping[Answer, Answer]"
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
    if isinstance(answer, Mapping):
        size, sign = len(answer), b"%"
        if protocol == 2:
            size, sign = 2 * size, b"*"
        items = [item for pair in answer.items() for item in pair]
        return b"%b%d\r\n" % (sign, size) + _joined(items, protocol)
    if isinstance(answer, Sequence):
        return b"*%d\r\n" % len(answer) + _joined(answer, protocol)
    return _scalar(answer, protocol)


def encode_push(items: Sequence[Answer]) -> bytes:
    """The bytes of a RESP3 push of *items*."""
    return b">%d\r\n" % len(items) + _joined(items, 3)


def _joined(items: Sequence[Answer], protocol: int) -> bytes:
    return b"".join(encode(item, protocol) for item in items)


def _scalar(answer: float | None, protocol: int) -> bytes:
    if answer is None:
        return b"_\r\n" if protocol == 3 else b"$-1\r\n"
    if isinstance(answer, bool):
        return b"#%b\r\n" % (b"t" if answer else b"f") if protocol == 3 else b":%d\r\n" % answer
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    text = repr(answer).encode()
    return b",%b\r\n" % text if protocol == 3 else encode(text)
