"""One definition of a command, three lives.

A command method builds a `Command`, a plain value.  What it is called on decides the rest: an
`Executor` (a client, a session) runs it and the call is awaited; a `Batch` (a pipeline) queues it
and gives a `Result`; a `Blueprint` hands the value back.  At run time it is an ordinary method;
the descriptor protocols below exist for type checkers, joined to it by the only casts we have.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import (
    Any,
    Concatenate,
    Final,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    overload,
)

from anyredis.exceptions import DataTypeError, DataValueError, RedisError
from anyredis.wire.decode import Reply
from anyredis.wire.encode import READY, NotSendable, Value, name_of, ready, refusal

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
P = ParamSpec("P")


class Command(Generic[T_co]):
    """Arguments to send and how to read the reply; facts about it are in `anyredis.facts`.

    A value: nobody changes it once it is made.  *binary* says that strings in the reply stay bytes,
    also for a client that decodes (DUMP …).
    """

    # A NamedTuple or a frozen dataclass would say it shorter, and take more than twice as long to
    # make; one is made for every command that is run.
    __slots__ = ("args", "binary", "parse")

    def __init__(
        self,
        args: tuple[Value, ...],
        parse: Callable[[Reply], T_co],
        binary: bool = False,
    ) -> None:
        self.args = args
        self.parse = parse
        self.binary = binary

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Command):
            return NotImplemented
        mine = (self.args, self.parse, self.binary)
        return mine == (other.args, other.parse, other.binary)

    def __hash__(self) -> int:
        return hash((self.args, self.parse, self.binary))

    def __repr__(self) -> str:
        """The name only: arguments may be secrets."""
        return f"<Command {name_of(self.args)}>"


class Executor:
    """Runs commands: what is called on it is awaited."""

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """Run *command* and give its parsed reply."""
        raise NotImplementedError


class Batch:
    """Queues commands: what is called on it gives a `Result` to read later."""

    def submit(self, command: Command[T]) -> Result[T]:
        """Queue *command*."""
        raise NotImplementedError


class Blueprint:
    """Gives commands back as values, for tests, splits and scripts."""

    def submit(self, command: Command[T]) -> Command[T]:
        """Give back *command* as it is."""
        return command


class Unresolved:
    """The type of `UNRESOLVED`."""


UNRESOLVED: Final = Unresolved()
"""In place of a value that is not there yet."""


class Result(Generic[T]):
    """The reply to a queued command, there once the pipeline has run."""

    __slots__ = ("_outcome", "command")

    def __init__(self, command: Command[T]) -> None:
        self.command = command
        self._outcome: T | RedisError | Unresolved = UNRESOLVED

    @property
    def value(self) -> T:
        """The parsed reply.

        Raises the command's own error where the server refused it, and `RuntimeError` before the
        pipeline has run.
        """
        outcome = self._outcome
        if isinstance(outcome, RedisError):
            raise outcome
        if isinstance(outcome, Unresolved):
            msg = f"{name_of(self.command.args)} has no reply: its pipeline has not run"
            raise RuntimeError(msg)  # noqa: TRY004 - the type is right, the moment is not
        return outcome

    @property
    def error(self) -> RedisError | None:
        """The command's own error, or None."""
        return self._outcome if isinstance(self._outcome, RedisError) else None

    def resolve(self, reply: Reply) -> T | RedisError:
        """Take the raw *reply*; gives its value, or the error it is or has."""
        outcome: T | RedisError
        if isinstance(reply, RedisError):
            outcome = reply
        else:
            try:
                outcome = self.command.parse(reply)
            except RedisError as error:
                outcome = error
        self._outcome = outcome
        return outcome

    def __repr__(self) -> str:
        """The command's name and what is known of its reply."""
        waiting = isinstance(self._outcome, Unresolved)
        return f"<Result {name_of(self.command.args)}: {'waiting' if waiting else self._outcome}>"


