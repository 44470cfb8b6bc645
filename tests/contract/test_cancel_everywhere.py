"""Every operation, cancelled at every scheduling point in every way: G1 to G14 hold each time."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

from anyredis import BlockingConnectionPool, ConnectionPool, UnixDomainSocketConnection
from anyredis.server import Server
from tests.contract.control import Control
from tests.contract.exclusive_operations import EXCLUSIVE_IN_MEMORY
from tests.contract.harness import Operation, cancel_everywhere, lose_everywhere, named
from tests.contract.operations import ALL, CONNECTING
from tests.contract.rotation import EVERY_CASE
from tests.contract.script_operations import SCRIPTS
from tests.contract.server_harness import FakeServerBench, ServerBench, Target
from tests.contract.steps import counting
from tests.servers import Certificates

PASSWORD = "open sesame"

OPERATIONS = [*ALL, *SCRIPTS]

LOSABLE = [each for each in OPERATIONS if each.losable and not any(each.bystanders)]

OVER_TLS = [
    each
    for each in OPERATIONS
    if each.name in {"incr, connected", "echo beside others", "blpop", "pipeline", "large pipeline"}
]
"""One command, alone and among others; a blocking one; pipelines of one piece and of several."""

POOLS: list[tuple[type[ConnectionPool], int]] = [
    (ConnectionPool, 1),
    (BlockingConnectionPool, 0),
    (ConnectionPool, 0),
    (BlockingConnectionPool, 1),
]
"""Classes of pools, and how many connections ordinary commands share."""

EVERY = EVERY_CASE in os.environ


def each_of(pools: list[tuple[type[ConnectionPool], int]]) -> pytest.MarkDecorator:
    """Run a test with each of *pools*."""
    names = [
        f"{pool_class.__name__}-{'sharing' if shared else 'not_sharing'}"
        for pool_class, shared in pools
    ]
    return pytest.mark.parametrize(("pool_class", "shared"), pools, ids=names)


on_sockets = each_of(POOLS if EVERY else POOLS[:2])
"""With pools of both classes, on real servers."""

in_memory = each_of(POOLS if EVERY else POOLS[2:])
"""With the other pools, on servers in memory."""


@pytest.fixture(scope="module", autouse=True)
def garbage(anyio_backend: object) -> Iterator[None]:
    """Garbage is collected once for the module, because it is slow; its warnings appear here."""
    yield
    gc.collect()


def target_on(server: Server, pool_class: type[ConnectionPool], shared: int) -> Target:
    """Strict pools over TCP, blocking pools over the Unix socket."""
    arguments: dict[str, object] = {"shared_connections": shared}
    if pool_class is ConnectionPool:
        arguments |= {"host": server.host, "port": server.port}
    else:
        arguments |= {
            "connection_class": UnixDomainSocketConnection,
            "path": server.unix_socket_path,
        }
    return Target(pool_class, arguments)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
@on_sockets
async def test_cancelled_everywhere(
    valkey: Server,
    control: Control,
    operation: Operation[ServerBench],
    pool_class: type[ConnectionPool],
    shared: int,
) -> None:
    """An operation leaves no trace, at any step of its cancellation (G1 to G14)."""
    await everywhere(target_on(valkey, pool_class, shared), control, operation)


@pytest.mark.parametrize("operation", LOSABLE, ids=named)
@on_sockets
async def test_lost_everywhere(
    valkey: Server,
    control: Control,
    operation: Operation[ServerBench],
    pool_class: type[ConnectionPool],
    shared: int,
) -> None:
    """An operation ends and the pool is whole, at any step of a connection loss (G5, G6, G11)."""
    target = target_on(valkey, pool_class, shared)
    with counting() as steps:
        found = await lose_everywhere(ServerBench(target, control, steps), operation)
    assert found >= 3


@pytest.mark.parametrize("operation", [*OPERATIONS, *EXCLUSIVE_IN_MEMORY], ids=named)
@in_memory
async def test_cancelled_everywhere_in_memory(
    operation: Operation[ServerBench], pool_class: type[ConnectionPool], shared: int
) -> None:
    """The same, for a server in memory, which shows how it sees each connection (G1 to G14)."""
    with counting() as steps:
        bench = FakeServerBench(Target.of_fake_server(pool_class, shared), steps)
        found = await cancel_everywhere(bench, operation)
    assert found >= 3


@pytest.mark.parametrize("operation", [*LOSABLE, *EXCLUSIVE_IN_MEMORY], ids=named)
@in_memory
async def test_lost_everywhere_in_memory(
    operation: Operation[ServerBench], pool_class: type[ConnectionPool], shared: int
) -> None:
    """The same, for a server in memory (G5, G6, G11)."""
    with counting() as steps:
        bench = FakeServerBench(Target.of_fake_server(pool_class, shared), steps)
        found = await lose_everywhere(bench, operation)
    assert found >= 3


@pytest.mark.parametrize("operation", CONNECTING, ids=named)
@pytest.mark.parametrize("protocol", [3, 2])
async def test_handshake_cancelled_everywhere(
    locked_valkey: Server, operation: Operation[ServerBench], protocol: int
) -> None:
    """A handshake with all its parts leaves no trace, at any step of a cancellation (G5, G6)."""
    arguments: dict[str, object] = {
        "host": locked_valkey.host,
        "port": locked_valkey.port,
        "password": PASSWORD,
        "db": 3,
        "client_name": "harness",
        "noevict": True,
        "notouch": True,
        "protocol": protocol,
    }
    with Control(locked_valkey, PASSWORD) as control:
        await everywhere(Target(ConnectionPool, arguments), control, operation)


def target_over_tls(
    server: Server, certificates: Certificates, pool_class: type[ConnectionPool], shared: int
) -> Target:
    """Pools over TLS."""
    arguments: dict[str, object] = {
        "host": server.host,
        "port": server.port,
        "ssl_context": certificates.client_context(),
        "shared_connections": shared,
    }
    return Target(pool_class, arguments)


@pytest.mark.parametrize("operation", CONNECTING, ids=named)
async def test_tls_handshake_cancelled_everywhere(
    redis_tls: Server, certificates: Certificates, operation: Operation[ServerBench]
) -> None:
    """A TLS handshake leaves no trace, at any step of a cancellation (G5, G6)."""
    target = target_over_tls(redis_tls, certificates, BlockingConnectionPool, 0)
    with Control(redis_tls) as control:
        await everywhere(target, control, operation)


@pytest.mark.parametrize("operation", OVER_TLS, ids=named)
async def test_cancelled_everywhere_over_tls(
    redis_tls: Server, certificates: Certificates, operation: Operation[ServerBench]
) -> None:
    """An operation leaves no trace over TLS, at any step of its cancellation (G1 to G14)."""
    target = target_over_tls(redis_tls, certificates, ConnectionPool, 1)
    with Control(redis_tls) as control:
        await everywhere(target, control, operation)


@pytest.mark.parametrize("operation", [each for each in OVER_TLS if each in LOSABLE], ids=named)
async def test_lost_everywhere_over_tls(
    redis_tls: Server, certificates: Certificates, operation: Operation[ServerBench]
) -> None:
    """An operation ends and the pool is whole, at any step of a loss over TLS (G5, G6, G11)."""
    target = target_over_tls(redis_tls, certificates, ConnectionPool, 1)
    with Control(redis_tls) as control, counting() as steps:
        found = await lose_everywhere(ServerBench(target, control, steps), operation)
    assert found >= 3


async def everywhere(target: Target, control: Control, operation: Operation[ServerBench]) -> None:
    """Cancel *operation* everywhere."""
    with counting() as steps:
        found = await cancel_everywhere(ServerBench(target, control, steps), operation)
    assert found >= 3
