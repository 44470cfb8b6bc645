"""Names of commands as the tables of facts write and read them.

Law: a table writes a subcommand as ACL rules do, `OBJECT|ENCODING`; a lookup reads upper-case
bytes with a space, `b"OBJECT ENCODING"`.
"""

from __future__ import annotations

from typing import TypeVar

from anyredis.wire.encode import Value

T = TypeVar("T")


def names(block: bytes) -> frozenset[bytes]:
    """The names in *block*, which are separated by white space."""
    return frozenset(name.replace(b"|", b" ") for name in block.split())


def each(block: bytes, fact: T) -> dict[bytes, T]:
    """*fact* for each of the names in *block*."""
    return dict.fromkeys(names(block), fact)


def word(value: Value) -> bytes:
    """*value* as the server reads a name or an option: in upper case, but only ASCII letters."""
    if isinstance(value, bytes):
        return value.upper()
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value).upper()
    return str(value).encode("utf-8", "replace").upper()
