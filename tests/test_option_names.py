"""Options of redis-py and coredis: each means the same here, or is refused with the remedy."""

from __future__ import annotations

import inspect
import re
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import coredis
import coredis.pool
import pytest
import redis
import redis.asyncio
import redis.asyncio.connection as redis_connection
from redis.asyncio import sentinel as redis_sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

import anyredis
from anyredis.address import parse_url
from anyredis.cluster.nodes.blocking_pool import BlockingClusterConnectionPool
from anyredis.cluster.nodes.cluster_options import cluster_url_parameters
from anyredis.exceptions import DataError, DataTypeError
from anyredis.option_names import REMARKS, RENAMED, advice, unknown
from anyredis.pool.standalone import url_parameters

Make = Callable[..., object]


def called(make: Make, **options: Any) -> object:
    """The result of *make*, as any object."""
    return make(**options)


def to_sentinels(**options: Any) -> object:
    """A `Sentinel`, with *options*."""
    return anyredis.Sentinel([("h", 1)], **options)


def to_service(**options: Any) -> object:
    """A client for the primary of a service, with *options*."""
    return called(partial(anyredis.Sentinel([("h", 1)]).primary_for, "name"), **options)


def to_unix_socket(path: str = "/x", **options: Any) -> object:
    """A connection to a Unix socket, with *options*."""
    return anyredis.UnixDomainSocketConnection(path=path, **options)


MASTER_FOR: Callable[..., object] = getattr(redis.asyncio.Sentinel, "master_for")  # noqa: B009
"""A method without complete annotations."""

PEERS: list[tuple[Make, tuple[Callable[..., object], ...]]] = [
    (anyredis.Redis, (redis.asyncio.Redis, redis.Redis, coredis.Redis)),
    (
        anyredis.RedisCluster,
        (redis.asyncio.RedisCluster, redis.RedisCluster, coredis.RedisCluster),
    ),
    (anyredis.ConnectionPool, (redis.asyncio.ConnectionPool, coredis.ConnectionPool)),
    (anyredis.BlockingConnectionPool, (redis.asyncio.BlockingConnectionPool,)),
    (anyredis.ClusterConnectionPool, (coredis.pool.ClusterConnectionPool,)),
    (BlockingClusterConnectionPool, (coredis.pool.ClusterConnectionPool,)),
    (
        anyredis.Connection,
        (redis_connection.Connection, redis_connection.SSLConnection, coredis.Connection),
    ),
    (
        to_unix_socket,
        (redis_connection.UnixDomainSocketConnection, coredis.UnixDomainSocketConnection),
    ),
    (to_sentinels, (redis.asyncio.Sentinel, redis.asyncio.Redis, coredis.Sentinel, coredis.Redis)),
    (
        to_service,
        (
            redis_sentinel.SentinelConnectionPool,
            MASTER_FOR,
            redis.asyncio.Redis,
            coredis.pool.SentinelConnectionPool,
            coredis.Sentinel.primary_for,
            coredis.Redis,
        ),
    ),
]
"""A callable of ours, and those of the others whose keywords people give to it."""

POOL_OF: dict[object, object] = {
    anyredis.Redis: anyredis.BlockingConnectionPool,
    anyredis.RedisCluster: BlockingClusterConnectionPool,
    to_sentinels: anyredis.BlockingConnectionPool,
    to_service: anyredis.BlockingConnectionPool,
}

SAME: dict[str, object] = {
    "host": "h",
    "port": 7000,
    "db": 3,
    "username": "me",
    "password": "secret",
    "client_name": "me",
    "lib_name": "mine",
    "encoding": "latin-1",
    "encoding_errors": "replace",
    "decode_responses": True,
    "protocol": 2,
    "retry": None,
    "credential_provider": None,
    "stream_timeout": 5.0,
    "connect_timeout": 5.0,
    "max_idle_time": 60,
    "noevict": True,
    "notouch": True,
    "max_connections": 7,
    "timeout": 3.0,
    "max_connections_per_node": True,
    "readonly": True,
    "startup_nodes": [("h", 7000)],
    "unix_socket_path": "/x",
    "path": "/x",
    "connection_pool": None,
    "address_remap": dict[tuple[str, int], tuple[str, int]]().__getitem__,
    "sentinels": ["h:1"],
    "ssl": True,
    "ssl_context": None,
    "ssl_check_hostname": False,
    "ssl_cert_reqs": "none",
    "ssl_ca_certs": None,
    "ssl_ca_data": None,
    "ssl_certfile": None,
    "ssl_keyfile": None,
    "ssl_password": None,
    "ssl_ciphers": None,
    "ssl_min_version": ssl.TLSVersion.TLSv1_2,
}
"""Keywords that mean the same here, with a value that all accept."""

OWN_CLASSES = {"connection_pool_cls", "connection_class"}
"""Keywords that take one of our classes here: another one is refused."""

BOUND = {"name", "self", "service_name", "cls"}


def keywords_of(peer: Callable[..., object]) -> Iterator[str]:
    """The names that *peer* takes as keyword arguments, its base classes' among them."""
    if not inspect.isclass(peer):
        yield from _names(peer)
        return
    for kind in peer.__mro__:
        if "__init__" in kind.__dict__ and kind is not object:
            yield from _names(kind.__dict__["__init__"])


def _names(function: Callable[..., object]) -> Iterator[str]:
    for each in inspect.signature(function).parameters.values():
        if each.name != "self" and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL):
            yield each.name


CASES = [
    (make, name)
    for make, peers in PEERS
    for name in dict.fromkeys(name for peer in peers for name in keywords_of(peer))
]


