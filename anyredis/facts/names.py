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
        return bytes.upper(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value).upper()
    # What a subclass of str shows is not what is sent.
    text = str.__str__(value) if isinstance(value, str) else str(value)
    return text.encode("utf-8", "replace").upper()
