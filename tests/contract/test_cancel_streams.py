"""Operations on streams, cancelled at every scheduling point: G1 to G14 hold each time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from anyredis import ConnectionError, ConnectionPool, Outcome, Redis
from anyredis.server import Server
from tests.contract.clients_and_taps import Tap, tapped
from tests.contract.control import Control
from tests.contract.harness import Operation, cancel_everywhere, lose_everywhere, named
from tests.contract.server_harness import ServerBench, Target
from tests.contract.steps import counting
from tests.contract.stream_operations import ALL


def target_on(server: Server) -> Target:
    """Strict pools over TCP."""
    return Target(ConnectionPool, {"host": server.host, "port": server.port})


@pytest.mark.parametrize("operation", ALL, ids=named)
async def test_cancelled_everywhere(
    valkey: Server, control: Control, operation: Operation[ServerBench]
) -> None:
    """An operation leaves no trace, and no entry is lost, at any step of its cancellation."""
    with counting() as steps:
        bench = ServerBench(target_on(valkey), control, steps)
        assert await cancel_everywhere(bench, operation) >= 3


@pytest.mark.parametrize("operation", ALL, ids=named)
async def test_lost_everywhere(
    valkey: Server, control: Control, operation: Operation[ServerBench]
) -> None:
    """An operation ends, and no entry is lost, at any step of a connection loss (G5, G6, G11)."""
    with counting() as steps:
        bench = ServerBench(target_on(valkey), control, steps)
        assert await lose_everywhere(bench, operation) >= 3


WRITES: dict[bytes, Callable[[Redis[bytes]], Awaitable[object]]] = {
    b"XADD": lambda client: client.xadd("s", {"a": 1}),
    b"XREADGROUP": lambda client: client.xreadgroup("g", "c", {"s": ">"}, 1),
    b"XACK": lambda client: client.xack("s", "g", "1-0"),
    b"XCLAIM": lambda client: client.xclaim("s", "g", "d", 0, "1-0"),
    b"XAUTOCLAIM": lambda client: client.xautoclaim("s", "g", "d", 0),
}


@pytest.mark.parametrize("word", WRITES)
async def test_a_write_whose_reply_is_lost_runs_once(valkey: Server, word: bytes) -> None:
    """G11: it is not sent again, also not a read for a group; its outcome is unknown."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        for number in (1, 2):
            await client.xadd("s", {"a": number}, number)
        await client.xgroup_create("s", "g", 0)
        await client.xreadgroup("g", "c", {"s": ">"}, 1)
        tap.sent.clear()
        tap.lose_reply_to(word)
        with pytest.raises(ConnectionError, match="is unknown") as caught:
            await WRITES[word](client)
        assert caught.value.outcome is Outcome.UNKNOWN
        assert tap.sent.count(b"%s\r\n" % word) == 1


@pytest.mark.parametrize("block", [None, 5000])
async def test_a_read_whose_reply_is_lost_is_repeated(valkey: Server, block: int | None) -> None:
    """G11: XREAD only reads, so it is sent again, also if it may block."""
    tap = Tap()
    async with tapped(valkey, tap) as client:
        await client.xadd("s", {"a": 1}, "1-0")
        tap.lose_reply_to(b"XREAD")
        assert await client.xread({"s": 0}, block=block) == {b"s": [("1-0", {b"a": b"1"})]}
        assert tap.sent.count(b"XREAD\r\n") == 2
