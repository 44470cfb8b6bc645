"""Several commands as one: packed into bounded pieces, sent, and their replies sorted out.

Law: a batch is contiguous on its connection, so a transaction can ride on one that others share.
A batch that fits into one piece is one request; a larger one needs a connection of its own, where
it goes piece by piece as the server reads, and which is closed if it is left half way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from anyredis.command import Command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import DemotedError, ExecAbortError, RedisError, WatchError, fresh
from anyredis.facts.lookup import facts_of
from anyredis.pool.lease import Lease
from anyredis.replies import array, unexpected
from anyredis.wire.decode import Decode, Reply
from anyredis.wire.encode import Encoder, Value, encode
from anyredis.wire.request_queue import MAX_SEND

MULTI: tuple[Value, ...] = (b"MULTI",)
EXEC: tuple[Value, ...] = (b"EXEC",)
ASKING: tuple[Value, ...] = (b"ASKING",)

COMMANDS_AT_ONCE = 4096
"""Commands that are packed at once, and so at most in one piece."""


_args = attrgetter("args")


class CommandBatch:
    """Commands to send together, as a *transaction* or not."""

    def __init__(
        self, commands: Sequence[Command[Any]], *, transaction: bool, asking: bool = False
    ) -> None:
        self.commands = commands
        self.transaction = transaction
        self.asking = asking
        """Whether ASKING goes before the transaction, for the whole of which it holds."""
        self.binary = any([each.binary for each in commands])  # noqa: C419 - a list is faster
        """Whether some reply has to stay bytes, so that all are read as bytes first."""

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
        """Whether all of it may run twice."""
        return all(facts_of(command.args).read_only for command in self.commands)

    @property
    def expected(self) -> int:
        """How many replies the whole brings."""
        return len(self.commands) + (2 if self.transaction else 0) + self.asking

    def chunks(self, pack: Encoder) -> Iterator[tuple[bytes, int]]:
        """Bytes to send and how many replies they bring: at most about `MAX_SEND` bytes at once."""
        words = self._words()
        while some := list(itertools.islice(words, COMMANDS_AT_ONCE)):
            packed = _packed(some, pack)
            if sum(map(len, packed)) <= MAX_SEND:  # as nearly always
                yield b"".join(packed), len(packed)
                continue
            begin = size = 0
            for end, one in enumerate(packed):
                if size and size + len(one) > MAX_SEND:
                    yield b"".join(packed[begin:end]), end - begin
                    begin, size = end, 0
                size += len(one)
            yield b"".join(packed[begin:]), len(packed) - begin

    def _words(self) -> Iterator[tuple[Value, ...]]:
        if not self.transaction:
            return self.words
        asking = (ASKING,) if self.asking else ()
        return itertools.chain(asking, (MULTI,), self.words, (EXEC,))

    def replies_by_command(self, replies: list[Reply], decode: Decode | None) -> list[Reply]:
        """One reply or error for each command; *decode* is what the client decodes replies with.

        Raises `WatchError` where a watched key changed.
        """
        if self.transaction:
            _, *queued, executed = replies
            if executed is None:
                raise WatchError("a watched key changed: the transaction was not executed")
            if isinstance(executed, RedisError):
                return [self._abort_reason(reply, executed) for reply in queued]
            replies = array(executed)
            if len(replies) != len(self.commands):
                unexpected(executed, f"an array of {len(self.commands)} from EXEC")
        if not self.binary or decode is None:
            return replies
        return [
            reply if command.binary else decode(reply)
            for command, reply in zip(self.commands, replies, strict=True)
        ]

    def demoted_error(self, reply: Reply) -> DemotedError | None:
        """The error of a server that is the primary no more and ran nothing of this but reads."""
        if not isinstance(reply, list):
            return None
        demoted = next((each for each in reply if isinstance(each, DemotedError)), None)
        if self.transaction:
            return demoted if isinstance(reply[-1], RedisError) else None
        pairs = zip(self.commands, reply, strict=True)
        ran = (each for each, answer in pairs if not isinstance(answer, DemotedError))
        return demoted if all(facts_of(each.args).read_only for each in ran) else None

    @staticmethod
    def _abort_reason(queued: Reply, executed: RedisError) -> Reply:
        """What to tell of one command where EXEC was refused: its own error, if it has one."""
        return queued if isinstance(queued, RedisError) else fresh(executed)


def _packed(words: list[tuple[Value, ...]], pack: Encoder) -> list[bytes]:
    try:
        return list(map(pack, words))
    except (TypeError, UnicodeEncodeError):
        check_encodable(words, pack)  # which says which it was
        raise


class EncodedBatch:
    """*batch*, packed once for any number of tries; raises `DataError` for what cannot be."""

    def __init__(self, batch: CommandBatch, pack: Encoder) -> None:
        chunks = batch.chunks(pack)
        self._first = next(chunks)
        self._is_large = next(chunks, None) is not None
        self._batch = batch
        self._pack = pack
        if self._is_large:  # later pieces are packed as they are sent, too late for a refusal
            check_encodable(batch.words, pack)

    async def send(self, lease: Lease) -> Reply:
        """The list of replies, or the error of a lost connection, for a *lease* that is held.

        Raises what connecting raised.
        """
        batch = self._batch
        connection = await lease.attach(exclusive=self._is_large)
        try:
            if self._is_large:
                chunks = batch.chunks(self._pack)
                reply = await send_large(connection, chunks, batch.expected, binary=batch.binary)
            else:
                reply = await send_small(connection, self._first, binary=batch.binary)
            return self._checked(connection, reply)
        finally:
            lease.detach()

    def _checked(self, connection: BaseConnection, reply: Reply) -> Reply:
        return (connection.draining and self._batch.demoted_error(reply)) or reply


async def send_small(
    connection: BaseConnection, chunk: tuple[bytes, int], *, binary: bool
) -> Reply:
    """The list of replies to one piece, or the error of a lost connection."""
    payload, expected = chunk
    await connection.wait_for_capacity(len(payload))
    return await connection.answer(connection.enqueue_many(payload, expected, expected, binary))


async def send_large(
    connection: BaseConnection, chunks: Iterator[tuple[bytes, int]], expected: int, *, binary: bool
) -> Reply:
    """The list of *expected* replies, or the error of a lost connection, which is one's own.

    A cancellation half way closes the connection: what was not sent never is, and a transaction
    whose EXEC was not sent is dropped by the server.
    """
    try:
        payload, reply_count = next(chunks)
        request = connection.enqueue_many(payload, reply_count, expected, binary)
        for payload, reply_count in chunks:
            try:
                await connection.wait_for_capacity(len(payload))
            except RedisError:
                break  # lost: the request knows whether some of it was sent
            connection.continue_many(request, payload, reply_count)
        return await connection.answer(request)
    except BaseException:
        connection.close("a pipeline was left half way")
        raise


def check_encodable(words: Iterable[tuple[Value, ...]], pack: Encoder) -> None:
    """Raise `DataError` for text that cannot be encoded, before anything of a batch is sent."""
    for args in words:
        for arg in args:
            if not isinstance(arg, str) or not arg.isascii():
                encode(pack, (arg,), args)


def first_failure(
    commands: Sequence[Command[Any]], values: Sequence[object]
) -> tuple[int, Command[Any], RedisError]:
    """The first command that failed by itself or, failing that, because another did."""
    failed = [
        (position, command, value)
        for position, (command, value) in enumerate(zip(commands, values, strict=True), 1)
        if isinstance(value, RedisError)
    ]
    by_itself = (each for each in failed if not isinstance(each[2], ExecAbortError))
    return next(by_itself, failed[0])
