"""A transaction that watches keys: it reads at once, and executes one pipeline if nothing changed.

Law: the server watches the keys for as long as the transaction lasts, at most until its EXEC, so
the connection is clean again once EXEC or UNWATCH was answered.  Only one pipeline is executed,
because the keys are not watched any more afterwards.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Generic, Never, TypeVar

from anyredis.backoff import not_run
from anyredis.client.batch import CommandBatch, EncodedBatch
from anyredis.client.commands import Commands
from anyredis.client.observed import observe
from anyredis.client.pipeline import Pipeline
from anyredis.command import Command, raw_command
from anyredis.commands.session import WatchCommands
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import DataTypeError, DataValueError, RedisError, WatchError
from anyredis.excerpt import excerpt
from anyredis.facts.lookup import Facts, facts_of
from anyredis.observer import Observer
from anyredis.replies import S, TextReaders, array, ok
from anyredis.unfit_calls import explained, refused
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

T = TypeVar("T")

WATCHING: Final = frozenset((b"WATCH", b"UNWATCH"))
USE_PIPELINE: Final = (
    "queue with `async with tx.pipeline() as pipe:`, which is executed at the end of its block"
)
IN_PIPELINE: Final = frozenset((b"MULTI", b"EXEC", b"DISCARD"))


class TransactionRules:
    """The rules of one server: any keys, and its refusals."""

    def check(self, commands: Sequence[Command[Any]]) -> None:
        """Raise `DataError` or `CrossSlotError` for commands that do not belong there."""

    def refusal(self, batch: CommandBatch, answer: Reply) -> RedisError | None:
        """The error in the *answer* to *batch* that proves that nothing of it was executed."""
        return batch.refusal(answer)


class Transaction(Commands[S], WatchCommands[S], Generic[S]):
    """All commands on a connection that watches keys, and one pipeline that depends on them.

    Given by `client.watch()`, and to the function of `client.transaction()`.  Commands run at once,
    also those that write; `pipeline()` queues what is to run only if no watched key has changed.
    `watch` adds keys.
    """

    def __init__(
        self,
        connection: BaseConnection,
        read: TextReaders[S],
        observer: Observer | None,
        rules: TransactionRules,
    ) -> None:
        self.read = read
        self._connection: BaseConnection | None = connection
        self._rules = rules
        self._begun = False
        self._watches = False
        """Whether WATCH was sent, and neither EXEC nor UNWATCH has been answered since."""
        self.failure: RedisError | None = None
        """The last error of the server or the connection."""
        self.wrote: str | None = None
        """A command that may have written at once, so that the try is not repeated after a loss."""
        self.executed: CommandBatch | None = None
        """The batch whose EXEC was sent."""
        observe(self, observer, lambda: connection.address)

    @property
    def connection(self) -> BaseConnection:
        """Its exclusive connection; raises `RuntimeError` once the transaction has ended."""
        if self._connection is None:
            raise RuntimeError(
                "this transaction has ended: use it inside `async with client.watch(...)`, or in "
                "the function of client.transaction()"
            )
        return self._connection

    # -- commands -------------------------------------------------------------------------------

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*, which runs at once, after an `await`.

        Raises `DataError` for a command that changes its connection in another way than WATCH.
        """
        facts = facts_of(command.args)
        if facts.name in IN_PIPELINE:
            raise DataValueError(f"{facts.shown} cannot be sent by itself: {USE_PIPELINE}")
        if facts.changes_connection and facts.name not in WATCHING:
            raise DataValueError(
                f"{facts.shown} changes its connection: use `async with client.session()`"
            )
        if not self._begun:
            raise _not_async("this one used the transaction when it was called")
        self._rules.check((command,))
        return self._run(command, facts)

    async def _run(self, command: Command[T], facts: Facts) -> T:
        connection = self.connection
        if facts.name == b"WATCH":
            self._refuse_second()
            self._watches = True
        reply = await connection.run(command, facts)
        failed = reply if isinstance(reply, RedisError) else None
        if not (facts.read_only or facts.changes_connection or (failed and not_run(failed))):
            self.wrote = facts.shown
        if failed is not None:
            self.failure = failed
            raise failed
        return command.parsed(reply)

    async def execute_command(self, *args: Value) -> Any:
        """The raw reply to the command with these arguments, which runs at once."""
        return await self.submit(raw_command(*args))

    # -- the pipeline ---------------------------------------------------------------------------

    @explained
    def pipeline(self, transaction: bool = True, *, raise_on_error: bool = True) -> Pipeline[S]:
        """A `Pipeline` that is executed only if no watched key has changed; else `WatchError`.

        A transaction executes one such pipeline, an empty one too.  With `transaction=False` it is
        a pipeline of commands that run at once, such as many reads in one round trip.
        """
        return Pipeline(
            self._run_batch,
            self.read,
            transaction=transaction,
            raise_on_error=raise_on_error,
            runs_empty=transaction,
        )

    async def _run_batch(self, batch: CommandBatch) -> list[Reply]:
        connection = self.connection
        connection.check_event_loop()
        self._rules.check(batch.commands)
        encoded = EncodedBatch(batch, connection.encoder)
        if batch.transaction:
            self._refuse_second()
            self.executed = batch
        answer = await encoded.exchange(connection)
        if isinstance(answer, RedisError):
            self._note_loss(batch, answer)
            raise answer
        if batch.transaction and not isinstance(array(answer)[0], RedisError):
            self._forget_keys(connection)  # unless MULTI was refused: then EXEC changed nothing
        refusal = self._rules.refusal(batch, answer)
        if refusal is not None:
            self.failure = refusal
            raise refusal
        self._note_writes(batch)
        return batch.replies_by_command(array(answer), connection.decodes)

    def _note_loss(self, batch: CommandBatch, lost: RedisError) -> None:
        self.failure = lost
        if not not_run(lost):
            self._note_writes(batch)

    def _note_writes(self, batch: CommandBatch) -> None:
        if not batch.transaction and not batch.only_reads:
            self.wrote = batch.name

    def _refuse_second(self) -> None:
        if self.executed is not None:
            raise DataValueError(
                "this transaction is executed, and watches no keys any more: queue all that depends "
                "on them in one tx.pipeline(), or begin another transaction"
            )

    @refused(USE_PIPELINE)
    def multi(self, *, not_here: Never) -> None:
        """Raises `DataTypeError`: the commands of a transaction are queued with `pipeline()`."""

    @refused(USE_PIPELINE)
    def execute(self, *, not_here: Never) -> None:
        """Raises `DataTypeError`: a pipeline is executed at the end of its block."""

    # -- begin and end --------------------------------------------------------------------------

    async def begin(self, keys: tuple[Key, ...]) -> None:
        """Watch *keys*; raises the error of the server or the connection."""
        self._begun = True
        await self.watch(*keys)

    async def call(
        self, func: Callable[[Transaction[S]], Awaitable[T]], keys: tuple[Key, ...]
    ) -> T:
        """What *func* returns; raises `WatchError` if one of *keys* has changed.

        Raises `DataTypeError`, before anything is sent, if *func* is not an async function.
        """
        called = func(self)
        if not inspect.isawaitable(called):
            raise _not_async(f"this one gave {excerpt(called, 80)}")
        try:
            await self.begin(keys)
        except BaseException:
            if inspect.iscoroutine(called):
                called.close()
            raise
        value = await called
        if self.executed is None:
            await self.pipeline().execute()  # empty: it tells whether what was read has changed
        return value

    async def unwatch_rest(self) -> None:
        """Let the connection go back to the pool although nothing was executed."""
        connection = self._connection
        self._connection = None  # no command gets in behind UNWATCH
        if connection is not None and self._watches and connection.usable:
            unwatch = Command((b"UNWATCH",), ok)
            if not isinstance(await connection.run(unwatch, facts_of(unwatch.args)), RedisError):
                self._forget_keys(connection)

    def end(self) -> None:
        """Detach it from its connection: later calls raise `RuntimeError`."""
        self._connection = None

    def _forget_keys(self, connection: BaseConnection) -> None:
        """The server has answered EXEC or UNWATCH: nothing is left on *connection*."""
        self._watches = connection.dirty = False


def _not_async(fault: str) -> DataTypeError:
    return DataTypeError(
        "transaction: func has to be an `async def` function, which awaits its reads and queues with "
        f"tx.pipeline(); {fault}"
    )


def may_repeat(tx: Transaction[Any], error: RedisError) -> bool:
    """Whether a try that raised *error* may be made again as far as *tx* knows of writes.

    False for an error that the function raised by itself, and for `WatchError`, which counts.
    """
    return error is tx.failure and tx.wrote is None and not isinstance(error, WatchError)
