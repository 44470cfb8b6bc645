"""Guarantees about the writes of a session: on replicas, or in append-only files, before it goes on.

Law: WAIT and WAITAOF follow each write that succeeded, on the same connection, because they are
about the writes of their connection.  A write whose guarantee fails has been executed all the same:
the error says so, and nothing is repeated.
"""

from typing import NamedTuple, Self

from anyredis.command import Command
from anyredis.commands.checks import whole
from anyredis.commands.group import MILLISECOND, Milliseconds, duration
from anyredis.commands.session import counted_files
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import (
    DataTypeError,
    DataValueError,
    DurabilityError,
    RedisError,
    ReplicationError,
)
from anyredis.excerpt import excerpt
from anyredis.replies import integer


class WriteGuarantee(NamedTuple):
    """What has to be true of each write of a session, within *milliseconds* (0: no limit)."""

    replicas: int
    """The replicas that have it in memory; 0: none has to."""
    files: tuple[int, int]
    """The append-only files that have it: the server's own (0 or 1), and those of replicas."""
    milliseconds: int

    @classmethod
    def of(
        cls,
        replication: int | None,
        persistence: tuple[int, int] | None,
        timeout: Milliseconds | None,
    ) -> Self | None:
        """The guarantee of the arguments of `session`; None without any.

        Raises `DataError` for numbers that make no sense, and if *timeout* is missing or alone.
        """
        if replication is None and persistence is None:
            if timeout is not None:
                raise DataValueError(
                    "session: timeout is for ensure_replication and ensure_persistence: give one"
                )
            return None
        if timeout is None:
            raise DataValueError(
                "session: give timeout too: the milliseconds to wait for the replicas (0: no limit)"
            )
        whole("session: timeout", milliseconds := duration(timeout, MILLISECOND))
        if milliseconds < 0:
            raise DataValueError("session: timeout is negative: give 0 (no limit) or more")
        if replication is not None:
            _at_least("ensure_replication", replication, 1)
        return cls(replication or 0, _files_of(persistence), milliseconds)

    async def check(self, connection: BaseConnection) -> None:
        """Ask the server, before any write, if it can give the guarantee.

        Raises its error otherwise: it is a replica, or has no append-only file, or is too old.
        """
        if self.replicas:
            await connection.submit(Command((b"WAIT", 0, 1), integer))
        if any(self.files):
            await connection.submit(Command((b"WAITAOF", self.files[0], 0, 1), counted_files))

    async def confirm(self, connection: BaseConnection, name: str, value: object = None) -> None:
        """Wait until the writes of *connection*, the last by the command *name*, are guaranteed.

        Raises `ReplicationError` or `DurabilityError`, which has the *value* of the write.
        """
        if self.replicas:
            await self._replicated(connection, name, value)
        if any(self.files):
            await self._persisted(connection, name, value)

    async def _replicated(self, connection: BaseConnection, name: str, value: object) -> None:
        wanted, limit = self.replicas, self.milliseconds
        try:
            having = await connection.submit(Command((b"WAIT", wanted, limit), integer))
        except RedisError as error:
            msg = f"{name} was executed, but it is unknown how many replicas have it: {error}"
            raise ReplicationError(msg, value=value) from error
        if having < wanted:
            msg = f"{name} was executed, but {having} of {wanted} replicas have it after {limit} ms"
            raise ReplicationError(msg, replicas=having, value=value)

    async def _persisted(self, connection: BaseConnection, name: str, value: object) -> None:
        wanted, limit = self.files, self.milliseconds
        words = (b"WAITAOF", *wanted, limit)
        try:
            local, replicas = await connection.submit(Command(words, counted_files))
        except RedisError as error:
            msg = f"{name} was executed, but it is unknown which files have it: {error}"
            raise DurabilityError(msg, value=value) from error
        if local < wanted[0] or replicas < wanted[1]:
            msg = (
                f"{name} was executed, but after {limit} ms {local} of {wanted[0]} files here and "
                f"{replicas} of {wanted[1]} on replicas have it"
            )
            raise DurabilityError(msg, local=local, replicas=replicas, value=value)


def _files_of(persistence: tuple[int, int] | None) -> tuple[int, int]:
    """The numbers of `ensure_persistence`; (0, 0) for None."""
    if persistence is None:
        return 0, 0
    if not isinstance(persistence, tuple) or len(persistence) != 2:
        raise DataTypeError(
            "session: ensure_persistence has to be (local, replicas), such as (1, 0), not "
            f"{excerpt(persistence, 80)}"
        )
    local, replicas = persistence
    _at_least("ensure_persistence[0]", local, 0)
    _at_least("ensure_persistence[1]", replicas, 0)
    if local > 1 or not (local or replicas):
        raise DataValueError(
            f"session: ensure_persistence is {excerpt(persistence)}: local is 0 or 1, for the "
            "server's own file, and one of the two is not 0"
        )
    return local, replicas


def _at_least(name: str, value: object, least: int) -> None:
    whole(f"session: {name}", value)
    if isinstance(value, int) and value < least:
        raise DataValueError(f"session: {name} is {value}: give {least} or more")
