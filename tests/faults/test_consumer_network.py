"""Numbered stream entries, a bad network, and consumers that die: none is lost, none stays behind.

`ANYREDIS_MESSAGES=100000` takes as many entries, see `nox -s faults`.
"""

from __future__ import annotations

import random
import sys

import anyio
import pytest

from anyredis.server import Server
from tests.contract.rotation import Rotation
from tests.faults.entries import CONSUMERS, GROUP, STREAM, Work
from tests.faults.messages import COUNT, STRIKES
from tests.faults.moves import line_to
from tests.soak.bad_network import Fate, bad_network

SPAN = max(20_000, COUNT)


@pytest.mark.timeout(600)
async def test_every_entry_is_processed(valkey: Server) -> None:
    """G4, G10: each at least once, whoever dies, and in the end none is pending."""
    dice = random.Random(Rotation.of_this_run().seed)
    work = Work(dice)
    async with (
        bad_network(valkey.port, dice, SPAN) as (network, port),
        line_to(valkey) as line,
        anyio.create_task_group() as tasks,
    ):
        await line.ask("XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM")
        for number in range(CONSUMERS):
            tasks.start_soon(work.consume, port, f"c{number}")
        for strike in STRIKES:
            await work.produce(line, COUNT // len(STRIKES))
            await network.strike(strike)
        network.calm = True
        await network.strike(Fate.RESET)
        await work.finish(line)
        tasks.cancel_scope.cancel()
    again = sum(work.processed.values()) - len(work.processed)
    sys.stdout.write(
        f"{work.added} entries, {again} processed again, {work.deaths} consumers killed; "
        f"{dict(network.fates)}\n"
    )
    assert set(work.processed) == set(range(work.added))
    assert work.deaths, "no consumer was killed"
