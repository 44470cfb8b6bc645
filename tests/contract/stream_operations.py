"""Operations on streams for the harness, and what each may leave on the server."""

from __future__ import annotations

from tests.contract.harness import Operation
from tests.contract.server_harness import ServerBench
from tests.contract.steps import Ended

ENTRY = ("1-0", {b"a": b"1"})


async def _add(bench: ServerBench) -> None:
    assert await bench.client.xadd("s", {"a": 1}, "1-*") == "1-0"


def _added_once(bench: ServerBench, ended: Ended) -> None:
    length = bench.control.ask("XLEN", "s")
    assert length == 1 if ended.completed else length in (0, 1)


async def _read(bench: ServerBench) -> None:
    assert await bench.client.xread({"s": "0"}, block=5000) == {b"s": [ENTRY]}


async def _read_nothing(bench: ServerBench) -> None:
    assert await bench.client.xread({"s": "$"}, block=5) == {}


async def _read_for_a_group(bench: ServerBench) -> None:
    assert await bench.client.xreadgroup("g", "c", {"s": ">"}, block=5000) == {b"s": [ENTRY]}


def _create_group(bench: ServerBench) -> None:
    bench.control.ask("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")


def _add_once_it_blocks(bench: ServerBench) -> None:
    if not bench.pushed and any(
        c.wire.inflight for c in bench.pool.endpoint.server.allocator.exclusive
    ):
        bench.pushed = True
        bench.control.ask("XADD", "s", "1-0", "a", "1")


def _still_there(bench: ServerBench, ended: Ended) -> None:
    if ended.completed:
        assert bench.control.ask("XLEN", "s") == 1


def _not_lost(bench: ServerBench, ended: Ended) -> None:
    """The entry is pending, or no consumer was given it yet: another read gets it either way."""
    (pending, *_), (_, delivered) = (
        bench.control.ask("XPENDING", "s", "g"),
        bench.control.ask("XINFO", "GROUPS", "s")[0][6:8],
    )
    found = (pending, delivered)
    assert found == (1, "1-0") if ended.completed else found in ((1, "1-0"), (0, "0-0"))


ALL = [
    Operation("xadd", _add, _added_once, warm=True, always=("G11",)),
    Operation("xread of nothing", _read_nothing),
    Operation("xread", _read, _still_there, during=_add_once_it_blocks, always=("G4",)),
    Operation(
        "xreadgroup",
        _read_for_a_group,
        _not_lost,
        during=_add_once_it_blocks,
        prepare=_create_group,
        always=("G4",),
    ),
]
