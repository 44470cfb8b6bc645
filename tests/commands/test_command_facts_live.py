"""The commands on commands on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.fixture(params=[("valkey", 2), ("valkey", 3), ("redis8", 2), ("redis8", 3)], ids=str)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[bytes]]:
    """A client that does not decode, of each server, in both protocols."""
    name, protocol = request.param
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port, protocol=protocol) as client:
        yield client


async def test_all_commands(client: Redis[bytes]) -> None:
    """There is one for each command that the server counts; all are read without an error."""
    commands = await client.command()
    assert len(commands) == await client.command_count() > 200
    assert set(await client.command_list()) >= set(commands)
    get = commands["get"]
    assert (get.arity, get.first_key, get.last_key, get.step) == (2, 1, 1, 1)
    assert {"readonly", "fast"} <= set(get.flags)
    assert "@string" in get.acl_categories
    begin = {"type": "index", "spec": {"index": 1}}
    assert [each["begin_search"] for each in get.key_specifications] == [begin]
    assert "config|get" in [each.name for each in commands["config"].subcommands]


async def test_some_commands(client: Redis[bytes]) -> None:
    """A command that the server does not know is None; a subcommand has its own entry."""
    get, none, sub = await client.command_info("get", "nothing", "config|get")
    assert get is not None
    assert sub is not None
    assert (get.name, none, sub.name) == ("get", None, "config|get")
    assert "xgroup" in await client.command_list(pattern="xgrou*")
    assert "get" in await client.command_list(category="read")
    assert await client.command_list(module="nothing") == []


async def test_documentation(client: Redis[bytes]) -> None:
    """A command has a summary and its arguments, a container its subcommands."""
    docs = await client.command_docs("get", "set", "xgroup", "nothing")
    assert set(docs) == {"get", "set", "xgroup"}
    assert (docs["get"].since, docs["get"].group) == ("1.0.0", "string")
    assert docs["get"].arguments[0]["name"] == "key"
    condition = next(each for each in docs["set"].arguments if each["name"] == "condition")
    assert isinstance(condition["arguments"], list)
    assert "xgroup|create" in docs["xgroup"].subcommands
    assert len(await client.command_docs()) > 200


async def test_keys(client: Redis[bytes]) -> None:
    """The keys of a command, as the server finds them."""
    assert await client.command_getkeys("MSET", "a", 1, "b", 2) == [b"a", b"b"]
    [(key, flags)] = await client.command_getkeysandflags("SET", "a", 1)
    assert (key, "update" in flags) == (b"a", True)
    with pytest.raises(ResponseError, match="no key arguments"):
        await client.command_getkeys("PING")
