"""Pipelines: commands that queue, and leave together when the block ends.

With `transaction` the block is MULTI/EXEC, written as one, so that nobody else's command comes in
between even on a connection that others share.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from anyredis.client.batch import CommandBatch, first_failure
from anyredis.command import Batch, Command, Result, raw_command
from anyredis.commands.core import CoreCommands
from anyredis.exceptions import DataValueError, RedisError, fresh
from anyredis.facts.lookup import facts_of
from anyredis.facts.table import SPECIAL
from anyredis.replies import S, TextReaders
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value, name_of

T = TypeVar("T")

Run = Callable[[CommandBatch], Awaitable[list[Reply]]]


class Pipeline(Batch, CoreCommands[S], Generic[S]):
    """Commands to be sent together; each call gives a `Result` whose `.value` is there afterwards.

    Made by `client.pipeline()` and used as an `async with` block: what was queued runs at its end,
    or at `await pipe.execute()`.  A block left by an exception sends nothing.
    """

    def __init__(
        self,
        run: Run,
        read: TextReaders[S],
        *,
        transaction: bool = True,
        raise_on_error: bool = True,
    ) -> None:
        self.read = read
        self._run = run
        self._transaction = transaction
        self._raise_on_error = raise_on_error
        self._queue: list[Result[Any]] = []

    def __len__(self) -> int:
        """How many commands are queued."""
        return len(self._queue)

    def __bool__(self) -> bool:
        """True: an empty pipeline is one all the same."""
        return True

    def __repr__(self) -> str:
        kind = "transaction" if self._transaction else "pipeline"
        return f"<{kind} of {len(self._queue)} commands>"

    def submit(self, command: Command[T]) -> Result[T]:
        """Queue *command*.

        Raises `DataError` for what cannot be in a pipeline: what blocks, and what changes the
        connection.
        """
        if command.args[0] in SPECIAL:
            _refuse_misfits(command.args)
        result = Result(command)
        self._queue.append(result)
        return result

    def execute_command(self, *args: Value) -> Result[Any]:
        """Queue the command of these words; its value is the raw reply."""
        return self.submit(raw_command(*args))

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
        """Forget what is queued."""
        self._queue.clear()

    async def execute(self) -> list[Any]:
        """Send what is queued and give the values in its order; the pipeline is empty again then.

        Raises the first command's error, with its name and place in the message, once all replies
        are in; with `raise_on_error=False` errors stand in the list instead of values.  Raises
        `WatchError` where a watched key changed, and `ConnectionError` where the connection was
        lost; a pipeline that only reads, or was not sent, is sent again first, as `retry` says.
        """
        queue, self._queue = self._queue, []
        if not queue:
            return []
        commands = [result.command for result in queue]
        replies = await self._run(CommandBatch(commands, transaction=self._transaction))
        values = [result.resolve(reply) for result, reply in zip(queue, replies, strict=True)]
        failed = [value for value in values if isinstance(value, RedisError)]
        if self._raise_on_error and failed:
            _raise_first(values, commands)
        return values


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
    told = fresh(error)  # with all else that it tells: whether the command was sent …
    told.args = (
        f"{error} (command {position} of {len(commands)} in the pipeline, {name_of(command.args)})",
    )
    raise told from error
