"""`client.transaction` and `client.watch` after losses and refusals: nothing is written twice."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import (
    BaseObserver,
    BusyLoadingError,
    CommandEvent,
    ConnectionError,
    NoPermissionError,
    Outcome,
    ReadOnlyError,
    Redis,
    Result,
    Retry,
    RetryEvent,
    Transaction,
)
from anyredis.testing import Answer, FakePeer, FakeServer, Words
from anyredis.testing.server import run_then_half_close, run_then_reset
from tests.client.optimistic import AT_ONCE, add_one, changing


@pytest.mark.parametrize("failure", [run_then_reset, run_then_half_close])
@pytest.mark.parametrize("name", ["WATCH", "GET"])
async def test_a_loss_before_exec_is_repeated(
    server: FakeServer, client: Redis[str], name: str, failure: Any
) -> None:
    """Nothing was written: the try is made again on another connection."""
    server.on(name, failure, times=2)
    assert await client.transaction(add_one, "k", attempts=1) == 1
    assert server.count("WATCH") == 3
    assert server.count("EXEC") == 1


async def test_a_lost_reply_to_exec_is_not_repeated(server: FakeServer, client: Redis[str]) -> None:
    """The transaction may have been executed: the error says that it is unknown."""
    server.on("EXEC", run_then_reset, times=1)
    with pytest.raises(ConnectionError) as caught:
        await client.transaction(add_one, "k")
    assert caught.value.outcome is Outcome.UNKNOWN
    assert server.count("EXEC") == 1
    assert await client.get("k") == "1"


async def test_a_loss_after_a_write_at_once_is_not_repeated(
    server: FakeServer, client: Redis[str]
) -> None:
    """The function has run a command that writes: it would run it twice."""

    async def counts(tx: Transaction[str]) -> None:
        await tx.incr("tries")
        await tx.get("k")

    server.on("GET", run_then_reset, times=1)
    with pytest.raises(ConnectionError):
        await client.transaction(counts, "k")
    assert server.count("INCRBY") == 1


async def test_a_loss_of_a_read_only_transaction_is_repeated(
    server: FakeServer, client: Redis[str]
) -> None:
    """An EXEC of reads may run twice."""

    async def read(tx: Transaction[str]) -> Result[str | None]:
        async with tx.pipeline() as pipe:
            return pipe.get("k")

    server.on("EXEC", run_then_reset, times=1)
    assert (await client.transaction(read, "k")).value is None
    assert server.count("EXEC") == 2


@pytest.mark.parametrize("name", ["WATCH", "GET", "SET"])
@pytest.mark.parametrize(
    "refusal",
    [BusyLoadingError("LOADING Redis is loading"), ReadOnlyError("READONLY You can't write")],
)
async def test_a_refusal_before_exec_is_repeated(
    server: FakeServer, client: Redis[str], name: str, refusal: Any
) -> None:
    """LOADING and READONLY prove that nothing was executed, also for a queued command."""

    def refuse(peer: FakePeer, words: Words) -> Answer:
        peer.state.dirty = peer.state.queue is not None
        return refusal  # type: ignore[no-any-return]

    server.on(name, refuse, times=2)
    assert await client.transaction(add_one, "k") == 1
    assert server.memory.ran[b"SET"] == 1


async def test_without_retry_nothing_is_repeated(server: FakeServer) -> None:
    """`retry=None`: a loss and a refusal are raised at once; a change is tried again all the same."""
    async with server.client(decode_responses=True, retry=None) as client:
        server.on("GET", run_then_reset, times=1)
        with pytest.raises(ConnectionError):
            await client.transaction(add_one, "k")
        server.on("WATCH", BusyLoadingError("LOADING"), times=1)
        with pytest.raises(BusyLoadingError):
            await client.transaction(add_one, "k")
        changing(server, 1)
        assert await client.transaction(add_one, "k", backoff=AT_ONCE) == 101


async def test_a_policy_may_repeat_writes(server: FakeServer) -> None:
    """Who opts in to repeated writes gets them for EXEC too."""
    retry = Retry(repeat_writes=True)
    async with server.client(decode_responses=True, retry=retry) as client:
        server.on("EXEC", run_then_reset, times=1)
        assert await client.transaction(add_one, "k") == 2


async def test_another_error_of_the_server_is_raised(
    server: FakeServer, client: Redis[str]
) -> None:
    """A user who may not WATCH gets that error, and the function is not left without an await."""
    server.on("WATCH", NoPermissionError("NOPERM"))
    with pytest.raises(NoPermissionError):
        await client.transaction(add_one, "k")
    with pytest.raises(NoPermissionError):
        async with client.watch("k"):
            pytest.fail("entered")
    assert client.connection_pool.leased == 0


@pytest.mark.parametrize("failure", [run_then_reset, BusyLoadingError("LOADING")])
async def test_a_failed_watch_of_a_block_is_repeated(
    server: FakeServer, client: Redis[str], failure: Any
) -> None:
    """`client.watch` begins on another connection if the first was lost; the block runs once."""
    server.on("WATCH", failure, times=1)
    entered = 0
    async with client.watch("k") as tx:
        entered += 1
        async with tx.pipeline() as pipe:
            pipe.set("k", 1)
    assert entered == 1
    assert server.count("WATCH") == 2


async def test_what_was_lost_in_a_block_is_not_repeated(
    server: FakeServer, client: Redis[str]
) -> None:
    """The block of `client.watch` is the user's: its errors leave it."""
    server.on("GET", run_then_reset, times=1)
    with pytest.raises(ConnectionError):
        async with client.watch("k") as tx:
            await tx.get("k")
    assert server.count("GET") == 1


async def test_an_observer_sees_its_commands(server: FakeServer) -> None:
    """Each command and the pipeline is told, with the retries of the try."""
    events: list[str] = []

    class Listening(BaseObserver):
        def command_started(self, event: CommandEvent) -> None:
            events.append(event.name)

        def command_retried(self, event: RetryEvent) -> None:
            events.append(f"retry of {event.name}")

    async with server.client(decode_responses=True, observer=Listening()) as client:
        server.on("GET", run_then_reset, times=1)
        await client.transaction(add_one, "k")
    expected = ["WATCH", "GET", "retry of transaction", "WATCH", "GET", "MULTI"]
    assert events == expected
