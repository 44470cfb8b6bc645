"""Numbered messages through a network that resets, half-closes, delays and blackholes.

`ANYREDIS_MESSAGES=100000` takes as many messages, see `nox -s faults`.
"""

from __future__ import annotations

import random
import sys
from typing import Literal

import pytest

from anyredis import Redis
from anyredis.server import Server
from tests.contract.rotation import Rotation
from tests.faults.ledger import Ledger
from tests.faults.messages import (
    COUNT,
    Publisher,
    publish_on,
    publish_through,
    reading,
    subscribe_all,
)
from tests.faults.moves import line_to
from tests.soak.bad_network import bad_network

SPAN = max(20_000, COUNT)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("on_full", ["wait", "drop_oldest"])
@pytest.mark.parametrize("protocol", [2, 3])
async def test_no_message_is_lost_without_a_gap(
    valkey: Server, protocol: int, on_full: Literal["wait", "drop_oldest"]
) -> None:
    """G1, G10, G12: in order, on the right channel, once; what is missing is told where it is."""
    dice = random.Random(Rotation.of_this_run().seed)
    async with (
        bad_network(valkey.port, dice, SPAN) as (network, port),
        line_to(valkey) as line,
        Redis(
            port=port,
            protocol=protocol,
            decode_responses=True,
            max_connections=1,
            stream_timeout=0.25,
            connect_timeout=1,
        ) as client,
    ):
        network.calm = True
        async with client.pubsub(on_full=on_full, max_messages=10 * COUNT) as pubsub:
            ledger = await subscribe_all(pubsub)
            async with reading(pubsub, ledger, dice):
                publisher = Publisher(publish_on(line), ledger, dice)
                await publish_through(network, publisher, ledger, COUNT)
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (1, 0, 0)
    sys.stdout.write(f"{ledger}; {dict(network.fates)}\n")
    ledger.check()
    assert ledger.dropped == 0
    assert len(ledger.gaps) >= 3, "the strikes were not noticed"


async def test_what_is_dropped_is_counted(valkey: Server) -> None:
    """G13: of a subscription that drops, the messages received and those told as dropped are all."""
    dice = random.Random(Rotation.of_this_run().seed)
    async with (
        line_to(valkey) as line,
        Redis(port=valkey.port, decode_responses=True) as client,
        client.pubsub(on_full="drop_oldest", max_messages=100) as pubsub,
    ):
        ledger: Ledger = await subscribe_all(pubsub)
        publisher = Publisher(publish_on(line), ledger, dice)
        for burst in (50, 500, 100, 1000):
            await publisher.publish_many(burst)  # in time for nobody: nothing reads
            while (event := await pubsub.get_message(True)) is not None:
                ledger.note(event)
        async with reading(pubsub, ledger, dice):
            await publisher.finish()
    ledger.check()
    assert ledger.dropped == ledger.unexplained > 0
    assert ledger.gaps == []
