"""Commands to sentinels: to one, to the first that answers, to all.

Law: a command has a connection of its own, which is closed afterwards; it is sent once, and its
error says whether the sentinel can have run it.  Each sentinel has `sentinel_timeout` seconds to
connect, and as many to answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

import anyio

from anyredis.address import TCPAddress
from anyredis.command import Command, Executor, raw_command
from anyredis.commands.sentinels import SentinelCommands
from anyredis.exceptions import (
    AuthenticationError,
    ConnectionError,
    Outcome,
    PartialFailureError,
    PartOutcome,
    RedisError,
    ResponseError,
    TimeoutError,
)
from anyredis.facts.table import shown
from anyredis.replies import TextReaders
from anyredis.sentinel.sentinel_connection import SentinelConnection, Sentinels
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")


class SentinelNode(SentinelCommands, Executor):
    """The commands of SENTINEL at one sentinel; `Sentinel.node` and `Sentinel.nodes` give it."""

    read = TextReaders(str)

    def __init__(self, sentinels: Sentinels, address: TCPAddress) -> None:
        self._sentinels = sentinels
        self.server = address
        """The sentinel."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}>"

    @property
    def address(self) -> str:
        """The sentinel's address, `host:port`."""
        return str(self.server)

    async def submit(self, command: Command[T]) -> T:
        """The parsed reply to *command*.

        Raises the sentinel's error, `AuthenticationError`, `ConnectionError` or `TimeoutError`;
        their `outcome` says whether the sentinel can have run it.
        """
        reply = await self.run(command)
        if isinstance(reply, RedisError):
            raise reply
        return command.parse(reply)

    async def execute_command(self, *args: Value) -> Any:
        """The raw reply to the command of these words, as text."""
        return await self.submit(raw_command(*args))

    async def run(self, command: Command[Any]) -> Reply:
        """The raw reply to *command*, an error as a value; raises `DataError` before it connects."""
        connection = self._sentinels.connection_to(self.server)
        connection.pack(command.args)
        try:
            await connection.connect()
        except RedisError as error:
            return error
        reply: Reply = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.serve)
            try:
                reply = await _answer(connection, command)
            finally:
                connection.close("its command is done")
        return reply


async def _answer(connection: SentinelConnection, command: Command[Any]) -> Reply:
    """The raw reply within the time that a sentinel has, an error as a value."""
    seconds = connection.connect_timeout
    with anyio.move_on_after(seconds):
        try:
            return await connection.run(command)
        except RedisError as error:
            return error
    return TimeoutError(
        f"{connection.address} did not answer {shown(command.args)} within {seconds:g} s: whether it "
        "ran it is unknown",
        outcome=Outcome.UNKNOWN,
    )


# -- several sentinels --------------------------------------------------------------------------


async def all_answers(
    nodes: Iterable[SentinelNode],
    ask: Callable[[SentinelNode], Awaitable[T | RedisError]],
    enough: Callable[[T | RedisError], bool] = lambda _: False,
) -> dict[SentinelNode, T | RedisError]:
    """What *ask* gives for each of *nodes*, all at the same time, an error as a value.

    One answer that is *enough* ends the others, which are left out then.
    """
    answers: dict[SentinelNode, T | RedisError] = {}
    others: list[Exception] = []

    async def run(node: SentinelNode) -> None:
        try:
            answers[node] = await ask(node)
        except RedisError as error:
            answers[node] = error
        except Exception as error:  # noqa: BLE001 - raised below, without a group around it
            others.append(error)
            tasks.cancel_scope.cancel()
            return
        if enough(answers[node]):
            tasks.cancel_scope.cancel()

    in_order = list(nodes)
    async with anyio.create_task_group() as tasks:
        for node in in_order:
            tasks.start_soon(run, node)
    if others:
        raise others[0]
    return {node: answers[node] for node in in_order if node in answers}


async def ask_first(nodes: Iterable[SentinelNode], command: Command[T]) -> T:
    """The first good reply; a null and an error reply count if there is no better one.

    Raises the first of the error replies, otherwise the error of `no_answer`.
    """
    answers = await all_answers(
        nodes,
        lambda node: node.run(command),
        lambda reply: reply is not None and not isinstance(reply, RedisError),
    )
    replies = list(answers.values())
    good = [each for each in replies if not isinstance(each, RedisError)]
    if good:
        return command.parse(next((each for each in good if each is not None), None))
    raise next((each for each in replies if isinstance(each, ResponseError)), no_answer(answers))


async def order_one(nodes: Iterable[SentinelNode], command: Command[T]) -> T:
    """The reply of the first sentinel that is reached; the others never get *command*."""
    failures: dict[SentinelNode, Any] = {}
    for node in nodes:
        reply = await node.run(command)
        if not isinstance(reply, RedisError):
            return command.parse(reply)
        if isinstance(reply, ResponseError) or _may_have_run(reply):
            raise reply
        failures[node] = reply
    raise no_answer(failures)


def _may_have_run(error: RedisError) -> bool:
    if isinstance(error, AuthenticationError):
        return False
    return getattr(error, "outcome", Outcome.UNKNOWN) is not Outcome.NOT_SENT


async def order_all(nodes: Iterable[SentinelNode], command: Command[T]) -> T:
    """The greatest of all replies: True, or a number.

    Raises the first error reply if each sentinel refuses, the error of `no_answer` if none got it,
    and otherwise `PartialFailureError`, which names those that failed.
    """
    answers = await all_answers(nodes, lambda node: node.run(command))
    replies = list(answers.values())
    failed = [each for each in replies if isinstance(each, RedisError)]
    if not failed:
        values: list[Any] = [command.parse(each) for each in replies]
        greatest: T = max(values)
        return greatest
    if all(isinstance(each, ResponseError) for each in replies):
        raise failed[0]
    if len(failed) == len(replies) and not any(map(_may_have_run, failed)):
        raise no_answer(answers)
    raise _partial_failure(answers, command)


def _partial_failure(
    answers: Mapping[SentinelNode, Reply], command: Command[Any]
) -> PartialFailureError:
    parts = [PartOutcome(node.address, command.args, reply) for node, reply in answers.items()]
    failed = tuple(each for each in parts if isinstance(each.reply, RedisError))
    succeeded = tuple(each for each in parts if not isinstance(each.reply, RedisError))
    done = ", ".join(each.address for each in succeeded) or "none"
    return PartialFailureError(
        f"{shown(command.args)} failed at {_told(answers)}; it succeeded at {done}",
        failed=failed,
        succeeded=succeeded,
    )


def no_answer(answers: Mapping[SentinelNode, Reply]) -> RedisError:
    """The error if no sentinel answers: `AuthenticationError` if all refuse the credentials."""
    refused = all(isinstance(each, AuthenticationError) for each in answers.values())
    kind = AuthenticationError if refused else ConnectionError
    return kind(f"no sentinel answers: {_told(answers)}")


def _told(answers: Mapping[SentinelNode, Reply]) -> str:
    """The failures of *answers*, each with its address."""
    return "; ".join(
        str(reply) if node.address in str(reply) else f"{node.address}: {reply}"
        for node, reply in answers.items()
        if isinstance(reply, RedisError)
    )
