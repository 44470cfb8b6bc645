"""Tests of `anyredis.command`: one definition of a command, and its three lives."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from anyredis.command import (
    Batch,
    Blueprint,
    Command,
    Executor,
    Result,
    blocking_command,
    command,
    raw_command,
)
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError, ResponseError
from anyredis.replies import integer
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")


class Commands:
    """Some commands."""

    @command
    def count(self, key: str, *members: Value) -> Command[int]:
        """How many."""
        return Command((b"COUNT", key, *members), integer)

    @command
    def store(self, mapping: dict[str, Value], *, ttl: Value = 0) -> Command[int]:
        """Store them."""
        pairs = [each for pair in mapping.items() for each in pair]
        return Command((b"STORE", *pairs, ttl), integer)

    @blocking_command
    def wait(self, key: str) -> Command[int]:
        """Wait for it."""
        return Command((b"WAIT", key), integer)


class Runner(Executor, Commands):
    """Answers 7 to everything."""

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """Run it."""
        return self._run(command)

    async def _run(self, command: Command[T]) -> T:
        return command.parse(7)


class Queue(Batch, Commands):
    """Queues."""

    def submit(self, command: Command[T]) -> Result[T]:
        """Queue it."""
        return Result(command)


class Plan(Blueprint, Commands):
    """Gives commands back."""


async def test_an_executor_runs_it() -> None:
    """What is called on a client is a coroutine that gives the parsed reply."""
    assert await Runner().count("k", 1) == 7
    assert await Runner().wait("k") == 7


def test_a_batch_queues_it() -> None:
    """What is called on a pipeline is a Result."""
    result = Queue().count("k", 1)
    assert isinstance(result, Result)
    assert result.command.args == (b"COUNT", "k", 1)


def test_a_blueprint_gives_it_back() -> None:
    """What is called on a blueprint is the command, as a value."""
    assert Plan().count("k", 1).args == (b"COUNT", "k", 1)
    assert Plan().wait("k").args == (b"WAIT", "k")


def test_a_blocking_command_has_no_place_in_a_batch() -> None:
    """It is refused by its name."""
    queue: Any = Queue()
    with pytest.raises(DataTypeError, match="wait blocks: call it on the client"):
        queue.wait("k")


def test_it_keeps_its_name_and_docstring() -> None:
    """As an ordinary method does."""
    method: Any = Commands.count
    assert method.__name__ == "count"
    assert method.__doc__ == "How many."


def test_arguments_are_made_ready() -> None:
    """What can be sent, but not as it is, is converted."""
    assert Plan().count("k", bytearray(b"a"), memoryview(b"b")).args == (b"COUNT", "k", b"a", b"b")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([None], r"COUNT: key is None"),
        (["k", 1, None], r"COUNT: members\[1\] is None"),
        (["k", True], r"COUNT: members\[0\] is True"),
    ],
)
def test_an_argument_that_cannot_be_sent_is_named(arguments: list[Any], message: str) -> None:
    """With its index where it has one."""
    with pytest.raises(DataTypeError, match=message):
        Plan().count(*arguments)


def test_an_item_of_a_mapping_that_cannot_be_sent_is_named() -> None:
    """With its key, and a keyword argument by its name."""
    bad: Any = None
    with pytest.raises(DataTypeError, match=r"STORE: mapping\['b'\] is None"):
        Plan().store({"a": 1, "b": bad})
    with pytest.raises(DataTypeError, match="STORE: ttl is None"):
        Plan().store({}, ttl=bad)


def test_a_result_before_its_pipeline_ran() -> None:
    """It has no value yet, and says so."""
    result = Queue().count("k")
    with pytest.raises(RuntimeError, match="COUNT has no reply: its pipeline has not run"):
        _ = result.value
    assert result.error is None
    assert "waiting" in repr(result)


def test_a_result_with_its_reply() -> None:
    """The value is the parsed reply."""
    result = Queue().count("k")
    result.resolve(3)
    assert result.value == 3
    assert repr(result) == "<Result COUNT: 3>"


@pytest.mark.parametrize("reply", [ResponseError("ERR no"), b"not a number"])
def test_a_result_with_an_error(reply: Reply) -> None:
    """The server's error, or that of a reply that cannot be read, is raised by value."""
    result = Queue().count("k")
    result.resolve(reply)
    with pytest.raises((ResponseError, ProtocolError)):
        _ = result.value
    assert result.error is not None
    assert "COUNT" in repr(result)


def test_no_repr_shows_arguments() -> None:
    """G15: they may be secrets."""
    assert "hunter2" not in repr(Queue().count("hunter2"))


@pytest.mark.parametrize(
    ("words", "args"),
    [
        (("get", "k"), (b"GET", "k")),
        ((b"client  list", "TYPE", "normal"), (b"CLIENT", b"LIST", "TYPE", "normal")),
        (("SET", "k", 1, 1.5, b"x"), (b"SET", "k", 1, 1.5, b"x")),
    ],
)
def test_raw_commands(words: tuple[Value, ...], args: tuple[Value, ...]) -> None:
    """The name may be of several words and any case; the reply is the server's own."""
    raw = raw_command(*words)
    assert raw.args == args
    assert raw.parse(b"anything") == b"anything"


@pytest.mark.parametrize("words", [(), ("",), (b"  ",), (1, "k")])
def test_a_raw_command_without_a_name(words: tuple[Value, ...]) -> None:
    """It is refused."""
    with pytest.raises(DataValueError, match="needs a command's name first, such as 'GET'"):
        raw_command(*words)


def test_a_raw_command_with_an_argument_that_cannot_be_sent() -> None:
    """It is named by its position."""
    bad: Any = None
    with pytest.raises(DataTypeError, match="SET: argument 2 is None"):
        raw_command("SET", "k", bad)
