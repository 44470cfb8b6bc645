"""G7: waiters are served first come, first served, and cancelling one loses no wake-up."""

from __future__ import annotations

import functools
import itertools

import anyio
import pytest
from anyio.abc import ByteStream

from anyredis import BlockingConnectionPool, Connection, ConnectionPool
from anyredis.connection import requests
from anyredis.server import Server
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.clients_and_taps import Tap, Transport, client_of, connections_of, tapped, until
from tests.contract.harness import assert_all_free
from tests.contract.steps import Kind, Steps, counting, kinds


async def test_waiters_are_served_first_come_first_served(
    valkey: Server, transport: Transport, shared: int
) -> None:
    """G7: leases are given in the order of the requests for them."""
    client = client_of(
        valkey,
        transport,
        max_connections=1,
        shared_connections=shared,
        connection_pool_cls=BlockingConnectionPool,
    )
    order: list[int] = []

    async def work(number: int) -> None:
        if number % 2:
            async with client.session() as session:
                await session.ping()
                order.append(number)
        else:
            await client.ping()
            order.append(number)

    async with client, anyio.create_task_group() as tasks, client.connection_pool.acquire():
        for number in range(20):
            tasks.start_soon(work, number)
            await all_tasks_blocked()
    assert order == list(range(20))


async def test_cancelling_a_waiter_loses_no_wake_up(
    valkey: Server, transport: Transport, shared: int
) -> None:
    """G7: if a waiter is cancelled, at any moment, the next in line is served."""
    client = client_of(
        valkey,
        transport,
        max_connections=1,
        shared_connections=shared,
        connection_pool_cls=BlockingConnectionPool,
    )
    served: list[int] = []

    async def work(number: int, scope: anyio.CancelScope) -> None:
        with scope:
            await client.ping()
            served.append(number)

    async with client:
        for turns in range(6):
            served.clear()
            scopes = [anyio.CancelScope() for _ in range(5)]
            async with anyio.create_task_group() as tasks:
                async with client.connection_pool.acquire():
                    for number, scope in enumerate(scopes):
                        tasks.start_soon(work, number, scope)
                        await all_tasks_blocked()
                    scopes[2].cancel()
                # The first in line has its lease now, and is cancelled some turns later.
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                scopes[0].cancel()
            assert served in ([1, 3, 4], [0, 1, 3, 4])
            assert_all_free(client.connection_pool)


class DelayedConnection(Connection):
    """A connection that waits for the next event before it dials."""

    def __init__(self, *, dial_events: list[anyio.Event], host: str, port: int) -> None:
        super().__init__(host=host, port=port)
        self._events = dial_events

    async def open_stream(self) -> ByteStream:
        """A TCP stream, after the next event."""
        await self._events.pop(0).wait()
        return await super().open_stream()


async def test_callers_that_wait_for_a_connection_are_served_in_order(valkey: Server) -> None:
    """G7: so are callers that have a lease and wait for a new connection."""
    dial_events = [anyio.Event() for _ in range(4)]
    pool = ConnectionPool(
        connection_class=DelayedConnection,
        dial_events=[*dial_events],
        host=valkey.host,
        port=valkey.port,
        max_connections=4,
        shared_connections=0,
    )
    order: list[int] = []

    async def hold(number: int) -> None:
        async with pool.acquire():
            order.append(number)
            await anyio.sleep_forever()

    def is_served(before: int) -> bool:
        return len(order) > before

    async with pool, anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(hold, number)
            await all_tasks_blocked()
        for event in reversed(dial_events):
            event.set()
            await until(functools.partial(is_served, len(order)))
        assert order == [0, 1, 2, 3]
        tasks.cancel_scope.cancel()


async def test_cancelling_a_caller_that_waits_for_backpressure_loses_no_turn(
    valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G7, G13: if a caller in the backpressure line is cancelled, at any step, the next goes on."""
    monkeypatch.setattr(requests, "HIGH_WATER", 1000)
    with counting() as steps:
        for kind in kinds():
            for at in itertools.count():
                try:
                    reached = await _cancelled_in_backpressure_line(valkey, steps, kind, at)
                except BaseException as error:
                    error.add_note(f"cancelled by {kind} after {at} steps")
                    raise
                if not reached:
                    break


async def _cancelled_in_backpressure_line(
    server: Server, steps: Steps, kind: Kind, at: int
) -> bool:
    """Whether a command took *at* steps and was cancelled then, with another in line behind it."""
    tap = Tap()
    value = b"x" * 2000
    async with tapped(server, tap) as client:
        await client.ping()
        [connection] = connections_of(client)
        line = connection._backpressure.waiting
        behind = reached = False

        def watch() -> None:
            nonlocal behind
            if line and not behind:
                behind = True
                tasks.start_soon(client.set, "behind", value)
            elif len(line) > 1:
                tap.release()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tap.hold_sending()
                for number in range(2):
                    tasks.start_soon(client.set, f"k{number}", value)
                await until(lambda: line)
                steps.watch = watch
                reached = (await steps.run(lambda: client.set("k", value), kind, at)).reached
                tap.release()
        assert await client.exists("behind") == behind
    return reached
