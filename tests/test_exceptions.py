"""Tests of `anyredis.exceptions`: one root, the builtin families, and the servers' codes."""

from __future__ import annotations

import builtins
import inspect

import pytest

import anyredis
from anyredis import exceptions
from anyredis.exceptions import (
    CODES,
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    DataTypeError,
    DataValueError,
    MaxClientsError,
    MaxConnectionsError,
    MovedError,
    NoScriptError,
    Outcome,
    PoolTimeoutError,
    RedisError,
    ResponseError,
    TimeoutError,
    UnknownCommandError,
    WrongTypeError,
    fresh,
    from_server,
)

ALL = [
    kind
    for _, kind in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == exceptions.__name__
]


def test_one_root() -> None:
    """`except RedisError` catches all, and the package exports every error."""
    assert len(ALL) > 30
    assert [kind for kind in ALL if not issubclass(kind, RedisError)] == []
    assert [kind for kind in ALL if getattr(anyredis, kind.__name__) is not kind] == []
    assert [kind for kind in ALL if not kind.__doc__] == []


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ConnectionError, builtins.ConnectionError),
        (ConnectionError, OSError),
        (TimeoutError, builtins.TimeoutError),
        (PoolTimeoutError, builtins.TimeoutError),
        (PoolTimeoutError, builtins.ConnectionError),
        (exceptions.ConnectTimeoutError, builtins.TimeoutError),
        (DataTypeError, TypeError),
        (DataValueError, ValueError),
    ],
)
def test_the_builtin_families(kind: type[Exception], builtin: type[Exception]) -> None:
    """A handler of the builtin error catches the class of this library."""
    assert issubclass(kind, builtin)


def test_connection_errors_have_an_outcome() -> None:
    """`outcome` shows whether the server can have run the command."""
    assert ConnectionError("x").outcome is Outcome.NOT_SENT
    assert ConnectionError("x", outcome=Outcome.UNKNOWN).outcome is Outcome.UNKNOWN
    assert TimeoutError("x").outcome is Outcome.UNKNOWN
    assert MaxConnectionsError("x").outcome is Outcome.NOT_SENT
    assert PoolTimeoutError("x").outcome is Outcome.NOT_SENT
    assert exceptions.ConnectTimeoutError("x").outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(("code", "kind"), CODES.items())
def test_each_code_has_its_error(code: str, kind: type[RedisError]) -> None:
    """The first word of an error reply decides, and the message is the server's."""
    error = from_server(f"{code} something went wrong")
    assert type(error) is kind
    assert str(error) == f"{code} something went wrong"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("ERR unknown command 'FOO', with args beginning with: ", UnknownCommandError),
        ("ERR unknown subcommand 'FOO'. Try CLIENT HELP.", UnknownCommandError),
        ("ERR Unknown subcommand or wrong number of arguments for 'foo'", UnknownCommandError),
        ("ERR max number of clients reached", MaxClientsError),
        ("ERR invalid password", AuthenticationError),
        ("ERR AUTH <password> called without any password configured", AuthenticationError),
        ("DENIED Redis is running in protected mode", ConnectionError),
        ("ERR syntax error", ResponseError),
        ("WHATEVER is new", ResponseError),
        ("WRONGTYPEX is another word", ResponseError),
        ("", ResponseError),
    ],
)
def test_phrases_under_the_general_code(message: str, kind: type[RedisError]) -> None:
    """An error with the code ERR gets its class by its phrase; the rest is a ResponseError."""
    assert type(from_server(message)) is kind


def test_response_errors_have_a_code() -> None:
    """`code` is the first word of the message."""
    error = from_server("WRONGTYPE Operation against a key")
    assert isinstance(error, WrongTypeError)
    assert error.code == "WRONGTYPE"
    assert ResponseError("ALONE").code == "ALONE"


def test_a_server_that_refuses_clients_is_a_connection_error() -> None:
    """An error of a server that refuses clients is a ConnectionError, and may be repeated."""
    assert isinstance(from_server("LOADING Redis is loading"), BusyLoadingError)
    assert not isinstance(from_server("LOADING Redis is loading"), ResponseError)


@pytest.mark.parametrize(("code", "kind"), [("MOVED", MovedError), ("ASK", AskError)])
def test_redirects_have_an_address(code: str, kind: type[exceptions.RedirectError]) -> None:
    """A redirect has the slot as a number, and the address as the server wrote it."""
    error = from_server(f"{code} 3999 127.0.0.1:6381")
    assert isinstance(error, kind)
    assert error.slot == 3999
    assert error.address == "127.0.0.1:6381"


def test_a_fresh_copy_shares_nothing_that_is_written_to() -> None:
    """A copy for one more caller has the same message, cause and outcome, not the traceback."""
    cause = OSError("why")
    error = ConnectionError("gone", outcome=Outcome.UNKNOWN)
    error.__cause__ = cause
    try:
        raise error
    except ConnectionError:
        pass
    twin = fresh(error)
    assert twin is not error
    assert type(twin) is ConnectionError
    assert str(twin) == "gone"
    assert twin.outcome is Outcome.UNKNOWN
    assert twin.__cause__ is cause
    assert twin.__traceback__ is None


def test_a_fresh_copy_of_an_error_reply() -> None:
    """Leaves without attributes can be copied, too."""
    error = from_server("NOSCRIPT No matching script")
    assert isinstance(fresh(error), NoScriptError)
    assert str(fresh(error)) == str(error)


def test_data_errors_are_about_arguments() -> None:
    """`DataError` means that nothing was sent: only arguments are its leaves, no reply is one."""
    leaves = {kind for kind in ALL if issubclass(kind, exceptions.DataError)}
    assert leaves == {exceptions.DataError, DataTypeError, DataValueError}
    assert not issubclass(exceptions.ReplyDecodeError, exceptions.DataError)
    assert issubclass(exceptions.ReplyDecodeError, ValueError)
