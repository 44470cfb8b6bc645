"""Helpers for tables of commands: arguments in, words out; a reply's bytes in, a value out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

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
