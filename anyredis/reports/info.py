"""Text that servers write about themselves, to values: INFO, and the lines of CLIENT LIST.

Law: nothing that the server wrote is lost.  A field that is not known here stays text; a field that
comes more than once is a list of all its values.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from anyredis.exceptions import ProtocolError
from anyredis.excerpt import excerpt

InfoValue: TypeAlias = "str | int | float | list[InfoValue] | dict[str, InfoValue]"
"""A number, a text or, for `keys=3,expires=0`, a dict of both."""

_INTEGER: Final = r"-?[0-9]{1,400}"
_DECIMAL: Final = r"-?(?:[0-9]+\.[0-9]+|inf|nan)"

# Paths, names and hashes stay text, even if they look like a number: `redis_git_sha1:00000000`.
_ALWAYS_TEXT: Final = frozenset(
    """
    availability_zone config_file executable gcc_version master_host master_replid master_replid2
    mem_allocator os redis_build_id redis_git_sha1 redis_version run_id tls_ca_cert_serial
    tls_client_cert_serial tls_server_cert_serial valkey_version
    """.split()  # noqa: SIM905 - a sorted block is easier to keep than forty quotes
)

# CLIENT LIST separates fields by spaces, but the path of a Unix socket may hold spaces too.
_NEXT_FIELD: Final = r" (?=[a-z][a-z0-9-]*=)"


def info(text: str) -> dict[str, InfoValue]:
    """The fields of an INFO report by name, from all sections.

    As in redis-py, `modules` is the list of all `module:` lines, and `__raw__` holds the lines that
    are no `name:value`, if there are any.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    facts = [line for line in lines if line and not line.startswith("#")]
    known = [line.split(":", 1) for line in facts if ":" in line]
    found = _collected((name, _field(name, value)) for name, value in known if name != "module")
    modules = [_value(value) for name, value in known if name == "module"]
    raw: list[InfoValue] = [line for line in facts if ":" not in line]
    if modules:
        found["modules"] = modules
    if raw:
        found["__raw__"] = raw
    return found


def _field(name: str, text: str) -> InfoValue:
    return text if name in _ALWAYS_TEXT else _value(text)


def _value(text: str) -> InfoValue:
    items = [item for item in text.split(",") if item]
    if items and all("=" in item for item in items):
        parts = (item.split("=", 1) for item in items)
        return _collected((name, _scalar(value)) for name, value in parts)
    if len(items) > 1:
        return [_scalar(item) for item in items]
    return _scalar(text)


def _scalar(text: str) -> InfoValue:
    if re.fullmatch(_INTEGER, text):
        return int(text)
    if re.fullmatch(_DECIMAL, text):
        return float(text)
    return text


def _collected(fields: Iterable[tuple[str, InfoValue]]) -> dict[str, InfoValue]:
    """The *fields* by name; a list of values for a name that comes more than once."""
    every: dict[str, list[InfoValue]] = {}
    for name, value in fields:
        every.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in every.items()}


class ClientInfo(NamedTuple):
    """One connection as the server sees it."""

    id: int
    """The connection's number, never used twice by one server process."""

    addr: str
    """`address:port` of the client's end."""

    laddr: str
    """`address:port` of the server's end."""

    name: str
    """The name given by CLIENT SETNAME, or an empty text."""

    user: str
    """The ACL user."""

    db: int
    """The database that it works on."""

    age: int
    """Seconds since it was connected."""

    idle: int
    """Seconds since its last command."""

    flags: str
    """One letter for each state: `N` none, `b` blocked, `P` subscribed, `t` tracking …"""

    cmd: str
    """Its last command, as in `client|list`."""

    fields: dict[str, str]
    """All fields that the server sent, by the server's names (`lib-name`, `tot-mem` …)."""


def client(line: str) -> ClientInfo:
    """One line of CLIENT LIST; raises `ProtocolError` for any other text."""
    fields = dict(part.split("=", 1) for part in re.split(_NEXT_FIELD, line.strip()) if "=" in part)
    try:
        return ClientInfo(
            id=int(fields["id"]),
            addr=fields["addr"],
            laddr=fields["laddr"],
            name=fields["name"],
            user=fields["user"],
            db=int(fields["db"]),
            age=int(fields["age"]),
            idle=int(fields["idle"]),
            flags=fields["flags"],
            cmd=fields["cmd"],
            fields=fields,
        )
    except (KeyError, ValueError) as error:
        msg = f"the server answered {excerpt(line)} where a line about a client was expected"
        raise ProtocolError(msg) from error


def clients(text: str) -> list[ClientInfo]:
    """The lines of CLIENT LIST."""
    return [client(line) for line in text.split("\n") if line.strip()]
