"""Tests of `anyredis.server.sentinel`: ready at once, failovers, and the end."""

from __future__ import annotations

import math
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import pytest

from anyredis.server import (
    NotReadyError,
    SentinelDeployment,
    Server,
    ServerStartError,
    run_sentinel,
)
from anyredis.server.readiness import connect_to
from tests.conftest import BACKENDS, Backend
from tests.servers import (
    Certificates,
    ask,
    is_alive,
    processes,
    redis8_binary,
    redis_tls_binary,
    valkey_binary,
)

pytestmark = pytest.mark.server

on_each_loop = pytest.mark.parametrize(
    "anyio_backend", BACKENDS.values(), ids=[*BACKENDS], scope="module"
)


@pytest.fixture(scope="module")
def anyio_backend() -> Backend:
    """One event loop, the strictest, for tests that do not ask for each."""
    return BACKENDS["trio"]


@pytest.fixture(scope="module")
async def server_clients(anyio_backend: Backend) -> AsyncGenerator[SentinelDeployment]:
    """Servers of this file, with passwords: each test leaves all running, with any roles."""
    async with run_sentinel(
        binary=valkey_binary(), password="secret", sentinel_password="hidden"
    ) as deployment:
        yield deployment


async def told(server: Server, *command: str) -> object:
    """The reply of a server to a client with its password."""
    async with connect_to(server) as client:
        reply: object = await client.execute_command(*command)
    return reply


def members(deployment: SentinelDeployment) -> list[Server]:
    """Servers and sentinels."""
    return [deployment.primary, *deployment.replicas, *deployment.sentinels]


def children() -> set[int]:
    """The processes that this one has started."""
    return {process.pid for process in processes() if process.parent == os.getpid()}


@on_each_loop
async def test_it_is_ready_at_once_and_gone_after_the_block(anyio_backend: Backend) -> None:
    """Sentinels know each other and the replica when the block begins; then nothing is left."""
    async with run_sentinel(binary=valkey_binary()) as deployment:
        for sentinel in deployment.sentinels:
            assert ask(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster") == [
                deployment.primary.host.encode(),
                str(deployment.primary.port).encode(),
            ]
            for what, port in (
                ("REPLICAS", deployment.replicas[0].port),
                ("SENTINELS", next(s.port for s in deployment.sentinels if s is not sentinel)),
            ):
                assert str(port) in repr(ask(sentinel, "SENTINEL", what, "mymaster"))
        assert await deployment.current_primary() is deployment.primary
        await deployment.wait_until_ok(timeout=5)
        pids = [server.pid for server in members(deployment)]
    assert not any(map(is_alive, pids))
    assert not any(server.directory.exists() for server in members(deployment))


@pytest.mark.parametrize("find", [valkey_binary, redis8_binary])
async def test_any_server_will_do(find: Callable[[], Path]) -> None:
    """One sentinel under another name, and a primary without replicas, of any kind."""
    async with run_sentinel(
        name="my-own.name", replicas=0, sentinels=1, quorum=1, binary=find()
    ) as deployment:
        assert deployment.name == "my-own.name"
        assert deployment.replicas == []
        assert len(deployment.sentinels) == 1
        assert await deployment.current_primary() is deployment.primary
        with pytest.raises(NotReadyError, match=r"(?s)no failover within 0\.3 s.*NOGOODSLAVE"):
            await deployment.failover(timeout=0.3)


async def test_a_failover_that_the_sentinels_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ordered again: a replica that hangs at that moment is promoted later."""
    monkeypatch.setattr("anyredis.server.sentinel.AGAIN_AFTER", 3.0)
    async with run_sentinel(down_after=10, failover_timeout=1) as deployment:
        [replica] = deployment.replicas
        replica.pause()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deployment.failover)
            while not await given_up(deployment):
                await anyio.sleep(0.05)
            replica.resume()
        assert await deployment.current_primary() is replica


async def given_up(deployment: SentinelDeployment) -> bool:
    """Whether a sentinel has ended a failover without success."""
    return any("failover-abort" in server.log for server in deployment.sentinels)


async def test_tls_and_passwords(certificates: Certificates) -> None:
    """All speak TLS only, among themselves too, and show each other their passwords."""
    files = certificates.server_files()
    async with run_sentinel(
        binary=redis_tls_binary(), tls=files, password="secret", sentinel_password="hidden"
    ) as deployment:
        assert deployment.url.startswith("rediss+sentinel://127.0.0.1:")
        assert deployment.tls is files
        assert await deployment.failover() is deployment.replicas[0]


async def test_a_deployment_tells_where_it_is(server_clients: SentinelDeployment) -> None:
    """`addresses` and `url` are those of the sentinels, without passwords."""
    ports = [sentinel.port for sentinel in server_clients.sentinels]
    assert server_clients.addresses == [("127.0.0.1", port) for port in ports]
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    assert server_clients.url == f"redis+sentinel://{hosts}/mymaster/0"
    assert server_clients.tls is None
    assert "5 of 5 servers running" in repr(server_clients)
    assert "secret" not in repr(server_clients) + repr(members(server_clients))
    assert "hidden" not in repr(server_clients) + repr(members(server_clients))


async def test_passwords_are_asked_for(server_clients: SentinelDeployment) -> None:
    """Servers and sentinels have a password each, and their own one only."""
    for server in members(server_clients):
        assert "NOAUTH" in repr(ask(server, "PING"))
    assert {server.password for server in server_clients.sentinels} == {"hidden"}
    assert server_clients.primary.password == server_clients.replicas[0].password == "secret"


async def test_a_killed_primary_is_replaced_and_comes_back(
    server_clients: SentinelDeployment,
) -> None:
    """`wait_until_ok` waits for the sentinels' decision; the old primary becomes a replica."""
    old = await server_clients.current_primary()
    await old.kill()
    await server_clients.wait_until_ok()
    assert await server_clients.current_primary() is not old
    await old.start()
    await server_clients.wait_until_ok()
    assert str(await told(old, "ROLE")).startswith("['slave'")


