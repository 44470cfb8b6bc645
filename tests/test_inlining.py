"""Tests of `anyredis.inlining`: what a generated function does without a call of `submit`."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from anyredis import (
    ConnectionError,
    DataError,
    Outcome,
    Redis,
    RedisError,
    Retry,
)
from anyredis.client.pipeline import Pipeline
from anyredis.client.session import Session
from anyredis.command import Command, Result
from anyredis.inlining import inline_of
from anyredis.testing import FakeServer, run_then_reset

T = TypeVar("T")

CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("set", ("k", "v")),
    ("get", ("k",)),
    ("hset", ("k", "f", 1)),
    ("incr", ("k",)),
    ("delete", ("k", "other")),
    ("ping", ()),
    ("dump", ("k",)),
    ("blpop", ("empty", 0.01)),
    ("execute_command", ("GET", "k")),
    ("execute_command", ("NO.SUCH.COMMAND",)),
    ("execute_command", ("SELECT", 1)),
]
"""Ordinary commands and others, with replies, errors of the server, and refusals."""


class Calls(Redis[bytes]):
    """Notes what reaches its own `submit`."""

    submitted: tuple[str, ...] = ()

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """Note the name."""
        self.submitted += (str(command.args[0]),)
        return super().submit(command)


class Kept(Pipeline[bytes]):
    """Notes what reaches its own `submit`."""

    submitted: tuple[str, ...] = ()

    def submit(self, command: Command[T]) -> Result[T]:
        """Note the name."""
        self.submitted += (str(command.args[0]),)
        return super().submit(command)


async def outcomes(client: Redis[bytes]) -> list[object]:
    """What each of `CALLS` gives or raises."""
    found: list[object] = []
    for name, arguments in CALLS:
        try:
            found.append(await getattr(client, name)(*arguments))
        except RedisError as error:
            found.append((type(error), str(error)))
    return found


async def test_a_client_gives_the_same_without_it() -> None:
    """Replies, errors and refusals, and what the server gets."""
    inline, plain = FakeServer(), FakeServer()
    async with inline.client() as client:
        first = await outcomes(client)
    async with plain.client() as client:
        client._unobserved = set()  # each command is submitted
        second = await outcomes(client)
    assert first == second
    assert any(isinstance(each, tuple) for each in first)


@pytest.mark.parametrize("is_inline", [True, False])
async def test_what_fails_goes_on_in_the_same_way(is_inline: bool) -> None:
    """A read is sent again after a lost reply; a write is not, and its outcome is unknown."""
    server = FakeServer()
    async with server.client(retry=Retry(attempts=2)) as client:
        if not is_inline:
            client._unobserved = set()
        server.on("GET", run_then_reset, times=1)
        assert await client.get("k") is None
        assert server.count("GET") == 2
        server.on("APPEND", run_then_reset, times=1)
        with pytest.raises(ConnectionError) as caught:
            await client.append("k", "v")
        assert caught.value.outcome is Outcome.UNKNOWN
        assert server.count("APPEND") == 1


def test_a_pipeline_queues_the_same_without_it() -> None:
    """The same `Result`, in the same place of the queue."""
    pipe = Redis().pipeline()
    results: list[Result[Any]] = [
        pipe.get("k"),
        pipe.submit(pipe.get("k").command),
        pipe.set("k", 1),
    ]
    assert [type(each) for each in results] == [Result] * 3
    assert [repr(each) for each in results[:2]] == ["<Result GET: waiting>"] * 2
    assert [each.command.args[0] for each in pipe._queue] == [b"GET", b"GET", b"GET", b"SET"]
    assert pipe._queue[0] is results[0]
    assert pipe._queue[3] is results[2]
    for result in results:
        assert result.error is None
        with pytest.raises(RuntimeError, match="has no reply"):
            _ = result.value


def test_a_pipeline_refuses_what_is_not_ordinary() -> None:
    """It has no inline form: `submit` decides."""
    pipe = Redis().pipeline()
    with pytest.raises(DataError, match="changes its connection"):
        pipe.execute_command("SELECT", 1)
    with pytest.raises(DataError, match="blocks"):
        pipe.xread({"s": "$"}, block=5)
    assert len(pipe) == 0


async def test_a_class_with_another_submit_has_it_called() -> None:
    """Clients and pipelines that override it see each command."""
    async with Calls(connection_pool=FakeServer().client().connection_pool) as client:
        await client.set("k", "v")
        await client.get("k")
        assert client.submitted == ("b'SET'", "b'GET'")
        pipe = Kept(client._run_batch, client.read)
        pipe.get("k")
        assert pipe.submitted == ("b'GET'",)
        assert len(pipe) == 1


def test_the_classes_that_have_it() -> None:
    """A class has it by its `submit`, so not by inheritance alone."""
    assert inline_of(Redis) is not None
    assert inline_of(Pipeline) is not None
    assert inline_of(Session) is None
    assert inline_of(Calls) is None
    assert inline_of(Kept) is None
    assert inline_of(object) is None
