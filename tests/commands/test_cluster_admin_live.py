"""Changes of a cluster on real servers of the test's own: each method once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import run
from anyredis.server.server_spec import free_cluster_port
from tests.commands.live import knows
from tests.servers import redis8_binary, valkey_binary

ENABLED = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
QUICK = ("--repl-diskless-sync-delay", "0")

pytestmark = pytest.mark.server

on_each_server = pytest.mark.parametrize(
    "binary", [valkey_binary, redis8_binary], ids=["valkey", "redis8"]
)


@asynccontextmanager
async def new_node(binary: Callable[[], Path]) -> AsyncGenerator[Redis[str]]:
    """A client of a new node without slots, which decodes."""
    port = free_cluster_port()
    async with (
        run(binary=binary(), port=port, arguments=[*ENABLED, *QUICK]),
        Redis(host="127.0.0.1", port=port, decode_responses=True) as client,
    ):
        yield client


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until *condition* holds."""
    while not await condition():
        await anyio.sleep(0.02)


@on_each_server
async def test_slots(binary: Callable[[], Path]) -> None:
    """Slots are added, deleted and marked, one by one and as ranges."""
    async with new_node(binary) as node:
        assert await node.cluster_set_config_epoch(7) is True
        assert await node.cluster_addslots(1, [3, 5]) is True
        assert await node.cluster_addslotsrange((10, 20), (30, 40)) is True
        with pytest.raises(ResponseError, match="busy"):
            await node.cluster_addslots(3)
        assert await node.cluster_delslots(3) is True
        assert await node.cluster_delslotsrange((35, 40)) is True
        [own] = await node.cluster_nodes()
        assert own.slots == [(1, 1), (5, 5), (10, 20), (30, 34)]
        assert own.config_epoch == 7
        assert await node.cluster_setslot(5, stable=True) is True
        assert await node.cluster_setslot(6, node=own.id) is True
        raised, epoch = await node.cluster_bumpepoch()
        assert (raised, epoch) in ((False, 7), (True, 8))
        assert await node.cluster_saveconfig() is True
        assert await node.cluster_flushslots() is True
        assert (await node.cluster_nodes())[0].slots == []
        assert await node.cluster_reset() is True
        assert await node.cluster_myid() == own.id
        assert await node.cluster_reset(soft=False) is True
        assert await node.cluster_myid() != own.id


@on_each_server
async def test_nodes(binary: Callable[[], Path]) -> None:
    """Nodes meet, one replicates the other and takes over, and both part."""
    async with new_node(binary) as first, new_node(binary) as second:
        await first.cluster_set_config_epoch(1)
        await second.cluster_set_config_epoch(2)
        await first.cluster_addslotsrange((0, 16383))
        port = int(second.address.rpartition(":")[2])
        assert await first.cluster_meet("127.0.0.1", port) is True
        first_id, second_id = await first.cluster_myid(), await second.cluster_myid()

        async def know_each_other() -> bool:
            views = [await first.cluster_nodes(), await second.cluster_nodes()]
            return all(
                {each.id: each.slots for each in view} == {first_id: [(0, 16383)], second_id: []}
                and all("handshake" not in each.flags for each in view)
                for view in views
            )

        await until(know_each_other)
        assert await first.cluster_setslot(5, migrating=second_id) is True
        [own] = [each for each in await first.cluster_nodes() if each.id == first_id]
        assert own.migrating == {5: second_id}
        assert await second.cluster_setslot(5, importing=first_id) is True
        [other] = [each for each in await second.cluster_nodes() if each.id == second_id]
        assert other.importing == {5: first_id}
        assert await first.cluster_setslot(5, stable=True) is True
        assert await second.cluster_setslot(5, stable=True) is True

        assert await second.cluster_replicate(first_id) is True

        async def replicates() -> bool:
            return (await second.info("replication"))["master_link_status"] == "up"

        await until(replicates)
        assert await second.cluster_failover(option="TAKEOVER") is True

        async def has_taken_over() -> bool:
            view = await first.cluster_nodes()
            return [each.slots for each in view if each.id == second_id] == [[(0, 16383)]]

        await until(has_taken_over)
        assert await second.cluster_forget(first_id) is True
        assert [each.id for each in await second.cluster_nodes()] == [second_id]


