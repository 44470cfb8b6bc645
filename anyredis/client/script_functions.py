"""Typed Python functions of scripts: keys and arguments by the signature, the reply by its type.

Law: such a function has the parameters that it was declared with.  Called with a client or a
session first it gives a coroutine, with a pipeline first a `Result`.  Its own body never runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from anyredis.client.script_commands import run_script
from anyredis.client.script_signatures import CallSignature
from anyredis.client.scripts import Script
from anyredis.command import Batch, Command, Executor, Result
from anyredis.exceptions import DataTypeError

P = ParamSpec("P")
T = TypeVar("T")


class TypedCall(Generic[P, T]):
    """What scripts and functions of libraries have in common: the call with a client first."""

    @overload
    def __call__(
        self, client: Executor, /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def __call__(self, client: Batch, /, *args: P.args, **kwargs: P.kwargs) -> Result[T]: ...
    def __call__(
        self, client: Executor | Batch, /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T] | Result[T]:
        """The reply, after an `await`; in a pipeline its `Result`."""
        if isinstance(client, Batch):
            return client.submit(self.command(args, kwargs))
        if isinstance(client, Executor):
            return self.run(client, self.command(args, kwargs))
        raise DataTypeError(
            f"{self.name} takes a client, a session or a pipeline first, not "
            f"{type(client).__name__}"
        )

    @property
    def name(self) -> str:
        """The name of the function, for messages."""
        raise NotImplementedError

    def command(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Command[T]:
        """The `Command` of a call with these arguments; raises `DataError` if they do not fit."""
        raise NotImplementedError

    def run(self, client: Executor, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*, after an `await`."""
        raise NotImplementedError


class ScriptFunction(TypedCall[P, T]):
    """A script as a typed function; made by the decorator `script`."""

    def __init__(self, script: Script, function: Callable[..., Any]) -> None:
        self.script = script
        """The script that it calls."""
        self._signature = CallSignature(function, 1)
        functools.update_wrapper(self, function)

    def __repr__(self) -> str:
        return f"<ScriptFunction {self.name} {self.script.sha}>"

    @property
    def name(self) -> str:
        """The name of the function."""
        return self._signature.name

    def command(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Command[T]:
        """The `Command` of a call with these arguments; raises `DataError` if they do not fit."""
        keys, values = self._signature.words(args, kwargs)
        reading = self._signature.reading
        return self.script.command(keys, values, reading.read, binary=reading.binary)

    def run(self, client: Executor, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*; a client that lacks the script gets its text."""
        return run_script(client, command)


def script(
    lua: str | bytes, *, read_only: bool = False
) -> Callable[
    [Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]],
    ScriptFunction[P, T],
]:
    """A decorator that makes a typed function of the script *lua*.

        @anyredis.script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        async def incr_by(client: Executor, key: Key, amount: int) -> int:
            raise NotImplementedError

        await incr_by(client, "visits", 2)      # int
        incr_by(pipe, "visits", 2).value        # int, once the pipeline has run

    The first parameter is the client, the session or the pipeline.  Parameters annotated with `Key`
    are KEYS, the others (str, bytes, int, float) ARGV, in their order; `Sequence[Key]`, or `*keys:
    Key`, stands for several.  The return annotation says how to read the reply, see
    docs/scripting.md; any other reply raises `ProtocolError`.  *read_only* as for `Script`.  Raises
    `DataTypeError` at once for a signature that cannot be that of a script.
    """
    made = Script(lua, read_only=read_only)

    def decorate(
        function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
    ) -> ScriptFunction[P, T]:
        return ScriptFunction(made, function)

    return decorate
