"""Libraries of functions as objects with typed methods.

Law: a function that a server does not have proves that nothing ran: the library is loaded, on all
primaries of a cluster, and the call is sent once more.  Pipelines load nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, Concatenate, Final, Generic, ParamSpec, Self, TypeVar, overload

from anyredis.client.script_functions import TypedCall
from anyredis.client.script_signatures import CallSignature
from anyredis.command import Command, Executor
from anyredis.commands.checks import flag
from anyredis.exceptions import DataTypeError, DataValueError, ResponseError
from anyredis.replies import word
from anyredis.wire.encode import NotSendable, Value, ready, refusal

P = ParamSpec("P")
T = TypeVar("T")

NOT_FOUND: Final = "ERR Function not found"
"""The servers' own words for a function that they do not have."""

_HEAD: Final = r"#!\w+\s+name=(\w+)\s*(?:\n|$)"
"""The first line of a library; compiled at the first use, which spares the import."""


class Library:
    """A library of functions; derive from it, with its *code* and a method for each function.

        class Counters(anyredis.Library):
            code = "#!lua name=counters ..."

            @anyredis.library_function("incr_by")
            async def incr_by(self, client: Executor, key: Key, amount: int) -> int:
                raise NotImplementedError

        counters = Counters()
        await counters.load(client)
        await counters.incr_by(client, "visits", 2)

    Raises `DataValueError` if the code does not begin with the name of the library.  Server 7.0.
    """

    code: ClassVar[str | bytes] = ""
    """The text of the library: `#!lua name=…`, then Lua."""

    def __init__(self) -> None:
        text = self.code.decode("utf-8", "replace") if isinstance(self.code, bytes) else self.code
        head = re.match(_HEAD, text)
        if head is None:
            raise DataValueError(
                f"{type(self).__name__}.code has to begin with a line `#!lua name=...`"
            )
        self.name = head[1]
        """The name of the library on servers."""
        # A function that makes this error itself may have run before it.
        self._reloads = NOT_FOUND.removeprefix("ERR ") not in text

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    async def load(self, client: Executor) -> None:
        """Load the library, in place of one of the same name; of a cluster, on all primaries.

        Replicas get it from their primaries.  Raises `ResponseError` if the code does not compile,
        or if another library has a function of the same name; `PartialFailureError` if it failed on
        some primaries only.
        FUNCTION LOAD REPLACE code. Server 7.0.
        """
        if not isinstance(client, Executor):
            raise DataTypeError(
                f"{type(self).__name__}.load takes a client or a session, not "
                f"{type(client).__name__}"
            )
        await client.submit(Command((b"FUNCTION", b"LOAD", b"REPLACE", self.code), word))

    async def call(self, client: Executor, command: Command[T]) -> T:
        """The parsed reply to *command*, an FCALL; a server that lacks the function gets it first.

        The call after the load is an FCALL in any case: a replica may not have the library yet.
        """
        try:
            return await client.submit(command)
        except ResponseError as error:
            if not self._reloads or str(error) != NOT_FOUND:
                raise
        await self.load(client)
        _, *rest = command.args
        return await client.submit(Command((b"FCALL", *rest), command.parse, command.binary))


class BoundFunction(TypedCall[P, T]):
    """One function of *library*, which calls *function* of the server."""

    def __init__(self, library: Library, function: LibraryFunction[P, T]) -> None:
        self._library = library
        self._function = function
        self.__doc__ = function.__doc__

    def __repr__(self) -> str:
        return f"<BoundFunction {self.name} of {self._library!r}>"

    @property
    def name(self) -> str:
        """The name of the method."""
        return self._function.signature.name

    def command(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Command[T]:
        """The `Command` of a call with these arguments; raises `DataError` if they do not fit."""
        function = self._function
        keys, values = function.signature.words(args, kwargs)
        reading = function.signature.reading
        words: tuple[Value, ...] = (*function.first, len(keys), *keys, *values)
        try:
            return Command(ready(words), reading.read, reading.binary)
        except NotSendable as refused:
            error = refusal(self.name, "an argument", refused.value)
        raise error

    def run(self, client: Executor, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*; a server that lacks the function gets the library."""
        return self._library.call(client, command)


class LibraryFunction(Generic[P, T]):
    """A typed method of a `Library`; made by the decorator `library_function`."""

    def __init__(self, name: str, function: Callable[..., Any], *, read_only: bool) -> None:
        flag("library_function: read_only", read_only)
        self.first: tuple[Value, ...] = (b"FCALL_RO" if read_only else b"FCALL", name)
        """The first words of a call."""
        self.signature = CallSignature(function, 2)
        """The parameters of the method."""
        self.__wrapped__ = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, library: None, owner: type[Library]) -> Self: ...
    @overload
    def __get__(self, library: Library, owner: type[Library]) -> BoundFunction[P, T]: ...
    def __get__(self, library: Library | None, owner: type[Library]) -> Self | BoundFunction[P, T]:
        """The function of *library*; for the class, this object."""
        return self if library is None else BoundFunction(library, self)


def library_function(
    name: str, *, read_only: bool = False
) -> Callable[
    [Callable[Concatenate[Any, Any, P], Coroutine[Any, Any, T]]],
    LibraryFunction[P, T],
]:
    """A decorator for a method of a `Library`, which calls the function *name* of the server.

    The parameters after `self` are as for `script`: the client, then keys and arguments.  A
    *read_only* function has the flag `no-writes`: it is called by FCALL_RO, a replica may run it,
    and it is sent again if its reply was lost.
    """

    def decorate(
        function: Callable[Concatenate[Any, Any, P], Coroutine[Any, Any, T]],
    ) -> LibraryFunction[P, T]:
        return LibraryFunction(name, function, read_only=read_only)

    return decorate
