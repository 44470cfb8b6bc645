"""The end of real servers, of the test's own: each method once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from anyredis import Redis
from anyredis.exceptions import ConnectionError, ResponseError
from anyredis.server import Server, run
from tests.servers import Certificates, redis8_binary, redis_tls_binary, valkey_binary

pytestmark = pytest.mark.server

BOTH = pytest.mark.parametrize("binary", [valkey_binary, redis8_binary], ids=["valkey", "redis8"])

QUICK = ("--repl-diskless-sync-delay", "0")


def assert_at_rest(client: Redis[Any]) -> None:
    """No lease is taken (G5)."""
    pool = client.connection_pool
    assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0), repr(pool)


async def until_gone(server: Server) -> None:
    """Return once the process of *server* has ended."""
    while server.is_running:
        await anyio.sleep(0.01)


@BOTH
@pytest.mark.parametrize("protocol", [2, 3])
async def test_shutdown(binary: Callable[[], Path], protocol: int) -> None:
    """The server saves and ends; a request that waits on another connection is told."""
    async with run(binary=binary()) as server:
        lost: list[ConnectionError] = []

        async def wait(client: Redis[Any]) -> None:
            try:
                await client.blpop("nothing")
            except ConnectionError as error:
                lost.append(error)

        async with Redis(host=server.host, port=server.port, protocol=protocol) as client:
            await client.set("k", "v")
            with pytest.raises(ResponseError, match="No shutdown in progress"):
                await client.shutdown_abort()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait, client)
                while not (await client.info("clients"))["blocked_clients"]:
                    await checkpoint()
                await client.shutdown(save=True, now=True)
            await until_gone(server)
            assert_at_rest(client)
        assert len(lost) == 1
        assert (server.directory / "dump.rdb").exists()
        assert "User requested shutdown" in server.log


async def test_shutdown_with_tls(certificates: Certificates) -> None:
    """The end of a TLS connection is the same success."""
    async with run(binary=redis_tls_binary(), tls=certificates.server_files()) as server:
        ca = str(certificates.ca)
        async with Redis(host=server.host, port=server.port, ssl=True, ssl_ca_certs=ca) as client:
            assert await client.execute_command("shutdown", "nosave") is None
            await until_gone(server)
            assert_at_rest(client)
        assert not (server.directory / "dump.rdb").exists()


@BOTH
async def test_shutdown_abort(binary: Callable[[], Path]) -> None:
    """A shutdown waits for a replica that lags: it may be cancelled, and it is stopped by another."""
    async with (
        run(binary=binary(), arguments=(*QUICK, "--shutdown-timeout", "600")) as server,
        run(binary=binary(), arguments=QUICK) as lagging,
        Redis(host=server.host, port=server.port) as client,
        Redis(host=lagging.host, port=lagging.port, decode_responses=True) as replica,
    ):
        await replica.replicaof(server.host, server.port)
        async with client.session() as session:
            await session.set("k", "v")
            while not await session.wait(1, 100):
                pass
        lagging.pause()
        try:
            await client.set("k", "w")
            errors: list[ResponseError] = []

            async def shut_down() -> None:
                try:
                    await client.shutdown(nosave=True)
                except ResponseError as error:
                    errors.append(error)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(shut_down)
                await until_shutting_down(server)
                assert await client.shutdown_abort() is True
            assert ["Errors trying to SHUTDOWN" in str(error) for error in errors] == [True]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(shut_down)
                await until_shutting_down(server, times=2)
                tasks.cancel_scope.cancel()
            assert_at_rest(client)
            assert await client.shutdown_abort() is True  # it went on, without its caller
            assert await client.get("k") == b"w"
        finally:
            lagging.resume()


async def until_shutting_down(server: Server, times: int = 1) -> None:
    """Return once *server* was asked so often to end."""
    while server.log.count("User requested shutdown") < times:
        await anyio.sleep(0.01)
