"""Every operation, cancelled at every scheduling point in every way: G1 to G14 hold each time."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from anyredis import BlockingConnectionPool, ConnectionPool, UnixDomainSocketConnection
from anyredis.server import Server
from tests.contract.control import Control
from tests.contract.harness import Operation, cancel_everywhere, lose_everywhere, named
from tests.contract.operations import ALL, CONNECTING
from tests.contract.server_harness import ServerBench, Target
from tests.contract.steps import counting
from tests.contract.tools import forgive_unix_streams
from tests.servers import Certificates

PASSWORD = "open sesame"

LOSABLE = [each for each in ALL if each.losable and not any(each.bystanders)]

each_pool = pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])


@pytest.fixture(scope="module", autouse=True)
def garbage(anyio_backend: object) -> Iterator[None]:
    """What was left behind and is to warn of it does so here: once, because it takes its time."""
    yield
    gc.collect()


def target_on(server: Server, pool_class: type[ConnectionPool], shared: int) -> Target:
    """Strict pools over TCP, those that wait over the Unix socket."""
    arguments: dict[str, object] = {"shared_connections": shared}
    if pool_class is ConnectionPool:
        arguments |= {"host": server.host, "port": server.port}
    else:
        forgive_unix_streams()
        arguments |= {
            "connection_class": UnixDomainSocketConnection,
            "path": server.unix_socket_path,
        }
    return Target(pool_class, arguments)


@pytest.mark.parametrize("operation", ALL, ids=named)
@each_pool
async def test_cancelled_everywhere(
    valkey: Server,
    control: Control,
    operation: Operation[ServerBench],
    pool_class: type[ConnectionPool],
    shared: int,
) -> None:
    """Wherever an operation is cancelled, nobody can tell afterwards (G1 to G14)."""
    await everywhere(target_on(valkey, pool_class, shared), control, operation)


@pytest.mark.parametrize("operation", LOSABLE, ids=named)
@each_pool
async def test_lost_everywhere(
    valkey: Server,
    control: Control,
    operation: Operation[ServerBench],
    pool_class: type[ConnectionPool],
    shared: int,
) -> None:
    """Wherever its connections are lost, an operation ends, and the pool is whole (G5, G6, G11)."""
    target = target_on(valkey, pool_class, shared)
    with counting() as steps:
        cases = await lose_everywhere(ServerBench(target, control, steps), operation)
    assert cases >= 3


@pytest.mark.parametrize("operation", CONNECTING, ids=named)
@pytest.mark.parametrize("protocol", [3, 2])
async def test_handshake_cancelled_everywhere(
    locked_valkey: Server, operation: Operation[ServerBench], protocol: int
) -> None:
    """Wherever a handshake with all its parts is cancelled, nobody can tell afterwards (G5, G6)."""
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


@pytest.mark.parametrize("operation", CONNECTING, ids=named)
async def test_tls_cancelled_everywhere(
    redis_tls: Server, certificates: Certificates, operation: Operation[ServerBench]
) -> None:
    """Wherever a TLS handshake is cancelled, nobody can tell afterwards (G5, G6)."""
    arguments: dict[str, object] = {
        "host": redis_tls.host,
        "port": redis_tls.port,
        "ssl_context": certificates.client_context(),
        "shared_connections": 0,
    }
    with Control(redis_tls) as control:
        await everywhere(Target(BlockingConnectionPool, arguments), control, operation)


async def everywhere(target: Target, control: Control, operation: Operation[ServerBench]) -> None:
    """Cancel *operation* everywhere."""
    with counting() as steps:
        cases = await cancel_everywhere(ServerBench(target, control, steps), operation)
    assert cases >= 3
