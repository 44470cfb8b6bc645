"""Tells an observer of the calls that are made on a client, a session or a pipeline.

Law: a client without an observer has no line of this in its way.  With one, the client's `submit`
and `_run_batch` are replaced on that object alone, so that a call is told once, from the moment
that it is awaited, with its retries and waits, to its end, which may be a cancellation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import Any, Protocol, TypeVar

from anyredis.client.batch import CommandBatch
from anyredis.command import Command
from anyredis.exceptions import RedisError
from anyredis.facts.table import shown
from anyredis.observer import CommandEnd, CommandEvent, Observer, RetryEvent, notify
from anyredis.wire.decode import Reply

T = TypeVar("T")

OnRetry = Callable[[RedisError, float], None]
"""Gets the error of an attempt, and the seconds until the next one."""


class Observable(Protocol):
    """What runs commands, one by one and in batches."""

    def submit(self, command: Command[T], /) -> Coroutine[Any, Any, T]:
        """Run *command* and give its parsed reply."""
        ...

    async def _run_batch(self, batch: CommandBatch, /) -> list[Reply]:
        """Run *batch* and give the raw replies."""
        ...


def observe(executor: Observable, observer: Observer | None, address: Callable[[], str]) -> None:
    """Have *observer*, if there is one, told of all that runs on *executor*.

    *address* gives the endpoint of the next call; empty if there are several.
    """
    if observer is None:
        return
    submit, run_batch = executor.submit, executor._run_batch  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    def observed_submit(command: Command[T]) -> Coroutine[Any, Any, T]:
        return told(observer, event_of(command, address()), submit(command))

    async def observed_run(batch: CommandBatch) -> list[Reply]:
        event = CommandEvent(batch.name, address(), len(batch.commands))
        return await told(observer, event, run_batch(batch))

    vars(executor).update(submit=observed_submit, _run_batch=observed_run)


def event_of(command: Command[Any], address: str = "") -> CommandEvent:
    """The event for one call of *command*; without an *address* it is for several endpoints."""
    return CommandEvent(shown(command.args), address)


async def told(observer: Observer, event: CommandEvent, call: Awaitable[T]) -> T:
    """What *call* gives, after *observer* is told of its start and its end."""
    notify(observer.command_started, event)
    begin = perf_counter()
    try:
        value = await call
    except BaseException as error:
        notify(observer.command_ended, event, CommandEnd(perf_counter() - begin, error))
        raise
    notify(observer.command_ended, event, CommandEnd(perf_counter() - begin))
    return value


def on_retry(observer: Observer | None, name: Callable[[], str], address: str) -> OnRetry | None:
    """What tells *observer* of the retries of a call to *address*; None without an observer."""
    if observer is None:
        return None

    def tell(error: RedisError, delay: float) -> None:
        notify(observer.command_retried, RetryEvent(name(), address, error, delay))

    return tell
