"""Tests of `anyredis.pool.pool_options`: a pool takes exactly the declared options."""

from __future__ import annotations

import inspect

import pytest

from anyredis import BlockingConnectionPool, ConnectionPool
from anyredis.connection.options import TCPOptions, parameters_of
from anyredis.pool.pool_options import (
    BlockingConnectionPoolOptions,
    ConnectionPoolOptions,
    SharingOptions,
    WaitingOptions,
)


def keywords(pool_class: type[ConnectionPool]) -> set[str]:
    """The names of the keyword arguments in the signature of a pool."""
    parameters = inspect.signature(pool_class.__init__).parameters.values()
    return {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}


def test_the_declared_options_are_those_of_the_constructors() -> None:
    """Every option of a pool is declared once; `connection_class` has an overload of its own."""
    assert SharingOptions.__annotations__.keys() == keywords(ConnectionPool) - {"connection_class"}
    assert set(WaitingOptions.__annotations__) <= keywords(BlockingConnectionPool)


def test_a_pool_takes_the_options_of_its_connections() -> None:
    """The options of TCP connections are options of the pool."""
    assert set(TCPOptions.__annotations__) <= set(ConnectionPoolOptions.__annotations__)


@pytest.mark.parametrize("name", ["listeners", "task_group", "credential_provider", "host"])
def test_a_url_cannot_give_objects(name: str) -> None:
    """Only options that text can express are query parameters."""
    assert name in BlockingConnectionPoolOptions.__annotations__
    assert name not in parameters_of(BlockingConnectionPoolOptions)
