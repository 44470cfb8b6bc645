"""Guarantees of a session's writes: WAIT and WAITAOF after each, and errors that tell of the write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest

from anyredis import (
    ConnectionError,
    DataError,
    DurabilityError,
    GuaranteeError,
    Outcome,
    Redis,
    RedisCluster,
    ReplicationError,
    ResponseError,
    WrongTypeError,
)
from anyredis.server import Cluster, Server, run
from anyredis.testing import NOTHING, Answer, FakePeer, FakeServer, Words
from anyredis.testing.server import run_then_reset
from tests.servers import ask, valkey_binary


def names(server: FakeServer, *, behind: str) -> list[str]:
    """The names of the commands that came after the last WAIT or WAITAOF 0, which checks."""
    received = [words[0].decode() for words in server.received]
    return received[received.index(behind) + 1 :]


async def test_wait_follows_each_write() -> None:
    """Each command that writes is followed by WAIT; those that read, or change the session, not."""
    server = FakeServer()
    server.memory.acknowledging = 2
    async with (
        server.client() as client,
        client.session(ensure_replication=2, timeout=timedelta(seconds=1)) as session,
    ):
        await session.set("k", 1)
        await session.get("k")
        await session.watch("k")
        assert await session.incr("k") == 2
        assert await session.wait(1, 10) == 2
    assert names(server, behind="WAIT") == ["SET", "WAIT", "GET", "WATCH", "INCRBY", "WAIT", "WAIT"]
    assert server.received[-2] == (b"WAIT", b"2", b"1000")


async def test_wait_follows_each_pipeline_with_a_write() -> None:
    """A pipeline is followed by one WAIT, after its results are there; one that reads by none."""
    server = FakeServer()
    server.memory.acknowledging = 1
    async with (
        server.client() as client,
        client.session(ensure_replication=1, timeout=1000) as session,
    ):
        async with session.pipeline() as pipe:
            pipe.set("k", 1)
            pipe.incr("k")
        async with session.pipeline(transaction=False) as pipe:
            pipe.get("k")
    expected = ["MULTI", "SET", "INCRBY", "EXEC", "WAIT", "GET"]
    assert names(server, behind="WAIT") == expected


async def test_both_guarantees_follow() -> None:
    """WAIT, then WAITAOF, if both are asked for."""
    server = FakeServer()
    server.memory.acknowledging = 1
    async with (
        server.client() as client,
        client.session(ensure_replication=1, ensure_persistence=(1, 1), timeout=20) as session,
    ):
        await session.set("k", 1)
    assert server.received[-3:] == [
        (b"SET", b"k", b"1"),
        (b"WAIT", b"1", b"20"),
        (b"WAITAOF", b"1", b"1", b"20"),
    ]


async def test_too_few_replicas() -> None:
    """The error says that the write was executed, on how many replicas it is, and has its value."""
    server = FakeServer()
    server.memory.acknowledging = 1
    async with (
        server.client() as client,
        client.session(ensure_replication=3, timeout=5) as session,
    ):
        with pytest.raises(
            ReplicationError, match=r"^INCRBY was executed, but 1 of 3 replicas have it after 5 ms$"
        ) as caught:
            await session.incr("n")
        assert (caught.value.replicas, caught.value.value) == (1, 1)
        assert caught.value.outcome is Outcome.EXECUTED
        assert not isinstance(caught.value, ConnectionError | ResponseError)
        assert await session.get("n") == b"1"
    assert server.count("INCRBY") == 1


async def test_too_few_files() -> None:
    """The same for append-only files: here and on replicas."""
    server = FakeServer()
    server.on("WAITAOF", [0, 1])
    async with (
        server.client() as client,
        client.session(ensure_persistence=(1, 2), timeout=5) as session,
    ):
        with pytest.raises(
            DurabilityError,
            match="SET was executed, but after 5 ms 0 of 1 files here and 1 of 2 on",
        ) as caught:
            await session.set("k", 1)
        assert (caught.value.local, caught.value.replicas) == (0, 1)
        assert isinstance(caught.value, GuaranteeError)


async def test_the_results_of_a_pipeline_are_readable_after_the_error() -> None:
    """Its commands have been executed, and each `Result` has its value."""
    server = FakeServer()
    async with (
        server.client() as client,
        client.session(ensure_replication=1, timeout=5) as session,
    ):
        pipe = session.pipeline()
        number = pipe.incr("n")
        with pytest.raises(ReplicationError, match="the pipeline with INCRBY was") as caught:
            await pipe.execute()
        assert number.value == 1
        assert caught.value.value is None


@pytest.mark.parametrize(
    ("name", "guarantee", "error"),
    [
        ("WAIT", {"ensure_replication": 1}, ReplicationError),
        ("WAITAOF", {"ensure_persistence": (1, 0)}, DurabilityError),
    ],
)
async def test_a_loss_after_the_write_tells_of_the_write(
    name: str, guarantee: dict[str, Any], error: type[GuaranteeError]
) -> None:
    """If the reply to WAIT is lost, the write is known to be executed, and is not repeated (G11)."""
    server = FakeServer()
    async with (
        server.client() as client,
        client.session(timeout=5, **guarantee) as session,
    ):
        server.on(name, run_then_reset)
        with pytest.raises(error, match="INCRBY was executed, but it is unknown") as caught:
            await session.incr("n")
        assert (caught.value.replicas, caught.value.value) == (None, 1)
        assert isinstance(caught.value.__cause__, ConnectionError)
    assert server.count("INCRBY") == 1


async def test_a_failed_write_is_followed_by_nothing() -> None:
    """Its own error is raised at once, also that of one command of a pipeline."""
    server = FakeServer()
    async with server.client() as client:
        await client.set("text", "x")
        async with client.session(ensure_replication=1, timeout=0) as session:
            with pytest.raises(WrongTypeError):
                await session.lpush("text", 1)
            pipe = session.pipeline()
            pipe.set("k", 1)
            pipe.lpush("text", 1)
            with pytest.raises(WrongTypeError):
                await pipe.execute()
        assert server.count("WAIT") == 1  # the check at the beginning


async def test_errors_as_values_are_followed_by_wait_if_one_command_wrote() -> None:
    """With `raise_on_error=False` the guarantee is about the commands that did write."""
    server = FakeServer()
    server.memory.acknowledging = 1
    async with server.client() as client:
        await client.set("text", "x")
        async with client.session(ensure_replication=1, timeout=0) as session:
            pipe = session.pipeline(raise_on_error=False)
            pipe.lpush("text", 1)
            pipe.get("text")
            await pipe.execute()
            assert server.count("WAIT") == 1
            pipe.lpush("text", 1)
            pipe.set("k", 1)
            await pipe.execute()
            assert server.count("WAIT") == 2


async def test_a_cancelled_wait_closes_the_connection() -> None:
    """The write stays; WAIT is a blocking command, whose connection is closed (G4)."""
    server = FakeServer()
    async with server.client() as client:
        async with client.session(ensure_replication=1, timeout=0) as session:
            with anyio.CancelScope() as scope:

                def cancel(_peer: FakePeer, _words: Words) -> Answer:
                    scope.cancel()
                    return NOTHING

                server.on("WAIT", cancel)
                await session.incr("n")
            assert scope.cancelled_caught
            assert session.connection.closed
        assert await client.get("n") == b"1"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timeout": 5}, "timeout is for ensure_replication"),
        ({"ensure_replication": 1}, "give timeout too"),
        ({"ensure_persistence": (1, 0)}, "give timeout too"),
        ({"ensure_replication": 0, "timeout": 1}, "ensure_replication is 0: give 1 or more"),
        ({"ensure_replication": True, "timeout": 1}, "ensure_replication"),
        ({"ensure_replication": 1, "timeout": -1}, "timeout is negative"),
        ({"ensure_replication": 1, "timeout": 0.5}, "timeout"),
        ({"ensure_persistence": 1, "timeout": 1}, r"has to be \(local, replicas\)"),
        ({"ensure_persistence": (1, 0, 0), "timeout": 1}, r"has to be \(local, replicas\)"),
        ({"ensure_persistence": (0, 0), "timeout": 1}, "one of the two is not 0"),
        ({"ensure_persistence": (2, 0), "timeout": 1}, "local is 0 or 1"),
        ({"ensure_persistence": (1, -1), "timeout": 1}, r"ensure_persistence\[1\] is -1"),
    ],
)
async def test_arguments_that_make_no_sense(options: dict[str, Any], text: str) -> None:
    """They are refused before a connection is made."""
    server = FakeServer()
    async with server.client() as client:
        with pytest.raises(DataError, match=text):
            client.session(**options)
    assert server.accepted == 0


# -- live ---------------------------------------------------------------------------------------


async def test_replicas_of_a_cluster(valkey_cluster: Cluster) -> None:
    """The one replica of a node has each write; a second one is missed, and the error says so."""
    seed = valkey_cluster.primaries[0]
    async with RedisCluster(seed.host, seed.port, decode_responses=True) as cluster:
        async with cluster.session("k", ensure_replication=1, timeout=5000) as session:
            assert await session.set("k", "v")
            async with session.pipeline() as pipe:
                number = pipe.incr("{k}n")
            assert number.value == 1
        async with cluster.session("k", ensure_replication=2, timeout=1) as session:
            with pytest.raises(ReplicationError, match=r"[01] of 2 replicas"):
                await session.append("k", "w")
        assert await cluster.get("k") == "vw"


@pytest.mark.server
async def test_the_file_of_a_server() -> None:
    """With an append-only file, a write is there on the disk when the call returns."""
    arguments = ("--appendonly", "yes", "--appendfsync", "everysec")
    async with (
        run(binary=valkey_binary(), arguments=arguments) as server,
        Redis(server.host, server.port) as client,
        client.session(ensure_persistence=(1, 0), timeout=10_000) as session,
    ):
        assert await session.incr("n") == 1
        assert await session.waitaof(1, 0, 1) == (1, 0)


async def test_a_server_that_cannot_guarantee_it(valkey: Server) -> None:
    """A server without an append-only file, or a replica, refuses before anything is written."""
    async with Redis(valkey.host, valkey.port) as client:
        with pytest.raises(ResponseError, match="appendonly is disabled"):
            async with client.session(ensure_persistence=(1, 0), timeout=10) as session:
                await session.set("k", 1)
        assert ask(valkey, "EXISTS", "k") == 0
        assert client.connection_pool.leased == 0


async def test_a_replica_cannot_guarantee_it(valkey_cluster: Cluster) -> None:
    """WAIT is for primaries."""
    replica = valkey_cluster.replicas[0]
    async with Redis(replica.host, replica.port) as client:
        with pytest.raises(ResponseError, match="replica"):
            async with client.session(ensure_replication=1, timeout=10):
                pytest.fail("entered")
