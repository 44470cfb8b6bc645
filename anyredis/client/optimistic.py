"""Optimistic locking: a transaction is tried again after a watched key has changed, within a bound.

Law: there are two reasons for another try.  A `WatchError` counts against the attempts of the call.
A failure before anything was written is repeated as `Retry` allows, and does not count; what was
written, or may have been (a lost reply to EXEC), is never repeated.  The lease stays held from the
first try to the last.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Generic, NamedTuple, Self, TypeAlias, TypeVar

import anyio

from anyredis.backoff import Backoff, Retry
from anyredis.client.observed import OnRetry
from anyredis.client.retrying import repeat
from anyredis.client.transaction import Transaction, TransactionRules, may_repeat
from anyredis.commands.checks import whole
from anyredis.commands.several import all_keys
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import DataTypeError, DataValueError, RedisError, WatchError
from anyredis.excerpt import excerpt
from anyredis.observer import Observer
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.lease import Lease
from anyredis.replies import S, TextReaders
from anyredis.wire.encode import Key

T = TypeVar("T")

ATTEMPTS: Final = 32
"""The default number of tries of a transaction."""

BACKOFF: Final = Backoff(base=0.002, cap=0.1)
"""The default pauses between two tries."""

NAME: Final = "transaction"
"""The name of a transaction for observers."""


class TryLimit(NamedTuple):
    """The most tries of a transaction, and the pauses between them."""

    attempts: int
    backoff: Backoff

    @classmethod
    def of(cls, attempts: int, backoff: Backoff) -> Self:
        """The limit of the arguments of `transaction`; raises `DataError` if they make no sense."""
        whole("transaction: attempts", attempts)
        if attempts < 1:
            raise DataValueError(f"transaction: attempts is {attempts}: give 1 or more")
        if not isinstance(backoff, Backoff):
            raise DataTypeError(
                f"transaction: backoff has to be a Backoff, not {excerpt(backoff, 80)}"
            )
        return cls(attempts, backoff)


class Done(Generic[T]):
    """A try that came to its end, with the value of its function."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class Failed:
    """A try that failed, and is not repeated as one whose connection was lost would be.

    *wrote* is a command that its function ran at once, and that may have written.
    """

    __slots__ = ("error", "wrote")

    def __init__(self, error: RedisError, wrote: str | None) -> None:
        self.error = error
        self.wrote = wrote


Attempt: TypeAlias = Callable[[BaseConnection], Awaitable[T | RedisError]]
"""Makes one try; a `RedisError` that it returns may be repeated."""


class NodeTries(Generic[S]):
    """The tries of one transaction on the server of *endpoint*, on one lease."""

    rules = TransactionRules()

    def __init__(
        self,
        endpoint: Endpoint,
        keys: tuple[Key, ...],
        read: TextReaders[S],
        observer: Observer | None,
        retry: Retry | None,
        on_retry: OnRetry | None,
    ) -> None:
        self.keys = keys
        self._lease = Lease(endpoint)  # not held yet
        self._read = read
        self._observer = observer
        self._retry = retry
        self._on_retry = on_retry
        self._last: Transaction[S] | None = None

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        """Hold the lease, for a block of tries."""
        async with self._lease:
            yield

    async def repeated(self, attempt: Attempt[T]) -> T:
        """What *attempt* gives with an exclusive connection, repeated as `Retry` allows."""

        async def once() -> T | RedisError:
            return await attempt(await self.attached())

        return await repeat(
            self._retry, self.only_reads, once, on_retry=self._on_retry, lease=self._lease
        )

    def note(self, error: RedisError) -> None:
        """Take note of an *error* in the user's block."""

    async def attached(self) -> BaseConnection:
        """The connection of the lease if it is as new, otherwise another one."""
        connection = self._lease.connection
        if connection is None or connection.dirty or not connection.usable:
            connection = await self._lease.attach(exclusive=True)
        return connection

    def only_reads(self) -> bool:
        """Whether the last try can have written nothing."""
        executed = None if self._last is None else self._last.executed
        return executed is None or executed.only_reads

    def new(self, connection: BaseConnection) -> Transaction[S]:
        """A transaction on *connection*, which has not begun."""
        self._last = Transaction(connection, self._read, self._observer, self.rules)
        return self._last


def watched(method: str, keys: tuple[object, ...]) -> tuple[Key, ...]:
    """The *keys* of a call of *method*; raises `DataError` if there are none."""
    if not keys:
        raise DataValueError(f"{method}: give the keys to watch; without any, use pipeline()")
    return all_keys(method, "keys", keys)


@asynccontextmanager
async def open_transaction(tries: NodeTries[S]) -> AsyncGenerator[Transaction[S]]:
    """A transaction that watches the keys of *tries*, for one try, as an `async with` block."""

    async def begin(connection: BaseConnection) -> Transaction[S] | RedisError:
        tx = tries.new(connection)
        try:
            await tx.begin(tries.keys)
        except RedisError as error:
            return error
        return tx

    async with tries.held():
        try:
            tx: Transaction[S] = await tries.repeated(begin)
            async with _ending(tx):
                yield tx
        except RedisError as error:
            tries.note(error)
            raise


async def transact(
    tries: NodeTries[S], func: Callable[[Transaction[S]], Awaitable[T]], limit: TryLimit
) -> T:
    """What *func* returns in the first of *tries* in which no watched key has changed."""

    async def once(connection: BaseConnection) -> Done[T] | Failed | RedisError:
        async with _ending(tries.new(connection)) as tx:
            try:
                return Done(await tx.call(func, tries.keys))
            except RedisError as error:
                return error if may_repeat(tx, error) else Failed(error, tx.wrote)

    if not callable(func):
        raise DataTypeError(
            f"transaction: func has to be an `async def` function, not {excerpt(func, 80)}"
        )
    async with tries.held():
        count = 1
        while True:
            end: Done[T] | Failed = await tries.repeated(once)
            if isinstance(end, Done):
                return end.value
            if not isinstance(end.error, WatchError):
                raise end.error
            if count == limit.attempts:
                raise _gave_up(count, end.wrote) from end.error
            await anyio.sleep(limit.backoff.delay(count))
            count += 1


@asynccontextmanager
async def _ending(tx: Transaction[S]) -> AsyncGenerator[Transaction[S]]:
    """*tx*, for a block after which its connection goes back to the pool.

    A cancellation is not held up: the connection is closed then, if it watches keys.
    """
    try:
        try:
            yield tx
        except Exception:
            await tx.unwatch_rest()
            raise
        await tx.unwatch_rest()
    finally:
        tx.end()


def _gave_up(count: int, wrote: str | None) -> WatchError:
    times = "once" if count == 1 else f"{count} times"
    message = f"a watched key changed during each try: the transaction was tried {times}"
    if wrote is not None:
        message += (
            f"; its function runs {wrote} at once, which may be the change: queue what "
            "writes with tx.pipeline()"
        )
    return WatchError(message)
