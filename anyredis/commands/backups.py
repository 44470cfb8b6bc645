"""Backups that Redis 8.10 makes of itself: it pins the files that belong together."""

from __future__ import annotations

from typing import Final, NamedTuple

from anyredis.command import Command, command
from anyredis.commands.group import Group
from anyredis.replies import S, array, ok, others, record, whole, word
from anyredis.wire.decode import Reply


class BackupStatus(NamedTuple):
    """The state of the backup."""

    state: str
    """`idle`, or a step such as `incrementing` and `sealed`."""
    error: str
    """The last failure, or nothing."""
    start_time: int
    """The Unix time in seconds at which it began, 0 if none did."""
    end_time: int
    """The Unix time in seconds at which it ended, 0 if none did."""
    other: dict[str, Reply]
    """Fields that are not known here, as the server sent them; strings are bytes."""


_FIELDS: Final = ("state", "error", "start_time", "end_time")


class Backups(Group[S]):
    """The commands on the backup of a server."""

    @command
    def backup_abort(self) -> Command[bool]:
        """True once the backup that is not sealed yet is cancelled.

        BACKUP ABORT. Redis 8.10. O(1).
        """
        return Command((b"BACKUP", b"ABORT"), ok)

    @command
    def backup_cleanup(self) -> Command[bool]:
        """True once the files of the backup are removed, and another one may begin.

        BACKUP CLEANUP. Redis 8.10. O(1).
        """
        return Command((b"BACKUP", b"CLEANUP"), ok)

    @command
    def backup_list(self) -> Command[list[str]]:
        """The paths of the files that belong to the backup so far.

        BACKUP LIST. Redis 8.10. O(1).
        """
        return Command((b"BACKUP", b"LIST"), _paths)

    @command
    def backup_seal(self) -> Command[bool]:
        """True once the backup gets no more writes, and its files are complete.

        BACKUP SEAL. Redis 8.10. O(1).
        """
        return Command((b"BACKUP", b"SEAL"), ok)

    @command
    def backup_start(self) -> Command[bool]:
        """True once a backup has begun, in the folder of the server's setting `backupdirname`.

        BACKUP START. Redis 8.10. O(1).
        """
        return Command((b"BACKUP", b"START"), ok)

    @command
    def backup_status(self) -> Command[BackupStatus]:
        """The state of the backup.

        BACKUP STATUS. Redis 8.10. O(1).
        """
        return Command((b"BACKUP", b"STATUS"), _status, binary=True)


def _paths(reply: Reply) -> list[str]:
    return [word(each) for each in array(reply)]


def _status(reply: Reply) -> BackupStatus:
    fields = record(reply)
    return BackupStatus(
        word(fields.get("state")),
        word(fields.get("error")),
        whole(fields.get("start_time")),
        whole(fields.get("end_time")),
        others(fields, _FIELDS),
    )
