"""The pool that is made from a client's arguments."""

from __future__ import annotations

import ssl

import pytest

from anyredis import (
    BlockingConnectionPool,
    Connection,
    ConnectionPool,
    DataTypeError,
    DataValueError,
    Redis,
    UnixDomainSocketConnection,
)
from anyredis.backoff import FAILOVER_RETRY
from anyredis.client.options import RedisOptions, URLOptions, options_of_url, pool_for, service_pool
from anyredis.connection.base import BaseConnection
from anyredis.pool.limit import WaitingLimit
from anyredis.sentinel.managed_connection import SentinelManagedConnection, SentinelWatcher
from anyredis.sentinel.sentinel_connection import Sentinels


def made(**options: object) -> ConnectionPool:
    """The pool for a client with *options* and nothing else."""
    return pool_for("localhost", 6379, 0, decode_responses=False, options=RedisOptions(**options))  # type: ignore[typeddict-item]


def first_of(pool: ConnectionPool) -> BaseConnection:
    """A connection as the pool makes them."""
    return pool._construct()


def test_the_default() -> None:
    """A strict pool of TCP connections, without TLS and without a bound."""
    pool = made()
    assert type(pool) is ConnectionPool
    assert pool.capacity == 2**31
    assert pool.address == "localhost:6379"
    assert isinstance(first_of(pool), Connection)


def test_a_unix_socket() -> None:
    """The path replaces host and port."""
    pool = made(unix_socket_path="/tmp/x.sock")
    assert isinstance(first_of(pool), UnixDomainSocketConnection)
    assert pool.address == "/tmp/x.sock"


def test_a_pool_class() -> None:
    """It gets the pool's own arguments, and the connections the rest."""
    pool = made(connection_pool_cls=BlockingConnectionPool, max_connections=2, client_name="me")
    assert type(pool) is BlockingConnectionPool
    assert pool.capacity == 2


def test_no_bound_can_be_given() -> None:
    """`max_connections=None` is the pool's default."""
    assert made(max_connections=None).capacity == 2**31
    blocking = made(connection_pool_cls=BlockingConnectionPool, max_connections=None)
    assert blocking.capacity == 50


def test_a_given_pool() -> None:
    """The client uses it."""
    pool = ConnectionPool()
    assert made(connection_pool=pool) is pool
    assert made(connection_pool=None) is not pool
    with pytest.raises(DataTypeError, match="connection_pool"):
        made(connection_pool="redis://localhost")
    with pytest.raises(DataValueError, match="client_name is given beside connection_pool"):
        made(connection_pool=pool, client_name="me")


def test_tls() -> None:
    """One context for all connections, that verifies."""
    pool = made(ssl=True)
    first, second = first_of(pool), first_of(pool)
    assert isinstance(first, Connection)
    assert isinstance(second, Connection)
    assert first._ssl_context is second._ssl_context
    assert first._ssl_context is not None
    assert first._ssl_context.verify_mode is ssl.CERT_REQUIRED
    assert first._ssl_context.check_hostname


def test_a_given_ssl_context() -> None:
    """It is used unchanged; `ssl_*` beside it is refused."""
    context = ssl.create_default_context()
    connection = first_of(made(ssl_context=context))
    assert isinstance(connection, Connection)
    assert connection._ssl_context is context
    with pytest.raises(DataValueError, match="ssl_cert_reqs"):
        made(ssl_context=context, ssl_cert_reqs="none")


def test_contradictions() -> None:
    """They are refused."""
    with pytest.raises(DataValueError, match="ssl_certfile"):
        made(ssl_certfile="x")
    with pytest.raises(DataValueError, match="TLS goes over TCP"):
        made(ssl=True, unix_socket_path="/x")
    with pytest.raises(DataValueError, match="not both"):
        pool_for(
            "elsewhere",
            6379,
            0,
            decode_responses=False,
            options=RedisOptions(unix_socket_path="/x"),
        )
    with pytest.raises(DataTypeError, match="'nonsense'"):
        made(nonsense=1)


