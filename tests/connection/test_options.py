"""Tests of `anyredis.connection.options`: declarations, URL parameters and checks."""

from __future__ import annotations

import inspect
import re
import ssl
from typing import Annotated, Any, TypedDict, cast

import anyio.lowlevel
import pytest

from anyredis import BlockingConnectionPool, ConnectionPool
from anyredis.connection.base import BaseConnection
from anyredis.connection.options import (
    ConnectionOptions,
    Flag,
    FromURL,
    HostOptions,
    Number,
    SecondsOrNone,
    TCPOptions,
    Text,
    check_count,
    check_numbers,
    check_seconds_or_none,
    credential_source,
    current_credentials,
    parameters_of,
    refuse_unknown,
)
from anyredis.credentials import CredentialProvider, Credentials
from anyredis.exceptions import DataError, DataTypeError, DataValueError
from anyredis.pool.pool_options import BlockingConnectionPoolOptions, ConnectionPoolOptions
from anyredis.pool.standalone import url_parameters

VALID: dict[str, Any] = {"protocol": 3, "db": 0, "stream_timeout": 10, "connect_timeout": 5}


def test_the_table_of_options_is_that_of_the_constructor() -> None:
    """A connection takes exactly the keys of `ConnectionOptions`."""
    taken = set(inspect.signature(BaseConnection).parameters)
    assert set(ConnectionOptions.__annotations__) == taken


def test_the_options_of_a_pool_are_those_of_the_constructors() -> None:
    """A pool and its connections take exactly the declared options."""
    own = set(inspect.signature(ConnectionPool).parameters)
    own -= {"connection_class", "connection_arguments"}
    of_connections = set(TCPOptions.__annotations__ | HostOptions.__annotations__)
    assert set(ConnectionPoolOptions.__annotations__) == own | of_connections
    waiting = set(inspect.signature(BlockingConnectionPool).parameters)
    added = (
        BlockingConnectionPoolOptions.__annotations__.keys() - ConnectionPoolOptions.__annotations__
    )
    assert added == waiting - {"max_connections", "arguments"} == {"timeout"}


def test_the_parameters_of_a_url() -> None:
    """They are the options with `FromURL` of all declarations, each with its reader."""

    class Mine(TypedDict, total=False):
        name: Text
        flag: Flag
        number: Number
        pause: SecondsOrNone
        other: object

    class Further(TypedDict, total=False):
        much: Annotated[str, "no reader", FromURL(str.upper)]

    parameters = parameters_of(Mine, Further)
    assert {name: read("1") for name, read in parameters.items()} == {
        "name": "1",
        "flag": True,
        "number": 1,
        "pause": 1.0,
        "much": "1",
    }
    assert parameters["much"]("x") == "X"
    assert parameters["pause"]("none") is None
    with pytest.raises(ValueError, match="true or false"):
        parameters["flag"]("2")


def test_a_url_gives_options_that_are_text() -> None:
    """These are all options except objects and the parts of a URL before the query."""
    declared = BlockingConnectionPoolOptions.__annotations__.keys()
    assert declared - url_parameters().keys() == {
        *("host", "port", "ssl"),
        *("credential_provider", "ssl_context", "ssl_ca_data"),
        *("listeners", "task_group", "observer"),
    }
    assert url_parameters().keys() <= declared


def test_unknown_arguments() -> None:
    """The error names the unknown argument, and all known ones."""
    refuse_unknown({"a": 1}, {"a", "b"})
    with pytest.raises(DataTypeError, match=r"^unknown argument 'c'; known are a, b$"):
        refuse_unknown({"a": 1, "c": 1, "d": 1}, {"b", "a"})
    with pytest.raises(DataTypeError, match=r"^Connection: unknown argument 'c'"):
        refuse_unknown({"c": 1}, (), by="Connection")


def test_counts() -> None:
    """A count is an int, not a bool, and not below the minimum."""
    assert check_count("n", 1, least=1) == 1
    with pytest.raises(DataValueError, match=r"^n has to be 1 or more, not 0$"):
        check_count("n", 0, least=1)
    for wrong in (True, 1.0, "1", None):
        with pytest.raises(DataTypeError, match=r"^n has to be an int, not "):
            check_count("n", cast("int", wrong), least=0)


