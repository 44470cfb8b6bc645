"""Addresses of servers: TCP, Unix sockets, and the URLs that name them.

URLs: `redis://` and `valkey://` (TCP), `rediss://` and `valkeys://` (TLS), `unix://` (a path).
`redis://user:password@host:port/db?option=value`; credentials are percent-decoded, options are the
keyword arguments of the client, which gives a reader for each.  A URL may have several hosts with
commas between them.  `redis+sentinel://user:password@host:port,host:port/name/db` names sentinels
and the service that they watch; credentials, and the TLS of `rediss+sentinel://`, are for the
servers of that service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.option_names import unknown

DEFAULT_PORT = 6379
DEFAULT_SENTINEL_PORT = 26379

Option: TypeAlias = object
Reader: TypeAlias = Callable[[str], Option]
"""Makes an option from the text in a URL; raises a `ValueError` that describes a valid text."""


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
    """The parts of a URL; *options* holds keyword arguments for a client or pool.

    *others* are the hosts after the first.  If *service* is not None, the hosts are sentinels that
    know the servers of that name.
    """

    address: Address
    tls: bool = False
    options: Mapping[str, Option] = field(default_factory=dict[str, Option], repr=False)
    others: tuple[TCPAddress, ...] = ()
    service: str | None = None
    scheme: str = field(default="", compare=False)

    @property
    def hosts(self) -> tuple[TCPAddress, ...]:
        """All hosts in the URL; none for a Unix socket."""
        first = (self.address,) if isinstance(self.address, TCPAddress) else ()
        return (*first, *self.others)

    @property
    def one_server(self) -> Address:
        """The address of the only server in the URL; raises `DataValueError` for several."""
        if self.others or self.service is not None:
            raise DataValueError(
                "the URL has to name one server here: RedisCluster.from_url takes several hosts, "
                "Sentinel.from_url sentinels"
            )
        return self.address


TRUTHS = {
    **dict.fromkeys(("1", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "f", "false", "n", "no"), False),
}


def truth(text: str) -> bool:
    """True or False."""
    try:
        return TRUTHS[text.lower()]
    except KeyError:
        raise ValueError("true or false") from None


NUMERIC = re.compile(r"[A-Za-z0-9+.-]{1,40}")
"""The characters of numbers, and of words such as `none`."""


def _number(kind: Reader, wanted: str) -> Reader:
    def convert(text: str) -> Option:
        if not NUMERIC.fullmatch(text):  # Python itself takes 1_000 and other digits, too
            raise ValueError(wanted)
        try:
            return kind(text)
        except ValueError:
            raise ValueError(wanted) from None

    return convert


def _number_or_none(text: str) -> Option:
    return None if text.lower() == "none" else float(text)


whole_number = _number(int, "a whole number")
seconds = _number(float, "a number of seconds")
seconds_or_none = _number(_number_or_none, "a number of seconds, or none")

SENTINEL = "sentinel_"
"""The prefix of options for sentinels: TLS and credentials, otherwise named as for servers."""

SCHEMES = {"redis": False, "valkey": False, "rediss": True, "valkeys": True}
"""TCP schemes, and whether each means TLS."""

SENTINEL_SCHEMES = {f"{scheme}+sentinel": tls for scheme, tls in SCHEMES.items()}
"""Schemes whose hosts are sentinels, and whether each means TLS to the servers."""

UNREADABLE_HOST = (
    "the host cannot be read: an IPv6 address belongs in brackets, and special characters of a "
    "username or password have to be percent-encoded"
)


def parse_url(
    url: str, parameters: Mapping[str, Reader], of_sentinels: Mapping[str, Reader] | None = None
) -> ServerURL:
    """The parts of *url*; its query may have *parameters*, with sentinels *of_sentinels* too.

    Raises a `DataValueError` that names the wrong part: the scheme, a host or port, the database,
    an unknown parameter or one with a bad value.  No message repeats the password.
    """
    if not isinstance(url, str):
        raise DataTypeError(f"the URL has to be a str, not a {type(url).__name__}")
    scheme, path, query, credentials, hosts = _parts(url)
    sentinels = scheme in SENTINEL_SCHEMES
    options = _query(query, {**parameters, **((of_sentinels or {}) if sentinels else {})})
    options |= credentials
    if scheme == "unix":
        path = unquote(hosts.lower() + path)
        if not path:
            raise DataValueError("the URL has no path: write unix:///path/to/redis.sock")
        return ServerURL(UnixAddress(path), options=options)
    if scheme not in SCHEMES and not sentinels:
        known = ", ".join(f"{each}://" for each in (*SCHEMES, *SENTINEL_SCHEMES, "unix"))
        raise DataValueError(f"a URL has to start with one of {known}, not {scheme!r}")
    first, *others = parse_hosts(hosts, DEFAULT_SENTINEL_PORT if sentinels else DEFAULT_PORT)
    service = None
    if sentinels:
        name, _, path = path.lstrip("/").partition("/")
        service = unquote(name)
        if not service:
            raise DataValueError("the URL has no name of a primary: write …+sentinel://host/name")
    _database(unquote(path).strip("/"), options)
    tls = (SENTINEL_SCHEMES if sentinels else SCHEMES)[scheme]
    return ServerURL(first, tls, options, tuple(others), service, scheme)


def _parts(url: str) -> tuple[str, str, str, dict[str, Option], str]:
    """Scheme, path and query of *url*, the credentials before its hosts, and the hosts.

    `urlsplit` does not accept lists of hosts: it gets the URL without brackets and commas there.
    """
    beginning, slashes, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0] if slashes else ""
    plain = re.sub(r"[\[\],]", "", authority)
    try:
        parts = urlsplit(f"{beginning}{slashes}{plain}{rest[len(authority) :]}")
    except ValueError:  # its message repeats the text before the host
        raise DataValueError(UNREADABLE_HOST) from None
    named, _, hosts = authority.rpartition("@")
    username, colon, password = named.partition(":")
    credentials: dict[str, Option] = {}
    if username:
        credentials["username"] = unquote(username)
    if colon:
        credentials["password"] = unquote(password)
    return parts.scheme, parts.path, parts.query, credentials, hosts


def parse_hosts(text: str, default_port: int) -> tuple[TCPAddress, ...]:
    """The addresses in `host:port,host,[IPv6]:port`; *default_port* for a host without a port.

    An empty *text* is `localhost`.  Raises a `DataValueError` that does not repeat *text*: in a
    malformed URL, it may be a password.
    """
    hosts = text.split(",")
    if len(hosts) > 1 and not all(hosts):
        raise DataValueError("a host is missing between the commas")
    return tuple(_host_and_port(host, default_port) for host in hosts)


def _host_and_port(text: str, default_port: int) -> TCPAddress:
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        good = bool(host and bracket) and port[:1] in {"", ":"} and ":" in host
        port = port[1:]
    else:
        host, _, port = text.partition(":")
        good = ":" not in port or "[" in port
    if not good or set(host) & set("[]@ \t"):
        raise DataValueError(UNREADABLE_HOST)
    if port and not (
        port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536
    ):
        raise DataValueError("a port has to be a number from 1 to 65535")
    return TCPAddress(unquote(host).lower() or "localhost", int(port or 0) or default_port)


def _database(path: str, options: dict[str, Option]) -> None:
    if not path:
        return
    if not (path.isascii() and path.isdecimal() and len(path) < 11):
        raise DataValueError(f"the path of the URL has to be a database number, not {path!r:.80}")
    if options.setdefault("db", int(path)) != int(path):
        raise DataValueError(f"the URL names two databases: /{path} and ?db={options['db']}")


def _query(query: str, known: Mapping[str, Reader]) -> dict[str, Option]:
    options: dict[str, Option] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise DataValueError(f"the URL has an {unknown('parameter', name, known)}")
        if name in options:
            raise DataValueError(f"the URL has the parameter {name!r} twice")
        try:
            options[name] = known[name](text)
        except ValueError as error:
            shown = "" if name.endswith("password") else f", not {text!r}"
            raise DataValueError(f"the URL parameter {name!r} has to be {error}{shown}") from None
    return options