class Method(Protocol[P, T]):
    """What a type checker sees of a command method."""

    @overload
    def __get__(self, on: Executor, owner: object) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, on: Batch, owner: object) -> Callable[P, Result[T]]: ...
    @overload
    def __get__(self, on: Blueprint, owner: object) -> Callable[P, Command[T]]: ...
    @overload
    def __get__(self, on: None, owner: object) -> Callable[Concatenate[Any, P], Any]: ...


class ExecutorMethod(Protocol[P, T_co]):
    """What a type checker sees of a command that no pipeline can carry."""

    @overload
    def __get__(self, on: Executor, owner: object) -> Callable[P, Coroutine[Any, Any, T_co]]: ...
    @overload
    def __get__(self, on: Blueprint, owner: object) -> Callable[P, Command[T_co]]: ...
    @overload
    def __get__(self, on: None, owner: object) -> Callable[Concatenate[Any, P], Any]: ...


def command(build: Callable[Concatenate[Any, P], Command[T]]) -> Method[P, T]:
    """Make a method that builds a `Command` into one that submits it."""
    return cast("Method[P, T]", _method(build))


def blocking_command(build: Callable[Concatenate[Any, P], Command[T]]) -> ExecutorMethod[P, T]:
    """Like `command`, for commands that wait on the server and so have no place in a pipeline."""
    method = _method(build)

    @functools.wraps(build)
    def refused_in_batches(self: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self, Batch):
            msg = f"{build.__name__} blocks: call it on the client, not in a pipeline"
            raise DataTypeError(msg)
        return method(self, *args, **kwargs)

    return cast("ExecutorMethod[P, T]", refused_in_batches)


def _method(build: Callable[..., Command[Any]]) -> Callable[..., Any]:
    @functools.wraps(build)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        built = build(self, *args, **kwargs) if kwargs else build(self, *args)
        if not READY.issuperset(map(type, built.args)):
            built = _made_ready(built, build, args, kwargs)
        return self.submit(built)

    return method


def _made_ready(
    built: Command[Any],
    build: Callable[..., Command[Any]],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> Command[Any]:
    try:
        return Command(ready(built.args), built.parse, built.binary)
    except NotSendable as refused:
        bound = inspect.signature(build).bind(object(), *args, **kwargs)  # anything stands for self
        argument = _argument_holding(bound.arguments, refused.value)
        raise refusal(name_of(built.args), argument, refused.value) from None


def _argument_holding(arguments: Mapping[str, object], wanted: object) -> str:
    """The name of the parameter that holds *wanted*, with its index or key where it has one."""
    for name, value in arguments.items():
        if value is wanted:
            return name
        if isinstance(value, Mapping):
            for key, item in cast("Mapping[object, object]", value).items():
                if item is wanted or key is wanted:
                    return f"{name}[{key!r:.40}]"
        elif isinstance(value, (list, tuple, set, frozenset)):
            for index, item in enumerate(cast("list[object]", value)):
                if item is wanted:
                    return f"{name}[{index}]"
    return "an argument"


def _as_it_is(reply: Reply) -> Any:
    return reply


def raw_command(*args: Value) -> Command[Any]:
    """A `Command` of words as the caller gave them, its reply as the server gave it.

    Raises `DataTypeError` where an argument cannot be sent, `DataValueError` without a name.
    """
    if not args or not isinstance(args[0], (str, bytes)) or not args[0].strip():
        msg = "execute_command needs a command's name first, such as 'GET'"
        raise DataValueError(msg)
    name = args[0].encode() if isinstance(args[0], str) else args[0]
    words = tuple(name.upper().split())
    try:
        return Command(ready((*words, *args[1:])), _as_it_is)
    except NotSendable as refused:
        position = next(i for i, arg in enumerate(args) if arg is refused.value)
        raise refusal(name_of(words), f"argument {position}", refused.value) from None
