"""Tests of `anyredis.coroutine_functions`: methods of a client as other libraries see them."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest import mock

import anyio
import pytest
from starlette.background import BackgroundTask

from anyredis import Pipeline, Redis, RedisCluster, Session
from anyredis.coroutine_functions import mark_coroutine_function
from anyredis.exceptions import DataTypeError
from anyredis.server import Server
from tests.conftest import BACKENDS

EXECUTORS: list[type[Any]] = [Redis, RedisCluster, Session]


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """The checks of frameworks: `inspect` from Python 3.12 on, asyncio before, without partials."""
    while isinstance(function, functools.partial):
        function = function.func
    if sys.version_info >= (3, 12):
        return inspect.iscoroutinefunction(function)
    # Deprecated in 3.14, which goes the other way.
    return asyncio.iscoroutinefunction(function)  # pyright: ignore[reportDeprecated]


@pytest.fixture
async def client(valkey: Server) -> AsyncIterator[Redis[str]]:
    """A client of the shared server."""
    async with Redis(valkey.host, valkey.port, decode_responses=True) as client:
        yield client


def test_a_function_is_marked() -> None:
    """It counts as a coroutine function from then on, and so does a method."""

    def give() -> None:
        """Not a coroutine function by itself."""

    assert not is_coroutine_function(give)
    assert mark_coroutine_function(give) is give
    assert is_coroutine_function(give)
    assert is_coroutine_function(functools.partial(give))


@pytest.mark.parametrize("kind", EXECUTORS)
def test_the_commands_of_an_executor_are_coroutine_functions(kind: type[Any]) -> None:
    """On a class, on an object, and in a partial; `execute_command` is one as well."""
    assert is_coroutine_function(kind.get)
    assert is_coroutine_function(kind.blpop)
    assert is_coroutine_function(functools.partial(kind.get, None))
    assert is_coroutine_function(kind.execute_command)
    client = Redis()
    assert is_coroutine_function(client.get)
    assert is_coroutine_function(functools.partial(client.set, "k"))


def test_the_commands_of_a_pipeline_are_none() -> None:
    """They give a `Result` at once."""
    assert not is_coroutine_function(Pipeline.get)
    assert not is_coroutine_function(Redis().pipeline().get)


async def test_starlette_awaits_a_background_task(client: Redis[str]) -> None:
    """`BackgroundTask(client.set, …)` sets the key, rather than call it in a thread."""
    task = BackgroundTask(client.set, "k", "v", ex=60)
    assert task.is_async
    await task()
    assert await client.get("k") == "v"


async def test_a_task_group_starts_them(client: Redis[str]) -> None:
    """`start_soon` takes the method and its arguments, or a partial."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.set, "k", "v")
        tasks.start_soon(functools.partial(client.set, "l", "w", ex=60))
    assert await client.mget("k", "l") == ["v", "w"]


@pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]])
async def test_an_asyncio_task_takes_its_name(client: Redis[str]) -> None:
    """The result of a call is a coroutine, which a task shows as `Redis.get`."""
    task = asyncio.create_task(client.get("k"))
    assert "Redis.get()" in repr(task)
    assert await task is None


async def test_the_warning_about_a_forgotten_await_has_the_name_of_the_method(
    client: Redis[str],
) -> None:
    """Python warns of `Redis.get`, and of `Session.get` in a session."""
    with pytest.warns(RuntimeWarning, match=r"coroutine 'Redis\.get' was never awaited"):
        client.get("k")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    async with client.session() as session:
        with pytest.warns(RuntimeWarning, match=r"coroutine 'Session\.get' was never awaited"):
            session.get("k")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


async def test_wrong_arguments_raise_at_the_call(client: Redis[str]) -> None:
    """Both those that Python refuses and those that cannot be sent; no await is needed."""
    untyped: Any = client
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TypeError, match=r"Redis\.get\(\) is missing the argument 'key'"):
            untyped.get()
        with pytest.raises(TypeError, match=r"Redis\.set\(\) has no argument 'expire'"):
            untyped.set("k", "v", expire=60)
        with pytest.raises(DataTypeError, match="SET: value is None"):
            untyped.set("k", None)


async def test_a_spec_of_the_class_has_commands_to_await() -> None:
    """`create_autospec(Redis)` gives each command as an `AsyncMock` that checks its arguments."""
    spec: Any = mock.create_autospec(Redis)
    fake = spec.return_value
    assert isinstance(spec.get, mock.AsyncMock)
    assert isinstance(fake.get, mock.AsyncMock)
    assert isinstance(fake.blpop, mock.AsyncMock)
    fake.get.return_value = "v"
    assert await fake.get("k") == "v"
    fake.get.assert_awaited_once_with("k")
    with pytest.raises(TypeError, match="missing a required argument: 'key'"):
        fake.get()


def test_a_spec_of_an_object_has_commands_to_await() -> None:
    """So has that of a client; a pipeline's commands are called, not awaited."""
    fake: Any = mock.create_autospec(Redis(), instance=True)
    assert isinstance(fake.get, mock.AsyncMock)
    pipe: Any = mock.create_autospec(Pipeline, instance=True)
    assert isinstance(pipe.get, mock.MagicMock)
    assert not isinstance(pipe.get, mock.AsyncMock)
