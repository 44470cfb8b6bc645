"""The options of a cluster's pool, and how a URL gives them."""

from __future__ import annotations

import inspect

import pytest

from anyredis import BlockingClusterConnectionPool, ClusterConnectionPool, DataError, ReadFrom
from anyredis.address import TCPAddress
from anyredis.cluster.nodes.cluster_options import (
    BlockingClusterConnectionPoolOptions,
    ClusterConnectionPoolOptions,
    cluster_url_parameters,
    options_of_url,
)
from anyredis.connection.options import ConnectionOptions, EncryptionOptions


def test_the_options_are_those_of_the_constructors() -> None:
    """What the declaration tells a type checker is what a pool and its connections take."""
    own = set(inspect.signature(ClusterConnectionPool).parameters)
    own -= {"connection_class", "connection_arguments"}
    of_connections = {*ConnectionOptions.__annotations__, *EncryptionOptions.__annotations__}
    assert set(ClusterConnectionPoolOptions.__annotations__) == own | of_connections
    waiting = set(inspect.signature(BlockingClusterConnectionPool).parameters) - {
        "arguments",
        "max_connections",
    }
    added = BlockingClusterConnectionPoolOptions.__annotations__.keys()
    assert added - ClusterConnectionPoolOptions.__annotations__.keys() == waiting == {"timeout"}


def test_a_url_with_several_hosts() -> None:
    """All of them are asked; TLS and options are for all."""
    options = options_of_url("rediss://a:1,b:2?max_connections=5&read_from=any&readonly=true")
    assert options["startup_nodes"] == (TCPAddress("a", 1), TCPAddress("b", 2))
    assert (options["ssl"], options["max_connections"]) == (True, 5)
    assert options["read_from"] is ReadFrom.ANY


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("unix:///tmp/socket", "over TCP"),
        ("redis+sentinel://a:1/name", "sentinels"),
        ("redis://a:1?read_from=far", "one of replicas, any, nearest, zone, not 'far'"),
    ],
)
def test_a_url_that_names_no_cluster(url: str, why: str) -> None:
    """It is refused, and says why."""
    with pytest.raises(DataError, match=why):
        options_of_url(url)


def test_the_parameters_of_a_url() -> None:
    """A URL gives what can be written as text, except what stands before its query."""
    own = {"availability_zone", "max_connections_per_node", "read_from", "readonly"}
    assert own < cluster_url_parameters().keys()
    assert not cluster_url_parameters().keys() & {
        "host",
        "port",
        "startup_nodes",
        "ssl",
        "ssl_context",
    }
    with pytest.raises(DataError, match="has to be true or false, not 'maybe'"):
        options_of_url("redis://a:1?readonly=maybe")
