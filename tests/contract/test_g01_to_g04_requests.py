"""G1 to G4: replies reach their requests, and cancelled requests leave no trace."""

from __future__ import annotations

import functools
import random
from collections.abc import Awaitable, Callable

import anyio
import pytest

from anyredis import BlockingConnectionPool, Redis, ReplyDecodeError
from anyredis.server import Server
from anyredis.testing import FakeServer
from anyredis.wire.request_queue import MAX_GIVEN_UP, MAX_TOMBSTONES
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.clients_and_taps import (
    Tap,
    TappedConnection,
    Transport,
    client_of,
    connections_of,
    outcomes,
    tapped,
    text_client_of,
    until,
)
from tests.contract.control import Control
from tests.contract.harness import assert_all_free, fresh, own_answers

LARGE = 4 * 1024 * 1024
"""Unsent bytes above which callers wait."""


async def cancelled(call: Callable[[], Awaitable[object]], turns: int) -> bool:
    """Whether *call* was cancelled when it was cancelled after *turns* turns of the event loop."""
    done = False

    async def run() -> None:
        nonlocal done
        await call()
        done = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    return not done


# -- G1 -----------------------------------------------------------------------------------------


async def test_each_request_gets_its_reply(
    valkey: Server, transport: Transport, shared: int
) -> None:
    """G1: of a thousand requests at once each gets its own reply."""
    client = client_of(
        valkey,
        transport,
        shared_connections=shared,
        max_connections=20,
        connection_pool_cls=BlockingConnectionPool,
    )
    async with client:
        values = [fresh() * random.randint(1, 300) for _ in range(1000)]
        assert await outcomes([functools.partial(client.echo, each) for each in values]) == values


async def test_each_request_gets_its_reply_while_others_are_cancelled(
    valkey: Server, transport: Transport, shared: int
) -> None:
    """G1, G3: requests cancelled at random moments do not shift the replies of others."""
    client = client_of(
        valkey,
        transport,
        shared_connections=shared,
        max_connections=4,
        connection_pool_cls=BlockingConnectionPool,
    )
    dice = random.Random(7)

    async def cancel_at_random() -> None:
        for _ in range(60):
            await cancelled(lambda: client.echo(fresh() * 100), dice.randrange(6))

    async with client:
        assert (
            await outcomes([lambda: own_answers(client, 100), cancel_at_random] * 4) == [None] * 8
        )
        assert_all_free(client.connection_pool)


async def test_a_reply_that_does_not_decode_fails_its_caller_only(valkey: Server) -> None:
    """G1, G12: text that does not decode fails one reply; the connection and others go on."""
    async with client_of(valkey) as binary:
        await binary.set("k", b"\xff")
    async with text_client_of(valkey) as client:
        before = await client.client_id()
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: client.echo("a"),
            lambda: client.get("k"),
            lambda: client.echo("b"),
        ]
        first, spoiled, last = await outcomes(calls)
        assert (first, last) == ("a", "b")
        assert isinstance(spoiled, ReplyDecodeError)
        assert await client.client_id() == before


# -- G2 -----------------------------------------------------------------------------------------


async def test_cancelled_in_the_same_turn_is_never_written(valkey: Server) -> None:
    """G2: a request that is cancelled before the writer's turn is never written."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        await client.ping()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.incr("never")
        assert await client.get("never") is None
        assert b"INCR" not in tap.sent


async def test_cancelled_behind_a_slow_send_is_never_written(valkey: Server) -> None:
    """G2: a request that is cancelled while another is being sent is never written."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        await client.ping()
        async with anyio.create_task_group() as tasks:
            tap.hold_sending()
            tasks.start_soon(client.set, "first", 1)
            await all_tasks_blocked()
            assert await cancelled(lambda: client.incr("never"), 3)
            tap.release()
        assert await client.get("never") is None
        assert b"INCR" not in tap.sent


async def test_cancelled_while_connecting_is_never_written(valkey: Server) -> None:
    """G2: a request that is cancelled while it waits for a connection is never written."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        tap.hold_receiving()
        assert await cancelled(lambda: client.incr("never"), 20)
        tap.release()
        assert await client.get("never") is None
        assert b"INCR" not in tap.sent
        assert tap.opened == 1


async def test_cancelled_in_line_for_a_lease_is_never_written(valkey: Server) -> None:
    """G2: a request that is cancelled while it waits for its turn is never written."""
    tap = Tap()
    pool = BlockingConnectionPool(
        connection_class=TappedConnection,
        tap=tap,
        host=valkey.host,
        port=valkey.port,
        max_connections=1,
    )
    async with Redis(connection_pool=pool) as client:
        async with pool.acquire():
            assert await cancelled(lambda: client.incr("never"), 5)
        assert await client.get("never") is None
        assert b"INCR" not in tap.sent


async def test_cancelled_while_the_server_does_not_read_is_never_written(valkey: Server) -> None:
    """G2, G13: a request that is cancelled while it waits for backpressure is never written."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        await client.ping()
        async with anyio.create_task_group() as tasks:
            tap.hold_sending()
            for number in range(3):
                tasks.start_soon(client.set, f"large{number}", b"x" * LARGE)
            await all_tasks_blocked()
            assert await cancelled(lambda: client.incr("never"), 5)
            tap.release()
        assert await client.get("never") is None
        assert b"INCR" not in tap.sent


