"""Arguments to bytes.

Law: bytes, bytearray, memoryview, str, int and float go on the wire; a bool, None or anything else
is refused before a byte is written, because a guess would corrupt data silently.  Subclasses count
as their base (`IntEnum`, `StrEnum`, numpy's `str_` …), except bool.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import TypeAlias

import hiredis

from anyredis.exceptions import DataError, DataTypeError, DataValueError
from anyredis.excerpt import excerpt

Value: TypeAlias = bytes | bytearray | memoryview | str | int | float
"""A value that can be sent as an argument."""

Key: TypeAlias = bytes | bytearray | memoryview | str
"""The name of a key or a field, or a pattern."""

Encoder: TypeAlias = Callable[[tuple[Value, ...]], bytes]

READY = frozenset((bytes, str, int, float))
"""The exact types that hiredis packs directly; one set operation checks a whole command."""


class NotSendable(Exception):  # noqa: N818 - never leaves the package
    """Carries an argument that cannot be sent to the caller, which knows the argument's name."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def ready(args: tuple[Value, ...]) -> tuple[Value, ...]:
    """The same arguments in types that hiredis packs; raises `NotSendable` for one that has none."""
    if READY.issuperset(map(type, args)):
        return args
    return tuple(map(_ready, args))


def _ready(value: object) -> Value:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, memoryview):
        return value.tobytes()
    if isinstance(value, bool):
        raise NotSendable(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise NotSendable(value)


def refusal(command: str, argument: str, value: object, *, secret: bool = False) -> DataTypeError:
    """The error for *value*, which is *argument* of *command* and cannot be sent.

    The message does not show a *secret*.
    """
    hint = "say what it should be stored as" if value is not None else "leave it out"
    no_text = value is None or isinstance(value, bool)
    shown = "a secret" if secret and not no_text else excerpt(value)
    msg = (
        f"{command}: {argument} is {shown} ({type(value).__name__}); "
        f"bytes, str, int and float can be sent: {hint}"
    )
    return DataTypeError(msg)


# The stub of hiredis takes a tuple of one; the function takes any.
_pack: Encoder = getattr(hiredis, "pack_command")  # noqa: B009


def encoder(encoding: str = "utf-8", errors: str = "strict") -> Encoder:
    """A function that packs one command's arguments, text in *encoding*.

    *errors* is the error handler of Python's codecs for text that *encoding* cannot express.
    The arguments have passed `ready`; if one still cannot be packed, the function raises: see
    `encode`.
    """
    if codecs.lookup(encoding).name == "utf-8" and errors == "strict":
        return _pack  # no Python frame on the hot path

    def pack(args: tuple[Value, ...]) -> bytes:
        return _pack(
            tuple(arg.encode(encoding, errors) if isinstance(arg, str) else arg for arg in args)
        )

    return pack


def encode(
    pack: Encoder, args: tuple[Value, ...], command: tuple[Value, ...] | None = None
) -> bytes:
    """The bytes of *args*; raises `DataError` for what *pack* cannot express.

    *command* is the command that they are some arguments of, for the message.
    """
    try:
        return pack(args)
    except (TypeError, ValueError) as error:
        failed = _unpackable(args if command is None else command, error)
        cause = _without_text(error)
    # Outside the block, so that no context keeps the text.
    raise failed from cause


def _without_text(error: Exception) -> Exception:
    """The same error without the text that it is about, except the wrong characters: a secret."""
    if not isinstance(error, UnicodeEncodeError):
        return error
    wrong = error.object[error.start : error.end]
    return UnicodeEncodeError(error.encoding, wrong, 0, len(wrong), error.reason)


def _unpackable(args: tuple[Value, ...], error: Exception) -> DataError:
    if isinstance(error, UnicodeEncodeError):
        msg = f"{name_of(args)}: an argument has characters that {error.encoding} cannot express"
        return DataValueError(msg)
    if isinstance(error, ValueError):
        return DataValueError(f"{name_of(args)}: an argument cannot be written: {error}")
    return DataTypeError(f"{name_of(args)}: {error}")


def name_of(args: tuple[Value, ...]) -> str:
    """The command's name for messages; never its values, which may be secrets."""
    name = args[0] if args else "?"
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
