"""Commands whose arguments may be secrets.

Law: no message shows a value that is, or may be, a secret, not even one of a wrong type.  A command
is listed as a whole: the position of its secret depends on its options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anyredis.facts.names import names, word

SECRET: Final = names(b"""
    ACL|SETUSER ACL|DRYRUN AUTH CONFIG|SET HELLO MIGRATE MODULE|LOADEX REPLICAOF
    SENTINEL|CONFIG SENTINEL|MONITOR SENTINEL|SET SLAVEOF
""")
"""Commands that carry passwords, in positions or under names that vary."""

_CONTAINERS: Final = frozenset(name.split()[0] for name in SECRET if b" " in name)


def may_be_secret(args: Sequence[object]) -> bool:
    """Whether the arguments of the command in *args* may be secrets."""
    name = _word(args[0])
    if name in _CONTAINERS and len(args) > 1:
        return name + b" " + _word(args[1]) in SECRET
    return name in SECRET


def _word(value: object) -> bytes:
    if isinstance(value, memoryview):
        return value.tobytes().upper()
    return word(value) if isinstance(value, (bytes, bytearray, str)) else b""
