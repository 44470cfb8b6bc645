"""Conditions on connections, for CLIENT KILL and CLIENT LIST.

Law: a condition of a wrong type, and a name that is no condition, are refused.  The annotations of
`ClientFilter` are values (there is no `from __future__ import annotations`): they decide which
checks a condition gets, and their text would be compiled once for each of them.
"""

import functools
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, TypedDict, cast, get_args

from anyredis.commands.checks import Checked, checked, whole
from anyredis.commands.group import at_least_one, choice
from anyredis.exceptions import DataTypeError
from anyredis.redis_py_arguments import advice_for
from anyredis.wire.encode import Value, refusal

ClientType: TypeAlias = Literal["normal", "master", "primary", "slave", "replica", "pubsub"]
"""The kind of client that a connection is to the server; `primary` Valkey 8.0."""


class ClientFilter(TypedDict, total=False):
    """Conditions on connections, all of which have to be met; None is no condition.

    `client_kill_filter` takes the first seven on every server (*maxage*: Redis 7.4, Valkey 8.0);
    `client_list` takes *type* and *id* on every server.  All others need Valkey 9.0.
    """

    id: int | str | Sequence[int] | None
    type: ClientType | None
    user: bytes | str | None
    addr: bytes | str | None
    laddr: bytes | str | None
    skipme: bool | None
    maxage: int | None
    name: bytes | str | None
    idle: int | None
    flags: bytes | str | None
    lib_name: bytes | str | None
    lib_ver: bytes | str | None
    db: int | None
    capa: bytes | str | None
    ip: bytes | str | None
    not_id: int | str | Sequence[int] | None
    not_type: ClientType | None
    not_user: bytes | str | None
    not_addr: bytes | str | None
    not_laddr: bytes | str | None
    not_name: bytes | str | None
    not_flags: bytes | str | None
    not_lib_name: bytes | str | None
    not_lib_ver: bytes | str | None
    not_db: int | None
    not_capa: bytes | str | None
    not_ip: bytes | str | None


@functools.cache
def _check_of(name: str) -> Checked | None:
    """The check of the condition *name*, if it is a number or a flag."""
    return checked(name, ClientFilter.__annotations__[name])


_CLIENT_TYPES: Final = tuple(each.upper() for each in get_args(ClientType))


def filter_words(command: str, conditions: ClientFilter) -> tuple[Value, ...]:
    """The words for all *conditions* that are given."""
    words: tuple[Value, ...] = ()
    for name, value in conditions.items():
        if name not in ClientFilter.__annotations__:
            msg = f"{command}: {name} is no condition on clients{advice_for(name)}"
            raise DataTypeError(msg)
        if value is not None:
            option = name.replace("_", "-").upper().encode()
            words = (*words, option, *_condition(command, name, value))
    return words


def _condition(command: str, name: str, value: object) -> tuple[Value, ...]:
    """The words for the *value* of the condition *name*."""
    check = _check_of(name)
    if check is not None:
        check.check(value, f"{command}: ")
    if isinstance(value, bool):
        if name != "skipme":
            raise refusal(command, name, value)
        return (b"YES" if value else b"NO",)
    if name in {"type", "not_type"}:
        choice(command, name, value, *_CLIENT_TYPES)
    if isinstance(value, (bytes, str, int)):
        return (value,)
    if name not in {"id", "not_id"} or not isinstance(value, Sequence):
        raise refusal(command, name, value)
    ids = cast("Sequence[int]", value)
    at_least_one(command, name, ids)
    for index, each in enumerate(ids):
        if not isinstance(each, str):
            whole(f"{command}: {name}[{index}]", each)
    return tuple(ids)