def arguments_for(make: Make, name: str) -> dict[str, Any]:
    """*name* with a value that is right if it means the same, and what belongs beside it."""
    arguments: dict[str, Any] = {name: SAME.get(name)}
    if name.startswith("ssl_") and name != "ssl_context":
        arguments["ssl"] = True
    if name == "timeout" and make in POOL_OF:
        arguments["connection_pool_cls"] = POOL_OF[make]
    return arguments


def refusal(call: Callable[[], object]) -> str:
    """The message of the `DataError` that *call* raises; empty if it raises none."""
    try:
        call()
    except DataError as error:
        return str(error)
    return ""


REMEDY = re.compile(
    r"unknown argument '\w+': (use|give|leave it out|the |call |a Blocking|RedisCluster|Sentinel|sentinels|TLS goes)"
)


@pytest.mark.parametrize(("make", "name"), CASES, ids=lambda each: getattr(each, "__name__", each))
def test_a_keyword_of_others_means_the_same_or_is_refused_with_the_remedy(
    make: Make, name: str
) -> None:
    """Every keyword of redis-py's and coredis's clients, pools, connections and sentinels."""
    if name == "sentinels" or (make is to_service and name in BOUND):
        return  # bound by position, in ours as in theirs
    if name in OWN_CLASSES:
        with pytest.raises(DataTypeError, match=f"{name} has to be|: (use|call|give) "):
            make(**{name: redis.asyncio.Redis})
        return
    refused = refusal(lambda: make(**arguments_for(make, name)))
    assert REMEDY.search(refused) if refused else name in SAME


def test_the_cases_are_not_few() -> None:
    """The keywords were read: each class of the others has some."""
    assert len(CASES) > 400
    assert all(any(keywords_of(peer)) for _, peers in PEERS for peer in peers)


URL_NAMES = sorted(
    {
        *redis_connection.URL_QUERY_ARGUMENT_PARSERS,
        *keywords_of(redis.asyncio.Redis),
        *keywords_of(coredis.Redis),
        *keywords_of(redis.asyncio.RedisCluster),
    }
)


@pytest.mark.parametrize("name", URL_NAMES)
def test_a_parameter_of_others_in_a_url(name: str) -> None:
    """It means the same, is an object that no URL can give, or is refused with the remedy."""
    for known in (url_parameters(), cluster_url_parameters()):
        refused = refusal(partial(parse_url, f"redis://h?{name}=1", known))
        assert "known are" not in refused if refused else name in SAME


@pytest.mark.parametrize("name", sorted(SAME))
def test_a_misspelt_keyword_is_told_with_the_right_one(name: str) -> None:
    """A letter that is missing, doubled or exchanged does not hide what was meant."""
    if len(name) < 4:
        return
    for wrong in (name[:2] + name[3:], name[:3] + name[2:], name[:2] + "x" + name[3:]):
        if wrong not in SAME:
            assert advice(wrong, SAME) == f"did you mean {name}=?"


def test_a_message() -> None:
    """It has the remedy; without one it lists what is known."""
    assert unknown("argument", "zz", ["b", "a"]) == "unknown argument 'zz'; known are a, b"
    assert unknown("argument", "socket_timeout", ["stream_timeout"]) == (
        "unknown argument 'socket_timeout': use stream_timeout="
    )
    assert "known are" in unknown("argument", "socket_timeout", ["a"])


def test_the_remedy_depends_on_the_place() -> None:
    """A remedy that does not exist in a place is not given there."""
    assert advice("read_from_replicas", ["readonly"]) == "use readonly=True"
    assert "RedisCluster(readonly=True)" in advice("read_from_replicas", [])
    assert advice("pool_timeout", ["timeout"]) == "use timeout="
    assert "BlockingConnectionPool" in advice("pool_timeout", [])
    assert "BlockingClusterConnectionPool" in advice("pool_timeout", ["startup_nodes"])


def test_no_keyword_has_two_remedies_by_mistake() -> None:
    """A renamed keyword has a second remedy only where the first does not exist."""
    assert RENAMED.keys() & REMARKS.keys() == {
        *("pool_timeout", "driver_info", "retry_policy", "load_balancing_strategy"),
    }


def test_a_class_of_the_user_gets_the_remedy_too() -> None:
    """A pool explains a keyword that its connection class does not take."""

    class Tunnel(anyredis.BaseConnection):
        """A class that only adds a stream."""

    for name, remedy in (("socket_timeout", "use stream_timeout="), ("clientname", "client_name")):
        wrong: dict[str, Any] = {name: 1}
        with pytest.raises(DataTypeError, match=f"^Tunnel: .*'{name}'.*{remedy}"):
            anyredis.ConnectionPool(connection_class=Tunnel, **wrong)


def test_values_of_others_are_refused_too() -> None:
    """Objects of redis-py that look like ours are refused with ours named."""
    clients: Any = anyredis.Redis
    cluster: Any = anyredis.RedisCluster
    with pytest.raises(DataError, match=r"anyredis\.Retry"):
        clients(retry=Retry(NoBackoff(), 3))
    with pytest.raises(DataError, match="give the method itself"):
        clients(credential_provider=redis.UsernamePasswordCredentialProvider("me", "secret"))
    with pytest.raises(DataError, match=r"\(host, port\)"):
        cluster(startup_nodes=[ClusterNode("h", 1)])
    with pytest.raises(DataError, match=r"\(host, port\)"):
        cluster(startup_nodes=[{"host": "h", "port": 1}])