async def test_failover(server_clients: SentinelDeployment) -> None:
    """The new primary is one that was a replica, the old one is its replica, all know it.

    It knows it still when it was killed and started again.
    """
    old = await server_clients.current_primary()
    new = await server_clients.failover()
    assert new is not old
    assert await server_clients.current_primary() is new
    assert str(await told(old, "ROLE")).startswith(f"['slave', '127.0.0.1', {new.port}")
    await new.kill()
    await new.start()
    assert str(await told(new, "ROLE")).startswith("['master'")
    for server in server_clients.sentinels:
        address = await told(server, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
        assert address == ["127.0.0.1", str(new.port)]
    await server_clients.wait_until_ok()


async def test_what_is_not_ok_is_told(server_clients: SentinelDeployment) -> None:
    """The error has the view of each; a killed one is not missed."""
    sentinel, primary = server_clients.sentinels[2], await server_clients.current_primary()
    sentinel.pause()
    try:
        with pytest.raises(NotReadyError, match="sentinels are not ready") as caught:
            await server_clients.wait_until_ok(timeout=1.2)
    finally:
        sentinel.resume()
    assert f"{sentinel.url}: cannot be asked: " in str(caught.value)
    assert primary.url not in str(caught.value)
    await sentinel.kill()
    await server_clients.wait_until_ok()
    await sentinel.start()
    await server_clients.wait_until_ok()


async def test_no_sentinel_no_primary(server_clients: SentinelDeployment) -> None:
    """Without a running sentinel the primary is unknown; restarted sentinels remember it."""
    primary = await server_clients.current_primary()
    for sentinel in server_clients.sentinels:
        await sentinel.kill()
    try:
        with pytest.raises(LookupError, match="no sentinel of"):
            await server_clients.current_primary()
    finally:
        for sentinel in server_clients.sentinels:
            await sentinel.start()
    assert await server_clients.current_primary() is primary
    await server_clients.wait_until_ok()


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (run_sentinel(name=""), "name has to be"),
        (run_sentinel(name="a b"), "name has to be"),
        (run_sentinel(replicas=-1), "replicas has to be 0 or more"),
        (run_sentinel(sentinels=0), "sentinels has to be 1 or more"),
        (run_sentinel(quorum=0), "quorum has to be 1 to 3"),
        (run_sentinel(quorum=4), "quorum has to be 1 to 3"),
        (run_sentinel(down_after=0), "down_after has to be"),
        (run_sentinel(failover_timeout=-1), "failover_timeout has to be"),
        (run_sentinel(startup_timeout=0), "startup_timeout has to be"),
    ],
)
async def test_arguments_that_make_no_sense_are_refused(
    scope: AbstractAsyncContextManager[SentinelDeployment], message: str
) -> None:
    """Nothing starts, and the error names the argument."""
    with pytest.raises(ValueError, match=message):
        async with scope:
            pytest.fail("it must not start")


async def test_a_server_that_does_not_start_is_told_with_its_log() -> None:
    """The error names the server that failed, and no server is left."""
    before = children()
    with pytest.raises(ServerStartError, match=r"(?s)redis://.* ended with status 1 .*no-such"):
        async with run_sentinel(binary=valkey_binary(), arguments=["--no-such-option", "1"]):
            pytest.fail("it must not start")
    assert children() == before


@on_each_loop
@pytest.mark.parametrize("seconds", [0.1, 0.25])
async def test_cancelled_while_starting_it_leaves_nothing(
    anyio_backend: Backend, seconds: float
) -> None:
    """The wait for the sentinels can be cancelled, and takes all with it."""
    before = children()
    with anyio.move_on_after(seconds) as scope:
        async with run_sentinel(binary=valkey_binary(), replicas=2):
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert children() == before


async def test_gone_after_an_exception_which_stays_itself() -> None:
    """An exception leaves the block unwrapped, and at once."""
    error = KeyError("mine")
    pids: list[int] = []
    begun = math.inf
    with pytest.raises(KeyError) as caught:  # noqa: PT012 - the block is what is tested
        async with run_sentinel(binary=valkey_binary(), replicas=0) as deployment:
            pids += [server.pid for server in members(deployment)]
            begun = time.monotonic()
            deployment.sentinels[1].pause()
            raise error
    assert caught.value is error
    assert time.monotonic() - begun < 5, "a stop that waits would take 10 s"
    assert not any(map(is_alive, pids))
