"""Tests of `anyredis.connection.health`: ended connections, silent ones, errors that retire them."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from anyredis import AuthenticationError, ReadOnlyError, Redis, RedisCluster, Retry
from anyredis.connection.health import SilenceRule
from anyredis.exceptions import from_server
from anyredis.server import Cluster, Server
from anyredis.testing import FakeServer
from anyredis.wire.decode import Decoder
from anyredis.wire.request import Request
from anyredis.wire.request_queue import RequestQueue
from tests.connection.lanes import LANE_KINDS, LaneKind, client_on, connection_of
from tests.servers import Certificates, ask
from tests.wire.notes import Note

TIMES = 5
READONLY = from_server("READONLY You can't write against a read only replica.")


@pytest.fixture(autouse=True)
def every_write_comes_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests need not wait for a pause."""
    monkeypatch.setattr("anyredis.connection.base.PAUSE", -1.0)


def kill_clients(server: Server) -> None:
    """Have *server* close all connections; the event loop stands still meanwhile."""
    ask(server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


# -- what the peer has said already -------------------------------------------------------------


async def test_a_command_after_a_freeze(valkey: Server) -> None:
    """G11: the peer closed it while the loop stood still, so the command is sent on another."""
    async with Redis(valkey.host, valkey.port) as client:
        for expected in range(1, TIMES + 1):
            assert await client.incr("n") == 2 * expected - 1
            kill_clients(valkey)
            assert await client.incr("n") == 2 * expected


@pytest.mark.parametrize("kind", LANE_KINDS)
async def test_each_lane_after_a_freeze(lane_server: Server, kind: LaneKind) -> None:
    """G6, G11: a direct lane does not overtake the end of the stream, nor do the two tasks."""
    async with client_on(kind, lane_server.host, lane_server.port, retry=Retry()) as client:
        for expected in range(1, TIMES + 1):
            assert await client.incr("n") == 3 * expected - 2
            kill_clients(lane_server)
            assert await client.incr("n") == 3 * expected - 1
            async with client.session() as session:
                await session.ping()
            kill_clients(lane_server)
            async with client.session() as session:
                assert await session.incr("n") == 3 * expected


async def test_words_before_the_end(valkey: Server) -> None:
    """G1: replies that arrived while the loop stood still reach their requests, then it is lost."""
    async with Redis(valkey.host, valkey.port) as client:
        await client.ping()
        for _ in range(TIMES):
            connection = connection_of(client)
            request = connection.enqueue((b"ECHO", b"heard"))
            assert request is not None
            while request.payload is not None:
                await anyio.lowlevel.checkpoint()
            kill_clients(valkey)
            assert await connection.answer(request) == b"heard"
            assert await client.ping()


async def test_a_session_after_a_freeze(valkey: Server) -> None:
    """G6: an idle connection that the peer has closed is not handed out."""
    async with Redis(valkey.host, valkey.port, retry=None) as client:
        for expected in range(1, TIMES + 1):
            async with client.session() as session:
                assert await session.incr("n") == 2 * expected - 1
            kill_clients(valkey)
            async with client.session() as session:
                assert await session.incr("n") == 2 * expected
        pool = client.connection_pool
        assert pool.free == pool.capacity


async def test_a_pipeline_and_a_blocking_command_after_a_freeze(valkey: Server) -> None:
    """Both are sent once, on a connection that is open."""
    async with Redis(valkey.host, valkey.port) as client:
        for expected in range(1, TIMES + 1):
            await client.ping()
            kill_clients(valkey)
            async with client.pipeline() as pipe:
                count, pushed = pipe.incr("n"), pipe.rpush("q", "x")
            assert (count.value, pushed.value) == (expected, 1)
            kill_clients(valkey)
            assert await client.blpop("q", timeout=1) is not None


async def test_a_cluster_after_a_freeze(valkey_cluster: Cluster) -> None:
    """The same holds for the connections to the nodes of a cluster."""
    async with RedisCluster.from_url(valkey_cluster.url) as client:
        for expected in range(1, TIMES + 1):
            assert await client.incr("n") == 2 * expected - 1
            for node in valkey_cluster.servers:
                kill_clients(node)
            assert await client.incr("n") == 2 * expected


async def test_tls_after_a_freeze(redis_tls: Server, certificates: Certificates) -> None:
    """With TLS the end of the connection lies behind bytes that the reader has to decrypt."""
    async with Redis(
        redis_tls.host, redis_tls.port, ssl_context=certificates.client_context(), retry=None
    ) as client:
        for expected in range(1, TIMES + 1):
            async with client.session() as session:
                assert await session.incr("n") == 2 * expected - 1
            kill_clients(redis_tls)
            async with client.session() as session:
                assert await session.incr("n") == 2 * expected


async def test_a_stream_without_a_socket() -> None:
    """The reader task gets its turns to see the end, so the command is not written."""
    server = FakeServer()
    async with server.client() as client:
        await client.incr("n")
        server.peers[0].half_close()
        assert await client.incr("n") == 2
    assert server.count("INCRBY") == 2


@pytest.mark.parametrize("steps", range(6))
async def test_a_lease_that_is_cancelled_while_its_connection_is_heard(steps: int) -> None:
    """G5: the connection is idle again, and the counts add up."""
    server = FakeServer()

    async def use() -> None:
        async with client.session() as session:
            await session.ping()

    async with server.client(max_connections=1) as client:
        await use()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (1, 0, 0)
        await use()
    assert server.accepted == 1


# -- how long it may be silent ------------------------------------------------------------------


def waiting() -> RequestQueue:
    """A queue with a request that was sent at 10, whose reply may take 4 seconds."""
    wire = RequestQueue(Decoder(), reply_timeout=4.0)
    wire.submit(Request.of(b"x", Note()))
    wire.take(10.0)
    return wire


def test_time_for_which_the_loop_stood_still_does_not_count() -> None:
    """A check that is late moves the deadline; afterwards the request is overdue as always."""
    rule, wire = SilenceRule(), waiting()
    assert not rule.is_over(wire, 11.0, 0.0)
    assert not rule.is_over(wire, 100.0, 88.0)
    assert not rule.is_over(wire, 101.0, 0.0)
    assert rule.is_over(wire, 102.1, 0.0)


def test_a_loop_that_always_lags() -> None:
    """A dead connection is found within three times the timeout."""
    rule, wire = SilenceRule(), waiting()
    now = 10.0
    while not rule.is_over(wire, now, 2.0):
        now += 3.0
    assert now <= 10.0 + 3 * 4.0


def test_received_bytes_are_a_sign_of_life() -> None:
    """A large reply may take longer than the timeout; once nothing more comes it is overdue."""
    rule, wire = SilenceRule(), waiting()
    wire.feed(b"$10000000\r\n")
    for now in range(11, 40):
        wire.feed(b"x" * 4096)
        assert not rule.is_over(wire, float(now), 0.0)
    assert rule.is_over(wire, 44.0, 0.0)


def test_a_drip_is_no_sign_of_life() -> None:
    """Less than 1 KiB a second is overdue as if nothing came."""
    rule, wire = SilenceRule(), waiting()
    wire.feed(b"$10000000\r\n")
    for now in range(11, 15):
        wire.feed(b"x" * 1000)
        assert not rule.is_over(wire, float(now), 0.0)
    wire.feed(b"x" * 1000)
    assert rule.is_over(wire, 15.0, 0.0)


@pytest.mark.parametrize("kind", LANE_KINDS)
async def test_a_reply_that_came_while_the_loop_stood_still(
    lane_server: Server, kind: LaneKind
) -> None:
    """No false timeout, though the loop stood still longer than `stream_timeout`."""
    async with client_on(kind, lane_server.host, lane_server.port, stream_timeout=0.4) as client:
        await client.set("large", b"x" * 3_000_000)
        for _ in range(2):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.get, "large")
                tasks.start_soon(client.get, "small")
                for _ in range(3):
                    await anyio.lowlevel.checkpoint()
                ask(lane_server, "BLPOP", "nothing", "0.7")  # it blocks this thread


