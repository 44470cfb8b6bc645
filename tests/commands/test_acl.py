"""Access control as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.acl import Acl
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.info import client as client_of
from anyredis.reports.server_reports import AclLogEntry, AclSelector, AclUser
from tests.commands.tables import parsed, resp2, resp3, unchecked, words


class Text(Blueprint, Acl[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Acl[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

ALL_RULES = (
    "ACL SETUSER u reset resetkeys resetchannels resetpass on >new <old #abcd +@read -@write "
    "+get -set ~k* ~l* %R~m* ~n* &c* &d* (+get ~x) (+set %W~y)"
)

SENT: list[tuple[str, Command[object]]] = [
    ("ACL CAT", text.acl_cat()),
    ("ACL CAT scripting", text.acl_cat("scripting")),
    ("ACL DELUSER a b", text.acl_deluser("a", "b")),
    ("ACL DELUSER a b", text.acl_deluser(["a", "b"])),
    ("ACL DRYRUN u GET k", text.acl_dryrun("u", "GET", "k")),
    ("ACL GENPASS", text.acl_genpass()),
    ("ACL GENPASS 5", text.acl_genpass(5)),
    ("ACL GETUSER u", text.acl_getuser("u")),
    ("ACL LIST", text.acl_list()),
    ("ACL LOAD", text.acl_load()),
    ("ACL LOG", text.acl_log()),
    ("ACL LOG 3", text.acl_log(3)),
    ("ACL LOG RESET", text.acl_log_reset()),
    ("ACL SAVE", text.acl_save()),
    ("ACL SETUSER u off", text.acl_setuser("u")),
    ("ACL SETUSER u on nopass", text.acl_setuser("u", enabled=True, nopass=True)),
    (
        ALL_RULES,
        text.acl_setuser(
            "u",
            enabled=True,
            passwords=["+new", "-old"],
            hashed_passwords="+abcd",
            categories=["+read", "-@write"],
            commands=["+get", "-set"],
            keys=["k*", "~l*", "%R~m*", b"n*"],
            channels=["c*", "&d*"],
            selectors=[("+get", "x"), ("+set", b"%W~y")],
            reset=True,
            reset_keys=True,
            reset_channels=True,
            reset_passwords=True,
        ),
    ),
    ("ACL SETUSER u on >p ~*", text.acl_setuser_rules("u", "on", ">p", "~*")),
    ("ACL USERS", text.acl_users()),
    ("ACL WHOAMI", text.acl_whoami()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert " ".join(words(command)) == sent


def bulk(data: bytes) -> bytes:
    """A string of the protocol."""
    return b"$%d\r\n%s\r\n" % (len(data), data)


def array(*items: bytes, sign: bytes = b"*") -> bytes:
    """An array of the protocol, or with *sign* `%` a map."""
    count = len(items) // 2 if sign == b"%" else len(items)
    return b"%s%d\r\n" % (sign, count) + b"".join(items)


NAMES = array(bulk(b"a"), bulk(b"b"))

SELECTOR = (
    *(bulk(b"commands"), bulk(b"-@all +get")),
    *(bulk(b"keys"), bulk(b"~x")),
    *(bulk(b"channels"), bulk(b"")),
)

FIELDS = (
    *(bulk(b"flags"), array(bulk(b"on"), bulk(b"sanitize-payload"))),
    *(bulk(b"passwords"), array(bulk(b"ab12"))),
    *(bulk(b"commands"), bulk(b"-@all +get")),
    *(bulk(b"keys"), bulk(b"~k*")),
    *(bulk(b"channels"), bulk(b"&c*")),
)

USER = AclUser(
    ["on", "sanitize-payload"],
    ["ab12"],
    "-@all +get",
    "~k*",
    "&c*",
    [AclSelector("-@all +get", "~x", "", {})],
    {},
)

CLIENT = b"id=3 addr=127.0.0.1:9 laddr=127.0.0.1:6379 fd=8 name= age=5 idle=0 flags=N db=0 cmd=get user=u"
REFUSED: dict[str, object] = {
    "count": 2,
    "reason": "key",
    "context": "toplevel",
    "object": "secret",
    "username": "u",
    "age-seconds": 4.25,
    "client-info": CLIENT.decode(),
    "entry-id": 7,
}
LOG = [
    AclLogEntry(
        2, "key", "toplevel", "secret", "u", 4.25, client_of(CLIENT.decode()), {"entry-id": 7}
    )
]

READ: list[tuple[Command[object], bytes, object]] = [
    (text.acl_cat(), NAMES, ["a", "b"]),
    (text.acl_deluser("a"), b":1\r\n", 1),
    (text.acl_dryrun("u", "GET"), b"+OK\r\n", "OK"),
    (text.acl_dryrun("u", "GET"), bulk(b"User u has no permissions"), "User u has no permissions"),
    (text.acl_genpass(), bulk(b"dd721260"), "dd721260"),
    (text.acl_getuser("u"), b"$-1\r\n", None),
    (text.acl_getuser("u"), b"_\r\n", None),
    (text.acl_getuser("u"), array(*FIELDS, bulk(b"selectors"), array(array(*SELECTOR))), USER),
    (
        text.acl_getuser("u"),
        array(*FIELDS, bulk(b"selectors"), array(array(*SELECTOR, sign=b"%")), sign=b"%"),
        USER,
    ),
    (text.acl_getuser("u"), array(*FIELDS), USER._replace(selectors=[])),
    (
        text.acl_getuser("u"),
        array(*FIELDS, bulk(b"mood"), bulk(b"\xff"), sign=b"%"),
        USER._replace(selectors=[], other={"mood": "\N{REPLACEMENT CHARACTER}"}),
    ),
    (
        text.acl_getuser("u"),
        array(*FIELDS[:6], bulk(b"keys"), array(bulk(b"k*"), bulk(b"l*"))),
        AclUser(["on", "sanitize-payload"], ["ab12"], "-@all +get", "k* l*", "", [], {}),
    ),
    (text.acl_list(), NAMES, ["a", "b"]),
    (text.acl_load(), b"+OK\r\n", True),
    (text.acl_log(), b"*0\r\n", []),
    (text.acl_log(), resp2([REFUSED]), LOG),
    (text.acl_log(), resp3([REFUSED]), LOG),
    (text.acl_log_reset(), b"+OK\r\n", True),
    (text.acl_save(), b"+OK\r\n", True),
    (text.acl_setuser("u"), b"+OK\r\n", True),
    (text.acl_setuser_rules("u", "on"), b"+OK\r\n", True),
    (text.acl_users(), NAMES, ["a", "b"]),
    (text.acl_whoami(), bulk(b"me"), "me"),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_text_in_any_case() -> None:
    """What a server tells about its users is text on a client that does not decode, too."""
    assert parsed(binary.acl_whoami(), bulk(b"me"), encoding=None) == "me"
    assert parsed(binary.acl_users(), NAMES, encoding=None) == ["a", "b"]
    raw = array(*FIELDS, bulk(b"selectors"), array(array(*SELECTOR)))
    assert parsed(binary.acl_getuser("u"), raw, encoding=None) == USER


@pytest.mark.parametrize(("sign", "age"), [(b"*", bulk(b"4.25")), (b"%", b",4.25\r\n")])
def test_acl_log(sign: bytes, age: bytes) -> None:
    """An entry tells what was refused, to whom, and when; fields that are new are kept."""
    entry = array(
        *(bulk(b"count"), b":2\r\n"),
        *(bulk(b"reason"), bulk(b"key")),
        *(bulk(b"context"), bulk(b"toplevel")),
        *(bulk(b"object"), bulk(b"secret")),
        *(bulk(b"username"), bulk(b"u")),
        *(bulk(b"age-seconds"), age),
        *(bulk(b"client-info"), bulk(CLIENT)),
        *(bulk(b"entry-id"), b":7\r\n"),
        sign=sign,
    )
    [found] = parsed(text.acl_log(), array(entry))
    assert found[:6] == (2, "key", "toplevel", "secret", "u", 4.25)
    assert (found.client_info.id, found.client_info.addr) == (3, "127.0.0.1:9")
    assert found.other == {"entry-id": 7}


ODD: list[tuple[Command[object], bytes]] = [
    (text.acl_cat(), b":1\r\n"),
    (text.acl_deluser("a"), b"+OK\r\n"),
    (text.acl_getuser("u"), array(bulk(b"flags"), b":1\r\n")),
    (text.acl_log(), array(array(bulk(b"count"), b":1\r\n"))),
    (text.acl_users(), b"_\r\n"),
    (text.acl_whoami(), b":1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


setuser = unchecked(text.acl_setuser)

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "ACL DELUSER: usernames is empty", text.acl_deluser),
    (DataValueError, "ACL GENPASS: bits is 0", lambda: text.acl_genpass(0)),
    (DataValueError, "ACL LOG: count is -1", lambda: text.acl_log(-1)),
    (
        DataValueError,
        "nopass and passwords exclude",
        lambda: text.acl_setuser("u", nopass=True, passwords="+x"),
    ),
    (DataValueError, "passwords[0] has to be text", lambda: setuser("u", passwords="hush")),
    (DataValueError, "passwords[1] has to be text", lambda: setuser("u", passwords=["+a", b"+b"])),
    (DataValueError, "hashed_passwords[0]", lambda: setuser("u", hashed_passwords=["hush"])),
    (DataValueError, "categories[0]", lambda: setuser("u", categories=["read"])),
    (DataValueError, "commands[0]", lambda: setuser("u", commands=["get"])),
    (DataTypeError, "commands has to be a list", lambda: setuser("u", commands="+get")),
    (DataTypeError, "keys has to be a list", lambda: setuser("u", keys="k*")),
    (DataTypeError, "channels has to be a list", lambda: setuser("u", channels=b"c*")),
    (DataTypeError, "selectors[0] has to be a pair", lambda: setuser("u", selectors=["+get"])),
    (DataValueError, "ACL SETUSER: rules is empty", lambda: text.acl_setuser_rules("u")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it and shows no password."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_user_who_may_log_in() -> None:
    """A user is enabled by its flag."""
    assert USER.enabled
    assert not USER._replace(flags=["off"]).enabled
