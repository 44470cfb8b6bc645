"""G11 to G13: repeats after a failure, the requests that a failure affects, and bounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from anyredis import ConnectionError, Outcome, Redis, Retry, TimeoutError
from anyredis.backoff import Backoff
from anyredis.connection import requests
from anyredis.server import Server
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.clients_and_taps import (
    Tap,
    client_of,
    connections_of,
    outcomes,
    tapped,
    until,
)
from tests.contract.control import Control
from tests.contract.harness import assert_all_free, own_answers

BOUND = 4 * 1024 * 1024
"""Unsent bytes above which callers wait, as the documentation has it."""

AT_ONCE = Backoff(base=0, cap=0)

Work = Callable[[Redis[bytes]], Awaitable[object]]


async def _write_pipeline(client: Redis[bytes]) -> None:
    async with client.pipeline(transaction=False) as pipe:
        pipe.get("n")
        pipe.incr("n")


async def _write_transaction(client: Redis[bytes]) -> None:
    async with client.pipeline() as pipe:
        pipe.incr("n")


async def _session(client: Redis[bytes]) -> None:
    async with client.session() as session:
        await session.incr("n")


WRITES: dict[str, Work] = {
    "incr": lambda client: client.incr("n"),
    "raw": lambda client: client.execute_command("incrby", "n", 1),
    "pipeline": _write_pipeline,
    "transaction": _write_transaction,
    "session": _session,
}

# -- G11 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", WRITES.values(), ids=[*WRITES])
async def test_a_write_whose_reply_is_lost_runs_once(
    valkey: Server, shared: int, write: Work
) -> None:
    """G11: it is not sent again; the error has an unknown outcome."""
    tap = Tap()
    async with tapped(valkey, tap, shared_connections=shared) as client:
        await client.ping()
        tap.lose_reply_to(b"INCR")
        with pytest.raises(ConnectionError, match="is unknown") as caught:
            await write(client)
        assert caught.value.outcome is Outcome.UNKNOWN
        assert await client.get("n") == b"1"
        assert tap.sent.count(b"INCR") == 1


async def _read_pipeline(client: Redis[bytes]) -> object:
    async with client.pipeline() as pipe:
        found = pipe.get("k")
        pipe.exists("k")
    return found.value


READS: dict[str, Work] = {
    "get": lambda client: client.get("k"),
    "raw": lambda client: client.execute_command("get", "k"),
    "pipeline": _read_pipeline,
}


@pytest.mark.parametrize("read", READS.values(), ids=[*READS])
async def test_a_read_whose_reply_is_lost_is_repeated(
    valkey: Server, shared: int, read: Work
) -> None:
    """G11: a command that only reads is sent again, unnoticed by the caller."""
    tap = Tap()
    async with tapped(valkey, tap, shared_connections=shared) as client:
        await client.set("k", "v")
        tap.lose_reply_to(b"GET")
        assert await read(client) == b"v"
        assert tap.sent.count(b"GET") == 2


@pytest.mark.parametrize("read", READS.values(), ids=[*READS])
async def test_without_retry_nothing_is_repeated(valkey: Server, read: Work) -> None:
    """G11: with `retry=None` a read whose reply is lost raises."""
    tap = Tap()
    async with tapped(valkey, tap, retry=None) as client:
        await client.set("k", "v")
        tap.lose_reply_to(b"GET")
        with pytest.raises(ConnectionError, match="is unknown"):
            await read(client)
        assert tap.sent.count(b"GET") == 1


@pytest.mark.parametrize("write", WRITES.values(), ids=[*WRITES])
async def test_a_write_that_was_not_sent_is_repeated(valkey: Server, write: Work) -> None:
    """G11: a connection that is lost before it was written is no reason to fail."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        await client.ping()
        [connection] = connections_of(client)
        connection.close("closed by the test")
        await write(client)
        assert await client.get("n") == b"1"


