"""The conversion of exceptions of streams to those of this library.

Law: all such conversions are here.  Each message says the address, the reason, and whether the
command was sent.
"""

from __future__ import annotations

import builtins
import ssl

import anyio

from anyredis.exceptions import (
    AuthenticationError,
    ConnectionError,
    ConnectTimeoutError,
    MaxClientsError,
    Outcome,
    ProtocolError,
    RedisError,
    ResponseError,
    TimeoutError,
)


def explain(error: BaseException) -> str:
    """The reason why a stream failed, in a few words."""
    if not isinstance(error, Exception):
        return "its task was cancelled"
    if isinstance(error, anyio.EndOfStream):
        return "the server closed it"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate does not verify: {error.verify_message}"
    cause = error.__cause__
    if causes := getattr(error, "exceptions", ()):  # a group: one for each address tried
        return "; ".join(explain(each) for each in causes)
    if isinstance(cause, Exception) and isinstance(error, (anyio.BrokenResourceError, OSError)):
        return explain(cause)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def cannot_connect(
    address: str, error: Exception, connect_timeout: float, hint: str = ""
) -> RedisError:
    """The error for a connection that failed to connect; no command was sent.

    *hint* is the end of its message: what may be wrong.
    """
    hint = hint and f": {hint}"
    if isinstance(error, builtins.TimeoutError):
        return ConnectTimeoutError(
            f"cannot connect to {address} within {connect_timeout:g} s{hint}"
        )
    if isinstance(error, AuthenticationError):
        return AuthenticationError(f"cannot log in to {address}: {error}")
    if isinstance(error, MaxClientsError):
        return MaxClientsError(f"cannot connect to {address}: {error}")
    if isinstance(error, ProtocolError):
        return ProtocolError(f"{address}: {error}{hint}")
    if isinstance(error, ResponseError):  # the code is the first word of the text and stays first
        return type(error)(f"{error} (while connecting to {address})")
    if isinstance(error, RedisError):
        return type(error)(f"cannot connect to {address}: {error}")
    return ConnectionError(f"cannot connect to {address}: {explain(error)}{hint}")


def closed_by_server(error: object) -> bool:
    """Whether *error* is that of a request whose connection the server closed in good order."""
    return (
        isinstance(error, ConnectionError)
        and error.outcome is Outcome.UNKNOWN
        and isinstance(error.__cause__, anyio.EndOfStream)
    )


def lost(
    address: str, reason: str, cause: BaseException | None, outcome: Outcome, *, late: bool
) -> RedisError:
    """The error for a request on a connection that was lost."""
    consequence = (
        "the command was not sent"
        if outcome is Outcome.NOT_SENT
        else "the command was sent and its reply is lost: whether the server ran it is unknown"
    )
    kind = TimeoutError if late else ConnectionError
    error = kind(f"connection to {address} lost: {reason}; {consequence}", outcome=outcome)
    error.__cause__ = cause
    return error
