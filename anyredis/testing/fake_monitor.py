"""The lines that MONITOR sends, as servers write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from anyredis.testing.data import Words

SECRETS: Final = frozenset({b"AUTH", b"HELLO", b"MONITOR", b"RESET"})
"""Commands that a monitor is not told of."""

_SPECIAL: Final = re.compile(rb'[\\"]|[^ -~]')
_SHORT: Final = {
    b"\\": b"\\\\",
    b'"': b'\\"',
    b"\n": b"\\n",
    b"\r": b"\\r",
    b"\t": b"\\t",
    b"\a": b"\\a",
    b"\b": b"\\b",
}


def monitor_line(time: float, db: int, client: str, words: Words) -> str:
    """The line for the command *words* of *client*, an `address:port`, on the database *db*."""
    return f"{time:.6f} [{db} {client}] {_quoted(words)}"


def _quoted(words: Sequence[bytes]) -> str:
    return " ".join(f'"{_SPECIAL.sub(_escape, word).decode()}"' for word in words)


def _escape(sign: re.Match[bytes]) -> bytes:
    return _SHORT.get(sign[0]) or b"\\x%02x" % ord(sign[0])
