"""The options of connections: each is declared once, with its type and its form in a URL.

Law: a keyword argument of a connection, a pool or a client is a key of one class below, or of a
class that inherits from these.  An option that a URL may give is annotated with `FromURL`.  The
constructors define the defaults and their meaning.
"""

import codecs
import functools
import inspect
from collections.abc import Collection, Iterable, Mapping
from ssl import SSLContext, TLSVersion, VerifyMode
from typing import Annotated, NamedTuple, TypeAlias, TypedDict, get_type_hints

from anyredis.address import (
    Reader,
    TCPAddress,
    check_no_url,
    seconds,
    seconds_or_none,
    truth,
    whole_number,
)
from anyredis.credentials import CredentialProvider, Credentials, UnusableSecret, hidden
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.option_names import unknown


class FromURL(NamedTuple):
    """Marks an option that the query of a URL may give; *read* converts its text."""

    read: Reader


Text: TypeAlias = Annotated[str | None, FromURL(str)]
Name: TypeAlias = Annotated[str, FromURL(str)]
Flag: TypeAlias = Annotated[bool, FromURL(truth)]
Number: TypeAlias = Annotated[int, FromURL(whole_number)]
Seconds: TypeAlias = Annotated[float, FromURL(seconds)]
NumberOrNone: TypeAlias = Annotated[int | None, FromURL(whole_number)]
SecondsOrNone: TypeAlias = Annotated[float | None, FromURL(seconds_or_none)]


MOST_SECONDS = 10**9
"""The longest timeout, about 30 years: more is a mistake, and too much for some event loops."""

MOST_DATABASES = 2**31
"""Servers count their databases in 32 bits."""


def _tls_version(text: str) -> TLSVersion:
    """The version called `TLSv1_2`, or with that number."""
    names = TLSVersion.__members__
    try:
        return names[text] if text in names else TLSVersion(int(text))
    except ValueError:
        raise ValueError(f"one of {', '.join(names)}") from None


@functools.cache  # on first use of a URL: annotations take long to evaluate
def parameters_of(*declarations: type) -> Mapping[str, Reader]:
    """The query parameters for the options of these *declarations*, each with its reader."""
    return {
        name: note.read
        for declaration in declarations
        for name, hint in get_type_hints(declaration, include_extras=True).items()
        for note in getattr(hint, "__metadata__", ())
        if isinstance(note, FromURL)
    }


# -- declarations -------------------------------------------------------------------------------


class ServerOptions(TypedDict, total=False):
    """The options of every connection, except `db` and `decode_responses`."""

    username: Text
    password: Text
    credential_provider: CredentialProvider | None
    client_name: Text
    lib_name: Text
    protocol: Number
    encoding: Name
    encoding_errors: Name
    stream_timeout: SecondsOrNone
    connect_timeout: Seconds
    noevict: Flag
    notouch: Flag
    max_push_bytes: Number
    max_elements: Number


class DatabaseOptions(TypedDict, total=False):
    """The option that selects the database."""

    db: Number


class TextlessOptions(ServerOptions, DatabaseOptions, total=False):
    """The options of every connection, except `decode_responses`."""


class DecodingOptions(TypedDict, total=False):
    """The option that decodes text to str."""

    decode_responses: Flag


class ConnectionOptions(TextlessOptions, DecodingOptions, total=False):
    """The keyword arguments of every connection, for the `**options` of a subclass."""


class TLSOptions(TypedDict, total=False):
    """The `ssl_*` arguments: the PEM files and the verification of certificates."""

    ssl_ca_certs: Text
    ssl_ca_data: str | bytes | None
    ssl_certfile: Text
    ssl_keyfile: Text
    ssl_password: Text
    ssl_cert_reqs: Annotated[str | VerifyMode, FromURL(str)]
    ssl_check_hostname: Flag
    ssl_ciphers: Text
    ssl_min_version: Annotated[TLSVersion | None, FromURL(_tls_version)]


class EncryptionOptions(TLSOptions, total=False):
    """The options of TLS; in a URL the scheme turns TLS on."""

    ssl: bool
    ssl_context: SSLContext | None


class TCPOptions(ConnectionOptions, EncryptionOptions, total=False):
    """The keyword arguments of a TCP connection, except host and port."""


class HostOptions(TypedDict, total=False):
    """The address of a server, which a URL names before its query."""

    host: str
    port: int


# -- checks -------------------------------------------------------------------------------------


def refuse_unknown(arguments: Collection[str], known: Collection[str], *, by: str = "") -> None:
    """Raise `DataTypeError` for an argument that is not *known*; *by* starts the message.

    The message says what to write instead.
    """
    if wrong := sorted(set(arguments) - set(known)):
        raise DataTypeError(f"{by and f'{by}: '}{unknown('argument', wrong[0], known)}")


def check_count(name: str, value: int, *, least: int) -> int:
    """*value*; raises `DataError` unless it is an int from *least* up."""
    check_int(name, value)
    if value < least:
        raise DataValueError(f"{name} has to be {least} or more, not {excerpt(value)}")
    return value


