"""Helpers for tables of commands: arguments in, words out; a reply's bytes in, a value out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from anyredis.command import Command
from anyredis.exceptions import RedisError
from anyredis.wire.decode import MORE, Decoder, Incomplete

T = TypeVar("T")


def words(command: Command[object]) -> list[str]:
    """The words of *command* as a server reads them: compare with `"SET k v EX 1".split()`."""
    return [
        bytes(word).decode(errors="replace")
        if isinstance(word, (bytes, bytearray, memoryview))
        else str(word)
        for word in command.args
    ]


def parsed(command: Command[T], raw: bytes, encoding: str | None = "utf-8") -> T:
    """The value of the reply *raw* to *command*, decoded in *encoding* (None: not decoded)."""
    decoder = Decoder(encoding)
    decoder.feed(raw)
    reply = decoder.gets(False) if command.binary else decoder.gets()
    assert not isinstance(reply, Incomplete), f"{raw!r} is not a whole reply"
    assert decoder.gets() is MORE, f"{raw!r} is more than one reply"
    if isinstance(reply, RedisError):
        raise reply
    return command.parse(reply)


def unchecked(method: Callable[..., object]) -> Callable[..., object]:
    """*method* without its types: it can be called with arguments that it does not take."""
    return method


def resp2(value: object) -> bytes:
    """The reply *value* as a server writes it in RESP2: maps are flat, other numbers are text."""
    return _reply(value, resp3_too=False)


def resp3(value: object) -> bytes:
    """The reply *value* as a server writes it in RESP3."""
    return _reply(value, resp3_too=True)


def _reply(value: object, *, resp3_too: bool) -> bytes:
    """One reply; the types that RESP3 adds are used if *resp3_too*."""
    if value is None:
        return b"_\r\n" if resp3_too else b"$-1\r\n"
    if isinstance(value, bool):
        return b"#%c\r\n" % b"ft"[value] if resp3_too else b":%d\r\n" % value
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, float):
        digits = f"{value:g}".encode()
        return b",%s\r\n" % digits if resp3_too else b"$%d\r\n%s\r\n" % (len(digits), digits)
    if isinstance(value, str):
        return b"$%d\r\n%s\r\n" % (len(value.encode()), value.encode())
    items: list[object] = []
    sign, count = b"*", 0
    if isinstance(value, dict):
        fields = cast("dict[object, object]", value)
        items = [each for pair in fields.items() for each in pair]
        sign, count = (b"%", len(fields)) if resp3_too else (b"*", len(items))
    else:
        assert isinstance(value, list), f"{value!r} is no reply"
        items = cast("list[object]", value)
        count = len(items)
    return b"%s%d\r\n" % (sign, count) + b"".join(
        _reply(each, resp3_too=resp3_too) for each in items
    )
