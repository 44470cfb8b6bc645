"""Names of commands in the tables of facts and in lookups.

Law: the text of a table has a subcommand as in ACL rules, `OBJECT|ENCODING`; a lookup uses
upper-case bytes with a space, `b"OBJECT ENCODING"`.
"""

from __future__ import annotations

from typing import TypeVar

from anyredis.wire.encode import Value

T = TypeVar("T")


def names(block: bytes) -> frozenset[bytes]:
    """The names in *block*, separated there by white space."""
    return frozenset(name.replace(b"|", b" ") for name in block.split())


def each(block: bytes, fact: T) -> dict[bytes, T]:
    """*fact* for each of the names in *block*."""
    return dict.fromkeys(names(block), fact)


def word(value: Value) -> bytes:
    """*value* as the server compares a name or an option: ASCII letters in upper case."""
    if isinstance(value, bytes):
        return value.upper()
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value).upper()
    return str(value).encode("utf-8", "replace").upper()
