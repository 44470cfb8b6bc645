"""Backups as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.backups import Backups, BackupStatus
from anyredis.exceptions import ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, words


class Text(Blueprint, Backups[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("BACKUP ABORT", text.backup_abort()),
    ("BACKUP CLEANUP", text.backup_cleanup()),
    ("BACKUP LIST", text.backup_list()),
    ("BACKUP SEAL", text.backup_seal()),
    ("BACKUP START", text.backup_start()),
    ("BACKUP STATUS", text.backup_status()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FIELDS = (
    b"$5\r\nstate\r\n$4\r\nidle\r\n$5\r\nerror\r\n$0\r\n\r\n"
    b"$10\r\nstart_time\r\n:5\r\n$8\r\nend_time\r\n:0\r\n$4\r\nmood\r\n$1\r\nx\r\n"
)
STATUS = BackupStatus("idle", "", 5, 0, {"mood": "x"})

READ: list[tuple[Command[object], bytes, object]] = [
    (text.backup_abort(), b"+OK\r\n", True),
    (text.backup_cleanup(), b"+OK\r\n", True),
    (text.backup_list(), b"*1\r\n$2\r\n/a\r\n", ["/a"]),
    (text.backup_seal(), b"+OK\r\n", True),
    (text.backup_start(), b"+OK\r\n", True),
    (text.backup_status(), b"*10\r\n" + FIELDS, STATUS),
    (text.backup_status(), b"%5\r\n" + FIELDS, STATUS),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.backup_abort(), b":1\r\n"),
    (text.backup_list(), b":1\r\n"),
    (text.backup_status(), b"*2\r\n$5\r\nstate\r\n$4\r\nidle\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)
