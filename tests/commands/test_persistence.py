"""The commands that save the data of a server: words and replies."""

from __future__ import annotations

import datetime

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.persistence import Persistence
from anyredis.exceptions import ProtocolError, ResponseError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, words


class Text(Blueprint, Persistence[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("BGREWRITEAOF", text.bgrewriteaof()),
    ("BGSAVE SCHEDULE", text.bgsave()),
    ("BGSAVE", text.bgsave(schedule=False)),
    ("BGSAVE CANCEL", text.bgsave_cancel()),
    ("LASTSAVE", text.lastsave()),
    ("SAVE", text.save()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


# Read the same whether the client decodes or not.
READ: list[tuple[Command[object], bytes, object]] = [
    (text.bgrewriteaof(), b"+Background append only file rewriting started\r\n", True),
    (text.bgsave(), b"+Background saving started\r\n", True),
    (text.bgsave_cancel(), b"+Background saving cancelled\r\n", True),
    (
        text.lastsave(),
        b":1700000000\r\n",
        datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.UTC),
    ),
    (text.save(), b"+OK\r\n", True),
]


@pytest.mark.parametrize("encoding", ["utf-8", None])
@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object, encoding: str | None) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type, decoding or not."""
    result = parsed(command, raw, encoding)
    assert result == value
    assert repr(result) == repr(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.bgsave(), b":1\r\n"),
    (text.lastsave(), b"$1\r\n1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


def test_error_reply() -> None:
    """A refusal of the server is raised."""
    with pytest.raises(ResponseError, match="in progress"):
        parsed(text.bgsave(), b"-ERR Background save already in progress\r\n")
