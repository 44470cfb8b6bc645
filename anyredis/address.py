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
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from anyredis.credentials import hidden
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen
from anyredis.option_names import unknown

DEFAULT_PORT = 6379
DEFAULT_SENTINEL_PORT = 26379

Option: TypeAlias = object
Reader: TypeAlias = Callable[[str], Option]
"""Makes an option from the text in a URL; raises a `ValueError` that describes a valid text."""


class TCPAddress(Frozen):
    """A host name or IP address, and a port."""

    __slots__ = ("host", "port")

    def __init__(self, host: str, port: int) -> None:
        self.host: Final = host
        self.port: Final = port

    def __str__(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixAddress(Frozen):
    """The path of a Unix socket."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path: Final = path

    def __str__(self) -> str:
        """The path."""
        return self.path


Address: TypeAlias = TCPAddress | UnixAddress


class ServerURL(Frozen, unshown=("options",)):
    """The parts of a URL; *options* holds keyword arguments for a client or pool.

    *others* are the hosts after the first.  If *service* is not None, the hosts are sentinels that
    know the servers of that name.
    """

    __slots__ = ("address", "options", "others", "scheme", "service", "tls")

    def __init__(
        self,
        address: Address,
        tls: bool,
        options: Mapping[str, Option],
        *,
        others: tuple[TCPAddress, ...] = (),
        service: str | None = None,
        scheme: str,
    ) -> None:
        self.address: Final = address
        self.tls: Final = tls
        self.options: Final = options
        self.others: Final = others
        self.service: Final = service
        self.scheme: Final = scheme

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


NUMERIC: Final = r"[A-Za-z0-9+.-]{1,40}"
"""The characters of numbers, and of words such as `none`."""


def _number(kind: Reader, wanted: str) -> Reader:
    def convert(text: str) -> Option:
        if not re.fullmatch(NUMERIC, text):  # Python itself takes 1_000 and other digits, too
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

OTHER_SCHEMES = frozenset({"http", "https", "tcp", "amqp", "postgresql", "ws"})
"""Schemes that a message may repeat; any other word before a colon may belong to a password."""

LONGEST_HOST = 255
"""Characters of a host name in the domain name system."""

UNREADABLE_HOST = (
    "the host cannot be read: an IPv6 address belongs in brackets, and special characters of a "
    "username or password have to be percent-encoded"
)

UNENCODED = (
    "there is an @ or # after the host: special characters of a username or password have to be "
    "percent-encoded, and so have @ and # in a path or query (%40, %23)"
)


def parse_url(
    url: str, parameters: Mapping[str, Reader], of_sentinels: Mapping[str, Reader] | None = None
) -> ServerURL:
    """The parts of *url*; its query may have *parameters*, with sentinels *of_sentinels* too.

    Raises a `DataValueError` that names the wrong part: the scheme, a host or port, the database,
    an unknown parameter or one with a bad value.  No message repeats a text of the URL that may
    belong to a password.
    """
    if not isinstance(url, str):
        raise DataTypeError(f"the URL has to be a str, not a {type(url).__name__}")
    url = hidden(url)
    try:
        return _parse(url, parameters, of_sentinels or {})
    except DataValueError as error:
        message = str(error)
    # Raised anew: the frames that the error passed through hold parts of the URL.
    raise DataValueError(message)


def _parse(
    url: str, parameters: Mapping[str, Reader], of_sentinels: Mapping[str, Reader]
) -> ServerURL:
    scheme, path, query, credentials, hosts = _parts(url)
    # `user:1/word` may be meant as `user:password@host`, with the host left out.
    secret = ":" in hosts and "@" not in url
    sentinels = scheme in SENTINEL_SCHEMES
    if scheme == "unix":
        path = unquote(hosts.lower() + path)
        if not path:
            raise DataValueError("the URL has no path: write unix:///path/to/redis.sock")
        options = _query(query, parameters, secret) | credentials
        return ServerURL(UnixAddress(path), False, options, scheme=scheme)
    first, *others = parse_hosts(hosts, DEFAULT_SENTINEL_PORT if sentinels else DEFAULT_PORT)
    known = {**parameters, **(of_sentinels if sentinels else {})}
    options = _query(query, known, secret) | credentials
    service = None
    if sentinels:
        name, _, path = path.lstrip("/").partition("/")
        service = unquote(name)
        if not service:
            raise DataValueError("the URL has no name of a primary: write …+sentinel://host/name")
    _database(unquote(path).strip("/"), options, secret)
    tls = (SENTINEL_SCHEMES if sentinels else SCHEMES)[scheme]
    return ServerURL(first, tls, options, others=tuple(others), service=service, scheme=scheme)


def _parts(url: str) -> tuple[str, str, str, dict[str, Option], str]:
    """Scheme, path and query of *url*, the credentials before its hosts, and the hosts.

    `urlsplit` does not accept lists of hosts: it gets the URL without brackets and commas there.
    """
    beginning, slashes, rest = url.partition("://")
    scheme = beginning.lower()
    if not slashes or scheme not in {*SCHEMES, *SENTINEL_SCHEMES, "unix"}:
        known = ", ".join(f"{each}://" for each in (*SCHEMES, *SENTINEL_SCHEMES, "unix"))
        shown = f", not {scheme!r}" if scheme in OTHER_SCHEMES else ""
        raise DataValueError(f"a URL has to start with one of {known}{shown}")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    following = rest[len(authority) :]
    if (authority and "@" in following) or "#" in following:
        raise DataValueError(UNENCODED)
    plain = re.sub(r"[\[\],]", "", authority)
    try:
        parts = urlsplit(f"{beginning}{slashes}{plain}{following}")
    except ValueError:  # its message repeats the text before the host
        raise DataValueError(UNREADABLE_HOST) from None
    named, _, hosts = authority.rpartition("@")
    username, colon, password = named.partition(":")
    credentials: dict[str, Option] = {}
    if username:
        credentials["username"] = unquote(username)
    if colon:
        credentials["password"] = hidden(unquote(password))
    return scheme, parts.path, parts.query, credentials, hosts


def check_no_url(name: str, text: str, instead: str) -> None:
    """Raise `DataValueError` if *text*, the argument *name*, is a URL; the message says *instead*.

    The message does not repeat it: it may contain a password.
    """
    if "://" in text or ("@" in text and not text.startswith(("/", "."))):
        raise DataValueError(f"{name} is a URL, or has credentials in it: {instead}")


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
    number = port_number(port) if port else default_port
    if not number:
        raise DataValueError("a port has to be a number from 1 to 65535")
    return TCPAddress(unquote(host).lower() or "localhost", number)


def is_host(text: str) -> bool:
    """Whether *text* of a server can be the name or address of a host."""
    return 0 < len(text) <= LONGEST_HOST and text.isprintable() and not set(text) & set(" /@")


def port_number(text: str) -> int | None:
    """The number that *text* writes, if it is one from 0 to 65535; otherwise None."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    number = int(text)
    return number if number < 65536 else None


def _database(path: str, options: dict[str, Option], secret: bool) -> None:
    if not path:
        return
    if not (path.isascii() and path.isdecimal() and len(path) <= 10):
        shown = "" if secret else f", not {excerpt(path)}"
        raise DataValueError(f"the path of the URL has to be a database number{shown}")
    if options.setdefault("db", int(path)) != int(path):
        raise DataValueError(f"the URL names two databases: /{path} and ?db={options['db']}")


def _query(query: str, known: Mapping[str, Reader], secret: bool) -> dict[str, Option]:
    """The options in *query*; if it may be a part of a *secret*, no message repeats its names."""
    options: dict[str, Option] = {}
    for position, (name, text) in enumerate(parse_qsl(query, keep_blank_values=True), 1):
        if name not in known:
            shown = f"unknown parameter (number {position})"
            raise DataValueError(
                f"the URL has an {shown if secret else unknown('parameter', name, known)}"
            )
        if name in options:
            raise DataValueError(f"the URL has the parameter {name!r} twice")
        try:
            value = known[name](text)
        except ValueError as error:
            shown = "" if name.endswith("password") else f", not {excerpt(text)}"
            raise DataValueError(f"the URL parameter {name!r} has to be {error}{shown}") from None
        options[name] = hidden(value) if name.endswith("password") else value
    return options
