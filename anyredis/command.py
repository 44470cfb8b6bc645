"""One definition of a command for clients, pipelines and blueprints.

Law: a command method builds a `Command`, a plain value.  The class of the object that it is called
on decides the rest: an `Executor` (a client, a session) runs it and the call is awaited; a `Batch`
(a pipeline) queues it and gives a `Result`; a `Blueprint` returns the value.  Each such class has a
plain function for each command, made at the first use; the descriptor protocols below exist for
type checkers, and casts in this file connect them with these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from types import MethodType
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

from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError, RedisError
from anyredis.facts.secrets import may_be_secret
from anyredis.facts.table import own_words, shown
from anyredis.inlining import inline_of
from anyredis.methods import (
    AWAITED,
    AWAITED_OR_EMPTY,
    SUBMIT,
    SUBMIT_UNLESS_EMPTY,
    Body,
    Place,
    make_method,
    make_refusal,
    parsed_type,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import NotSendable, Value, name_of, ready, refusal

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
P = ParamSpec("P")


class Command(Generic[T_co]):
    """The arguments to send and the parser of the reply; its facts are in `anyredis.facts`.

    A value: it does not change once it is made.  If *binary* is true, strings in the reply stay
    bytes, also for a client that decodes (DUMP …).
    """

    # A NamedTuple or a frozen dataclass would be shorter, but takes more than twice as long to
    # make; one is made for each command that runs.
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

    def parsed(self, reply: Reply) -> T_co:
        """The value of the raw *reply*; raises `ProtocolError` that names the command."""
        try:
            return self.parse(reply)
        except ProtocolError as error:
            raise self.named(error) from error.__cause__

    def error_of(self, error: RedisError) -> RedisError:
        """The error to raise for an error reply to this command: the same, or one that says more."""
        return error

    def named(self, error: ProtocolError) -> ProtocolError:
        """The same *error*, from now on with the command's name in its message."""
        error.args = (f"{shown(self.args)}: {error}",)
        return error

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


class Unresolved:
    """The type of `UNRESOLVED`."""


UNRESOLVED: Final = Unresolved()
"""Stands for a value that does not exist yet."""


class Result(Generic[T]):
    """The reply to a queued command, available once the pipeline has run."""

    __slots__ = ("_outcome", "command")

    def __init__(self, command: Command[T]) -> None:
        self.command = command
        self._outcome: T | RedisError | Unresolved = UNRESOLVED

    @property
    def value(self) -> T:
        """The parsed reply.

        Raises the command's own error if the server refused it, and `RuntimeError` before the
        pipeline has run.
        """
        outcome = self._outcome
        if isinstance(outcome, RedisError):
            raise outcome
        if isinstance(outcome, Unresolved):
            msg = f"{name_of(self.command.args)} has no reply: its pipeline has not run"
            raise RuntimeError(msg)  # noqa: TRY004 - the call comes too early
        return outcome

    @property
    def error(self) -> RedisError | None:
        """The command's own error, or None."""
        return self._outcome if isinstance(self._outcome, RedisError) else None

    def __repr__(self) -> str:
        """The command's name and its reply or error, once there is one."""
        waiting = isinstance(self._outcome, Unresolved)
        return f"<Result {name_of(self.command.args)}: {'waiting' if waiting else self._outcome}>"

    @staticmethod
    def resolve(results: Iterable[Result[Any]], replies: Iterable[Reply]) -> list[Any]:
        """The value of each raw reply, or its error; each result keeps its own."""
        outcomes: list[Any] = []
        for result, reply in zip(results, replies, strict=True):
            if isinstance(reply, RedisError):
                outcome: Any = result.command.error_of(reply)
            else:
                try:
                    outcome = result.command.parse(reply)
                except ProtocolError as error:
                    outcome = result.command.named(error)
                except RedisError as error:
                    outcome = error
            result._outcome = outcome  # noqa: SLF001 - of its own class
            outcomes.append(outcome)
        return outcomes


