"""Persistence: the server writes its data to disk, at once or in the background."""

from __future__ import annotations

import datetime

from anyredis.command import Command, command
from anyredis.commands.group import Group
from anyredis.replies import S, integer, ok, unexpected, word
from anyredis.wire.decode import Reply


class Persistence(Group[S]):
    """The commands that save the data of the server."""

    @command
    def bgrewriteaof(self) -> Command[bool]:
        """True once the server writes a smaller append-only file, or has planned to after a save.

        BGREWRITEAOF. Server 1.0. O(1).
        """
        return Command((b"BGREWRITEAOF",), _status)

    @command
    def bgsave(self, *, schedule: bool = True) -> Command[bool]:
        """True once the server saves the data in the background; `lastsave` tells of the end.

        While the append-only file is rewritten the save waits for that or, without *schedule*,
        fails.  Raises `ResponseError` if a save is in progress already.
        BGSAVE [SCHEDULE]. Server 3.2.2. O(1).
        """
        words = (b"BGSAVE", b"SCHEDULE") if schedule else (b"BGSAVE",)
        return Command(words, _status)

    @command
    def bgsave_cancel(self) -> Command[bool]:
        """True once the save in the background is cancelled.

        Raises `ResponseError` if there is none.
        BGSAVE CANCEL. Valkey 8.1. O(1).
        """
        return Command((b"BGSAVE", b"CANCEL"), _status)

    @command
    def lastsave(self) -> Command[datetime.datetime]:
        """The time of the last save, in UTC; the start of the server, if there was no save.

        LASTSAVE. Server 1.0. O(1).
        """
        return Command((b"LASTSAVE",), _moment)

    @command
    def save(self) -> Command[bool]:
        """True once the data is saved; the server does nothing else meanwhile: see `bgsave`.

        SAVE. Server 1.0. O(N).
        """
        return Command((b"SAVE",), ok)


def _status(reply: Reply) -> bool:
    """True for any text: servers describe the begun action, and otherwise send an error."""
    return bool(word(reply))


def _moment(reply: Reply) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(integer(reply), tz=datetime.UTC)
    except (OverflowError, OSError, ValueError):
        unexpected(reply, "a Unix time")
