"""Tests of `anyredis.connection.options`: what every connection takes, and what makes no sense."""

from __future__ import annotations

import inspect
import re
from typing import Any, cast

import anyio.lowlevel
import pytest

from anyredis.connection.base import BaseConnection
from anyredis.connection.options import (
    ConnectionOptions,
    check_numbers,
    credential_source,
    current_credentials,
)
from anyredis.credentials import CredentialProvider, Credentials
from anyredis.exceptions import DataError, DataTypeError, DataValueError

SENSIBLE: dict[str, Any] = {"protocol": 3, "db": 0, "stream_timeout": 10, "connect_timeout": 5}


def test_the_table_of_options_is_that_of_the_constructor() -> None:
    """What `ConnectionOptions` tells a type checker is what a connection takes."""
    taken = set(inspect.signature(BaseConnection).parameters)
    assert set(ConnectionOptions.__annotations__) == taken


def test_sensible_numbers() -> None:
    """They pass; stream_timeout may be None."""
    check_numbers(**SENSIBLE)
    unusual: dict[str, Any] = {"stream_timeout": None, "protocol": 2, "db": 15}
    check_numbers(**(SENSIBLE | unusual))


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
def test_numbers_that_make_no_sense(name: str, value: Any) -> None:
    """The error names the argument and shows the value."""
    with pytest.raises(DataError, match=rf"^{name} has to be .*{re.escape(repr(value))}"):
        check_numbers(**(SENSIBLE | {name: value}))


def test_where_credentials_come_from() -> None:
    """From username and password, or from a provider, not both."""

    def provider() -> tuple[str, str]:
        return "me", "secret"

    assert credential_source("me", "secret", None) == Credentials("me", "secret")
    assert credential_source(None, None, None) == Credentials()
    assert credential_source(None, None, provider) is provider
    with pytest.raises(DataValueError, match="not both"):
        credential_source("me", None, provider)
    with pytest.raises(DataValueError, match="username needs a password"):
        credential_source("me", None, None)
    with pytest.raises(DataTypeError, match="has to be a callable"):
        credential_source(None, None, cast("CredentialProvider", "secret"))


async def test_credentials_are_themselves() -> None:
    """Fixed credentials are used as they are."""
    fixed = Credentials("me", "secret")
    assert await current_credentials(fixed) is fixed


async def test_a_provider_is_asked_each_time() -> None:
    """A provider may give another password for each connect."""
    passwords = iter(("one", "two"))

    def provider() -> Credentials:
        return Credentials("me", next(passwords))

    assert await current_credentials(provider) == Credentials("me", "one")
    assert await current_credentials(provider) == Credentials("me", "two")


async def test_a_provider_may_give_a_pair() -> None:
    """(username, password) will do, and a username of None."""
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
    """It is an error that tells what was wanted, and never what it holds (G15)."""
    provider = cast("CredentialProvider", lambda: answer)
    with pytest.raises(DataTypeError, match=re.escape("(username, password)")) as caught:
        await current_credentials(provider)
    assert "hunter2" not in str(caught.value)
