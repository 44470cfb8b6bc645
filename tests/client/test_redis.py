"""The client: commands, ownership of its pool, retries and redirects; on a real server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from anyredis import (
    Backoff,
    Command,
    ConnectionPool,
    DataError,
    MovedError,
    Redis,
    RedisCluster,
    ReplyDecodeError,
    ResponseError,
    Retry,
    WrongTypeError,
)
from anyredis.server import Cluster, Server
from tests.blocked_tasks import all_tasks_blocked
from tests.conftest import BACKENDS


@pytest.fixture
async def client(valkey: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes."""
    async with Redis(valkey.host, valkey.port, decode_responses=True) as client:
        yield client


# -- commands -----------------------------------------------------------------------------------


async def test_a_command_is_a_coroutine_function(client: Redis[str]) -> None:
    """The result of a method can be awaited, started in a task group, made a task."""
    assert await client.set("k", 1) is True
    coroutine = client.get("k")
    assert inspect.iscoroutine(coroutine)
    assert await coroutine == "1"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.incr, "k", 5)
    assert await client.get("k") == "6"


@pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]])
async def test_a_command_is_an_asyncio_task(client: Redis[str]) -> None:
    """`create_task` and `gather` accept its coroutine."""
    task = asyncio.create_task(client.set("k", 1))
    assert await task is True
    assert await asyncio.gather(client.get("k"), client.incr("n")) == ["1", 1]


async def test_a_forgotten_await_warns(client: Redis[str]) -> None:
    """A coroutine that is never awaited does nothing, and Python warns."""
    with pytest.warns(RuntimeWarning, match="never awaited"):
        client.set("k", 1)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    assert await client.get("k") is None


async def test_text_or_bytes(valkey: Server, client: Redis[str]) -> None:
    """`decode_responses` decides the type of all replies."""
    await client.set("k", "ü")
    async with Redis(valkey.host, valkey.port) as binary:
        assert await binary.get("k") == "ü".encode()
    async with Redis(valkey.host, valkey.port, decode_responses=True, encoding="latin-1") as latin:
        assert await latin.get("k") == "Ã¼"
        await latin.set("l", "ü")
    with pytest.raises(ReplyDecodeError, match="utf-8"):
        await client.get("l")


async def test_execute_command_runs_any_command(client: Redis[str]) -> None:
    """Any words make a command; the reply is the server's."""
    assert await client.execute_command("SET", "k", 1.5) == "OK"
    assert await client.execute_command(b"get", b"k") == "1.5"
    assert await client.execute_command("object encoding", "k") == "embstr"
    with pytest.raises(WrongTypeError):
        await client.execute_command("LPUSH", "k", "x")


async def test_execute_command_blocks_on_an_exclusive_connection(client: Redis[str]) -> None:
    """A blocking command of raw words delays no other command."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.execute_command, "blpop", "list", 0)
        await all_tasks_blocked()
        with anyio.fail_after(5):
            assert await client.ping()
            while not await client.rpush("list", "x"):
                pass


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a command's name first"),
        (("",), "a command's name first"),
        ((1,), "a command's name first"),
        (("SET", "k", None), "SET: argument 2 is None"),
        (("SET", "k", True), "SET: argument 2 is True"),
        (("SUBSCRIBE", "c"), "SUBSCRIBE cannot be sent"),
        (("MULTI",), r"client\.session\(\)"),
    ],
)
async def test_arguments_that_make_no_command(
    client: Redis[str], words: tuple[Any, ...], message: str
) -> None:
    """Arguments that cannot be sent are refused before anything is sent, with the reason."""
    with pytest.raises(DataError, match=message):
        await client.execute_command(*words)


async def test_a_command_of_a_user(client: Redis[str]) -> None:
    """`submit` takes any `Command`: its arguments, and the parser of its reply."""
    await client.rpush("list", 1, 2, 3)
    assert await client.submit(Command((b"LRANGE", "list", 0, -1), len)) == 3  # type: ignore[arg-type]


async def test_scans_are_async_iterators(client: Redis[str]) -> None:
    """All keys are returned, page by page."""
    await client.mset({f"k{number}": number for number in range(100)})
    assert {key async for key in client.scan_iter(count=10)} == {f"k{n}" for n in range(100)}


# -- scope --------------------------------------------------------------------------------------


async def test_a_client_can_be_entered_again(valkey: Server) -> None:
    """A block that has ended can be followed by another, also on the other kind of event loop."""
    client = Redis(valkey.host, valkey.port)
    for _ in range(3):
        async with client as entered:
            assert entered is client
            assert await client.ping()


def test_a_client_serves_one_event_loop_after_another(valkey: Server) -> None:
    """Nothing of an event loop is left in a client whose block has ended."""
    client = Redis(valkey.host, valkey.port)

    async def use() -> bool:
        async with client:
            return await client.ping()

    for name, options in BACKENDS.values():
        assert anyio.run(use, backend=name, backend_options=options)


async def test_a_client_can_be_entered_within_itself(valkey: Server) -> None:
    """Only the outermost block closes it."""
    async with Redis(valkey.host, valkey.port) as client:
        async with client:
            assert await client.ping()
        assert await client.ping()
    with pytest.raises(RuntimeError, match="not open"):
        await client.ping()


async def test_clients_share_a_pool(valkey: Server) -> None:
    """Two clients on one pool use the same connections; either may enter first."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port)
    one, other = Redis(connection_pool=pool), Redis(connection_pool=pool)
    async with one, other:
        assert await one.client_id() == await other.client_id()
    async with other:
        assert await one.ping(), "the pool is open, whoever entered it"


async def test_repr(valkey: Server) -> None:
    """It shows the address and the state of its pool."""
    client = Redis(valkey.host, valkey.port, max_connections=3)
    where = f"<Redis {valkey.host}:{valkey.port} "
    assert repr(client) == f"{where}<ConnectionPool not open>>"
    async with client:
        await client.ping()
        assert repr(client).startswith(f"{where}<ConnectionPool capacity=3 free=3 leased=0 ")


# -- retries ------------------------------------------------------------------------------------


async def test_a_given_retry(valkey: Server) -> None:
    """Errors in `errors` are repeated; here the third try finds another type of key."""
    delays: list[float] = []

    def dice() -> float:
        delays.append(0)
        return 0

    retry = Retry(attempts=2, backoff=Backoff(base=0, cap=0, random=dice), errors=(WrongTypeError,))
    async with Redis(valkey.host, valkey.port, retry=retry) as client:
        await client.rpush("list", 1)
        with pytest.raises(WrongTypeError):
            await client.get("list")
    assert len(delays) == 2


# -- redirects ----------------------------------------------------------------------------------


async def test_a_redirect_says_what_to_use(valkey_cluster: Cluster) -> None:
    """A client for one server that meets a cluster gets an error that names the right client."""
    first, second, _ = valkey_cluster.primaries
    for server in (first, second):
        async with Redis(server.host, server.port) as client:
            error: MovedError | None = None
            for key in ("foo", "bar", "hello"):
                try:
                    await client.get(key)
                except MovedError as moved:
                    error = moved
            assert error is not None
            assert str(error).endswith("(a server of a cluster: use anyredis.RedisCluster)")
            assert 0 <= error.slot < 16384
            assert error.address.startswith("127.0.0.1:")


async def test_a_cluster_client_for_one_server(valkey: Server) -> None:
    """A client for clusters that meets a server of none names the right client."""
    with pytest.raises(ResponseError, match=r"use anyredis\.Redis for a server that is no cluster"):
        async with RedisCluster(valkey.host, valkey.port):
            pass