async def test_a_large_pipeline_that_is_lost_half_way_is_not_repeated(valkey: Server) -> None:
    """G11: if a part was written, the outcome is unknown, even if most was not."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        async with client.connection_pool.acquire():
            pass  # so that there is one
        [connection] = connections_of(client)

        async def write() -> None:
            async with client.pipeline(transaction=False) as pipe:
                for _ in range(1000):
                    pipe.append("k", b"x" * 16384)

        async def lose() -> None:
            await until(lambda: connection._backpressure._owner and b"APPEND" in tap.sent)
            connection.close("closed by the test")

        lost, _ = await outcomes([write, lose])
        assert isinstance(lost, ConnectionError)
        assert lost.outcome is Outcome.UNKNOWN
        assert tap.sent.count(b"APPEND") < 1000


async def test_repeating_writes_has_to_be_asked_for(valkey: Server) -> None:
    """G11: `Retry(repeat_writes=True)` sends a write again, which can then run twice."""
    tap = Tap()
    retry = Retry(backoff=AT_ONCE, repeat_writes=True)
    async with tapped(valkey, tap, retry=retry) as client:
        await client.ping()
        tap.lose_reply_to(b"INCR")
        assert await client.incr("n") == 2


async def test_a_write_that_waits_for_the_server_is_unknown(private_server: Server) -> None:
    """G11: if the server does not answer, the outcome is unknown."""
    client = Redis(private_server.host, private_server.port, stream_timeout=0.2)
    async with client:
        await client.ping()
        private_server.pause()
        try:
            with pytest.raises(TimeoutError, match="is unknown") as caught:
                await client.incr("n")
            assert caught.value.outcome is Outcome.UNKNOWN
        finally:
            private_server.resume()
        assert await client.get("n") in (None, b"1")


# -- G12 ----------------------------------------------------------------------------------------


async def test_an_error_reaches_only_its_caller(valkey: Server, shared: int) -> None:
    """G12: requests that fail between others fail alone."""
    async with client_of(valkey, shared_connections=shared) as client:
        await client.set("text", "x")
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: own_answers(client, 3),
            lambda: client.incr("text"),
            lambda: client.execute_command("NO.SUCH.COMMAND"),
            lambda: own_answers(client, 3),
        ]
        good, *bad, also_good = await outcomes(calls)
        assert (good, also_good) == (None, None)
        assert all(isinstance(each, Exception) for each in bad)


async def test_a_lost_connection_fails_all_its_requests(valkey: Server, control: Control) -> None:
    """G12: each caller gets a separate error; other connections are not affected."""
    tap = Tap()
    async with tapped(valkey, tap, retry=None) as client:
        await client.ping()
        async with client.session() as session:
            tap.hold_receiving()

            async def kill() -> None:
                await until(lambda: tap.sent.count(b"INCR") == 3)
                connections_of(client)[0].close("closed by the test")

            *lost, _ = await outcomes([*[lambda: client.incr("n")] * 3, kill])
            assert all(isinstance(each, ConnectionError) for each in lost)
            assert len({id(each) for each in lost}) == 3
            tap.release()
            assert await session.get("n") == b"3"
        assert_all_free(client.connection_pool)


# -- G13 ----------------------------------------------------------------------------------------


async def test_unsent_bytes_are_bounded(valkey: Server) -> None:
    """G13: while the server does not read, callers wait, and no more is kept for sending."""
    tap = Tap()
    value = b"x" * (BOUND // 16)
    async with tapped(valkey, tap, max_connections=1000) as client:
        await client.ping()
        [connection] = connections_of(client)
        tap.hold_sending()
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(client.set, f"k{number}", value)
            await all_tasks_blocked()
            assert connection.wire.unsent_bytes <= BOUND + 2 * len(value)
            waiting = len(connection._backpressure.waiting)
            assert waiting > 60
            tasks.start_soon(client.ping)
            await all_tasks_blocked()
            assert len(connection._backpressure.waiting) == waiting + 1, (
                "small ones do not overtake"
            )
            tap.release()
        assert await client.dbsize() == 100
        assert_all_free(client.connection_pool)


async def test_requests_in_flight_are_bounded(
    valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G13: while the server does not answer, callers wait, and no more are asked."""
    monkeypatch.setattr(requests, "MAX_IN_FLIGHT", 100)
    tap = Tap()
    async with tapped(valkey, tap, max_connections=1000) as client:
        await client.ping()
        [connection] = connections_of(client)
        tap.hold_receiving()
        async with anyio.create_task_group() as tasks:
            for _ in range(500):
                tasks.start_soon(client.ping)
                await anyio.lowlevel.checkpoint()
            await all_tasks_blocked()
            assert 100 <= len(connection.wire.inflight) <= 110
            assert len(connection._backpressure.waiting) >= 390
            tap.release()
        assert_all_free(client.connection_pool)


async def test_a_large_pipeline_is_sent_as_the_server_reads(valkey: Server) -> None:
    """G13: a pipeline of any size keeps a bounded part of it ready for sending."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        pipe = client.pipeline(transaction=False)
        for number in range(1000):
            pipe.set(f"k{number}", b"x" * 16384)
        async with anyio.create_task_group() as tasks:
            await client.ping()
            tap.hold_sending()
            tasks.start_soon(pipe.execute)
            await all_tasks_blocked()
            tap.release()
            await until(lambda: any(each.wire.inflight for each in connections_of(client)))
            tap.hold_sending()
            await all_tasks_blocked()
            assert sum(each.wire.unsent_bytes for each in connections_of(client)) < 2 * BOUND
            tap.release()
        assert await client.dbsize() == 1000


async def test_a_paused_server_holds_no_caller_for_ever(private_server: Server) -> None:
    """G13: if a real server neither reads nor answers, callers wait and then get an error."""
    value = b"x" * (BOUND // 4)
    client = Redis(private_server.host, private_server.port, stream_timeout=0.3, retry=None)
    async with client:
        await client.ping()
        [connection] = connections_of(client)
        most = 0

        async def look() -> None:
            nonlocal most
            while not connection.closed:
                most = max(most, connection.wire.unsent_bytes)
                await anyio.sleep(0.01)

        private_server.pause()
        try:
            found = await outcomes([*[lambda: client.set("k", value)] * 50, look])
        finally:
            private_server.resume()
        assert all(isinstance(each, (ConnectionError, TimeoutError)) for each in found[:-1])
        assert most <= BOUND + 2 * len(value)
        assert_all_free(client.connection_pool)
        assert await client.ping()


async def test_retries_are_bounded(valkey: Server) -> None:
    """G13: a command is repeated within the limits of `Retry`, and then raises."""
    tap = Tap()
    retry = Retry(attempts=2, backoff=AT_ONCE)
    async with tapped(valkey, tap, retry=retry) as client:
        await client.ping()
        for times in (1, 2):
            tap.lose_reply_to(b"GET", times)
            assert await client.get("k") is None
        before = tap.sent.count(b"GET")
        tap.lose_reply_to(b"GET", 5)
        with pytest.raises(ConnectionError):
            await client.get("k")
        assert tap.sent.count(b"GET") - before == 3


async def test_pushes_without_a_listener_are_dropped(valkey: Server) -> None:
    """G13: pushes of a server without a listener are not kept."""
    async with client_of(valkey) as client, client.session() as session:
        await session.client_tracking_on(bcast=True)
        for number in range(1000):
            await client.set("k", number)
        assert await session.get("k") == b"999"
        wire = session.connection.wire
        assert (len(wire.unsent), len(wire.inflight)) == (0, 0)