def test_seconds_or_none() -> None:
    """None passes, and otherwise it has to be a positive number."""
    check_seconds_or_none("t", None)
    check_seconds_or_none("t", 0.5)
    with pytest.raises(DataValueError, match=r"^t has to be more than 0 seconds"):
        check_seconds_or_none("t", 0)


def test_valid_numbers() -> None:
    """They pass; stream_timeout may be None."""
    check_numbers(**VALID)
    unusual: dict[str, Any] = {"stream_timeout": None, "protocol": 2, "db": 15}
    check_numbers(**(VALID | unusual))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("protocol", 1),
        ("protocol", "3"),
        ("db", -1),
        ("db", 1.0),
        ("db", True),
        ("stream_timeout", 0),
        ("stream_timeout", True),
        ("connect_timeout", -1),
        ("connect_timeout", None),
    ],
)
def test_invalid_numbers(name: str, value: Any) -> None:
    """The error names the argument and shows the value."""
    with pytest.raises(DataError, match=rf"^{name} has to be .*{re.escape(repr(value))}"):
        check_numbers(**(VALID | {name: value}))


def test_the_source_of_credentials() -> None:
    """It is username and password, or a provider, not both."""

    def provider() -> tuple[str, str]:
        return "me", "secret"

    assert credential_source("me", "secret", None) == Credentials("me", "secret")
    assert credential_source(None, None, None) == Credentials()
    assert credential_source(None, None, provider) is provider
    with pytest.raises(DataValueError, match="not both"):
        credential_source("me", None, provider)
    assert credential_source("", "", provider) is provider
    assert credential_source("me", None, None) == Credentials("me")
    with pytest.raises(DataTypeError, match="has to be a callable"):
        credential_source(None, None, cast("CredentialProvider", "secret"))


async def test_fixed_credentials() -> None:
    """They are used unchanged."""
    fixed = Credentials("me", "secret")
    assert await current_credentials(fixed) is fixed


async def test_a_provider_is_called_for_each_connect() -> None:
    """It may return another password each time."""
    passwords = iter(("one", "two"))

    def provider() -> Credentials:
        return Credentials("me", next(passwords))

    assert await current_credentials(provider) == Credentials("me", "one")
    assert await current_credentials(provider) == Credentials("me", "two")


async def test_a_provider_may_give_a_pair() -> None:
    """It may return (username, password), and the username may be None."""
    assert await current_credentials(lambda: ("me", "secret")) == Credentials("me", "secret")
    assert await current_credentials(lambda: (None, "secret")) == Credentials(None, "secret")


async def test_a_provider_may_be_async() -> None:
    """An async provider is awaited."""

    async def provider() -> tuple[str, str]:
        await anyio.lowlevel.checkpoint()
        return "me", "secret"

    assert await current_credentials(provider) == Credentials("me", "secret")


@pytest.mark.parametrize("answer", [("hunter2",), ("me", "hunter2", "x"), 17, "hunter2", None])
async def test_any_other_answer_is_refused(answer: object) -> None:
    """The error says what is expected, and never shows the answer itself (G15)."""
    provider = cast("CredentialProvider", lambda: answer)
    with pytest.raises(DataTypeError, match=re.escape("(username, password)")) as caught:
        await current_credentials(provider)
    assert "hunter2" not in str(caught.value)


def test_a_tls_version_in_a_url() -> None:
    """It has the name of the ssl module, or the number that redis-py writes."""
    read = url_parameters()["ssl_min_version"]
    assert read("TLSv1_3") is ssl.TLSVersion.TLSv1_3
    assert read("771") is ssl.TLSVersion.TLSv1_2
    with pytest.raises(ValueError, match=r"one of .*TLSv1_2"):
        read("12")


def test_a_flag_in_a_url() -> None:
    """The words of redis-py, in any case; nothing else counts as true."""
    read = url_parameters()["noevict"]
    assert all(read(text) is True for text in ("1", "t", "True", "y", "YES"))
    assert all(read(text) is False for text in ("0", "F", "false", "n", "No"))
    for text in ("", "2", "on", "none"):
        with pytest.raises(ValueError, match="true or false"):
            read(text)
