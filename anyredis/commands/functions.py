"""Functions: libraries of Lua code that the server stores, replicates and saves with its data.

Law: a function is called as a script is, with its keys first and their number, as in redis-py.
Commands that change libraries go to all primaries of a cluster.
"""

from __future__ import annotations

from typing import Any, Literal

from anyredis.command import Command, command
from anyredis.commands.group import Group, choice
from anyredis.commands.scripting import called
from anyredis.replies import (
    S,
    array,
    binary,
    integer,
    ok,
    others,
    pairs,
    record,
    unexpected,
    word,
)
from anyredis.reports.server_reports import (
    EngineStats,
    FunctionDescription,
    FunctionStats,
    LibraryDescription,
    RunningFunction,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class Functions(Group[S]):
    """The commands on functions and libraries."""

    @command
    def fcall(self, function: Key, numkeys: int, *keys_and_args: Value) -> Command[Any]:
        """The raw reply of *function*; the first *numkeys* of *keys_and_args* are keys.

        Raises `ResponseError` if there is no such function, or if it fails; it is never sent again
        for an error of its own.
        FCALL function numkeys [key …] [arg …].
        Server 7.0. Depends on the function that is executed.
        """
        return called(b"FCALL", function, numkeys, keys_and_args)

    @command
    def fcall_ro(self, function: Key, numkeys: int, *keys_and_args: Value) -> Command[Any]:
        """Like `fcall`, for a function with the flag `no-writes`: a replica may run it, also twice.

        FCALL_RO function numkeys [key …] [arg …].
        Server 7.0. Depends on the function that is executed.
        """
        return called(b"FCALL_RO", function, numkeys, keys_and_args)

    @command
    def function_delete(self, library: Key) -> Command[bool]:
        """True once *library* is deleted; raises `ResponseError` if there is none.

        FUNCTION DELETE library. Server 7.0. O(1).
        """
        return Command((b"FUNCTION", b"DELETE", library), ok)

    @command
    def function_dump(self) -> Command[bytes]:
        """All libraries as bytes for `function_restore`, in the server's own format.

        FUNCTION DUMP. Server 7.0. O(N).
        """
        return Command((b"FUNCTION", b"DUMP"), binary, binary=True)

    @command
    def function_flush(
        self, mode: Literal["SYNC", "ASYNC", "sync", "async"] = "SYNC"
    ) -> Command[bool]:
        """True once all libraries are deleted.

        *mode*: `"SYNC"` frees the memory before the reply, `"ASYNC"` afterwards.
        FUNCTION FLUSH SYNC|ASYNC. Server 7.0. O(N).
        """
        how = choice("FUNCTION FLUSH", "mode", mode, "SYNC", "ASYNC")
        return Command((b"FUNCTION", b"FLUSH", how), ok)

    @command
    def function_kill(self) -> Command[bool]:
        """True once the running function is ended; in a cluster, if one node ended one.

        Raises `ResponseError` if none runs (NOTBUSY), or if it has written already (UNKILLABLE);
        in a cluster `PartialFailureError`.
        FUNCTION KILL. Server 7.0. O(1).
        """
        return Command((b"FUNCTION", b"KILL"), ok)

    @command
    def function_list(
        self, library: Key = "*", *, withcode: bool = False
    ) -> Command[list[LibraryDescription]]:
        """The libraries whose names match the glob *library*, *withcode* their code too.

        FUNCTION LIST LIBRARYNAME library [WITHCODE]. Server 7.0. O(N).
        """
        words: tuple[Value, ...] = (b"FUNCTION", b"LIST", b"LIBRARYNAME", library)
        return Command((*words, b"WITHCODE") if withcode else words, _libraries)

    @command
    def function_load(self, code: Key, *, replace: bool = False) -> Command[str]:
        """The name of the library in *code*, which the server has from now on.

        The code begins with `#!lua name=…`.  Raises `ResponseError` if it does not compile, or if
        the library, or one of its functions in another one, exists; *replace* replaces the library.
        FUNCTION LOAD [REPLACE] code. Server 7.0. O(1).
        """
        words = (
            (b"FUNCTION", b"LOAD", b"REPLACE", code) if replace else (b"FUNCTION", b"LOAD", code)
        )
        return Command(words, word)

    @command
    def function_restore(
        self,
        payload: Key,
        policy: Literal["APPEND", "FLUSH", "REPLACE", "append", "flush", "replace"] = "APPEND",
    ) -> Command[bool]:
        """True once the libraries in *payload*, of `function_dump`, are restored.

        *policy*: `"APPEND"` fails if one of them exists, `"REPLACE"` replaces it, `"FLUSH"` deletes
        all libraries first.  Raises `ResponseError` if *payload* is damaged, or one of them exists
        with `"APPEND"`.
        FUNCTION RESTORE payload APPEND|FLUSH|REPLACE. Server 7.0. O(N).
        """
        how = choice("FUNCTION RESTORE", "policy", policy, "APPEND", "FLUSH", "REPLACE")
        return Command((b"FUNCTION", b"RESTORE", payload, how), ok)

    @command
    def function_stats(self) -> Command[FunctionStats]:
        """The running function or script, and the number of libraries and functions.

        In a cluster each node answers for itself: use `node(address)`.
        FUNCTION STATS. Server 7.0. O(1).
        """
        return Command((b"FUNCTION", b"STATS"), _stats, binary=True)


def _libraries(reply: Reply) -> list[LibraryDescription]:
    return [_library(item) for item in array(reply)]


def _library(reply: Reply) -> LibraryDescription:
    fields = record(reply)
    code = fields.get("library_code")
    try:
        return LibraryDescription(
            library_name=word(fields["library_name"]),
            engine=word(fields["engine"]),
            functions=[_function(item) for item in array(fields["functions"])],
            library_code=None if code is None else word(code),
            other=others(fields, LibraryDescription._fields),
        )
    except KeyError:
        unexpected(reply, "a library with library_name, engine and functions")


def _function(reply: Reply) -> FunctionDescription:
    fields = record(reply)
    try:
        description = fields["description"]
        return FunctionDescription(
            name=word(fields["name"]),
            description=None if description is None else word(description),
            flags=frozenset(word(flag) for flag in array(fields["flags"])),
            other=others(fields, FunctionDescription._fields),
        )
    except KeyError:
        unexpected(reply, "a function with name, description and flags")


def _stats(reply: Reply) -> FunctionStats:
    fields = record(reply)
    try:
        running = fields["running_script"]
        engines = fields["engines"]
        return FunctionStats(
            running_script=None if running is None else _running(running),
            engines={word(name): _engine(each) for name, each in pairs(engines)},
            other=others(fields, FunctionStats._fields),
        )
    except KeyError:
        unexpected(reply, "running_script and engines")


def _engine(reply: Reply) -> EngineStats:
    fields = record(reply)
    return EngineStats(
        integer(fields["libraries_count"]),
        integer(fields["functions_count"]),
        others(fields, EngineStats._fields),
    )


def _running(reply: Reply) -> RunningFunction:
    fields = record(reply)
    words = [binary(each) for each in array(fields["command"])]
    return RunningFunction(
        word(fields["name"]),
        words,
        integer(fields["duration_ms"]),
        others(fields, RunningFunction._fields),
    )
