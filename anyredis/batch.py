"""Several commands as one: packed into bounded pieces, sent, and their replies sorted out.

Law: a batch is contiguous on its connection, so a transaction can ride on one that others share.
A batch that fits into one piece is one request; a larger one needs a connection of its own, where
it goes piece by piece as the server reads, and which is closed if it is left half way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from anyredis.command import Command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import ExecAbortError, RedisError, WatchError, fresh
from anyredis.replies import array
from anyredis.table import only_reads
from anyredis.wire.decode import Decode, Reply
from anyredis.wire.encode import Encoder, Value, unpackable
from anyredis.wire.session import PIECE

MULTI: tuple[Value, ...] = (b"MULTI",)
EXEC: tuple[Value, ...] = (b"EXEC",)


class BatchOfCommands:
    """Commands to send together, as a *transaction* or not."""

    def __init__(self, commands: Sequence[Command[Any]], *, transaction: bool) -> None:
        self.commands = commands
        self.transaction = transaction
        self.binary = any(command.binary for command in commands)
        """Whether some reply has to stay bytes, so that all are read as bytes first."""

    @property
    def only_reads(self) -> bool:
        """Whether all of it may run twice."""
        return all(only_reads(command.args) for command in self.commands)

    @property
    def expected(self) -> int:
        """How many replies the whole brings."""
        return len(self.commands) + (2 if self.transaction else 0)

    def pieces(self, pack: Encoder) -> Iterator[tuple[bytes, int]]:
        """Bytes to send and how many replies they bring, at most about `PIECE` at once."""
        packed: list[bytes] = []
        size = 0
        for args in self._words():
            try:
                one = pack(args)
            except (TypeError, UnicodeEncodeError) as error:
                raise unpackable(args, error) from error
            if packed and size + len(one) > PIECE:
                yield b"".join(packed), len(packed)
                packed, size = [], 0
            packed.append(one)
            size += len(one)
        yield b"".join(packed), len(packed)

    def _words(self) -> Iterator[tuple[Value, ...]]:
        if self.transaction:
            yield MULTI
        for command in self.commands:
            yield command.args
        if self.transaction:
            yield EXEC

    def sorted_out(self, replies: list[Reply], decode: Decode | None) -> list[Reply]:
        """One reply or error for each command; *decode* is what the client decodes replies with.

        Raises `WatchError` where a watched key changed.
        """
        if self.transaction:
            _, *queued, executed = replies
            if executed is None:
                raise WatchError("a watched key changed: the transaction was not executed")
            if isinstance(executed, RedisError):
                return [self._why_not(reply, executed) for reply in queued]
            replies = array(executed)
        if not self.binary or decode is None:
            return replies
        return [
            reply if command.binary else decode(reply)
            for command, reply in zip(self.commands, replies, strict=True)
        ]

    @staticmethod
    def _why_not(queued: Reply, executed: RedisError) -> Reply:
        """What to tell of one command where EXEC was refused: its own error, if it has one."""
        return queued if isinstance(queued, RedisError) else fresh(executed)


async def send_small(
    connection: BaseConnection, piece: tuple[bytes, int], *, binary: bool
) -> Reply:
    """The list of replies to one piece, or the error of a lost connection."""
    payload, expected = piece
    await connection.make_room(len(payload))
    return await connection.answer(connection.enqueue_many(payload, expected, expected, binary))


async def send_large(
    connection: BaseConnection, pieces: Iterator[tuple[bytes, int]], expected: int, *, binary: bool
) -> Reply:
    """The list of *expected* replies, or the error of a lost connection, which is one's own.

    A cancellation half way closes the connection: what was not sent never is, and a transaction
    whose EXEC was not sent is dropped by the server.
    """
    try:
        payload, brings = next(pieces)
        request = connection.enqueue_many(payload, brings, expected, binary)
        for payload, brings in pieces:
            await connection.make_room(len(payload))
            connection.continue_many(request, payload, brings)
        return await connection.answer(request)
    except BaseException:
        connection.close("a pipeline was left half way")
        raise


def check_packable(commands: Sequence[Command[Any]], pack: Encoder) -> None:
    """Raise `DataError` for text that cannot be encoded, before anything of a batch is sent."""
    for command in commands:
        for arg in command.args:
            if isinstance(arg, str) and not arg.isascii():
                try:
                    pack((arg,))
                except UnicodeEncodeError as error:
                    raise unpackable(command.args, error) from error


def first_failure(
    commands: Sequence[Command[Any]], errors: Sequence[RedisError | None]
) -> tuple[int, Command[Any], RedisError] | None:
    """The first command that failed by itself, or failing that, because another did."""
    failed = [
        (position, command, error)
        for position, (command, error) in enumerate(zip(commands, errors, strict=True), 1)
        if error is not None
    ]
    for each in failed:
        if not isinstance(each[2], ExecAbortError):
            return each
    return failed[0] if failed else None
