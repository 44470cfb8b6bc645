"""Scripts on real servers: each method once, on every server that knows it, in RESP2 and RESP3."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import anyio
import pytest

from anyredis import NoScriptError, Redis, ResponseError, UnknownCommandError
from anyredis.server import Server

ECHO = "return {#KEYS, ARGV[1], false}"


@pytest.fixture(params=["valkey", "redis8"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[2, 3])
async def client(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server, in each protocol."""
    protocol: int = request.param
    async with Redis(server.host, server.port, protocol=protocol, decode_responses=True) as client:
        yield client


async def test_eval(client: Redis[str]) -> None:
    """The first `numkeys` words are keys, the others arguments."""
    assert await client.eval(ECHO, 1, "k", "a") == [1, "a", None]
    assert await client.eval(ECHO, 0, "k", "a") == [0, "k", None]
    assert await client.eval_ro("return redis.call('GET', KEYS[1])", 1, "k") is None
    with pytest.raises(ResponseError, match="Write commands are not allowed"):
        await client.eval_ro("return redis.call('SET', KEYS[1], 1)", 1, "k")


async def test_by_sha(client: Redis[str]) -> None:
    """A loaded script is known by its SHA1, until the scripts are flushed."""
    sha = await client.script_load(ECHO)
    assert await client.script_exists(sha, "0" * 40) == [True, False]
    assert await client.evalsha(sha, 1, "k", "a") == [1, "a", None]
    assert await client.evalsha_ro(sha, 1, "k", "a") == [1, "a", None]
    assert await client.script_flush("ASYNC") is True
    assert await client.script_exists(sha) == [False]
    with pytest.raises(NoScriptError):
        await client.evalsha(sha, 1, "k", "a")


async def test_show(client: Redis[str], request: pytest.FixtureRequest) -> None:
    """Valkey shows the text of a script; Redis does not know the command."""
    sha = await client.script_load(ECHO)
    try:
        assert await client.script_show(sha) == ECHO
    except UnknownCommandError:
        assert "redis8" in request.node.name


async def test_kill(own_server: Server) -> None:
    """A script that runs for too long is ended by another client; without one it is an error."""
    server, ended = own_server, list[str]()
    async with Redis(server.host, server.port) as busy, Redis(server.host, server.port) as other:
        await other.config_set("busy-reply-threshold", 1)
        with pytest.raises(ResponseError, match="NOTBUSY"):
            await other.script_kill()

        async def run_for_ever() -> None:
            with pytest.raises(ResponseError) as failed:
                await busy.eval("while true do end", 0)
            ended.append(str(failed.value))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_for_ever)
            while not ended:
                with contextlib.suppress(ResponseError):  # NOTBUSY: it has not begun
                    await other.script_kill()
    assert "killed" in ended[0]
