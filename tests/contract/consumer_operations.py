"""Operations of consumers and readers of streams, and what they may leave on the server.

An entry is lost if it is neither processed, nor pending, nor still to be delivered.  One that was
not begun has never been acknowledged.
"""

from __future__ import annotations

from anyredis.recipes import Consumer, StreamReader
from tests.contract.harness import Operation
from tests.contract.server_harness import ServerBench
from tests.contract.steps import Ended

COUNT = 4
"""Entries of the stream: `1-0` to `4-0`."""

IDS = [f"{number}-0" for number in range(1, COUNT + 1)]


class Work:
    """The entries that the operation which runs now was given."""

    def __init__(self) -> None:
        self.begun: list[str] = []


WORK = Work()


def _fill(bench: ServerBench) -> None:
    WORK.begun = []
    for entry_id in IDS:
        bench.control.ask("XADD", "orders", entry_id, "f", "v")


def _leave_pending(bench: ServerBench) -> None:
    """All entries were given to a consumer that is dead for long, each three times."""
    _fill(bench)
    bench.control.ask("XGROUP", "CREATE", "orders", "g", "0")
    bench.control.ask("XREADGROUP", "GROUP", "g", "dead", "STREAMS", "orders", ">")
    times = ("IDLE", 900_000, "RETRYCOUNT", 3, "JUSTID")
    bench.control.ask("XCLAIM", "orders", "g", "dead", 0, *IDS, *times)


def _consumer(bench: ServerBench, *, prefetch: int = 2, dead: bool = False) -> Consumer[bytes]:
    return Consumer(
        bench.client,
        "orders",
        group="g",
        name="c",
        prefetch=prefetch,
        dead_letter="dead" if dead else None,
        max_deliveries=3 if dead else None,
    )


async def _take(consumer: Consumer[bytes], count: int) -> None:
    async for entry in consumer:
        WORK.begun.append(entry.id)
        if len(WORK.begun) == count:
            await entry.ack()
            break


async def _read_and_acknowledge(bench: ServerBench) -> None:
    async with _consumer(bench) as consumer:
        await _take(consumer, COUNT)


async def _hand_over(bench: ServerBench) -> None:
    async with _consumer(bench, prefetch=COUNT) as consumer:
        await _take(consumer, 1)


async def _enter_and_leave(bench: ServerBench) -> None:
    async with _consumer(bench):
        pass


async def _within_its_client(bench: ServerBench) -> None:
    async with bench.client, _consumer(bench) as consumer:
        await _take(consumer, 2)


async def _bury(bench: ServerBench) -> None:
    async with _consumer(bench, dead=True) as consumer:
        bench.control.ask("XADD", "orders", "9-0", "f", "v")
        await _take(consumer, 1)


async def _follow(bench: ServerBench) -> None:
    async with StreamReader(bench.client, "orders", start="0", prefetch=2) as reader:
        async for entry in reader:
            WORK.begun.append(entry.id)
            assert reader.position == {b"orders": entry.id}
            if len(WORK.begun) == COUNT:
                break


def _pending(bench: ServerBench) -> set[str]:
    page = bench.control.ask("XPENDING", "orders", "g", "-", "+", 100)
    return {entry_id for entry_id, *_ in page}


def _none_lost(bench: ServerBench, ended: Ended) -> None:
    if not bench.control.ask("XINFO", "GROUPS", "orders"):
        assert not WORK.begun
        return
    undelivered = bench.control.ask("XREADGROUP", "GROUP", "g", "x", "STREAMS", "orders", ">")
    assert undelivered is None or undelivered
    pending = _pending(bench)  # what was undelivered is pending now
    acknowledged = {*IDS, *(["9-0"] if bench.control.ask("XLEN", "orders") > COUNT else [])}
    acknowledged -= pending | {fields[5] for fields in _dead(bench)}
    assert acknowledged <= set(WORK.begun), (acknowledged, WORK.begun)
    if ended.completed:
        assert acknowledged == set(WORK.begun)


def _dead(bench: ServerBench) -> list[list[str]]:
    """The dead letters, each as its fields and values behind those of the entry itself."""
    return [fields[2:] for _, fields in bench.control.ask("XRANGE", "dead", "-", "+")]


def _buried_once(bench: ServerBench, ended: Ended) -> None:
    _none_lost(bench, ended)
    origins = [fields[5] for fields in _dead(bench)]
    assert len(set(origins)) == len(origins), "in one transaction, none is there twice"
    assert not set(origins) & _pending(bench)


def _in_order(bench: ServerBench, ended: Ended) -> None:
    assert WORK.begun == IDS[: len(WORK.begun)]
    assert not ended.completed or WORK.begun == IDS


ALL = [
    Operation("consumer, read and acknowledge", _read_and_acknowledge, _none_lost, prepare=_fill),
    Operation("consumer, hand over", _hand_over, _none_lost, prepare=_fill, always=("G8",)),
    Operation("consumer, enter and leave", _enter_and_leave, _none_lost, prepare=_fill),
    Operation(
        "consumer, client and all", _within_its_client, _none_lost, prepare=_fill, around=True
    ),
    Operation(
        "consumer, claim", _read_and_acknowledge, _none_lost, prepare=_leave_pending, warm=True
    ),
    Operation("consumer, dead letters", _bury, _buried_once, prepare=_leave_pending),
    Operation("reader", _follow, _in_order, prepare=_fill, always=("G10",)),
]