@pytest.mark.parametrize("stream_timeout", [10.0, None])
@pytest.mark.parametrize("at_once", [100, 3000])
async def test_cancelled_requests_are_bounded(stream_timeout: float | None, at_once: int) -> None:
    """G2, G13: behind a server that does not read, those that nobody wants leave nothing."""
    server = FakeServer()
    async with server.client(max_connections=4000, stream_timeout=stream_timeout) as client:
        await client.ping()
        [peer] = server.peers
        peer.stop_reading()
        async with anyio.create_task_group() as patient:
            patient.start_soon(client.set, "first", 1)
            await all_tasks_blocked()
            for _ in range(3000 // at_once):
                async with anyio.create_task_group() as tasks:
                    for _ in range(at_once):
                        tasks.start_soon(client.get, "never")
                    await all_tasks_blocked()
                    tasks.cancel_scope.cancel()
                [connection] = connections_of(client)
                assert len(connection.wire.unsent) <= 2 * MAX_GIVEN_UP
                assert len(connection.wire.inflight) <= 1
                assert connection.wire.unsent_bytes == 0
            peer.start_reading()
        assert await client.get("first") == b"1"
        assert_all_free(client.connection_pool)


@pytest.mark.parametrize("transaction", [True, False])
async def test_a_large_pipeline_is_written_from_its_beginning_or_not_at_all(
    valkey: Server, transaction: bool
) -> None:
    """G2: a pipeline of several chunks that is cancelled before its first is never written."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        async with client.connection_pool.acquire():
            pass  # opens a connection
        await all_tasks_blocked()
        with anyio.CancelScope() as scope:
            scope.cancel()
            async with client.pipeline(transaction=transaction) as pipe:
                for number in range(40):
                    pipe.rpush("never", b"%d" % number + b"x" * 8192)
        assert scope.cancelled_caught
        assert await client.llen("never") == 0
        assert b"RPUSH" not in tap.sent


# -- G3 -----------------------------------------------------------------------------------------


async def test_cancelled_after_it_was_written_leaves_the_connection_good(valkey: Server) -> None:
    """G3: the reply to a cancelled request is discarded; the next request gets its own reply."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        before = await client.client_id()
        tap.hold_receiving()
        assert await cancelled(lambda: client.echo("swallowed"), 5)
        assert b"swallowed" in tap.sent
        [connection] = connections_of(client)
        assert connection.wire.tombstones == 1
        assert "tombstones=1" in repr(client.connection_pool)
        tap.release()
        await own_answers(client, 3)
        assert connection.wire.tombstones == 0
        assert await client.client_id() == before


async def test_tombstones_are_bounded(valkey: Server) -> None:
    """G3: after too many abandoned requests the connection is replaced, unnoticed by others."""
    tap = Tap()
    async with tapped(valkey, tap, max_connections=10_000) as client:
        before = await client.client_id()
        [connection] = connections_of(client)
        tap.hold_receiving()
        async with anyio.create_task_group() as patient:
            patient.start_soon(own_answers, client, 1)
            await all_tasks_blocked()
            async with anyio.create_task_group() as tasks:
                for _ in range(MAX_TOMBSTONES + 1):
                    tasks.start_soon(client.ping)
                await all_tasks_blocked()
                tasks.cancel_scope.cancel()
            assert not connection.usable
            assert "multiplexed=0" in repr(client.connection_pool)
            assert "draining=1" in repr(client.connection_pool)
            tap.release()  # the request before it still gets the reply of the old connection
        assert await client.client_id() != before
        await until(lambda: connection not in connections_of(client))
        assert_all_free(client.connection_pool)


async def test_swallowed_bytes_are_bounded(valkey: Server) -> None:
    """G3: an abandoned reply that is too large closes the connection; no request waits for it."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        await client.set("large", b"x" * (32 * 1024 * 1024))
        before = await client.client_id()
        [connection] = connections_of(client)
        async with anyio.create_task_group() as tasks:
            tap.hold_receiving()
            tap.hold_receiving_after(20 * 1024 * 1024)
            tasks.start_soon(client.get, "large")
            await until(lambda: connection.wire.inflight)
            await all_tasks_blocked()
            tasks.cancel_scope.cancel()
        tap.let_arrive()
        await until(lambda: not connection.usable)
        await until(lambda: connection not in connections_of(client))
        with anyio.fail_after(5):
            assert await client.client_id() != before
        assert_all_free(client.connection_pool)
        tap.release()


# -- G4 -----------------------------------------------------------------------------------------


async def test_two_cancelled_blpops_leave_a_pool_of_two_whole(
    valkey: Server, transport: Transport, shared: int, control: Control
) -> None:
    """G4, G5: blocking commands that are cancelled remove no capacity from the pool."""
    client = client_of(
        valkey,
        transport,
        shared_connections=shared,
        max_connections=2,
        connection_pool_cls=BlockingConnectionPool,
    )
    async with client:
        for _ in range(3):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.blpop, "list")
                tasks.start_soon(client.blpop, "list")
                await until(lambda: _blocked(control) == 2)
                tasks.cancel_scope.cancel()
            assert await outcomes([client.ping] * 4) == [True] * 4
        assert_all_free(client.connection_pool)


async def test_a_cancelled_blpop_is_gone_from_the_server(
    valkey: Server, transport: Transport, control: Control
) -> None:
    """G4: its connection is closed at once, so that it takes no later element."""
    async with client_of(valkey, transport) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.blpop, "list")
            await until(lambda: _blocked(control) == 1)
            tasks.cancel_scope.cancel()
        await until(lambda: _blocked(control) == 0)
        assert await client.rpush("list", "element") == 1
        assert await client.lrange("list", 0, -1) == [b"element"]
        assert await client.blpop("list", timeout=1) == (b"list", b"element")


def _blocked(control: Control) -> int:
    return sum("b" in client["flags"] for client in control.client_list())