def test_options_of_a_url() -> None:
    """They are those of the client."""
    url = "rediss://me:p%40ss@example.org:1234/5?shared_connections=0&stream_timeout=none"
    assert options_of_url(url, decode_responses=False) == {
        "host": "example.org",
        "port": 1234,
        "ssl": True,
        "username": "me",
        "password": "p@ss",
        "db": 5,
        "shared_connections": 0,
        "stream_timeout": None,
    }
    assert options_of_url("unix:///x.sock?db=1", decode_responses=True) == {
        "unix_socket_path": "/x.sock",
        "db": 1,
    }


def test_a_url_does_not_decide_the_reply_type() -> None:
    """`decode_responses` in a URL has to agree with the call."""
    url = "redis://localhost?decode_responses=true"
    assert "decode_responses" not in options_of_url(url, decode_responses=True)
    with pytest.raises(DataValueError, match="decode_responses=False"):
        options_of_url(url, decode_responses=False)


async def test_the_timeout_of_a_blocking_pool() -> None:
    """A client and a URL take it beside the class of a blocking pool, and only there."""
    blocking = {"connection_pool_cls": BlockingConnectionPool}
    for seconds in (5, None):
        limit = made(**blocking, timeout=seconds).make_limit()
        assert isinstance(limit, WaitingLimit)
        assert limit.timeout == seconds
    options = options_of_url("redis://localhost?timeout=1", decode_responses=False)
    assert options["timeout"] == 1.0
    for wrong in ({"timeout": 5}, {"timeout": None}):
        with pytest.raises(DataValueError, match="connection_pool_cls=BlockingConnectionPool"):
            made(**wrong)
    with pytest.raises(DataTypeError, match="BlockingConnectionPool has it"):
        ConnectionPool(timeout=5)  # type: ignore[call-overload]


def test_a_service() -> None:
    """A pool whose connections find their server; an address beside it is refused."""
    watcher = SentinelWatcher(Sentinels(["h:1"]), "name")
    found_by = {"connection_class": SentinelManagedConnection, "watcher": watcher}
    options = {"connection_pool_cls": BlockingConnectionPool, "max_connections": 2, "ssl": True}
    pool = service_pool(found_by, decode_responses=True, options=options)
    assert type(pool) is BlockingConnectionPool
    assert (pool.capacity, pool.decode_responses) == (2, True)
    first, second = first_of(pool), first_of(pool)
    assert isinstance(first, SentinelManagedConnection)
    assert isinstance(second, SentinelManagedConnection)
    assert first._ssl_context is second._ssl_context is not None
    for name in ("host", "port", "unix_socket_path", "connection_pool", "retry"):
        with pytest.raises(DataTypeError, match=f"unknown argument '{name}'"):
            service_pool(found_by, decode_responses=True, options={name: None})


def test_a_url_of_sentinels() -> None:
    """It gives a pool; arguments beside the URL override its options."""
    url = "redis+sentinel://h:1,h:2/name/3?max_connections=9"
    options = options_of_url(url, decode_responses=False, beside={"max_connections": 4})
    assert list(options) == ["connection_pool", "retry"]
    assert options["connection_pool"].capacity == 4
    assert options["retry"] == FAILOVER_RETRY, "such a client follows a failover"
    assert list(options_of_url(url, decode_responses=False, beside={"retry": None})) == [
        "connection_pool",
        "retry",
    ]


def test_address_remap_is_for_servers_that_tell_addresses() -> None:
    """A URL of sentinels takes it in the call; for one server it is refused."""
    table: dict[tuple[str, int], tuple[str, int]] = {}
    beside: URLOptions = {"address_remap": table.__getitem__}
    url = "redis+sentinel://h:1/name"
    pool = options_of_url(url, decode_responses=False, beside=beside)["connection_pool"]
    connection = first_of(pool)
    assert isinstance(connection, SentinelManagedConnection)
    assert connection._watcher.sentinels._remap == beside["address_remap"]
    with pytest.raises(DataTypeError, match="RedisCluster and Sentinel have it"):
        Redis.from_url("redis://localhost", **beside)
