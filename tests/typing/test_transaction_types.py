"""The types of transactions, guarantees and monitors, proved by mypy and pyright."""

from __future__ import annotations

from typing import assert_type

import pytest

from anyredis import (
    GuaranteeError,
    Monitor,
    MonitoredCommand,
    Outcome,
    Pipeline,
    Redis,
    RedisCluster,
    Result,
    Session,
    Transaction,
)
from anyredis.testing import FakeCluster, FakeServer


async def _read(tx: Transaction[str]) -> str | None:
    return assert_type(await tx.get("k"), str | None)


async def _queue(tx: Transaction[bytes]) -> Result[int]:
    async with tx.pipeline() as pipe:
        assert_type(pipe, Pipeline[bytes])
        return assert_type(pipe.incr("k"), Result[int])


async def test_a_transaction_gives_what_its_function_gives() -> None:
    """With the text of the client, on one server, in a cluster and on a node."""
    text: Redis[str] = FakeServer().client(decode_responses=True)
    cluster: RedisCluster[bytes] = FakeCluster().client()
    async with text, cluster:
        assert_type(await text.transaction(_read, "k", ["l"]), str | None)
        assert_type((await cluster.transaction(_queue, b"k")).value, int)
        assert_type(await text.transaction(_read, "k", attempts=3), str | None)
        node = cluster.node_for("k")
        assert_type((await node.transaction(_queue, "k")).value, int)
        async with text.watch("k") as tx:
            assert_type(tx, Transaction[str])
        async with cluster.watch("k") as watching:
            assert_type(watching, Transaction[bytes])


async def test_a_monitor_gives_commands() -> None:
    """With words as the client has text."""
    async with FakeServer().client(decode_responses=True) as client, client.monitor() as monitor:
        assert_type(monitor, Monitor[str])
        await client.echo("x")
        async for command in monitor:
            assert_type(command, MonitoredCommand[str])
            assert_type(command.args, tuple[str, ...])
            assert_type(command.time, float)
            break


async def test_a_session_with_a_guarantee_is_a_session() -> None:
    """Its error has typed facts."""
    async with (
        FakeServer().client() as client,
        client.session(ensure_replication=1, timeout=1) as session,
    ):
        assert_type(session, Session[bytes])
        with pytest.raises(GuaranteeError) as caught:
            await session.set("k", 1)
        assert_type(caught.value.outcome, Outcome)
        assert_type(caught.value.replicas, int | None)
