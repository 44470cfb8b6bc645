"""Functions on real servers: each method once, on every server, in RESP2 and RESP3."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import anyio
import pytest

from anyredis import Redis, ResponseError
from anyredis.reports.server_reports import EngineStats, FunctionDescription, FunctionStats
from anyredis.server import Server

CODE = """#!lua name=live
redis.register_function('add', function(keys, args)
    return redis.call('INCRBY', keys[1], args[1])
end)
redis.register_function{
    function_name = 'look',
    callback = function(keys, args) return redis.call('GET', keys[1]) end,
    flags = {'no-writes'},
    description = 'the value'
}
"""


@pytest.fixture(params=["valkey", "redis8"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[2, 3])
async def client(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server, in each protocol; there are no libraries."""
    protocol: int = request.param
    async with Redis(server.host, server.port, protocol=protocol, decode_responses=True) as client:
        await client.function_flush()
        yield client
        await client.function_flush("ASYNC")


async def test_call(client: Redis[str]) -> None:
    """A function that only reads may be called by FCALL_RO, another one may not."""
    assert await client.function_load(CODE) == "live"
    assert await client.fcall("add", 1, "n", 5) == 5
    assert await client.fcall_ro("look", 1, "n") == "5"
    with pytest.raises(ResponseError, match="write flag"):
        await client.fcall_ro("add", 1, "n", 5)
    with pytest.raises(ResponseError, match="Function not found"):
        await client.fcall("missing", 0)


async def test_load(client: Redis[str]) -> None:
    """A library is replaced only if that is asked for."""
    await client.function_load(CODE)
    with pytest.raises(ResponseError, match="already exists"):
        await client.function_load(CODE)
    assert await client.function_load(CODE, replace=True) == "live"


async def test_list(client: Redis[str]) -> None:
    """Libraries are described, with their code if that is asked for."""
    await client.function_load(CODE)
    (found,) = await client.function_list()
    assert (found.library_name, found.engine, found.library_code) == ("live", "LUA", None)
    assert sorted(found.functions) == [
        FunctionDescription("add", None, frozenset()),
        FunctionDescription("look", "the value", frozenset({"no-writes"})),
    ]
    (found,) = await client.function_list("li*", withcode=True)
    assert found.library_code == CODE
    assert await client.function_list("other") == []


async def test_dump_and_restore(client: Redis[str]) -> None:
    """What is dumped can be restored after all was deleted."""
    await client.function_load(CODE)
    payload = await client.function_dump()
    assert await client.function_delete("live") is True
    with pytest.raises(ResponseError, match="Library not found"):
        await client.function_delete("live")
    assert await client.function_restore(payload) is True
    with pytest.raises(ResponseError, match="already exists"):
        await client.function_restore(payload)
    assert await client.function_restore(payload, "REPLACE") is True
    assert await client.function_restore(payload, policy="FLUSH") is True
    assert [each.library_name for each in await client.function_list()] == ["live"]


async def test_stats(client: Redis[str]) -> None:
    """The numbers of libraries and functions; nothing runs, so nothing can be killed."""
    await client.function_load(CODE)
    assert await client.function_stats() == FunctionStats(None, {"LUA": EngineStats(1, 2)})
    with pytest.raises(ResponseError, match="NOTBUSY"):
        await client.function_kill()


LOOP = """#!lua name=loop
redis.register_function('for_ever', function() while true do end end)
"""


async def test_kill(own_server: Server) -> None:
    """A function that runs for ever, and has written nothing, is killed."""
    server, ended = own_server, list[str]()
    async with Redis(server.host, server.port) as busy, Redis(server.host, server.port) as other:
        await other.config_set("busy-reply-threshold", 1)
        await other.function_load(LOOP)

        async def run_for_ever() -> None:
            with pytest.raises(ResponseError) as failed:
                await busy.fcall("for_ever", 0)
            ended.append(str(failed.value))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_for_ever)
            while not ended:
                with contextlib.suppress(ResponseError):  # NOTBUSY: it has not begun
                    assert await other.function_kill() is True
    assert "killed" in ended[0]
