"""Where servers are: TCP and Unix socket addresses, and the URLs that name them.

URLs: `redis://` and `valkey://` (TCP), `rediss://` and `valkeys://` (TLS), `unix://` (a path).
`redis://user:password@host:port/db?option=value`; credentials are percent-decoded, options are the
keyword arguments of the client, checked and converted here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from anyredis.exceptions import DataValueError

DEFAULT_PORT = 6379

Option: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class TCPAddress:
    """A host name or IP address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class UnixAddress:
    """The path of a Unix socket."""

    path: str

    def __str__(self) -> str:
        """The path."""
        return self.path


Address: TypeAlias = TCPAddress | UnixAddress


@dataclass(frozen=True)
class ServerURL:
    """What a URL says; *options* holds keyword arguments for a client or pool."""

    address: Address
    tls: bool = False
    options: Mapping[str, Option] = field(default_factory=dict[str, Option], repr=False)


def _truth(text: str) -> bool:
    try:
        return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
            text.lower()
        ]
    except KeyError:
        raise ValueError("true or false") from None


def _number(kind: Callable[[str], Option], wanted: str) -> Callable[[str], Option]:
    def convert(text: str) -> Option:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(wanted) from None

    return convert


def _number_or_none(text: str) -> Option:
    return None if text.lower() == "none" else float(text)


_integer = _number(int, "a whole number")
_seconds = _number(float, "a number of seconds")
_seconds_or_none = _number(_number_or_none, "a number of seconds, or none")

OPTIONS: dict[str, Callable[[str], Option]] = {
    "client_name": str,
    "connect_timeout": _seconds,
    "db": _integer,
    "decode_responses": _truth,
    "encoding": str,
    "max_connections": _integer,
    "max_idle_time": _seconds_or_none,
    "noevict": _truth,
    "notouch": _truth,
    "password": str,
    "protocol": _integer,
    "shared_connections": _integer,
    "ssl_ca_certs": str,
    "ssl_cert_reqs": str,
    "ssl_certfile": str,
    "ssl_check_hostname": _truth,
    "ssl_ciphers": str,
    "ssl_keyfile": str,
    "ssl_password": str,
    "stream_timeout": _seconds_or_none,
    "timeout": _seconds_or_none,
    "username": str,
}
"""Query parameters of a URL, and how each is read."""

SCHEMES = {"redis": False, "valkey": False, "rediss": True, "valkeys": True}
"""TCP schemes, and whether they mean TLS."""


def parse_url(url: str) -> ServerURL:
    """What *url* names.

    Raises `DataValueError` that says what is wrong: the scheme, the port, the database, an unknown
    parameter or one with a bad value.  No message repeats the password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # whose message repeats what is before the host, too
        raise DataValueError(
            "the URL's host cannot be read: an IPv6 address belongs in brackets, and special "
            "characters of a username or password have to be percent-encoded"
        ) from None
    options = _query(parts.query)
    if parts.username:
        options["username"] = unquote(parts.username)
    if parts.password is not None:
        options["password"] = unquote(parts.password)
    if parts.scheme == "unix":
        path = unquote((parts.hostname or "") + parts.path)
        if not path:
            raise DataValueError("the URL has no path: write unix:///path/to/redis.sock")
        return ServerURL(UnixAddress(path), options=options)
    if parts.scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in (*SCHEMES, "unix"))
        raise DataValueError(f"a URL has to start with one of {known}, not {parts.scheme!r}")
    try:
        port = parts.port
    except ValueError:
        raise DataValueError("the port of the URL has to be a number from 0 to 65535") from None
    _database(unquote(parts.path).strip("/"), options)
    address = TCPAddress(unquote(parts.hostname or "localhost"), port or DEFAULT_PORT)
    return ServerURL(address, SCHEMES[parts.scheme], options)


def _database(path: str, options: dict[str, Option]) -> None:
    if not path:
        return
    if not path.isdecimal():
        raise DataValueError(f"the path of the URL has to be a database number, not {path!r}")
    if options.setdefault("db", int(path)) != int(path):
        raise DataValueError(f"the URL names two databases: /{path} and ?db={options['db']}")


def _query(query: str) -> dict[str, Option]:
    options: dict[str, Option] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        convert = OPTIONS.get(name)
        if convert is None:
            raise DataValueError(
                f"the URL has an unknown parameter {name!r}; known are {', '.join(OPTIONS)}"
            )
        if name in options:
            raise DataValueError(f"the URL has the parameter {name!r} twice")
        try:
            options[name] = convert(text)
        except ValueError as error:
            shown = "" if name == "password" else f", not {text!r}"
            raise DataValueError(f"the URL parameter {name!r} has to be {error}{shown}") from None
    return options
