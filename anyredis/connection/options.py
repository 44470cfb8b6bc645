"""The keyword arguments that every connection takes, and what makes no sense in them."""

from __future__ import annotations

import codecs
import inspect
from typing import TypedDict

from anyredis.credentials import CredentialProvider, Credentials
from anyredis.exceptions import DataTypeError, DataValueError


class TextlessOptions(TypedDict, total=False):
    """The keyword arguments of every connection, but for whether it decodes."""

    username: str | None
    password: str | None
    credential_provider: CredentialProvider | None
    db: int
    client_name: str | None
    protocol: int
    encoding: str
    stream_timeout: float | None
    connect_timeout: float
    noevict: bool
    notouch: bool


class ConnectionOptions(TextlessOptions, total=False):
    """The keyword arguments of every connection, for the `**options` of a subclass."""

    decode_responses: bool


def check_numbers(
    *, protocol: int, db: int, stream_timeout: float | None, connect_timeout: float
) -> None:
    """Raise `DataError` for a number that no connection can work with."""
    if protocol not in (2, 3):
        raise DataValueError(f"protocol has to be 2 or 3, not {protocol!r}")
    if not isinstance(db, int) or isinstance(db, bool):
        raise DataTypeError(f"db has to be an int, not {db!r}")
    if db < 0:
        raise DataValueError(f"db has to be a number from 0 up, not {db!r}")
    check_seconds("connect_timeout", connect_timeout)
    if stream_timeout is not None:
        check_seconds("stream_timeout", stream_timeout)


def check_words(*, client_name: str | None, encoding: str) -> None:
    """Raise `DataError` for a name or an encoding that cannot be."""
    if client_name is not None and not isinstance(client_name, str):
        raise DataTypeError(f"client_name has to be a str, not {client_name!r}")
    if client_name and not (client_name.isprintable() and client_name.isascii()):
        raise DataValueError(f"client_name has to be of printable ASCII, not {client_name!r}")
    if client_name and " " in client_name:
        raise DataValueError(f"client_name cannot have spaces: {client_name!r}")
    try:
        codecs.lookup(encoding)
    except (LookupError, TypeError):
        raise DataValueError(
            f"encoding has to be one that Python knows, not {encoding!r}"
        ) from None


def check_flags(**flags: bool) -> None:
    """Raise `DataTypeError` for a flag that is neither True nor False."""
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise DataTypeError(f"{name} has to be True or False, not {flag!r}")


def check_seconds(name: str, value: float) -> None:
    """Raise `DataError` unless *value* is a positive number of seconds."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise DataTypeError(f"{name} has to be a number of seconds, not {value!r}")
    if value <= 0:
        raise DataValueError(f"{name} has to be more than 0 seconds, not {value!r}")


def credential_source(
    username: str | None, password: str | None, provider: CredentialProvider | None
) -> Credentials | CredentialProvider:
    """Where a connection gets its credentials from; raises `DataError` on a contradiction."""
    if provider is None:
        if username is not None and password is None:
            raise DataValueError("username needs a password beside it")
        for name, value in (("username", username), ("password", password)):
            if value is not None and not isinstance(value, (str, bytes)):
                # Its type only: it may hold a password.
                raise DataTypeError(f"{name} has to be a str, not a {type(value).__name__}")
        return Credentials(username, password)
    if username is not None or password is not None:
        raise DataValueError("give credential_provider, or username and password, not both")
    if not callable(provider):
        raise DataTypeError("credential_provider has to be a callable that gives Credentials")
    return provider


async def current_credentials(source: Credentials | CredentialProvider) -> Credentials:
    """The credentials to use for a connect right now, asking the provider if there is one."""
    if isinstance(source, Credentials):
        return source
    answer = source()
    if inspect.isawaitable(answer):
        answer = await answer
    if isinstance(answer, Credentials):
        return answer
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        # The answer itself may hold a password: only its type may be told.
        raise DataTypeError(
            "the credential provider has to return Credentials or (username, password), "
            f"not another {type(answer).__name__}"
        )
    username, password = answer
    return Credentials(username, password)
