"""Pipelines: commands that are queued, and sent together at the end of the block.

Law: with `transaction` the commands are one batch from MULTI to EXEC, so that no other command gets
in between, even on a multiplexed connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Generic, Never, Self, TypeAlias, TypeVar

from anyredis.client.batch import CommandBatch, first_failure
from anyredis.client.module_namespaces import ModuleNamespaces
from anyredis.client.script_commands import ScriptCommand, lacking_in
from anyredis.client.scripts import Script
from anyredis.command import UNRESOLVED, Batch, Command, Result, raw_command
from anyredis.commands.checks import flag
from anyredis.commands.core import CoreCommands
from anyredis.commands.several import SomeKeys, SomeValues
from anyredis.exceptions import DataTypeError, DataValueError, RedisError, fresh
from anyredis.facts.lookup import ORDINARY, facts_of
from anyredis.inlining import inlined
from anyredis.replies import S, TextReaders
from anyredis.unfit_calls import explained, refused
from anyredis.wire.decode import Reply, types_in
from anyredis.wire.encode import Value, name_of

T = TypeVar("T")

Run: TypeAlias = Callable[[CommandBatch], Awaitable[list[Reply]]]

Confirm: TypeAlias = Callable[[Sequence[Command[Any]], Sequence[object]], Awaitable[None]]
"""Waits, after the commands with these values, until their writes are guaranteed."""


class Pipeline(Batch, CoreCommands[S], ModuleNamespaces[S], Generic[S]):
    """Commands to be sent together; each call gives a `Result` that has its `.value` afterwards.

    Made by `client.pipeline()` and used as an `async with` block: the queued commands run at its
    end, or at `await pipe.execute()`.  If an exception leaves the block, nothing is sent.
    """

    def __init__(
        self,
        run: Run,
        read: TextReaders[S],
        *,
        transaction: bool = True,
        raise_on_error: bool = True,
        runs_empty: bool = False,
        confirm: Confirm | None = None,
    ) -> None:
        flag("pipeline: transaction", transaction)
        flag("pipeline: raise_on_error", raise_on_error)
        self.read = read
        self._run = run
        self._transaction = transaction
        self._raise_on_error = raise_on_error
        self._runs_empty = runs_empty  # an empty transaction tells whether a watched key changed
        self._confirm = confirm
        self._queue: list[Result[Any]] = []

    def __len__(self) -> int:
        """The number of queued commands."""
        return len(self._queue)

    def __bool__(self) -> bool:
        """True, also for an empty pipeline."""
        return True

    def __repr__(self) -> str:
        kind = "transaction" if self._transaction else "pipeline"
        return f"<{kind} of {len(self._queue)} commands>"

    @inlined(
        "_args_[0] in _ordinary_",
        # saved frames: submit, Result.__init__
        "_result_ = _new_(_Result_)",
        "_result_.command = _command_",
        "_result_._outcome = _unresolved_",
        "{self}._queue.append(_result_)",
        _ordinary_=ORDINARY,
        _new_=object.__new__,
        _Result_=Result,
        _unresolved_=UNRESOLVED,
    )
    def submit(self, command: Command[T]) -> Result[T]:
        """The `Result` of *command*, which is queued.

        Raises `DataError` for commands that block or change the connection: a pipeline cannot have
        them.
        """
        if command.args[0] not in ORDINARY:
            _refuse_misfits(command.args)
        result = Result(command)
        self._queue.append(result)
        return result

    def execute_command(self, *args: Value) -> Result[Any]:
        """The `Result` of the command with these arguments; its value is the raw reply."""
        return self.submit(raw_command(*args))

    @explained
    def script(
        self, script: Script, keys: SomeKeys | None = None, args: SomeValues | None = None
    ) -> Result[Any]:
        """The `Result` of *script* with *keys* and *args*; its value is the raw reply.

        The text of each distinct script is sent once, before the commands and in the same block, so
        that no server lacks it.
        SCRIPT LOAD script, then EVALSHA sha1 numkeys [key …] [arg …] as queued. Server 2.6.
        """
        if not isinstance(script, Script):
            raise DataTypeError(
                f"pipe.script takes a Script, not {type(script).__name__}: make one with "
                "client.register_script(lua), or anyredis.Script(lua)"
            )
        return self.submit(script.command(keys, args))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.execute()
        else:
            self.reset()

    def reset(self) -> None:
        """Remove all queued commands."""
        self._queue.clear()

    async def execute(self, raise_on_error: bool | None = None) -> list[Any]:
        """The values of all queued commands, in order; the pipeline is empty afterwards.

        Raises the error of the first failed command, with its name and position in the message,
        after all replies; with `raise_on_error=False` the list has errors in place of values.
        None leaves that to the *raise_on_error* of the pipeline, which is True by default.
        Raises `WatchError` if a watched key changed, and `ConnectionError` if the connection was
        lost; before that, a pipeline that only reads, or was not sent, is sent again within the
        limits of `retry`.
        """
        if raise_on_error is None:
            raise_on_error = self._raise_on_error
        flag("execute: raise_on_error", raise_on_error)
        queue, self._queue = self._queue, []
        if not queue and not self._runs_empty:
            return []
        commands = [result.command for result in queue]
        batch = CommandBatch(commands, transaction=self._transaction)
        replies = await self._run(batch)
        if batch.scripts and not self._transaction:
            await self._run_lacking(commands, replies)
        values = Result.resolve(queue, replies)
        if raise_on_error and any(issubclass(kind, RedisError) for kind in types_in(values)):
            _raise_first(values, commands)
        if self._confirm is not None:
            await self._confirm(commands, values)
        return values

    async def _run_lacking(self, commands: list[Command[Any]], replies: list[Reply]) -> None:
        """Run the scripts with their text that were removed from a server between load and call.

        Their replies are put into *replies*; a failure is that of these scripts alone.
        """
        positions = lacking_in(commands, replies)
        if not positions:
            return
        scripts = [commands[each] for each in positions]
        again = [each.by_text for each in scripts if isinstance(each, ScriptCommand)]
        try:
            late = await self._run(CommandBatch(again, transaction=False))
        except RedisError as error:
            late = [fresh(error) for _ in again]
        for position, reply in zip(positions, late, strict=True):
            replies[position] = reply

    # -- calls of other clients -----------------------------------------------------------------

    @refused(
        "a pipeline watches no keys: use client.transaction(func, *keys), or `async with "
        "client.watch(*keys) as tx:` and in it tx.pipeline()"
    )
    def watch(self, *, not_here: Never) -> None:
        """Raises `DataTypeError`: a pipeline watches no keys."""

    @refused("make the script with client.register_script(lua), then pipe.script(script, ...)")
    def register_script(self, *, not_here: Never) -> None:
        """Raises `DataTypeError`: a script is bound to a client."""

    @refused("pipeline(transaction=True) writes MULTI and EXEC by itself")
    def multi(self, *, not_here: Never) -> None:
        """Raises `DataTypeError`: a transaction writes MULTI by itself."""


def _refuse_misfits(args: tuple[Value, ...]) -> None:
    facts = facts_of(args)
    if facts.forbidden is not None:
        raise DataValueError(f"{facts.shown} cannot be sent: {facts.forbidden}")
    if facts.blocks(args):
        raise DataValueError(f"{facts.shown} blocks: call it on the client, not in a pipeline")
    if facts.changes_connection:
        raise DataValueError(
            f"{facts.shown} changes its connection: use client.session(), or the pipeline's transaction="
        )


def _raise_first(values: list[Any], commands: list[Command[Any]]) -> None:
    position, command, error = first_failure(commands, values)
    told = fresh(error)  # keeps the other attributes, such as `outcome`
    told.args = (
        f"{error} (command {position} of {len(commands)} in the pipeline, {name_of(command.args)})",
    )
    raise told from error