def check_int(name: str, value: int) -> None:
    """Raise `DataTypeError` unless *value* is an int, which a bool is not."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataTypeError(f"{name} has to be an int, not {excerpt(value)}")


def check_numbers(
    *, protocol: int, db: int, stream_timeout: float | None, connect_timeout: float
) -> None:
    """Raise `DataError` for a number that no connection can use."""
    if type(protocol) is not int or protocol not in (2, 3):
        raise DataValueError(f"protocol has to be 2 or 3, not {excerpt(protocol)}")
    check_int("db", db)
    if not 0 <= db < MOST_DATABASES:
        raise DataValueError(
            f"db has to be a number from 0 to {MOST_DATABASES - 1}, not {excerpt(db)}"
        )
    check_seconds("connect_timeout", connect_timeout)
    check_seconds_or_none("stream_timeout", stream_timeout)


def check_port(port: int, name: str = "port") -> None:
    """Raise `DataError` unless *port* is an int from 1 to 65535."""
    check_int(name, port)
    if not 0 < port < 65536:
        raise DataValueError(f"{name} has to be from 1 to 65535, not {excerpt(port)}")


def named_address(name: TCPAddress | tuple[str, int], what: str, login: str) -> TCPAddress:
    """The address that *name*, a pair or a `TCPAddress`, gives to *what*: node, sentinel.

    Raises `DataError` for any other value, and for a URL: *login* says where its login belongs.
    """
    if isinstance(name, tuple) and len(name) == 2 and isinstance(name[0], str):
        name = TCPAddress(*name)
    if isinstance(name, TCPAddress):
        check_no_url(f"the host of a {what}", name.host, login)
        check_port(name.port, f"the port of the {what} {excerpt(name.host)}")
        return name
    # The message has only the type: a URL in the value may contain a password.
    raise DataTypeError(
        f"a {what} is a TCPAddress, (host, port) or 'host:port', not a {type(name).__name__}"
    )


def check_names(*, client_name: str | None, lib_name: str | None) -> None:
    """Raise `DataError` for a name that the server refuses."""
    for name, value in (("client_name", client_name), ("lib_name", lib_name)):
        if value is not None and not isinstance(value, str):
            raise DataTypeError(f"{name} has to be a str, not {excerpt(value)}")
        if value and not (value.isprintable() and value.isascii()):
            raise DataValueError(f"{name} has to be of printable ASCII, not {excerpt(value)}")
        if value and " " in value:
            raise DataValueError(f"{name} cannot have spaces: {excerpt(value)}")
    if lib_name == "":
        raise DataValueError("lib_name is empty: give None to send no name")


def check_codec(encoding: str, encoding_errors: str) -> None:
    """Raise `DataError` for an encoding or an error handler unknown to Python."""
    try:
        codecs.lookup(encoding)
    except (LookupError, TypeError, ValueError):
        raise DataValueError(
            f"encoding has to be one that Python knows, not {excerpt(encoding)}"
        ) from None
    try:
        codecs.lookup_error(encoding_errors)
    except (LookupError, TypeError, ValueError):
        raise DataValueError(
            "encoding_errors has to be an error handler of Python's codecs, such as 'strict' or "
            f"'replace', not {excerpt(encoding_errors)}"
        ) from None


def check_flags(**flags: bool) -> None:
    """Raise `DataTypeError` for a flag that is neither True nor False."""
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise DataTypeError(f"{name} has to be True or False, not {excerpt(flag)}")


def check_iterable(name: str, value: object, wanted: str) -> None:
    """Raise `DataTypeError` unless *value* is an iterable, and no text; *wanted* says of what."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise DataTypeError(f"{name} has to be a list of {wanted}, not {excerpt(value)}")


def check_seconds(name: str, value: float) -> None:
    """Raise `DataError` unless *value* is a number of seconds, more than 0 and finite."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise DataTypeError(f"{name} has to be a number of seconds, not {excerpt(value)}")
    if not value > 0:  # NaN too
        raise DataValueError(f"{name} has to be more than 0 seconds, not {excerpt(value)}")
    if value > MOST_SECONDS:
        raise DataValueError(
            f"{name} has to be at most {MOST_SECONDS} seconds, not {excerpt(value)}"
        )


def check_seconds_or_none(name: str, value: float | None) -> None:
    """Raise `DataError` unless *value* is a positive number of seconds, or None."""
    if value is not None:
        check_seconds(name, value)


def credential_source(
    username: str | None, password: str | None, provider: CredentialProvider | None
) -> Credentials | CredentialProvider:
    """The source of a connection's credentials; raises `DataError` for a contradiction."""
    if provider is None:
        return checked_credentials(Credentials(hidden(username), hidden(password)))
    if username or password:  # an empty text is none
        raise DataValueError("give credential_provider, or username and password, not both")
    if not callable(provider):
        raise DataTypeError(
            "credential_provider has to be a callable that gives Credentials or (username, "
            "password); of an object with such a method, give the method itself"
        )
    return provider


def checked_credentials(credentials: Credentials) -> Credentials:
    """*credentials* whose `repr` shows no password; raises `DataTypeError` if one is no text."""
    username, password = hidden(credentials.username), hidden(credentials.password)
    for name, value in (("username", username), ("password", password)):
        if isinstance(value, UnusableSecret):
            raise DataTypeError(f"{name} has to be a str, not a {value.kind}")
    return Credentials(credentials.username, password)


async def current_credentials(source: Credentials | CredentialProvider) -> Credentials:
    """The credentials for the next connect, from the provider if there is one."""
    if isinstance(source, Credentials):
        return source
    answer = source()
    if inspect.isawaitable(answer):
        answer = await answer
    if isinstance(answer, (tuple, list)) and len(answer) == 2:
        answer = Credentials(hidden(answer[0]), hidden(answer[1]))
    kind = type(answer).__name__
    credentials = answer if isinstance(answer, Credentials) else None
    del answer  # it may contain a password, and an error shows neither it nor this variable
    if credentials is None:
        raise DataTypeError(
            "the credential provider has to return Credentials or (username, password), "
            f"not another {kind}"
        )
    return checked_credentials(credentials)
