"""Several commands sent together: encoded into bounded chunks, sent, replies assigned to commands.

Law: a batch is contiguous on its connection, so a multiplexed connection can carry a transaction.
A batch that fits into one chunk is one request.  A larger one needs an exclusive connection, which
it owns while it is sent chunk by chunk, as the server reads, and until its last reply; the
connection is closed if the batch is not completed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from anyredis.backoff import REFUSALS
from anyredis.client.script_commands import load, texts_in, with_load_errors
from anyredis.command import Command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import DemotedError, ExecAbortError, RedisError, WatchError, fresh
from anyredis.facts.lookup import facts_of
from anyredis.pool.lease import Lease
from anyredis.replies import array, unexpected
from anyredis.wire.decode import Decode, Reply, types_in
from anyredis.wire.encode import Encoder, Value, encode
from anyredis.wire.request import Request
from anyredis.wire.request_queue import MAX_SEND

MULTI: tuple[Value, ...] = (b"MULTI",)
EXEC: tuple[Value, ...] = (b"EXEC",)
ASKING: tuple[Value, ...] = (b"ASKING",)

COMMANDS_AT_ONCE = 4096
"""The number of commands that are encoded at once, and so the most in one chunk."""


_args = attrgetter("args")


class CommandBatch:
    """Commands to send together, in a *transaction* or not."""

    def __init__(
        self, commands: Sequence[Command[Any]], *, transaction: bool, asking: bool = False
    ) -> None:
        self.commands = commands
        self.transaction = transaction
        self.asking = asking
        """Whether ASKING precedes the transaction: it is valid for all of it."""
        self.binary = any([each.binary for each in commands])  # noqa: C419 - a list is faster
        """Whether a reply has to stay bytes, so that all are read as bytes first."""
        self.scripts = texts_in(commands)
        """The texts of the scripts among them: they are loaded first, in the same block."""

    @property
    def name(self) -> str:
        """What an observer is told that it is."""
        return "MULTI" if self.transaction else "PIPELINE"

    @property
    def words(self) -> Iterator[tuple[Value, ...]]:
        """The arguments of each command."""
        return map(_args, self.commands)

    @property
    def only_reads(self) -> bool:
        """Whether all commands only read, so that the batch may run twice."""
        return all(facts_of(command.args).read_only for command in self.commands)

    @property
    def expected(self) -> int:
        """The number of replies to the batch."""
        around = 2 if self.transaction else 0
        return len(self.commands) + len(self.scripts) + around + self.asking

    def chunks(self, pack: Encoder) -> Iterator[tuple[bytes, int]]:
        """Pairs of bytes to send and their reply count, each of about `MAX_SEND` bytes at most."""
        words = self._words()
        while some := list(itertools.islice(words, COMMANDS_AT_ONCE)):
            encoded = _encoded(some, pack)
            if sum(map(len, encoded)) <= MAX_SEND:  # the usual case
                yield b"".join(encoded), len(encoded)
                continue
            begin = size = 0
            for end, command in enumerate(encoded):
                if size and size + len(command) > MAX_SEND:
                    yield b"".join(encoded[begin:end]), end - begin
                    begin, size = end, 0
                size += len(command)
            yield b"".join(encoded[begin:]), len(encoded) - begin

    def _words(self) -> Iterator[tuple[Value, ...]]:
        words = itertools.chain(map(load, self.scripts), self.words) if self.scripts else self.words
        if not self.transaction:
            return words
        asking = (ASKING,) if self.asking else ()
        return itertools.chain(asking, (MULTI,), words, (EXEC,))

    def replies_by_command(self, replies: list[Reply], decode: Decode | None) -> list[Reply]:
        """One reply or error for each command; *decode* is the client's function for text.

        Raises `WatchError` if a watched key changed.
        """
        loads: Sequence[Reply]
        if self.transaction:
            _, *queued, executed = replies
            if executed is None:
                raise WatchError("a watched key changed: the transaction was not executed")
            loads, queued = queued[: len(self.scripts)], queued[len(self.scripts) :]
            if isinstance(executed, RedisError):
                reasons: list[Reply] = [self._abort_reason(reply, executed) for reply in queued]
                return with_load_errors(self.commands, self.scripts, loads, reasons)
            replies = array(executed)
            wanted = len(self.scripts) + len(self.commands)
            if len(replies) != wanted:
                unexpected(executed, f"an array of {wanted} from EXEC")
        if self.scripts:
            loads, replies = replies[: len(self.scripts)], replies[len(self.scripts) :]
            replies = with_load_errors(self.commands, self.scripts, loads, replies)
        if not self.binary or decode is None:
            return replies
        return [
            reply if command.binary else decode(reply)
            for command, reply in zip(self.commands, replies, strict=True)
        ]

    def demoted_error(self, reply: Reply) -> DemotedError | None:
        """The error in *reply* of a server that is no longer a primary and ran no write of this."""
        if not isinstance(reply, list):
            return None
        demoted = next((each for each in reply if isinstance(each, DemotedError)), None)
        if self.transaction:
            return demoted if isinstance(reply[-1], RedisError) else None
        pairs = zip(self.commands, reply[len(self.scripts) :], strict=True)
        ran = (each for each, answer in pairs if not isinstance(answer, DemotedError))
        return demoted if all(facts_of(each.args).read_only for each in ran) else None

    def refusal(self, reply: Reply) -> RedisError | None:
        """The error in *reply* that proves that nothing of this ran except commands that only read.

        The reply to EXEC proves it only by EXECABORT, that to a script or function never.
        """
        if not isinstance(reply, list) or not _has_refusals(reply):
            return None
        if self.transaction:
            aborted = isinstance(reply[-1], ExecAbortError)
            return (
                next((each for each in reply if isinstance(each, REFUSALS)), None)
                if aborted
                else None
            )
        answers = reply[len(self.scripts) :]
        refused = [each for each in answers if isinstance(each, REFUSALS)]
        pairs = zip(self.commands, answers, strict=True)
        known = ((facts_of(each.args), answer) for each, answer in pairs)
        ran = (
            facts
            for facts, answer in known
            if facts.runs_commands or not isinstance(answer, REFUSALS)
        )
        return refused[0] if refused and all(facts.read_only for facts in ran) else None

    @staticmethod
    def _abort_reason(queued: Reply, executed: RedisError) -> Reply:
        """The error of a command after EXEC was refused: its own error, if it has one."""
        return queued if isinstance(queued, RedisError) else fresh(executed)


def _encoded(words: list[tuple[Value, ...]], pack: Encoder) -> list[bytes]:
    try:
        return list(map(pack, words))
    except (TypeError, UnicodeEncodeError):
        check_encodable(words, pack)  # raises an error that names the argument
        raise


def _has_refusals(replies: list[Reply]) -> bool:
    """Whether one of *replies* is a refusal; by the few types among thousands of replies."""
    return any(issubclass(kind, REFUSALS) for kind in types_in(replies))


class EncodedBatch:
    """*batch*, encoded once for any number of tries; raises `DataError` if that is impossible."""

    def __init__(self, batch: CommandBatch, pack: Encoder) -> None:
        chunks = batch.chunks(pack)
        self._first = next(chunks)
        self.is_large = next(chunks, None) is not None
        """Whether it has more than one chunk, and so needs an exclusive connection."""
        self._batch = batch
        self._pack = pack
        if self.is_large:  # later chunks are encoded while others are sent: too late to refuse
            check_encodable(batch.words, pack)

    async def send(self, lease: Lease) -> Reply:
        """The list of replies, or the error of a lost connection, with a *lease* that is held.

        Raises the error of a failed connect.
        """
        connection = await lease.attach(exclusive=self.is_large)
        try:
            return self._checked(connection, await self.exchange(connection))
        finally:
            lease.detach()

    def enqueue(self, connection: BaseConnection) -> Request:
        """Enqueue it on *connection*, which others may use too, unless it `is_large`."""
        payload, expected = self._first
        batch = self._batch
        return connection.enqueue_many(payload, expected, batch.binary, batch.transaction)

    async def answer(self, connection: BaseConnection, request: Request) -> Reply:
        """The list of replies to *request*, or the error of a lost connection."""
        return self._checked(connection, await connection.answer(request))

    async def exchange(self, connection: BaseConnection) -> Reply:
        """The list of replies on *connection*, or the error of a lost connection."""
        batch = self._batch
        if self.is_large:
            return await send_large(connection, batch, batch.chunks(self._pack))
        return await send_small(
            connection, self._first, binary=batch.binary, by_element=batch.transaction
        )

    def _checked(self, connection: BaseConnection, reply: Reply) -> Reply:
        return (connection.draining and self._batch.demoted_error(reply)) or reply


async def send_small(
    connection: BaseConnection, chunk: tuple[bytes, int], *, binary: bool, by_element: bool = False
) -> Reply:
    """The list of replies to one chunk, or the error of a lost connection.

    *by_element*: EXEC is in it.
    """
    payload, expected = chunk
    return await connection.answer(connection.enqueue_many(payload, expected, binary, by_element))


async def send_large(
    connection: BaseConnection, batch: CommandBatch, chunks: Iterator[tuple[bytes, int]]
) -> Reply:
    """The list of replies to *batch*, in *chunks*, or the error of a lost connection.

    The connection is exclusive here; tasks that share it in a session wait until the last reply.  A
    cancellation before that closes the connection: commands that were not sent never are, and the
    server drops a transaction whose EXEC was not sent.
    """
    await connection.own()
    try:
        payload, reply_count = next(chunks)
        request = connection.begin_many(
            payload, reply_count, batch.expected, batch.binary, batch.transaction
        )
        for payload, reply_count in chunks:
            try:
                await connection.wait_for_capacity_as_owner()
            except RedisError:
                break  # lost: the request knows whether a part of it was sent
            connection.continue_many(request, payload, reply_count)
        return await connection.answer(request)
    except BaseException:
        connection.close("a pipeline was left half way")
        raise
    finally:
        connection.disown()


def check_encodable(words: Iterable[tuple[Value, ...]], pack: Encoder) -> None:
    """Raise `DataError` for text that cannot be encoded, before anything of a batch is sent."""
    for args in words:
        for arg in args:
            # An int may have too many digits.
            if type(arg) is not bytes and not (type(arg) is str and arg.isascii()):
                encode(pack, (arg,), args)


def first_failure(
    commands: Sequence[Command[Any]], values: Sequence[object]
) -> tuple[int, Command[Any], RedisError]:
    """Position, command and error of the first failure that another command did not cause.

    If there is none, those of the first failure.
    """
    failed = [
        (position, command, value)
        for position, (command, value) in enumerate(zip(commands, values, strict=True), 1)
        if isinstance(value, RedisError)
    ]
    causes = (each for each in failed if not isinstance(each[2], ExecAbortError))
    return next(causes, failed[0])
