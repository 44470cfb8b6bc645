"""Each command for several nodes on real clusters: the combined reply is that of its method.

A reply that is combined in the wrong way is no value of the method's type: the reader refuses it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeAlias

import pytest

from anyredis import NodeClient, PartialFailureError, RedisCluster
from anyredis.server import Cluster
from tests.cluster.test_tips import BY_NODE, OTHER_REPLIES, SEVERAL
from tests.commands.live import knows

Call: TypeAlias = Callable[[RedisCluster[str]], Awaitable[object]]

LUA = "return 1"
SHA1 = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
LIBRARY = "#!lua name=tips\nredis.register_function('one', function() return 1 end)"
KEYS = {"a": "1", "b": "2", "c": "3"}
"""Keys on three nodes."""


@pytest.fixture(params=["valkey_cluster", "redis8_cluster"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[RedisCluster[str]]:
    """A client of a cluster of each server, with `KEYS`, a script and a library."""
    cluster: Cluster = request.getfixturevalue(request.param)
    async with RedisCluster.from_url(cluster.url, decode_responses=True) as client:
        assert await client.function_flush()
        assert await client.mset(KEYS)
        assert await client.script_load(LUA) == SHA1
        assert await client.function_load(LIBRARY) == "tips"
        yield client
        assert await client.function_flush()


async def deluser(client: RedisCluster[str]) -> int:
    """The user is there, on each node, before it is deleted."""
    assert await client.acl_setuser("tips")
    users = await client.on_each_node(lambda node: node.acl_users())
    assert all("tips" in names for names in users.values())
    return await client.acl_deluser("tips")


async def restore(client: RedisCluster[str]) -> list[str]:
    """The libraries of all primaries, restored from the dump of one of them."""
    dump = await client.function_dump()
    assert await client.function_delete("tips")
    assert await client.function_restore(dump)
    found = await client.on_each_node(lambda node: node.function_list(), "primaries")
    return sorted({library.library_name for libraries in found.values() for library in libraries})


async def settings(client: RedisCluster[str]) -> set[str]:
    """The values on all nodes, replicas too, of what was set by one call."""
    assert await client.config_set("slowlog-max-len", 77)
    replies = await client.config_get_by_node("slowlog-max-len")
    assert await client.config_set("slowlog-max-len", 128)
    return {reply["slowlog-max-len"] for reply in replies.values()}


async def slot_stats(client: RedisCluster[str]) -> dict[int, int]:
    """The number of keys in each slot that has some."""
    stats = await client.cluster_slot_stats(0, 16383)
    assert len(stats) == 16384
    return {slot: counts["key-count"] for slot, counts in stats.items() if counts["key-count"]}


async def channels(client: RedisCluster[str]) -> tuple[object, ...]:
    """The reports of subscriptions, each channel once."""
    async with client.subscribe("news", shard_channels=["a", "b"]):
        return (
            await client.pubsub_channels(),
            sorted(await client.pubsub_shardchannels()),
            await client.pubsub_numsub("news", "none"),
            await client.pubsub_shardnumsub("a", "b"),
            await client.pubsub_numpat(),
        )


IN_SLOTS = {15495: 1, 3300: 1, 7365: 1}
"""The slots of `KEYS`."""

REPORTED = (["news"], ["a", "b"], [("news", 1), ("none", 0)], [("a", 1), ("b", 1)], 0)

GIVEN: dict[str, tuple[Call, object]] = {
    "ACL DELUSER": (deluser, 1),
    "ACL SETUSER": (deluser, 1),
    "CLUSTER SLOT-STATS": (slot_stats, IN_SLOTS),
    "COMMANDLOG RESET": (lambda client: client.commandlog_reset("LARGE-REPLY"), True),
    "COMMANDLOG GET": (lambda client: client.commandlog_get(-1, "LARGE-REPLY"), []),
    "COMMANDLOG LEN": (lambda client: client.commandlog_len("LARGE-REPLY"), 0),
    "CONFIG RESETSTAT": (lambda client: client.config_resetstat(), True),
    "CONFIG SET": (settings, {"77"}),
    "DBSIZE": (lambda client: client.dbsize(), 3),
    "DEL": (lambda client: client.delete(*KEYS, "none"), 3),
    "EXISTS": (lambda client: client.exists(*KEYS, "a", "none"), 4),
    "FLUSHALL": (lambda client: client.flushall(), True),
    "FLUSHDB": (lambda client: client.flushdb(), True),
    "FUNCTION DELETE": (lambda client: client.function_delete("tips"), True),
    "FUNCTION FLUSH": (lambda client: client.function_flush(), True),
    "FUNCTION LOAD": (lambda client: client.function_load(LIBRARY, replace=True), "tips"),
    "FUNCTION RESTORE": (restore, ["tips"]),
    "LATENCY RESET": (lambda client: client.latency_reset("no-such-event"), 0),
    "MEMORY PURGE": (lambda client: client.memory_purge(), True),
    "MGET": (lambda client: client.mget("c", "none", "a", "b"), ["3", None, "1", "2"]),
    "MSET": (lambda client: client.mset(KEYS), True),
    "MSETEX": (lambda client: client.msetex(KEYS, ex=9), True),
    "PING": (lambda client: client.ping(), True),
    "SCRIPT EXISTS": (lambda client: client.script_exists(SHA1, "0" * 40), [True, False]),
    "SCRIPT FLUSH": (lambda client: client.script_flush(), True),
    "SCRIPT LOAD": (lambda client: client.script_load(LUA), SHA1),
    "SLOWLOG RESET": (lambda client: client.slowlog_reset(), True),
    "TOUCH": (lambda client: client.touch(*KEYS, "none"), 3),
    "UNLINK": (lambda client: client.unlink(*KEYS), 3),
    **dict.fromkeys(
        (
            *("PUBSUB CHANNELS", "PUBSUB NUMPAT", "PUBSUB NUMSUB", "PUBSUB SHARDCHANNELS"),
            "PUBSUB SHARDNUMSUB",
        ),
        (channels, REPORTED),
    ),
}
"""A call for each command, and what it gives; in this order."""

REFUSED: dict[str, tuple[Call, str]] = {
    "ACL SAVE": (lambda client: client.acl_save(), "ACL file"),
    "CONFIG REWRITE": (lambda client: client.config_rewrite(), "config"),
    "FUNCTION KILL": (lambda client: client.function_kill(), "NOTBUSY"),
    "SCRIPT KILL": (lambda client: client.script_kill(), "NOTBUSY"),
}
"""Commands that these servers refuse, on each node, with a word of the reason."""

ANY_OF: dict[str, tuple[Call, Callable[[object], bool]]] = {
    "KEYS": (lambda client: client.keys("[abc]"), lambda keys: set(KEYS) == set(listed(keys))),
    "RANDOMKEY": (lambda client: client.randomkey(), lambda key: key in KEYS),
    "SLOWLOG GET": (lambda client: client.slowlog_get(5), lambda found: len(listed(found)) >= 0),
    "SLOWLOG LEN": (lambda client: client.slowlog_len(), lambda count: isinstance(count, int)),
}
"""Commands whose reply is not the same each time, with what is true of it."""

NOT_EVERYWHERE = {"COMMANDLOG GET", "COMMANDLOG LEN", "COMMANDLOG RESET", "MSETEX"}
"""Commands that Redis 8.2 does not have; newer ones have MSETEX."""


def listed(value: object) -> list[object]:
    """*value*, which has to be a list."""
    assert isinstance(value, list)
    return [*value]


async def keys_in(slot: int, node: NodeClient[str]) -> list[str]:
    """The keys that *node* has in *slot*."""
    return await node.cluster_getkeysinslot(slot, 10)


def test_each_command_for_several_nodes_has_a_call() -> None:
    """But for the reports that `…_by_node` gives."""
    reports = {name for name in SEVERAL if OTHER_REPLIES.get(name) == BY_NODE}
    assert {*GIVEN, *REFUSED, *ANY_OF} == set(SEVERAL) - reports


async def test_what_each_gives(client: RedisCluster[str]) -> None:
    """The combined reply is the value of the whole cluster."""
    node = client.primaries()[0]
    for name, (call, value) in GIVEN.items():
        assert await client.mset(KEYS)
        await client.function_load(LIBRARY, replace=True)
        await client.script_load(LUA)
        if name in NOT_EVERYWHERE and not await knows(node, name):
            with pytest.raises(PartialFailureError, match="unknown command"):
                await call(client)
        else:
            assert (name, await call(client)) == (name, value)
    for call, is_right in ANY_OF.values():
        await client.mset(KEYS)
        assert is_right(await call(client))


async def test_what_each_node_refuses(client: RedisCluster[str]) -> None:
    """The error names all nodes."""
    for call, reason in REFUSED.values():
        with pytest.raises(PartialFailureError, match=f"failed everywhere.*{reason}") as caught:
            await call(client)
        assert len(caught.value.failed) in (len(client.primaries()), len(client.nodes()))


async def test_a_report_about_a_slot_is_of_its_node(client: RedisCluster[str]) -> None:
    """Whichever node serves it; any other one would say that the slot is empty."""
    for key in KEYS:
        slot = client.slot_of(key)
        assert await client.cluster_countkeysinslot(slot) == 1
        assert await client.cluster_getkeysinslot(slot, 10) == [key]
        pages = await client.on_each_node(partial(keys_in, slot), "primaries")
        assert sorted(pages.values()) == [[], [], [key]]
