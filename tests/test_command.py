"""Tests of `anyredis.command`: one definition for clients, pipelines and blueprints."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
import typing
from collections.abc import Coroutine
from types import FunctionType
from typing import Any, TypeVar
from unittest import mock

import pytest

from anyredis import NodeClient, Pipeline, Redis, RedisCluster, Session
from anyredis.command import (
    Batch,
    Blueprint,
    Command,
    Definition,
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
    """A group of a few commands."""

    @command
    def count(self, key: str, *members: Value) -> Command[int]:
        """The number of elements."""
        return Command((b"COUNT", key, *members), integer)

    @command
    def store(self, mapping: dict[str, Value], *, ttl: Value = 0) -> Command[int]:
        """Store elements."""
        pairs = [each for pair in mapping.items() for each in pair]
        return Command((b"STORE", *pairs, ttl), integer)

    @blocking_command
    def wait(self, key: str) -> Command[int]:
        """Wait for an element."""
        return Command((b"WAIT", key), integer)


class Runner(Executor, Commands):
    """Replies 7 to every command."""

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
    """Returns commands."""


def function_of(owner: type[object], name: str) -> FunctionType:
    """The attribute of *owner* itself for the command *name*, after its first use."""
    assert callable(getattr(owner, name))
    function = vars(owner)[name]
    assert isinstance(function, FunctionType)
    return function


async def test_an_executor_runs_it() -> None:
    """A call on a client is a coroutine that gives the parsed reply."""
    assert await Runner().count("k", 1) == 7
    assert await Runner().wait("k") == 7


def test_a_batch_queues_it() -> None:
    """A call on a pipeline is a Result."""
    result = Queue().count("k", 1)
    assert isinstance(result, Result)
    assert result.command.args == (b"COUNT", "k", 1)


def test_a_blueprint_gives_it_back() -> None:
    """A call on a blueprint is the command, as a value."""
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
    assert method.__doc__ == "The number of elements."


@pytest.mark.parametrize("owner", [Redis, RedisCluster, NodeClient, Session, Pipeline, Runner])
def test_each_class_has_its_functions(owner: type[object]) -> None:
    """Plain ones, made once, with the name of the class."""
    name = "count" if owner is Runner else "mget"
    function = function_of(owner, name)
    assert function_of(owner, name) is function
    assert function.__qualname__ == f"{owner.__name__}.{name}"
    assert function.__module__ == owner.__module__
    assert pickle.loads(pickle.dumps(function)) is function


def test_a_function_is_made_at_its_first_use() -> None:
    """Not when the package is imported: that would take long."""
    program = (
        "import types, anyredis\n"
        "made = [name for name, value in vars(anyredis.Redis).items()\n"
        "        if isinstance(value, types.FunctionType) and '<anyredis' in\n"
        "        value.__code__.co_filename]\n"
        "assert made == [], made\n"
        "anyredis.Redis.get\n"
        "assert isinstance(vars(anyredis.Redis)['get'], types.FunctionType)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_call_is_a_call_of_that_function_alone() -> None:
    """Once it is made, Python finds it without a descriptor of the library, on any object."""
    client = Runner()
    function_of(Runner, "count")
    calls: list[str] = []
    sys.setprofile(lambda frame, event, _: calls.append(f"{event} {frame.f_code.co_name}"))
    try:
        _ = client.count
    finally:
        sys.setprofile(None)
    assert [call for call in calls if call.startswith("call ")] == []


def test_signatures_show_the_return_type() -> None:
    """The parsed reply on a client, a `Result` in a pipeline, the command on a blueprint."""
    client, queue, plan = (inspect.signature(kind.count) for kind in (Runner, Queue, Plan))
    assert client.return_annotation == "int"
    assert queue.return_annotation == "Result[int]"
    assert plan.return_annotation == "Command[int]"
    assert str(inspect.signature(Redis().get)) == "(key: 'Key') -> 'S | None'"
    assert typing.get_type_hints(Runner.count)["return"] is int


def test_help_shows_a_method() -> None:
    """With the return type and the documentation."""
    program = "import anyredis; help(anyredis.Redis().get)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    text = done.stdout.decode()
    assert "method get in module anyredis.client.redis" in text
    assert "get(key: 'Key') -> 'S | None' method of anyredis.client.redis.Redis instance" in text
    assert "The value at *key*, or None" in text


class Louder(Commands):
    """Redefines one of the commands."""

    @command
    def count(self, key: str, *members: Value) -> Command[int]:
        """The number of elements, redefined."""
        return Command((b"LOUDER", key, *members), integer)


@pytest.mark.parametrize("used", [False, True])
def test_which_definition_counts_is_independent_of_use(used: bool) -> None:
    """A group earlier in the order of the bases takes precedence, also after a base was used."""

    class First(Blueprint, Commands):
        pass

    if used:
        assert First().count("k").args == (b"COUNT", "k")

    class Second(First, Louder):
        pass

    class Third(Second):
        pass

    assert Second().count("k").args == (b"LOUDER", "k")
    assert Third().count("k").args == (b"LOUDER", "k")
    assert Third().store({}).args == (b"STORE", 0)
    assert Third.count.__qualname__.endswith("Third.count")


async def test_a_method_of_a_subclass_reaches_the_command() -> None:
    """`super()` gives the function of the base, and does not change the subclass."""

    class Counting(Runner):
        # pyright takes the declaration of a command for a variable, which a method may not replace.
        def count(  # pyright: ignore[reportIncompatibleVariableOverride]
            self, key: str, *members: Value
        ) -> Any:
            """The same."""
            return super().count(f"prefix:{key}", *members)

    with mock.patch.object(Runner, "submit", autospec=True, side_effect=Runner.submit) as submit:
        assert await Counting().count("k", 1) == 7
        assert await Counting().count("k", 1) == 7
    assert submit.call_args.args[1].args == (b"COUNT", "prefix:k", 1)
    assert Counting.count.__qualname__.endswith("Counting.count")


def test_a_command_may_be_declared_by_an_executor() -> None:
    """Subclasses find it also after it was used."""

    class Base(Blueprint):
        @command
        def one(self) -> Command[int]:
            """One."""
            return Command((b"ONE",), integer)

    assert Base().one().args == (b"ONE",)

    class Derived(Base, Commands):
        pass

    assert Derived().one().args == (b"ONE",)
    assert Derived.one.__qualname__.endswith("Derived.one")


@pytest.mark.parametrize("used", [False, True])
async def test_a_command_may_be_replaced_by_a_mock(used: bool) -> None:
    """A mock replaces it for a while; afterwards the function is back."""

    class Client(Runner):
        pass

    if used:
        assert await Client().count("k") == 7
    with mock.patch.object(Client, "count", return_value=5) as replaced:
        assert isinstance(replaced, mock.AsyncMock)
        assert await Client().count("k") == 5
    assert await Client().count("k") == 7


def test_a_group_by_itself_has_no_kind() -> None:
    """Its methods are functions that submit to any object: no class got them before."""
    assert isinstance(vars(Commands)["count"], Definition)
    assert Commands.count is Commands.count
    assert Commands.count(Plan(), "k").args == (b"COUNT", "k")


def test_arguments_are_converted() -> None:
    """Values that can be sent in another form are converted."""
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
    """With its index if it has one."""
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
    """It has no value yet, and the error names the reason."""
    result = Queue().count("k")
    with pytest.raises(RuntimeError, match="COUNT has no reply: its pipeline has not run"):
        _ = result.value
    assert result.error is None
    assert "waiting" in repr(result)


def test_a_result_with_its_reply() -> None:
    """The value is the parsed reply."""
    result = Queue().count("k")
    Result.resolve([result], [3])
    assert result.value == 3
    assert repr(result) == "<Result COUNT: 3>"


@pytest.mark.parametrize("reply", [ResponseError("ERR no"), b"not a number"])
def test_a_result_with_an_error(reply: Reply) -> None:
    """The server's error, or that of a malformed reply, is raised by value."""
    result = Queue().count("k")
    Result.resolve([result], [reply])
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
        ((b"client list", "TYPE", "normal"), (b"CLIENT", b"LIST", "TYPE", "normal")),
        (("CLIENT", "list", "type", "normal"), (b"CLIENT", "list", "type", "normal")),
        (("get", "my key"), (b"GET", "my key")),
        (("SET", "k", 1, 1.5, b"x"), (b"SET", "k", 1, 1.5, b"x")),
    ],
)
def test_raw_commands(words: tuple[Value, ...], args: tuple[Value, ...]) -> None:
    """A name, with its subcommand or without, may be in any case; arguments stay as they are."""
    raw = raw_command(*words)
    assert raw.args == args
    assert raw.parse(b"anything") == b"anything"


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("GET my key", "GET"),
        (b"GET k", "GET"),
        ("GET ", "GET"),
        (" GET", ""),
        ("GET\tk", "GET"),
        ("GET\0", "GET"),
        ("GÉT", "G"),
        ("CONFIG GET maxmemory", "CONFIG GET"),
        ("CONFIG  GET", "CONFIG"),
        ("CONFIG GET ", "CONFIG GET"),
        ("CONFIG\nGET", "CONFIG"),
        ("CONFIG\0GET", "CONFIG"),
        ("CLIENT REPLY\0", "CLIENT REPLY"),
        ("CLIENT REPLY off", "CLIENT REPLY"),
        ("JSON.GET k", "JSON.GET"),
    ],
)
def test_more_than_a_name(name: Value, own: str) -> None:
    """Only a command's own words are split, at one space; the message says what to write."""
    with pytest.raises(DataValueError, match=re.escape(f"write execute_command({own!r}, …)")):
        raw_command(name, "x")


def test_a_secret_behind_a_name() -> None:
    """G15: the message shows the name alone."""
    for text in ("AUTH hunter2", "CONFIG SET requirepass hunter2", "AUTH\0hunter2"):
        with pytest.raises(DataValueError) as refused:
            raw_command(text)
        assert "hunter2" not in str(refused.value)


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
