"""Reports on streams on real servers: each method once, on every server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import NoGroupError, ResponseError
from anyredis.server import Server
from anyredis.stream_entries import StreamEntry

FIRST, SECOND, THIRD = (StreamEntry(f"{n}-0", {"a": str(n)}) for n in (1, 2, 3))


@pytest.fixture(params=[("valkey", 2), ("valkey", 3), ("redis8", 2), ("redis8", 3)], ids=str)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes; there is a stream of three entries, a group and a consumer."""
    name, protocol = request.param
    server: Server = request.getfixturevalue(name)
    async with Redis(
        host=server.host, port=server.port, decode_responses=True, protocol=protocol
    ) as client:
        for number in (1, 2, 3):
            await client.xadd("s", {"a": number}, number)
        await client.xgroup_create("s", "g", 0)
        await client.xreadgroup("g", "c", {"s": ">"}, 2)
        await client.xdel("s", "1-0")
        yield client


async def test_stream(client: Redis[str]) -> None:
    """The facts of a stream, its oldest and its newest entry."""
    info = await client.xinfo_stream("s")
    assert (info.length, info.groups, info.entries_added) == (2, 1, 3)
    assert (info.first_entry, info.last_entry) == (SECOND, THIRD)
    assert info.last_generated_id == "3-0"
    assert (info.max_deleted_entry_id, info.recorded_first_entry_id) == ("1-0", "2-0")
    assert info.radix_tree_keys >= 1
    assert info.radix_tree_nodes >= 1
    assert info.fields["length"] == 2
    with pytest.raises(ResponseError, match="no such key"):
        await client.xinfo_stream("none")


async def test_empty_stream(client: Redis[str]) -> None:
    """A stream without entries has no oldest and no newest."""
    await client.xtrim("s", maxlen=0, approximate=False)
    info = await client.xinfo_stream("s")
    assert (info.length, info.first_entry, info.last_entry) == (0, None, None)
    assert (await client.xinfo_stream_full("s")).entries == []


async def test_groups_and_consumers(client: Redis[str]) -> None:
    """What each group has read and lags behind, and what is pending for each consumer."""
    [group] = await client.xinfo_groups("s")
    assert (group.name, group.consumers, group.pending) == ("g", 1, 2)
    assert (group.last_delivered_id, group.entries_read, group.lag) == ("2-0", 2, 1)
    [consumer] = await client.xinfo_consumers("s", "g")
    assert (consumer.name, consumer.pending) == ("c", 2)
    assert consumer.idle >= 0
    assert consumer.inactive is not None
    await client.xgroup_createconsumer("s", "g", "d")
    assert [each.inactive for each in await client.xinfo_consumers("s", "g")][1] == -1
    with pytest.raises(NoGroupError):
        await client.xinfo_consumers("s", "none")


async def test_all_at_once(client: Redis[str]) -> None:
    """The full report has the entries, the groups, and what is pending for each consumer."""
    info = await client.xinfo_stream_full("s")
    assert (info.length, info.entries) == (2, [SECOND, THIRD])
    [group] = info.groups
    assert (group.name, group.pel_count, group.lag, group.entries_read) == ("g", 2, 1, 2)
    [consumer] = group.consumers
    assert (consumer.name, consumer.pel_count) == ("c", 2)
    assert consumer.active_time is not None
    assert consumer.seen_time >= consumer.active_time > 1_000_000_000_000
    assert [each.id for each in group.pending] == ["1-0", "2-0"]
    assert group.pending == consumer.pending
    assert {each.consumer for each in group.pending} == {"c"}
    assert {each.times_delivered for each in group.pending} == {1}
    assert (await client.xinfo_stream_full("s", 1)).entries == [SECOND]