# -- definitions at run time ------------------------------------------------------------------


class Definition:
    """The one definition of a command, in the class that declares it.

    A subclass of `Callee` gets a function for the command at the first use, and Python finds that
    function from then on; a group keeps the definition only.
    """

    def __init__(
        self,
        build: Callable[..., Command[Any]],
        *,
        blocks: bool = False,
        may_be_empty: bool = False,
    ) -> None:
        self.owner: type | None = None
        """The class that declares the command."""
        self.name = build.__name__
        self.__wrapped__ = build
        self.__doc__ = build.__doc__
        self.blocks = blocks
        """Whether pipelines refuse it, because it waits on the server."""
        self._may_be_empty = may_be_empty
        self._plain: Callable[..., Any] | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, on: object, owner: type) -> Callable[..., Any]:
        function = self._function_of(owner)
        return function if on is None else MethodType(function, on)

    def _function_of(self, owner: type) -> Callable[..., Any]:
        """The function of the first class in the MRO of *owner* that uses this definition.

        *owner* itself may redefine the command and call this one by `super()`.
        """
        for cls in owner.__mro__:
            if issubclass(cls, Callee) and _declared(cls, self.name) is self:
                _install_function(cls, self.name)
                return cast("Callable[..., Any]", vars(cls)[self.name])
        if self._plain is None:
            group = owner if self.owner is None else self.owner
            self._plain = make_method(
                self.__wrapped__, Place.of(group, self.name), self._submit, _unchanged
            )
        return self._plain

    @property
    def _submit(self) -> Body:
        return SUBMIT_UNLESS_EMPTY if self._may_be_empty else SUBMIT

    def make(self, owner: type[Callee]) -> Callable[..., Any]:
        """A new function of this command for *owner*."""
        build, place = self.__wrapped__, Place.of(owner, self.name)
        inline = None if self._may_be_empty else inline_of(owner)
        if issubclass(owner, Executor):
            body = AWAITED_OR_EMPTY if self._may_be_empty else AWAITED
            return make_method(build, place, body, parsed_type, inline)
        if not issubclass(owner, Batch):
            return make_method(build, place, self._submit, _unchanged, inline)
        if not self.blocks:
            return make_method(build, place, self._submit, _result_type, inline)

        def refuse() -> None:
            raise DataTypeError(f"{self.name} blocks: call it on the client, not in a pipeline")

        return make_refusal(build, place, _result_type, refuse)


def _generated(cls: type) -> dict[str, tuple[object, Definition]]:
    """The functions generated for *cls* itself so far, by name, each with its definition."""
    found: dict[str, tuple[object, Definition]] | None = vars(cls).get("_generated_functions")
    if found is None:
        found = {}
        setattr(cls, "_generated_functions", found)  # noqa: B010 - no class declares it
    return found


def _declared(cls: type, name: str) -> object:
    """The attribute *name* as *cls* or a base declares it; None if none does.

    A function generated from the definition of a base is not a declaration.
    """
    for base in cls.__mro__:
        if name not in vars(base):
            continue
        value = vars(base)[name]
        generated = _generated(base).get(name) if issubclass(base, Callee) else None
        if generated is None or generated[0] is not value:
            return value
        definition = generated[1]
        if definition.owner is base:
            return definition
    return None


def _install_function(cls: type[Callee], name: str) -> None:
    """Give *cls* and all its subclasses their functions for the command *name*.

    Otherwise a subclass would inherit the function of *cls*, and the function that it has would
    depend on the order of use.
    """
    declared = _declared(cls, name)
    if isinstance(declared, Definition):
        function = declared.make(cls)
        _generated(cls)[name] = (function, declared)
        setattr(cls, name, function)
    else:
        setattr(cls, name, declared)
    for subclass in cls.__subclasses__():
        if name not in vars(subclass):
            _install_function(subclass, name)


