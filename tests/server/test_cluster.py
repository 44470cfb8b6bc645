"""Tests of `anyredis.server.cluster`: a cluster that works at once, its changes, and its end.

A cluster takes two seconds to form, so it does on each event loop only where that is the point.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import cast

import anyio
import hiredis
import pytest

from anyredis.server import (
    Cluster,
    NotReadyError,
    Server,
    ServerNotFoundError,
    ServerStartError,
    run_cluster,
)
from tests.conftest import BACKENDS, Backend
from tests.servers import (
    ROOT,
    Certificates,
    ask,
    is_alive,
    processes,
    redis_tls_binary,
    valkey_binary,
)

pytestmark = pytest.mark.server

PROGRAM = """
import sys
import anyio
from anyredis.server import run_cluster

async def main():
    async with run_cluster(primaries=1, binary=sys.argv[1]) as cluster:
        print(*(server.pid for server in cluster.servers), flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""

on_each_loop = pytest.mark.parametrize(
    "anyio_backend", BACKENDS.values(), ids=[*BACKENDS], scope="module"
)


@pytest.fixture(scope="module")
def anyio_backend() -> Backend:
    """One event loop, the strictest, for tests that do not ask for each."""
    return BACKENDS["trio"]


@pytest.fixture(scope="module")
async def cluster(anyio_backend: Backend) -> AsyncGenerator[Cluster]:
    """A cluster of this file: each test leaves it in working order, perhaps with other roles."""
    async with run_cluster(binary=valkey_binary(), node_timeout=1) as cluster:
        yield cluster


def fields(server: Server, *command: str) -> dict[bytes, bytes]:
    """The fields of an INFO or CLUSTER INFO reply."""
    reply = ask(server, *command)
    assert isinstance(reply, bytes)
    pairs = (line.partition(b":") for line in reply.splitlines())
    return {name: value for name, _, value in pairs}


def cluster_slots(server: Server) -> list[tuple[int, int, list[int]]]:
    """First and last slot of each range, and the ports that serve it, the primary's first."""
    found: list[tuple[int, int, list[int]]] = []
    for part in items(ask(server, "CLUSTER", "SLOTS")):
        first, last, *nodes = items(part)
        assert isinstance(first, int)
        assert isinstance(last, int)
        ports = [port for node in nodes if isinstance(port := items(node)[1], int)]
        found.append((first, last, ports))
    return found


def items(reply: object) -> list[object]:
    """A reply that has to be an array."""
    assert isinstance(reply, list)
    return cast("list[object]", reply)


def children() -> set[int]:
    """The processes that this one has started."""
    return {process.pid for process in processes() if process.parent == os.getpid()}


@on_each_loop
async def test_it_works_at_once_and_is_gone_after_an_exception(anyio_backend: Backend) -> None:
    """An exception leaves the block unwrapped; a paused server does not delay it."""
    error = KeyError("mine")
    pids: list[int] = []
    begun = math.inf
    with pytest.raises(KeyError) as caught:  # noqa: PT012 - the block is what is tested
        async with run_cluster(primaries=1, binary=valkey_binary(), password="secret") as cluster:
            [primary], [replica] = cluster.primaries, cluster.replicas
            assert cluster.servers == [primary, replica]
            assert "NOAUTH" in repr(ask(primary, "PING"))
            assert "secret" not in repr(cluster) + cluster.url
            await cluster.wait_until_ok(timeout=5)
            assert await cluster.role_of(replica) == "replica"
            pids += [server.pid for server in cluster.servers]
            primary.pause()
            begun = time.monotonic()
            raise error
    assert caught.value is error
    assert time.monotonic() - begun < 5, "a stop that waits would take 10 s"
    assert not any(map(is_alive, pids))


def test_every_server_knows_the_slots_and_the_replicas(valkey_cluster: Cluster) -> None:
    """Three equal shares, a replica of each: all say so."""
    first, second, third, *replicas = (server.port for server in valkey_cluster.servers)
    for server in valkey_cluster.servers:
        assert sorted(cluster_slots(server)) == [
            (0, 5460, [first, replicas[0]]),
            (5461, 10921, [second, replicas[1]]),
            (10922, 16383, [third, replicas[2]]),
        ]
        assert fields(server, "CLUSTER", "INFO")[b"cluster_state"] == b"ok"
        assert fields(server, "CLUSTER", "INFO")[b"cluster_known_nodes"] == b"6"


def test_the_replicas_are_linked_to_their_primaries(valkey_cluster: Cluster) -> None:
    """The first replica is that of the first primary, and so on."""
    for primary, replica in zip(valkey_cluster.primaries, valkey_cluster.replicas, strict=True):
        info = fields(replica, "INFO", "replication")
        assert info[b"master_link_status"] == b"up"
        assert int(info[b"master_port"]) == primary.port


def test_a_cluster_tells_where_it_is(valkey_cluster: Cluster) -> None:
    """`url` has all hosts; `host` and `port` are those of the first."""
    servers = valkey_cluster.servers
    assert valkey_cluster.url == "redis://" + ",".join(f"127.0.0.1:{s.port}" for s in servers)
    assert (valkey_cluster.host, valkey_cluster.port) == (servers[0].host, servers[0].port)
    assert servers == [*valkey_cluster.primaries, *valkey_cluster.replicas]
    assert valkey_cluster.tls is None
    assert "6 of 6 servers running" in repr(valkey_cluster)


async def test_a_cluster_tells_who_is_who(valkey_cluster: Cluster) -> None:
    """Slots, roles and names are asked of the servers."""
    primary, replica = valkey_cluster.primaries[2], valkey_cluster.replicas[2]
    assert await valkey_cluster.primary_for(16383) is primary
    assert await valkey_cluster.role_of(primary) == "primary"
    assert await valkey_cluster.role_of(replica) == "replica"
    assert (await valkey_cluster.id_of(primary)).encode() == ask(primary, "CLUSTER", "MYID")
    with pytest.raises(ValueError, match="0 to 16383, not 16384"):
        await valkey_cluster.primary_for(16384)


async def test_redis_without_replicas(redis8_cluster: Cluster) -> None:
    """Primaries alone are a cluster too, of Redis as of Valkey."""
    assert redis8_cluster.replicas == ()
    assert [len(nodes) for _, _, nodes in cluster_slots(redis8_cluster.servers[2])] == [1, 1, 1]
    assert b"redis_version" in fields(redis8_cluster.servers[0], "INFO", "server")
    await redis8_cluster.wait_until_ok(timeout=5)


async def test_tls(certificates: Certificates) -> None:
    """Clients, the bus and replication speak TLS only; after the block nothing is left."""
    files = certificates.server_files()
    async with run_cluster(binary=redis_tls_binary(), tls=files, primaries=2) as cluster:
        assert cluster.url.startswith("rediss://127.0.0.1:")
        assert cluster.tls is files
        for name in ("tls-cluster", "tls-replication"):
            option = ask(cluster.servers[0], "CONFIG", "GET", name)
            assert option == [name.encode(), b"yes"]
        assert await cluster.primary_for(8192) is cluster.primaries[1]
        pids = [server.pid for server in cluster.servers]
    assert not any(map(is_alive, pids))
    assert not any(server.is_running or server.directory.exists() for server in cluster.servers)


async def test_an_added_server_is_known_to_all_until_it_is_removed(cluster: Cluster) -> None:
    """It is a member without slots; once removed, no server knows it and it is gone.

    It stays as long as it has a replica.
    """
    server = await cluster.add_server()
    name = await cluster.id_of(server)
    assert cluster.servers[6:] == [server]
    assert f":{server.port}" in cluster.url
    for other in cluster.servers:
        info = fields(other, "CLUSTER", "INFO")
        assert (info[b"cluster_known_nodes"], info[b"cluster_state"]) == (b"7", b"ok")
    primary, replica = cluster.primaries[0], cluster.replicas[0]
    ask(replica, "CLUSTER", "REPLICATE", name)
    await cluster.wait_until_ok()
    with pytest.raises(ValueError, match="has replicas: move them to another primary"):
        await cluster.remove_server(server)
    ask(replica, "CLUSTER", "REPLICATE", await cluster.id_of(primary))
    await cluster.wait_until_ok()
    await cluster.remove_server(server)
    assert len(cluster.servers) == 6
    assert not server.is_running
    for other in cluster.servers:
        assert name not in repr(ask(other, "CLUSTER", "NODES"))
    with pytest.raises(ValueError, match="is no member"):
        await cluster.remove_server(server)


async def test_a_server_with_slots_is_not_removed(cluster: Cluster) -> None:
    """The error says what to do first, and the server stays."""
    owner = await cluster.primary_for(0)
    with pytest.raises(ValueError, match="serves slots: move them"):
        await cluster.remove_server(owner)
    assert owner.is_running
    assert owner in cluster.servers


async def test_a_killed_primary_is_replaced_and_comes_back(cluster: Cluster) -> None:
    """`wait_until_ok` waits for a replica's promotion; the old primary comes back as a replica."""
    old = await cluster.primary_for(0)
    name = await cluster.id_of(old)
    await old.kill()
    await cluster.wait_until_ok()
    new = await cluster.primary_for(0)
    assert new is not old
    assert await cluster.role_of(new) == "primary"
    await old.start()
    await cluster.wait_until_ok()
    assert await cluster.id_of(old) == name
    assert await cluster.role_of(old) == "replica"


async def test_a_cluster_that_is_not_ok_is_told_by_each_server(cluster: Cluster) -> None:
    """The error has each server's view; a paused one does not answer."""
    paused = cluster.servers[0]
    paused.pause()
    try:
        with pytest.raises(NotReadyError, match=r"not ok after 1\.2 s:") as caught:
            await cluster.wait_until_ok(timeout=1.2)
    finally:
        paused.resume()
    assert f"{paused.url}: cannot be asked: " in str(caught.value)
    await cluster.wait_until_ok()


async def test_slots_that_nobody_serves_are_told(cluster: Cluster) -> None:
    """A slot without an owner is an error, and the cluster is not ok without it."""
    for server in cluster.servers:
        ask(server, "CLUSTER", "DELSLOTS", 7)
    try:
        with pytest.raises(LookupError, match="serves the slot 7"):
            await cluster.primary_for(7)
        with pytest.raises(NotReadyError, match="knows the owners of 16383 of the 16384 slots"):
            await cluster.wait_until_ok(timeout=0.3)
    finally:
        assert ask(await cluster.primary_for(8), "CLUSTER", "ADDSLOTS", 7) == b"OK"
        await cluster.wait_until_ok()


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (run_cluster(primaries=0), "primaries has to be"),
        (run_cluster(primaries=16385), "primaries has to be"),
        (run_cluster(replicas=-1), "replicas has to be 0 or more"),
        (run_cluster(node_timeout=0), "node_timeout has to be"),
        (run_cluster(startup_timeout=math.nan), "startup_timeout has to be"),
    ],
)
async def test_numbers_that_make_no_sense_are_refused(
    scope: AbstractAsyncContextManager[Cluster], message: str
) -> None:
    """Nothing starts, and the error names the argument."""
    with pytest.raises(ValueError, match=message):
        async with scope:
            pytest.fail("it must not start")