# -- errors that retire connections -------------------------------------------------------------


async def test_readonly_of_a_former_primary() -> None:
    """All its connections are replaced, those of sessions at their release; the counts add up."""
    server = FakeServer()
    server.on("SET", READONLY, times=1)
    async with server.client(retry=None) as client:
        async with client.session() as session:
            await session.ping()
            with pytest.raises(ReadOnlyError):
                await client.set("k", "v")
        before = server.accepted
        await client.set("k", "v")
        async with client.session() as session:
            await session.ping()
        assert server.accepted == before + 2
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


async def test_readonly_of_a_replica() -> None:
    """A server that called itself a replica from the first keeps its connections."""
    server = FakeServer()
    server.on("SET", READONLY)
    async with server.client(retry=None) as client:
        await client.ping()
        [connection] = client.connection_pool.connections()
        connection.server_info = connection.server_info._replace(role="replica")
        for _ in range(3):
            with pytest.raises(ReadOnlyError):
                await client.set("k", "v")
    assert server.accepted == 1


async def test_noauth_retires_the_connection() -> None:
    """G6: the next command uses a connection that has logged in."""
    server = FakeServer()
    server.on("GET", from_server("NOAUTH Authentication required."), times=1)
    async with server.client(retry=None) as client:
        with pytest.raises(AuthenticationError):
            await client.get("k")
        assert await client.get("k") is None
    assert server.accepted == 2
