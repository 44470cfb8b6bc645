"""The commands on connections: words, replies and mistakes."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.connection import ConnectionCommands
from anyredis.exceptions import DataTypeError, ProtocolError, ResponseError
from anyredis.replies import TextReaders
from anyredis.reports.info import client
from anyredis.reports.server_reports import TrackingInfo
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, ConnectionCommands[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, ConnectionCommands[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

MINUTE = datetime.timedelta(minutes=1)

SENT: list[tuple[str, Command[object]]] = [
    ("CLIENT GETNAME", text.client_getname()),
    ("CLIENT GETREDIR", text.client_getredir()),
    ("CLIENT ID", text.client_id()),
    ("CLIENT INFO", text.client_info()),
    ("CLIENT KILL 127.0.0.1:5", text.client_kill("127.0.0.1:5")),
    ("CLIENT KILL ID 7", text.client_kill_filter(id=7)),
    ("CLIENT KILL ID 7", text.client_kill_filter(id="7")),
    ("CLIENT KILL ID 7 8", text.client_kill_filter(id=[7, 8])),
    ("CLIENT KILL ID 7 8", text.client_kill_filter(id=range(7, 9))),
    (
        "CLIENT KILL TYPE normal USER u ADDR a:1 LADDR b:2 SKIPME NO MAXAGE 9",
        text.client_kill_filter(
            type="normal", user="u", addr="a:1", laddr=b"b:2", skipme=False, maxage=9
        ),
    ),
    (
        "CLIENT KILL SKIPME YES NAME n IDLE 1 FLAGS N LIB-NAME l LIB-VER 2 DB 0 CAPA r IP i",
        text.client_kill_filter(
            skipme=True,
            name="n",
            idle=1,
            flags="N",
            lib_name="l",
            lib_ver="2",
            db=0,
            capa="r",
            ip="i",
        ),
    ),
    (
        "CLIENT KILL NOT-TYPE pubsub NOT-ID 7 8 NOT-USER u NOT-ADDR a NOT-LADDR b",
        text.client_kill_filter(
            not_type="pubsub", not_id=(7, 8), not_user="u", not_addr="a", not_laddr="b"
        ),
    ),
    (
        "CLIENT KILL NOT-NAME n NOT-FLAGS N NOT-LIB-NAME l NOT-LIB-VER 2 NOT-DB 0 NOT-CAPA r NOT-IP i",
        text.client_kill_filter(
            not_name="n",
            not_flags="N",
            not_lib_name="l",
            not_lib_ver="2",
            not_db=0,
            not_capa="r",
            not_ip="i",
        ),
    ),
    ("CLIENT LIST", text.client_list()),
    ("CLIENT LIST", text.client_list(type=None)),
    ("CLIENT LIST TYPE replica ID 1 2", text.client_list(type="replica", id=[1, 2])),
    ("CLIENT PAUSE 60000 ALL", text.client_pause(MINUTE)),
    ("CLIENT PAUSE 9 WRITE", text.client_pause(9, all=False)),
    ("CLIENT TRACKINGINFO", text.client_trackinginfo()),
    ("CLIENT UNBLOCK 7 TIMEOUT", text.client_unblock(7)),
    ("CLIENT UNBLOCK 7 ERROR", text.client_unblock(7, error=True)),
    ("CLIENT UNPAUSE", text.client_unpause()),
    ("ECHO v", text.echo("v")),
    ("PING", text.ping()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


TRACKING2 = (
    b"*6\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$5\r\nbcast\r\n"
    b"$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*1\r\n$1\r\na\r\n"
)
TRACKING3 = TRACKING2.replace(b"*6", b"%3").replace(b"*2", b"~2")
TRACKING = TrackingInfo({"on", "bcast"}, 0, ["a"])

LINE = (
    b"id=4 addr=127.0.0.1:5 laddr=127.0.0.1:6 fd=9 name=\xff age=1 idle=2 flags=N db=3 "
    b"cmd=client|info user=default\n"
)
ONE = client(LINE.decode("utf-8", "replace").rstrip())

READ: list[tuple[Command[object], bytes, object]] = [
    (text.client_getname(), b"$2\r\nme\r\n", "me"),
    (text.client_getname(), b"$-1\r\n", None),
    (text.client_getname(), b"_\r\n", None),
    (text.client_getredir(), b":-1\r\n", -1),
    (text.client_id(), b":7\r\n", 7),
    (text.client_info(), b"$%d\r\n%s\r\n" % (len(LINE), LINE), ONE),
    (text.client_info(), b"=%d\r\ntxt:%s\r\n" % (len(LINE) + 4, LINE), ONE),
    (text.client_kill("a:1"), b"+OK\r\n", True),
    (text.client_kill_filter(id=1), b":0\r\n", 0),
    (text.client_list(), b"$0\r\n\r\n", []),
    (text.client_pause(1), b"+OK\r\n", True),
    (
        text.client_trackinginfo(),
        TRACKING2,
        TRACKING,
    ),
    (
        text.client_trackinginfo(),
        TRACKING3,
        TRACKING,
    ),
    (text.client_unblock(1), b":1\r\n", True),
    (text.client_unblock(1), b":0\r\n", False),
    (text.client_unpause(), b"+OK\r\n", True),
    (text.echo("v"), b"$1\r\nv\r\n", "v"),
    (text.ping(), b"+PONG\r\n", True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("kind", [b"$", b"="])
def test_clients(kind: bytes) -> None:
    """Lines about clients are read from RESP2 and RESP3, with names in any encoding."""
    body = LINE if kind == b"$" else b"txt:" + LINE
    raw = kind + str(len(body)).encode() + b"\r\n" + body + b"\r\n"
    one = parsed(text.client_info(), raw)
    assert (one.id, one.addr, one.name, one.db) == (
        4,
        "127.0.0.1:5",
        "\N{REPLACEMENT CHARACTER}",
        3,
    )
    assert parsed(text.client_list(), raw) == [one]
    assert parsed(binary.client_list(), raw, encoding=None) == [one]


def test_replies_undecoded() -> None:
    """On a client that does not decode, text is bytes; the server's own words stay str."""
    assert parsed(binary.echo(b"\xff"), b"$1\r\n\xff\r\n", encoding=None) == b"\xff"
    assert parsed(binary.client_getname(), b"$1\r\na\r\n", encoding=None) == "a"
    assert parsed(binary.ping(), b"+PONG\r\n", encoding=None) is True
    raw = (
        b"%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"
    )
    found = parsed(binary.client_trackinginfo(), raw, encoding=None)
    assert found == TrackingInfo({"off"}, -1, [])


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.client_getname(), b":1\r\n"),
    (text.client_id(), b"_\r\n"),
    (text.client_info(), b":1\r\n"),
    (text.client_info(), b"$5\r\nhello\r\n"),
    (text.client_kill("a:1"), b":1\r\n"),
    (text.client_list(), b"*0\r\n"),
    (text.client_trackinginfo(), b"*0\r\n"),
    (text.client_trackinginfo(), b":0\r\n"),
    (text.client_unblock(1), b"+OK\r\n"),
    (text.echo("v"), b"_\r\n"),
    (text.ping(), b"+OK\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


def test_error_reply() -> None:
    """An address without a client is an error of the server."""
    with pytest.raises(ResponseError, match="No such client"):
        parsed(text.client_kill("a:1"), b"-ERR No such client\r\n")


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "ECHO: value is None", lambda: unchecked(text.echo)(None)),
    (DataTypeError, "CLIENT: address is None", lambda: unchecked(text.client_kill)(None)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