async def test_a_missing_binary_is_an_error_at_once(tmp_path: Path) -> None:
    """Nothing starts if the program does not exist."""
    with pytest.raises(ServerNotFoundError, match="pip install"):
        async with run_cluster(binary=tmp_path / "nowhere"):
            pytest.fail("it must not start")


async def test_a_server_that_does_not_start_is_told_with_its_log() -> None:
    """The error names the server that failed, and no server is left."""
    before = children()
    with pytest.raises(ServerStartError, match=r"(?s)redis://.* ended with status 1 .*no-such"):
        async with run_cluster(binary=valkey_binary(), arguments=["--no-such-option", "1"]):
            pytest.fail("it must not start")
    assert children() == before


async def test_servers_that_do_not_come_together_are_told() -> None:
    """When the time is over, the error has each server's view, and no server is left."""
    before = children()
    with pytest.raises(NotReadyError, match=r"(?s)not ok after .*cluster_state:fail.*log ends"):
        async with run_cluster(primaries=1, binary=valkey_binary(), startup_timeout=0.7):
            pytest.fail("it must not start")
    assert children() == before


async def test_servers_that_cannot_be_a_cluster_are_told() -> None:
    """The refusal of a server is in the error."""
    renamed = ["--rename-command", "CLUSTER", "NOTHING"]
    with pytest.raises(NotReadyError, match="could not be formed") as caught:
        async with run_cluster(primaries=1, binary=valkey_binary(), arguments=renamed):
            pytest.fail("it must not start")
    assert "unknown command" in str(caught.value)


@on_each_loop
@pytest.mark.parametrize("seconds", [0.15, 0.4])
async def test_cancelled_while_forming_it_leaves_nothing(
    anyio_backend: Backend, seconds: float
) -> None:
    """The wait for a cluster can be cancelled, and takes the servers with it."""
    before = children()
    with anyio.move_on_after(seconds) as scope:
        async with run_cluster(binary=valkey_binary()):
            pytest.fail("it must not be ready so soon")
    assert scope.cancelled_caught
    assert children() == before


def test_all_die_with_their_owner() -> None:
    """SIGKILL of the process that started the cluster is the end of all its servers."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(valkey_binary())],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        pids = [int(word) for word in owner.stdout.readline().split()]
        assert len(pids) == 2
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline, "a server is alive"
        time.sleep(0.01)


def test_the_shared_clusters_are_empty(valkey_cluster: Cluster, redis8_cluster: Cluster) -> None:
    """A test finds no data of other tests in them, and leaves some."""
    for shared in (valkey_cluster, redis8_cluster):
        for primary in shared.primaries:
            assert ask(primary, "DBSIZE") == 0
        assert not isinstance(ask(shared.primaries[0], "SET", "{06S}", "x"), hiredis.ReplyError)
