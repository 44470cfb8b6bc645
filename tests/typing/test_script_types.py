"""What type checkers infer of scripts and functions: proved by mypy and pyright, strict both."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, assert_type

from anyredis import Executor, Key, Redis, RedisCluster, Result, Script, Session
from anyredis.reports.server_reports import FunctionStats, LibraryDescription
from anyredis.testing import FakeServer
from tests.client.test_libraries import Sums
from tests.client.test_script_functions import add, everything, look, nothing


async def of_a_client(
    client: Redis[str], cluster: RedisCluster[bytes], session: Session[str]
) -> None:
    """A typed script is a coroutine of its return type, on any executor."""
    assert_type(await add(client, "n"), int)
    assert_type(await add(cluster, b"n", amount=2), int)
    await assert_type(look(session, "n"), Coroutine[Any, Any, str | None])
    assert_type(await everything(client, ["a"], 1, "t"), tuple[bool, bool, str, list[str]])
    assert_type(await Sums().add(client, "n", 1), int)
    assert_type(await client.script_load("s"), str)
    assert_type(await client.script_exists("s"), list[bool])
    assert_type(await client.script_show("s"), str)
    assert_type(await cluster.script_show("s"), bytes)
    assert_type(await client.function_list(), list[LibraryDescription])
    assert_type(await client.function_stats(), FunctionStats)
    assert_type(await client.function_dump(), bytes)


async def test_of_a_pipeline() -> None:
    """In a pipeline a typed script gives a `Result` of its return type."""
    async with FakeServer().client(decode_responses=True) as client:
        pipe = client.pipeline()
        assert_type(add(pipe, "n", 1), Result[int])
        assert_type(look(pipe, "n"), Result[str | None])
        assert_type(nothing(pipe), Result[None])
        assert_type(Sums().look(pipe, "n"), Result[str | None])
        assert_type(pipe.script_load("s"), Result[str])
        pipe.script(Script("s"), ["k"], [1])
        assert len(pipe) == 6
        pipe.reset()


async def generic(executor: Executor, key: Key) -> int:
    """Any executor fits, so that code can be written for all of them."""
    return await add(executor, key)