async def test_what_valkey_9_adds() -> None:
    """Slots are emptied, migrations are listed and cancelled, and a replica is let go."""
    async with new_node(valkey_binary) as node:
        await node.cluster_addslotsrange((0, 16383))

        async def serves() -> bool:
            return (await node.cluster_info())["cluster_state"] == "ok"

        await until(serves)
        await node.set("k", 1)
        slot = await node.cluster_keyslot("k")
        assert await node.cluster_flushslot(slot, asynchronous=False) is True
        assert await node.cluster_countkeysinslot(slot) == 0
        assert await node.cluster_getslotmigrations() == []
        with pytest.raises(ResponseError, match="No migrations"):
            await node.cluster_cancelslotmigrations()
        with pytest.raises(ResponseError, match="node"):
            await node.cluster_migrateslots({"0" * 40: [(0, 5)]})
        with pytest.raises(ResponseError, match="node"):
            await node.cluster_setslot(5, node="0" * 40, timeout=100)
        assert await node.cluster_replicate_no_one() is True  # of a primary nothing changes
    async with new_node(redis8_binary) as other:
        with pytest.raises(ResponseError):
            await other.cluster_getslotmigrations()


@asynccontextmanager
async def two_nodes(
    binary: Callable[[], Path],
) -> AsyncGenerator[tuple[Redis[str], Redis[str], str]]:
    """Clients of two nodes that know each other, and the id of the second; the first has all slots."""
    async with new_node(binary) as first, new_node(binary) as second:
        await first.cluster_addslotsrange((0, 16383))
        await first.cluster_set_config_epoch(1)
        await second.cluster_set_config_epoch(2)
        await first.cluster_meet("127.0.0.1", int((await second.config_get("port"))["port"]))

        async def agree() -> bool:
            states = [(await node.cluster_info())["cluster_state"] for node in (first, second)]
            linked = await second.cluster_nodes()
            return states == ["ok", "ok"] and all(
                each.slots or "myself" in each.flags for each in linked
            )

        await until(agree)
        yield first, second, await second.cluster_myid()


async def test_migrations_of_valkey() -> None:
    """Slots move to another node; a migration that waits is cancelled."""
    async with two_nodes(valkey_binary) as (first, second, second_id):
        await first.set("k", "v")
        slot = await first.cluster_keyslot("k")
        assert await first.cluster_migrateslots({second_id: [(slot, slot)]}) is True

        async def moved() -> bool:
            migrations = await first.cluster_getslotmigrations()
            return [each["state"] for each in migrations] == ["success"]

        await until(moved)
        assert await second.get("k") == "v"
        async with first.pipeline(transaction=False) as pipe:
            pipe.cluster_migrateslots({second_id: [(0, 5)]})
            cancelled = pipe.cluster_cancelslotmigrations()
        assert cancelled.value is True


async def test_migrations_of_redis() -> None:
    """Slots are imported from the node that has them; Redis 8.4."""
    async with new_node(redis8_binary) as node:
        if not await knows(node, "CLUSTER MIGRATION"):
            with pytest.raises(ResponseError, match="unknown subcommand"):
                await node.cluster_migration_import((0, 5))
            return
    async with two_nodes(redis8_binary) as (first, second, _):
        await first.set("k", "v")
        slot = await first.cluster_keyslot("k")
        task = await second.cluster_migration_import((slot, slot))

        async def moved() -> bool:
            return [each["state"] for each in await second.cluster_migration_status(task)] == [
                "completed"
            ]

        await until(moved)
        assert await second.get("k") == "v"
        assert await second.cluster_migration_cancel(task) == 0


async def test_what_redis_8_4_adds() -> None:
    """A node imports slots by itself; a task that is not known is nobody's."""
    async with new_node(redis8_binary) as node:
        version = tuple(map(int, str((await node.info("server"))["redis_version"]).split(".")))
        if version < (8, 4):
            with pytest.raises(ResponseError, match="unknown subcommand"):
                await node.cluster_migration_status()
            return
        assert await node.cluster_migration_status() == []
        assert await node.cluster_migration_status("0" * 40) == []
        assert await node.cluster_migration_cancel() == 0
        await node.cluster_addslotsrange((0, 16383))
        with pytest.raises(ResponseError):  # it has them already
            await node.cluster_migration_import((0, 5))
