"""Tests of `anyredis.sentinel.client`: the object, its arguments and URLs, and real sentinels."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any, assert_type

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import (
    AuthenticationError,
    BlockingConnectionPool,
    ConnectionError,
    ConnectionPool,
    DataError,
    ReadOnlyError,
    Redis,
    ReplicationError,
    Retry,
    Sentinel,
    TCPAddress,
    Transaction,
)
from anyredis.backoff import FAILOVER_RETRY
from anyredis.sentinel.managed_connection import SentinelManagedConnection
from anyredis.server import SentinelDeployment, run_sentinel
from tests.blocked_tasks import all_tasks_blocked
from tests.sentinels import NAME, S1, S2, S3, A, B, World, play, sentinel_of, three_sentinels
from tests.servers import ask, redis8_binary

RETRY = Retry(attempts=1)


@pytest.fixture(scope="module")
def deployment(portal: BlockingPortal) -> Iterator[SentinelDeployment]:
    """A Redis 8.2 with two replicas and three sentinels; leave their roles alone."""
    scope = run_sentinel(binary=redis8_binary(), replicas=2)
    with portal.wrap_async_context_manager(scope) as deployment:
        yield deployment


def made_by(client: Redis[Any]) -> SentinelManagedConnection:
    """A connection as the pool of *client* makes them."""
    connection = client.connection_pool._construct()
    assert isinstance(connection, SentinelManagedConnection)
    return connection


# -- arguments ------------------------------------------------------------------------------------


def test_clients_are_ordinary_ones() -> None:
    """A client is a `Redis` whose type of text is that of `decode_responses`."""
    sentinel = Sentinel([S1])
    assert_type(sentinel.primary_for("n"), Redis[bytes])
    assert_type(sentinel.primary_for("n", decode_responses=True), Redis[str])
    assert_type(sentinel.replica_for("n"), Redis[bytes])
    assert_type(sentinel.replica_for("n", decode_responses=True), Redis[str])
    assert type(sentinel.primary_for("n")) is Redis
    assert type(sentinel.primary_for("n").connection_pool) is ConnectionPool
    waiting = sentinel.replica_for("n", connection_pool_cls=BlockingConnectionPool)
    assert type(waiting.connection_pool) is BlockingConnectionPool
    assert waiting.connection_pool.capacity == 50


def test_arguments_of_clients() -> None:
    """Those of the sentinel are for all clients; those of one go before them."""
    sentinel = Sentinel([S1], name="n", db=1, client_name="me", retry=RETRY, max_connections=None)
    first, second = (
        sentinel.primary_for(),
        sentinel.primary_for(db=2, max_connections=3, retry=None),
    )
    assert (
        made_by(first)._handshake_options.db,
        made_by(first)._handshake_options.client_name,
    ) == (1, "me")
    assert (
        made_by(second)._handshake_options.db,
        made_by(second)._handshake_options.client_name,
    ) == (2, "me")
    assert (first.connection_pool.capacity, second.connection_pool.capacity) == (2**31, 3)
    assert (first.retry, second.retry) == (RETRY, None)


def test_tls_and_credentials_are_apart() -> None:
    """What is for the servers is not for the sentinels, nor the other way round (G15)."""
    for_servers = Sentinel([S1], name="n", ssl=True, password="x").primary_for()
    connection = made_by(for_servers)._watcher.sentinels.connection_to(S1)
    assert made_by(for_servers)._ssl_context is not None
    assert connection._ssl_context is None
    for_sentinels = Sentinel([S1], name="n", sentinel_ssl=True, sentinel_password="x").primary_for()
    assert made_by(for_sentinels)._ssl_context is None
    assert made_by(for_sentinels)._watcher.sentinels.connection_to(S1)._ssl_context is not None
    assert (
        made_by(for_sentinels)._credentials == made_by(Sentinel([S1]).primary_for("n"))._credentials
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "h"}, "unknown argument 'host'"),
        ({"unix_socket_path": "/s"}, "unknown argument 'unix_socket_path'"),
        ({"connection_pool": None}, "unknown argument 'connection_pool'"),
        ({"sentinel_user": "x"}, "unknown argument 'sentinel_user'"),
        ({"db": "x"}, "db has to be an int"),
        ({"retry": 3}, "retry has to be"),
        ({"connection_pool_cls": dict}, "connection_pool_cls has to be"),
        ({"name": ""}, "name has to be what the sentinels call the primary"),
        ({"sentinel_timeout": "x"}, "sentinel_timeout has to be a number"),
    ],
)
def test_arguments_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    """They are refused at once."""
    with pytest.raises(DataError, match=message):
        Sentinel([S1], **options)


def test_a_name_is_needed() -> None:
    """It is said once for all, or each time."""
    with pytest.raises(DataError, match="name is missing"):
        Sentinel([S1]).primary_for()
    with pytest.raises(DataError, match="name has to be"):
        Sentinel([S1], name="n").replica_for("")


def test_repr() -> None:
    """It tells the sentinels and the name, and no password (G15)."""
    sentinel = Sentinel([S1, S2], name="n", password="hunter2", sentinel_password="hunter3")
    assert repr(sentinel) == "<Sentinel 10.0.0.9:26001, 10.0.0.9:26002 for 'n'>"
    client = sentinel.primary_for()
    told = repr(client) + repr(made_by(client)._watcher) + repr(client.connection_pool)
    assert "the primary of 'n'" in told
    assert "hunter" not in told


# -- URLs -----------------------------------------------------------------------------------------

URL = (
    "rediss+sentinel://u:p%40@h1:1,[::1]/my/3?max_connections=7&sentinel_password=s"
    "&sentinel_username=t&sentinel_ssl=1&sentinel_timeout=0.5&ssl_cert_reqs=none"
)


def test_a_url() -> None:
    """Its credentials, database and TLS are the servers'; `sentinel_…` is the sentinels'."""
    sentinel = Sentinel.from_url(URL)
    made = made_by(sentinel.primary_for())
    assert sentinel.name == "my"
    assert made._watcher.sentinels.addresses == (TCPAddress("h1", 1), TCPAddress("::1", 26379))
    assert made._handshake_options.db == 3
    assert made._ssl_context is not None
    assert not made._ssl_context.check_hostname
    connection = made._watcher.sentinels.connection_to(S1)
    assert connection.connect_timeout == 0.5
    assert connection._ssl_context is not None
    assert connection._ssl_context.check_hostname
    assert made._credentials != connection._credentials


def test_the_same_url_for_a_client_and_for_a_pool() -> None:
    """Both are for the primary, and take what is said beside the URL before it."""
    client = Redis.from_url(URL, decode_responses=True, max_connections=2, retry=RETRY)
    assert_type(client, Redis[str])
    assert client.retry is RETRY
    pool = BlockingConnectionPool.from_url(URL, timeout=1, max_connections=2)
    for each in (client.connection_pool, pool):
        assert each.capacity == 2
        connection = each._construct()
        assert isinstance(connection, SentinelManagedConnection)
        assert (connection._watcher.name, connection._watcher.replicas) == ("my", False)
        assert connection._handshake_options.db == 3
        assert connection._ssl_context is not None
    assert Redis.from_url("redis+sentinel://h/n").retry == FAILOVER_RETRY


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://h/0", "has to start with redis.sentinel://"),
        ("redis+sentinel://h/n?decode_responses=1", "decode_responses cannot be in the URL"),
        ("redis+sentinel://h/n?timeout=1", "timeout is how long a blocking pool waits"),
        ("redis+sentinel://h/n?ssl_ca_certs=f", "ssl_ca_certs is given, but ssl=True is not"),
    ],
)
def test_urls_that_make_no_sense(url: str, message: str) -> None:
    """They are refused at once."""
    with pytest.raises(DataError, match=message):
        Sentinel.from_url(url)


@pytest.mark.parametrize("call", [Redis.from_url, ConnectionPool.from_url])
def test_several_hosts_without_sentinels(call: Any) -> None:
    """The error of a client for one server names the client for several."""
    with pytest.raises(DataError, match=r"RedisCluster\.from_url takes several hosts"):
        call("redis://a,b/0")


# -- questions ------------------------------------------------------------------------------------


async def test_addresses(world: World) -> None:
    """What the sentinels say, without a connection to the servers."""
    three_sentinels(world, B)
    sentinel = Sentinel([S1, S2, S3])
    assert await sentinel.primary_address(NAME) == A
    assert await sentinel.replica_addresses(NAME) == [B]
    with pytest.raises(ConnectionError, match="no sentinel knows 'other'"):
        await sentinel.primary_address("other")
    assert world.peers == []


# -- real sentinels -------------------------------------------------------------------------------


@pytest.fixture
async def clients(
    deployment: SentinelDeployment,
) -> AsyncGenerator[tuple[Redis[str], Redis[str]]]:
    """Clients for the primary and for the replicas."""
    sentinel = Sentinel.from_url(deployment.url)
    async with (
        sentinel.primary_for(decode_responses=True) as primary,
        sentinel.replica_for(decode_responses=True, shared_connections=0) as replica,
    ):
        await primary.flushall()
        yield primary, replica


async def test_real_addresses(deployment: SentinelDeployment) -> None:
    """The servers are where the sentinels say."""
    sentinel = Sentinel(deployment.addresses, name=deployment.name)
    primary, replicas = deployment.primary, deployment.replicas
    assert await sentinel.primary_address() == TCPAddress(primary.host, primary.port)
    assert set(await sentinel.replica_addresses()) == {TCPAddress(r.host, r.port) for r in replicas}


async def test_a_command_after_a_freeze(
    clients: tuple[Redis[str], Redis[str]],
    deployment: SentinelDeployment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the primary closed while the loop stood still carries no command."""
    monkeypatch.setattr("anyredis.connection.base.PAUSE", -1.0)
    primary, _ = clients
    for expected in range(1, 6):
        ask(deployment.primary, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await primary.incr("n") == expected


async def test_everything_works_as_for_one_server(clients: tuple[Redis[str], Redis[str]]) -> None:
    """Commands, pipelines, sessions and blocking commands."""
    primary, _ = clients
    assert await primary.set("k", "v")
    async with primary.pipeline() as pipe:
        value, count = pipe.get("k"), pipe.incr("n")
    assert (value.value, count.value) == ("v", 1)
    async with primary.session() as session:
        await session.watch("k")
        async with session.pipeline() as pipe:
            pipe.set("k", "w")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(primary.blpop, "queue")
        await primary.rpush("queue", "item")
    assert await primary.get("k") == "w"


async def test_writes_that_replicas_have(clients: tuple[Redis[str], Redis[str]]) -> None:
    """Both replicas have a write when the call returns; a third one is missed."""
    primary, _ = clients
    async with primary.session(ensure_replication=2, timeout=10_000) as session:
        assert await session.set("k", "v")
    async with primary.session(ensure_replication=3, timeout=1) as session:
        with pytest.raises(ReplicationError, match=r"SET was executed, but \d of 3 replicas"):
            await session.set("k", "w")
    assert await primary.get("k") == "w"


@pytest.mark.parametrize("lost", [False, True])
async def test_a_transaction_follows_the_primary(world: World, lost: bool) -> None:
    """The primary is demoted, or dies, while it reads: the next try is on the new one."""
    old, new = world.server(A), world.server(B, replica=True)
    sentinels = three_sentinels(world, B)
    calls = 0

    async def add_one(tx: Transaction[str]) -> int:
        nonlocal calls
        calls += 1
        value = int(await tx.get("k") or 0) + 1
        if calls == 1:
            play(old, replica=True)
            play(new, replica=False)
            for sentinel in sentinels:
                sentinel.switch(A, B)
            if lost:
                old.reset()
                await all_tasks_blocked()  # the client has noticed it
        async with tx.pipeline() as pipe:
            pipe.set("k", value)
        return value

    async with sentinel_of().primary_for(decode_responses=True) as client:
        assert await client.transaction(add_one, "k", attempts=1) == 1
        assert calls == 2
        assert new.count("EXEC") == 1
        assert old.memory.ran[b"SET"] == 0
        assert client.connection_pool.leased == 0


async def test_reading_from_replicas(
    deployment: SentinelDeployment, clients: tuple[Redis[str], Redis[str]]
) -> None:
    """All replicas are read from, and none is written to."""
    primary, replica = clients
    await primary.set("k", "v")
    ports: set[int] = set()
    async with replica.session() as first, replica.session() as second:
        for session in (first, second):
            info = await session.execute_command("INFO", "server")
            ports |= {
                server.port for server in deployment.replicas if f"tcp_port:{server.port}" in info
            }
            with anyio.fail_after(5):
                while await session.get("k") != "v":
                    await anyio.sleep(0.01)
    assert ports == {server.port for server in deployment.replicas}
    with pytest.raises(ReadOnlyError):
        await replica.set("k", "w")


async def test_a_password_that_is_wrong(deployment: SentinelDeployment) -> None:
    """It is an `AuthenticationError` that names the server; one for the sentinels is not used."""
    sentinel = Sentinel.from_url(deployment.url, username="me", password="hunter2")
    async with sentinel.primary_for() as client:
        with pytest.raises(AuthenticationError, match=f":{deployment.primary.port}") as caught:
            await client.get("k")
    assert "hunter2" not in str(caught.value)
