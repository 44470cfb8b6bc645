"""Scripts as typed functions: on clients, sessions, pipelines and clusters."""

from __future__ import annotations

import inspect
from typing import Any, cast

import pytest

from anyredis import (
    DataError,
    DataTypeError,
    Executor,
    Key,
    ProtocolError,
    Redis,
    script,
)
from anyredis.server import Server
from anyredis.testing import FakeCluster, FakeServer
from tests.client.scripted import ADD, LOOK, teach
from tests.client.test_scripts import names, taught


@script(ADD)
async def add(client: Executor, key: Key, amount: int = 1) -> int:
    """The sum at *key* after *amount* is added."""
    raise NotImplementedError


@script(LOOK, read_only=True)
async def look(client: Executor, key: Key) -> str | None:
    """The text at *key*."""
    raise NotImplementedError


@script(LOOK, read_only=True)
async def look_at_bytes(client: Executor, key: Key) -> bytes | None:
    """The bytes at *key*."""
    raise NotImplementedError


@script(LOOK)
async def number(client: Executor, key: Key) -> int:
    """A wrong type."""
    raise NotImplementedError


def test_what_it_shows() -> None:
    """It has the name, the docstring and the signature of the function that was decorated."""
    function = cast("Any", add)
    assert function.__name__ == "add"
    assert function.__doc__ == "The sum at *key* after *amount* is added."
    assert [*inspect.signature(function).parameters] == ["client", "key", "amount"]
    assert repr(add) == f"<ScriptFunction add {add.script.sha}>"


async def test_calls() -> None:
    """On a client and a session it is awaited, in a pipeline it gives a `Result`."""
    server = taught()
    async with server.client() as client:
        assert [await add(client, "n"), await add(client, "n", 2)] == [1, 3]
        assert await look(client, "n") == "3"
        assert await look_at_bytes(client, "n") == b"3"
        assert await look(client, key="missing") is None
        async with client.session() as session:
            assert await add(session, "n", amount=2) == 5
        for transaction in (True, False):
            async with client.pipeline(transaction) as pipe:
                added, looked, raw = add(pipe, "n"), look(pipe, "n"), look_at_bytes(pipe, "n")
            assert looked.value == str(added.value)
            assert raw.value == str(added.value).encode()
    assert names(server)[:3] == ["EVALSHA", "EVAL", "EVALSHA"]


async def test_bytes_for_a_client_that_decodes() -> None:
    """An annotation with bytes gives bytes, also in a pipeline beside text."""
    server = taught()
    async with server.client(decode_responses=True) as client:
        await client.set("k", b"\xff")
        assert await look_at_bytes(client, "k") == b"\xff"
        await client.set("t", "text")
        async with client.pipeline() as pipe:
            raw, text, plain = look_at_bytes(pipe, "k"), look(pipe, "t"), pipe.get("t")
        assert (raw.value, text.value, plain.value) == (b"\xff", "text", "text")


async def test_on_a_cluster() -> None:
    """A cluster runs it at the node of its keys."""
    cluster = FakeCluster()
    teach(cluster)
    async with cluster.client() as client:
        assert [await add(client, key) for key in "abcdef"] == [1] * 6
        async with client.pipeline() as pipe:
            results = [add(pipe, key) for key in "abcdef"]
        assert [each.value for each in results] == [2] * 6


async def test_other_replies() -> None:
    """A reply that is not what the annotation says is a `ProtocolError`, in a pipeline as well."""
    server = taught()
    async with server.client() as client:
        with pytest.raises(ProtocolError, match="an integer was expected"):
            await number(client, "missing")
        pipe = client.pipeline(raise_on_error=False)
        result = number(pipe, "missing")
        await pipe.execute()
        assert isinstance(result.error, ProtocolError)


async def test_mistakes() -> None:
    """Wrong arguments are refused when the function is called; nothing is sent."""
    server = FakeServer()
    async with server.client() as client:
        with pytest.raises(
            DataTypeError, match="add takes a client, a session or a pipeline first"
        ):
            cast("Any", add)("n", 1)
        for arguments in ((), ("n", 1.5), ("n", True), ("n", None), (1,), ("n", 1, 2)):
            with pytest.raises(DataError):
                cast("Any", add)(client, *arguments)
    assert names(server) == []
    with pytest.raises(DataTypeError, match="has to be an `async def`"):
        cast("Any", script(ADD))(names)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_on_real_servers(name: str, protocol: int, request: pytest.FixtureRequest) -> None:
    """Lua's values become Python's, on each server, in each protocol."""
    server: Server = request.getfixturevalue(name)
    async with Redis(server.host, server.port, protocol=protocol) as client:
        await client.script_flush()
        assert await everything(client, ["a", "b"], 2.5, "é") == (True, False, "2.5", ["a", "b"])
        assert await fields(client) == {"a": 1, "b": 2}
        await nothing(client)


@script("return {true, false, ARGV[1], KEYS}")
async def everything(
    client: Executor, keys: list[Key], half: float, text: str
) -> tuple[bool, bool, str, list[str]]:
    """Booleans, text, a list."""
    raise NotImplementedError


@script("return {'a', 1, 'b', 2}")
async def fields(client: Executor) -> dict[str, int]:
    """A table of names and values in turn."""
    raise NotImplementedError


@script("redis.call('PING')")
async def nothing(client: Executor) -> None:
    """No reply."""
    raise NotImplementedError
