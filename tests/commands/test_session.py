"""The commands of a session: words, replies and mistakes."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from anyredis.command import Batch, Blueprint, Command
from anyredis.commands.session import SessionCommands
from anyredis.exceptions import AuthenticationError, DataTypeError, DataValueError, ProtocolError
from anyredis.facts.lookup import facts_of
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, SessionCommands[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Queue(Batch, SessionCommands[str]):
    """A pipeline."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("ASKING", text.asking()),
    ("AUTH pw", text.auth("pw")),
    ("AUTH me pw", text.auth("pw", "me")),
    ("CLIENT CACHING YES", text.client_caching("YES")),
    ("CLIENT CACHING NO", text.client_caching("NO")),
    ("CLIENT CAPA redirect", text.client_capa("redirect")),
    ("CLIENT IMPORT-SOURCE ON", text.client_import_source("ON")),
    ("CLIENT NO-EVICT OFF", text.client_no_evict("OFF")),
    ("CLIENT NO-TOUCH ON", text.client_no_touch("ON")),
    ("CLIENT SETINFO LIB-NAME n", text.client_setinfo("LIB-NAME", "n")),
    ("CLIENT SETINFO LIB-VER 1", text.client_setinfo("LIB-VER", "1")),
    ("CLIENT SETNAME me", text.client_setname("me")),
    ("CLIENT TRACKING OFF", text.client_tracking_off()),
    ("CLIENT TRACKING ON", text.client_tracking_on()),
    (
        "CLIENT TRACKING ON REDIRECT 7 PREFIX a PREFIX b BCAST NOLOOP",
        text.client_tracking_on(clientid=7, prefix=["a", b"b"], bcast=True, noloop=True),
    ),
    ("CLIENT TRACKING ON OPTIN", text.client_tracking_on(optin=True)),
    ("CLIENT TRACKING ON OPTOUT", text.client_tracking_on(optout=True)),
    ("READONLY", text.readonly()),
    ("READWRITE", text.readwrite()),
    ("RESET", text.reset()),
    ("SELECT 1", text.select(1)),
    ("UNWATCH", text.unwatch()),
    ("WAIT 1 500", text.wait(1, 500)),
    ("WAIT 1 2000", text.wait(1, datetime.timedelta(seconds=2))),
    ("WAITAOF 0 1 500", text.waitaof(0, 1, 500)),
    ("WATCH a b", text.watch("a", b"b")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


@pytest.mark.parametrize("command", [command for _, command in SENT])
def test_it_belongs_on_a_session(command: Command[object]) -> None:
    """G9: each marks its connection, or waits for its writes; none is forbidden."""
    facts = facts_of(command.args)
    assert facts.changes_connection or facts.blocks(command.args)
    assert facts.forbidden is None


READ: list[tuple[Command[object], bytes, object]] = [
    (text.asking(), b"+OK\r\n", True),
    (text.auth("pw"), b"+OK\r\n", True),
    (text.client_caching("YES"), b"+OK\r\n", True),
    (text.client_capa("redirect"), b"+OK\r\n", True),
    (text.client_import_source("ON"), b"+OK\r\n", True),
    (text.client_no_evict("ON"), b"+OK\r\n", True),
    (text.client_no_touch("ON"), b"+OK\r\n", True),
    (text.client_setinfo("LIB-VER", "1"), b"+OK\r\n", True),
    (text.client_setname("me"), b"+OK\r\n", True),
    (text.client_tracking_off(), b"+OK\r\n", True),
    (text.client_tracking_on(), b"+OK\r\n", True),
    (text.readonly(), b"+OK\r\n", True),
    (text.readwrite(), b"+OK\r\n", True),
    (text.reset(), b"+RESET\r\n", True),
    (text.select(1), b"+OK\r\n", True),
    (text.unwatch(), b"+OK\r\n", True),
    (text.wait(1, 1), b":2\r\n", 2),
    (text.waitaof(1, 1, 1), b"*2\r\n:1\r\n:0\r\n", (1, 0)),
    (text.watch("a"), b"+OK\r\n", True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, the same with and without decoding."""
    for encoding in ("utf-8", None):
        result = parsed(command, raw, encoding)
        assert result == value
        assert type(result) is type(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.reset(), b"+OK\r\n"),
    (text.select(1), b"+QUEUED\r\n"),
    (text.wait(1, 1), b"_\r\n"),
    (text.waitaof(1, 1, 1), b"*1\r\n:1\r\n"),
    (text.waitaof(1, 1, 1), b":1\r\n"),
    (text.watch("a"), b":1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


def test_error_reply() -> None:
    """A password that the server does not accept is raised by its code."""
    with pytest.raises(AuthenticationError):
        parsed(text.auth("pw"), b"-WRONGPASS invalid username-password pair\r\n")


@pytest.mark.parametrize(("name", "args"), [("wait", (1, 1)), ("waitaof", (1, 1, 1))])
def test_no_wait_in_a_pipeline(name: str, args: tuple[int, ...]) -> None:
    """A command that delays its reply has no place in a pipeline."""
    with pytest.raises(DataTypeError, match="blocks: call it on the client"):
        getattr(Queue(), name)(*args)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "SELECT: index is None", lambda: unchecked(text.select)(None)),
    (DataTypeError, "AUTH: password is None", lambda: unchecked(text.auth)(None)),
    (DataTypeError, "WATCH: keys[1] is None", lambda: unchecked(text.watch)("a", None)),
    (DataValueError, "WATCH: keys is empty", text.watch),
    (DataValueError, "WAIT: timeout is -1: give", lambda: text.wait(1, -1)),
    (DataValueError, "WAITAOF: timeout is -5: give", lambda: text.waitaof(1, 1, -5)),
    (DataValueError, "CLIENT CAPA: capabilities is empty", text.client_capa),
    (
        DataValueError,
        "CLIENT NO-EVICT: mode is True",
        lambda: unchecked(text.client_no_evict)(mode=True),
    ),
    (
        DataValueError,
        "CLIENT NO-TOUCH: mode is 'YES'",
        lambda: unchecked(text.client_no_touch)("YES"),
    ),
    (DataValueError, "CLIENT CACHING: mode is 'ON'", lambda: unchecked(text.client_caching)("ON")),
    (
        DataValueError,
        "CLIENT SETINFO: attr is 'NAME'",
        lambda: unchecked(text.client_setinfo)("NAME", "n"),
    ),
    (
        DataValueError,
        "CLIENT TRACKING: bcast and optin",
        lambda: text.client_tracking_on(bcast=True, optin=True),
    ),
    (
        DataValueError,
        "CLIENT TRACKING: optin and optout",
        lambda: text.client_tracking_on(optin=True, optout=True),
    ),
    (
        DataValueError,
        "CLIENT TRACKING: prefix needs bcast",
        lambda: text.client_tracking_on(prefix=["a"]),
    ),
    (
        DataTypeError,
        "CLIENT TRACKING: prefix has to be a list",
        lambda: text.client_tracking_on(prefix="ab", bcast=True),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
