"""The arguments of the cluster client: their meaning, and senseless ones."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import (
    BlockingClusterConnectionPool,
    ClusterConnectionPool,
    ConnectionPool,
    DataError,
    DataTypeError,
    DataValueError,
    ReadFrom,
    Redis,
    RedisCluster,
    TCPAddress,
)
from anyredis.backoff import FAILOVER_RETRY
from anyredis.cluster.client_options import options_of_url, pool_for
from anyredis.cluster.nodes.seeds import NodeName


def test_defaults() -> None:
    """A strict pool without a bound, that begins at localhost."""
    client = RedisCluster()
    pool = client.connection_pool
    assert type(pool) is ClusterConnectionPool
    assert pool.seeds == (TCPAddress("localhost", 6379),)
    assert (pool.readonly, pool.decode_responses) == (False, False)
    assert client.retry == FAILOVER_RETRY


def test_hosts_and_startup_nodes() -> None:
    """All are seeds, each once, the host first."""
    nodes: list[NodeName] = ["a:1", ("b", 2), TCPAddress("h", 7000)]
    seeds = RedisCluster("h", 7000, startup_nodes=nodes).connection_pool.seeds
    assert list(map(str, seeds)) == ["h:7000", "a:1", "b:2"]
    seeds = RedisCluster(startup_nodes=["[::1]:7000"]).connection_pool.seeds
    assert seeds == (TCPAddress("::1", 7000),)


def test_options_reach_the_pool() -> None:
    """Limits, reading, connection arguments."""
    client = RedisCluster(
        "h",
        7000,
        connection_pool_cls=BlockingClusterConnectionPool,
        max_connections=7,
        max_connections_per_node=True,
        shared_connections=2,
        readonly=True,
        read_from=ReadFrom.ANY,
        encoding="latin-1",
        username="me",
        password="secret",
        retry=None,
    )
    pool = client.connection_pool
    assert type(pool) is BlockingClusterConnectionPool
    assert (pool.readonly, pool.read_from, pool.encoding) == (True, ReadFrom.ANY, "latin-1")
    assert client.retry is None
    assert "secret" not in repr(client)
    assert RedisCluster(max_connections=None).connection_pool.strict


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"startup_node": ["h:1"]},
            DataTypeError,
            "unknown argument 'startup_node': did you mean startup_nodes",
        ),
        ({"startup_nodes": "h:1"}, DataTypeError, "startup_nodes has to be a list"),
        ({"startup_nodes": ["h"]}, DataValueError, "written host:port, .*not 'h'"),
        ({"startup_nodes": [7000]}, DataTypeError, "a node is a TCPAddress"),
        ({"connection_pool_cls": ConnectionPool}, DataTypeError, "ClusterConnectionPool or Block"),
        ({"connection_pool_cls": 5}, DataTypeError, "ClusterConnectionPool or Block"),
        ({"connection_pool": Redis().connection_pool}, DataTypeError, "a ClusterConnectionPool"),
        ({"max_connections": 0}, DataValueError, "max_connections has to be 1 or more"),
        ({"max_connections_per_node": 1}, DataTypeError, "max_connections_per_node"),
        ({"readonly": True, "read_from": ReadFrom.ZONE}, DataValueError, "availability_zone"),
        ({"readonly": "yes"}, DataTypeError, "readonly has to be True or False"),
        ({"read_from": ReadFrom.ANY}, DataValueError, "give readonly=True too"),
        ({"readonly": True, "read_from": "any"}, DataTypeError, r"an anyredis\.ReadFrom"),
        ({"retry": 3}, DataTypeError, r"retry has to be an anyredis\.Retry"),
        ({"protocol": 4}, DataValueError, "protocol has to be 2 or 3"),
        ({"ssl_certfile": "x"}, DataError, "ssl"),
        ({"unix_socket_path": "/x"}, DataTypeError, "unknown argument 'unix_socket_path'"),
    ],
)
def test_what_makes_no_sense(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """It is refused at once, and the error has the remedy."""
    with pytest.raises(error, match=message):
        RedisCluster(**options)


def test_a_pool_that_is_given() -> None:
    """The pool has all options already: no argument may contradict it."""
    pool = ClusterConnectionPool(host="h", decode_responses=True)
    assert RedisCluster(connection_pool=pool, decode_responses=True).connection_pool is pool
    with pytest.raises(DataValueError, match="the pool has decode_responses=True"):
        RedisCluster(connection_pool=pool)
    with pytest.raises(DataValueError, match="host or port is given beside connection_pool"):
        RedisCluster("h", connection_pool=pool, decode_responses=True)
    with pytest.raises(DataValueError, match="readonly is given beside connection_pool"):
        RedisCluster(readonly=True, connection_pool=pool, decode_responses=True)


def test_a_url_of_several_hosts() -> None:
    """They are the seeds; its options and those of the call are those of the client."""
    url = "rediss://me:pw@a:1,b:2,[::1]/0?readonly=yes&read_from=any&max_connections=5"
    client = RedisCluster.from_url(url, ssl_cert_reqs="none", ssl_check_hostname=False)
    pool = client.connection_pool
    assert list(map(str, pool.seeds)) == ["a:1", "b:2", str(TCPAddress("::1", 6379))]
    assert (pool.readonly, pool.read_from) == (True, ReadFrom.ANY)
    text = RedisCluster.from_url("redis://a", decode_responses=True, retry=None)
    assert text.connection_pool.decode_responses
    assert text.retry is None
    assert not RedisCluster.from_url(
        "redis://a?readonly=yes", readonly=False
    ).connection_pool.readonly


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://a,,b", "a host is missing between the commas"),
        ("unix:///tmp/x", "reached over TCP"),
        ("redis+sentinel://a/name", "names sentinels"),
        ("redis://a?read_from=some", "'read_from' has to be one of replicas, any, nearest, zone"),
        ("redis://a?readonly=yes&bogus=1", "unknown parameter 'bogus'"),
        ("redis://a?timeout=5", "give connection_pool_cls=BlockingClusterConnectionPool"),
        ("redis://a?decode_responses=yes", "contradicts decode_responses=False"),
        ("http://a", "has to start with one of redis://"),
    ],
)
def test_urls_that_make_no_sense(url: str, message: str) -> None:
    """The error names the wrong part."""
    with pytest.raises(DataValueError, match=message):
        RedisCluster.from_url(url)


def test_the_parts() -> None:
    """A URL gives arguments, arguments a pool."""
    assert options_of_url("redis://a:1", decode_responses=False) == {
        "startup_nodes": (TCPAddress("a", 1),)
    }
    options: Any = {"startup_nodes": ["a:1"]}
    pool = pool_for(None, 6379, decode_responses=True, options=options)
    assert pool.decode_responses
