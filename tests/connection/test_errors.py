"""Tests of `anyredis.connection.errors`: the conversion of exceptions, with reasons."""

from __future__ import annotations

import builtins
import errno
import os
import ssl

import anyio
import pytest

from anyredis.connection.errors import cannot_connect, explain, lost
from anyredis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    ConnectTimeoutError,
    MaxClientsError,
    Outcome,
    ProtocolError,
    RedisError,
    ResponseError,
    TimeoutError,
)

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def caused(error: Exception, cause: Exception) -> Exception:
    """*error*, raised from *cause*."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (anyio.EndOfStream(), "the server closed it"),
        (REFUSED, "Connection refused"),
        (caused(OSError("All connection attempts failed"), REFUSED), "Connection refused"),
        (caused(anyio.BrokenResourceError(), REFUSED), "Connection refused"),
        (anyio.BrokenResourceError(), "BrokenResourceError"),
        (ValueError("odd"), "odd"),
        (
            caused(OSError("all failed"), ExceptionGroup("two", [REFUSED, OSError("other")])),
            "Connection refused; other",
        ),
    ],
)
def test_reasons_in_a_few_words(error: Exception, words: str) -> None:
    """The reason is that of the first cause that has one."""
    assert explain(error) == words


def test_a_certificate_that_does_not_verify() -> None:
    """The reason has OpenSSL's message."""
    error = ssl.SSLCertVerificationError()
    error.verify_message = "Hostname mismatch"
    assert explain(error) == "the server's certificate does not verify: Hostname mismatch"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (REFUSED, ConnectionError),
        (anyio.EndOfStream(), ConnectionError),
        (builtins.TimeoutError(), ConnectTimeoutError),
        (AuthenticationError("WRONGPASS"), AuthenticationError),
        (MaxClientsError("ERR max"), MaxClientsError),
        (ProtocolError("no"), ProtocolError),
        (BusyLoadingError("LOADING"), BusyLoadingError),
        (ResponseError("ERR DB index"), ResponseError),
        (ZeroDivisionError("mine"), ConnectionError),
    ],
)
def test_a_connect_that_failed(error: Exception, kind: type[RedisError]) -> None:
    """The error keeps its type and names the address; no command was sent."""
    converted = cannot_connect("example.org:6379", error, 5)
    assert type(converted) is kind
    assert "example.org:6379" in str(converted)
    assert getattr(converted, "outcome", Outcome.NOT_SENT) is Outcome.NOT_SENT


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.UNKNOWN])
def test_a_connection_that_was_lost(late: bool, outcome: Outcome) -> None:
    """G11: message and attribute say whether the server may have run the command."""
    error = lost("example.org:6379", "why", REFUSED, outcome, late=late)
    assert type(error) is (TimeoutError if late else ConnectionError)
    assert getattr(error, "outcome", None) is outcome
    assert error.__cause__ is REFUSED
    consequence = {
        Outcome.NOT_SENT: "the command was not sent",
        Outcome.UNKNOWN: "whether the server ran it is unknown",
    }[outcome]
    assert str(error).startswith("connection to example.org:6379 lost: why; ")
    assert consequence in str(error)