class Callee:
    """The base of classes with command methods: each subclass gets its functions."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        bases = [base for base in cls.__mro__[1:] if issubclass(base, Callee)]
        inherited = {name for base in bases for name in _generated(base)}
        for name in inherited - vars(cls).keys():
            _install_function(cls, name)


def _unchanged(annotation: object) -> object:
    return annotation


def _result_type(annotation: object) -> object:
    parsed = parsed_type(annotation)
    return f"Result[{parsed}]" if isinstance(parsed, str) else Result[parsed]  # type: ignore[valid-type]


# -- executors, batches and blueprints ---------------------------------------------------------


class Executor(Callee):
    """Runs commands: each call is awaited."""

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*, after an `await`: the coroutine of an `async def`."""
        raise NotImplementedError


class Batch(Callee):
    """Queues commands: each call gives a `Result` to read later."""

    def submit(self, command: Command[T]) -> Result[T]:
        """Queue *command*."""
        raise NotImplementedError


class Blueprint(Callee):
    """Returns commands as values, for tests, splits and scripts."""

    def submit(self, command: Command[T]) -> Command[T]:
        """The same *command*."""
        return command


# -- types for checkers -----------------------------------------------------------------------


class Method(Protocol[P, T]):
    """A command method."""

    @overload
    def __get__(self, on: Executor, owner: object) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, on: Batch, owner: object) -> Callable[P, Result[T]]: ...
    @overload
    def __get__(self, on: Blueprint, owner: object) -> Callable[P, Command[T]]: ...
    @overload
    def __get__(
        self, on: None, owner: type[Executor]
    ) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, on: None, owner: object) -> Callable[Concatenate[Any, P], Any]: ...


class ExecutorMethod(Protocol[P, T_co]):
    """A command method that pipelines do not have."""

    @overload
    def __get__(self, on: Executor, owner: object) -> Callable[P, Coroutine[Any, Any, T_co]]: ...
    @overload
    def __get__(self, on: Blueprint, owner: object) -> Callable[P, Command[T_co]]: ...
    @overload
    def __get__(
        self, on: None, owner: type[Executor]
    ) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T_co]]: ...
    @overload
    def __get__(self, on: None, owner: object) -> Callable[Concatenate[Any, P], Any]: ...


def command(build: Callable[Concatenate[Any, P], Command[T]]) -> Method[P, T]:
    """A method that submits the `Command` that *build* makes."""
    return cast("Method[P, T]", Definition(build))


def command_or_empty(build: Callable[Concatenate[Any, P], Command[T]]) -> Method[P, T]:
    """Like `command`, if *build* may give a command without words: there is nothing to ask.

    An executor then sends nothing and gives what the command's parser makes of an empty list; a
    pipeline or a blueprint raises `DataValueError`.
    """
    return cast("Method[P, T]", Definition(build, may_be_empty=True))


def blocking_command(build: Callable[Concatenate[Any, P], Command[T]]) -> ExecutorMethod[P, T]:
    """Like `command`, for commands that wait on the server: pipelines do not have them."""
    return cast("ExecutorMethod[P, T]", Definition(build, blocks=True))


def _raw_reply(reply: Reply) -> Any:
    return reply


def raw_command(*args: Value) -> Command[Any]:
    """A `Command` with the caller's arguments and the server's raw reply.

    The first argument is the name, or a container and its subcommand with one space between them
    (`"CONFIG GET"`); the others are sent as they are.  Raises `DataTypeError` if an argument cannot
    be sent, `DataValueError` without a name or with more than a name in the first argument.
    """
    if not args or not isinstance(args[0], (str, bytes)) or not args[0].strip():
        msg = "execute_command needs a command's name first, such as 'GET'"
        raise DataValueError(msg)
    words = own_words(args[0])
    try:
        return Command(ready((*words, *args[1:])), _raw_reply)
    except NotSendable as refused:
        position = next(i for i, arg in enumerate(args) if arg is refused.value)
        secret = may_be_secret(words + args[1:])
        error = refusal(name_of(words), f"argument {position}", refused.value, secret=secret)
    args = ()  # an error shows no variable with secrets, and no context
    raise error
