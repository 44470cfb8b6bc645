"""Access control: users, their passwords, and the commands, keys and channels that they may use.

Law: everything that a server tells about its users is text, on a client that does not decode too.
The nodes of a cluster have their own users: `RedisCluster` sends `acl_setuser`, `acl_deluser` and
`acl_save` to all of them, and asks any one about users.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from anyredis.command import Command, command
from anyredis.commands.group import Group
from anyredis.commands.several import SomeKeys, SomeValues, all_fields, all_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.replies import S, array, integer, number, ok, others, record, word
from anyredis.reports.info import client as client_of
from anyredis.reports.server_reports import AclLogEntry, AclSelector, AclUser
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class Acl(Group[S]):
    """The commands on users."""

    @command
    def acl_cat(self, category: Key | None = None) -> Command[list[str]]:
        """The names of all categories of commands, or of the commands of *category*.

        Raises `ResponseError` if there is no such category.
        ACL CAT [category]. Server 6.0. O(1) since the categories and commands are a fixed set.
        """
        return Command((b"ACL", b"CAT", *_given(category)), _words)

    @command
    def acl_deluser(self, *usernames: SomeKeys) -> Command[int]:
        """The number of *usernames* that were deleted; their connections are closed.

        Raises `ResponseError` for the user `default`, who cannot be deleted.
        ACL DELUSER username [username …].
        Server 6.0. O(1) amortized time considering the typical user.
        """
        return Command(
            (b"ACL", b"DELUSER", *all_fields("ACL DELUSER", "usernames", usernames)), integer
        )

    @command
    def acl_dryrun(self, username: Key, command: Key, *args: Value) -> Command[str]:
        """`"OK"` if *username* may run the *command* with *args*, otherwise the reason why not.

        Nothing is run.  Raises `ResponseError` if there is no such user or command.
        ACL DRYRUN username command [arg …]. Server 7.0. O(1).
        """
        return Command((b"ACL", b"DRYRUN", username, command, *args), word)

    @command
    def acl_genpass(self, bits: int | None = None) -> Command[str]:
        """A random password of *bits* (1 to 4096, 256 by default), in hexadecimal.

        ACL GENPASS [bits]. Server 6.0. O(1).
        """
        if bits is not None and not 1 <= bits <= 4096:
            raise DataValueError(f"ACL GENPASS: bits is {bits}: give 1 to 4096")
        return Command((b"ACL", b"GENPASS", *_given(bits)), word)

    @command
    def acl_getuser(self, username: Key) -> Command[AclUser | None]:
        """The user *username*, or None if there is none.

        ACL GETUSER username. Server 6.0. O(N).
        """
        return Command((b"ACL", b"GETUSER", username), _user_or_none, binary=True)

    @command
    def acl_list(self) -> Command[list[str]]:
        """All users, each as a line of rules, as in an ACL file.

        ACL LIST. Server 6.0. O(N).
        """
        return Command((b"ACL", b"LIST"), _words)

    @command
    def acl_load(self) -> Command[bool]:
        """True once the users are those of the server's ACL file; if it has an error, none changes.

        Raises `ResponseError` if the file has an error, or the server has no such file.
        ACL LOAD. Server 6.0. O(N).
        """
        return Command((b"ACL", b"LOAD"), ok)

    @command
    def acl_log(self, count: int | None = None) -> Command[list[AclLogEntry]]:
        """The latest refusals, newest first, at most *count* (10 by default).

        ACL LOG [count]. Server 6.0. O(N).
        """
        if count is not None and count < 0:
            raise DataValueError(f"ACL LOG: count is {count}: give 0 or more")
        return Command((b"ACL", b"LOG", *_given(count)), _log, binary=True)

    @command
    def acl_log_reset(self) -> Command[bool]:
        """True once the log of refusals is empty.

        ACL LOG RESET. Server 6.0. O(N).
        """
        return Command((b"ACL", b"LOG", b"RESET"), ok)

    @command
    def acl_save(self) -> Command[bool]:
        """True once the users are written to the server's ACL file.

        Raises `ResponseError` if the server has no such file.
        ACL SAVE. Server 6.0. O(N).
        """
        return Command((b"ACL", b"SAVE"), ok)

    @command
    def acl_setuser(
        self,
        username: Key,
        *,
        enabled: bool = False,
        nopass: bool = False,
        passwords: str | Sequence[str] = (),
        hashed_passwords: str | Sequence[str] = (),
        categories: Sequence[str] = (),
        commands: Sequence[str] = (),
        keys: Sequence[Key] = (),
        channels: Sequence[Key] = (),
        selectors: Sequence[tuple[str, Key]] = (),
        reset: bool = False,
        reset_keys: bool = False,
        reset_channels: bool = False,
        reset_passwords: bool = False,
    ) -> Command[bool]:
        """True once *username* is enabled or, by default, disabled, and has these permissions too.

        A user who is new has none at first.  *passwords* and *hashed_passwords* (SHA-256 in
        hexadecimal) begin with `+` or `-`, and so do *categories* (`+@read`, `-@write`) and
        *commands* (`+get`); *keys* and *channels* are patterns; *selectors* are pairs of a rule on
        commands and a pattern of keys.  What *reset*, *reset_keys* … name is taken away first.
        Other rules are set by `acl_setuser_rules`.  Raises `ResponseError` if the server refuses a
        rule; then none is applied.
        ACL SETUSER username rule [rule …]. Server 6.0. O(N).
        """
        removed = {
            "reset": reset,
            "resetkeys": reset_keys,
            "resetchannels": reset_channels,
            "resetpass": reset_passwords,
        }
        rules: list[Value] = [name for name, given in removed.items() if given]
        rules.append("on" if enabled else "off")
        if (passwords or hashed_passwords) and nopass:
            raise DataValueError("ACL SETUSER: nopass and passwords exclude each other")
        if nopass:
            rules.append("nopass")
        rules += _signed("passwords", passwords, {"+": ">", "-": "<"})
        rules += _signed("hashed_passwords", hashed_passwords, {"+": "#", "-": "!"})
        rules += _signed("categories", _list("categories", categories), {"+": "+@", "-": "-@"})
        rules += _signed("commands", _list("commands", commands), {"+": "+", "-": "-"})
        rules += [_pattern(key, "~", "%") for key in _list("keys", keys)]
        rules += [_pattern(channel, "&") for channel in _list("channels", channels)]
        rules += _selectors(selectors)
        return Command((b"ACL", b"SETUSER", username, *rules), ok)

    @command
    def acl_setuser_rules(self, username: Key, *rules: SomeValues) -> Command[bool]:
        """True once *rules*, in the servers' own words, are applied to *username*, in order.

        For example `"on"`, `">password"`, `"+@read"`, `"~cache:*"`, `"&news.*"`, `"(+get ~x)"`.
        Raises `ResponseError` if the server refuses a rule; then none is applied.
        ACL SETUSER username rule [rule …]. Server 6.0. O(N).
        """
        words = all_values("ACL SETUSER", "rules", rules)
        return Command((b"ACL", b"SETUSER", username, *words), ok)

    @command
    def acl_users(self) -> Command[list[str]]:
        """The names of all users.

        ACL USERS. Server 6.0. O(N).
        """
        return Command((b"ACL", b"USERS"), _words)

    @command
    def acl_whoami(self) -> Command[str]:
        """The name of the user of the connection.

        ACL WHOAMI. Server 6.0. O(1).
        """
        return Command((b"ACL", b"WHOAMI"), word)


# -- words --------------------------------------------------------------------------------------


def _given(value: Value | None) -> tuple[Value, ...]:
    return () if value is None else (value,)


def _list(name: str, items: Sequence[Key]) -> Sequence[Key]:
    """*items*; raises `DataTypeError` for one text, whose characters would be taken as items."""
    if isinstance(items, (str, bytes, bytearray, memoryview)):
        raise DataTypeError(f"ACL SETUSER: {name} has to be a list, not {type(items).__name__}")
    return items


def _signed(name: str, items: Key | Sequence[Key], prefixes: dict[str, str]) -> Iterator[str]:
    """Each item with the server's sign instead of `+` or `-`; no message shows an item."""
    for index, item in enumerate([items] if isinstance(items, str) else items):
        if not isinstance(item, str) or item[:1] not in prefixes:
            raise DataValueError(
                f"ACL SETUSER: {name}[{index}] has to be text that begins with + or -"
            )
        sign, rest = prefixes[item[0]], item[1:]
        yield sign + rest.removeprefix("@") if sign.endswith("@") else sign + rest


def _pattern(pattern: Key, *signs: str) -> str | bytes:
    """*pattern* with the first of *signs*, unless it begins with one of them."""
    if isinstance(pattern, str):
        return pattern if pattern.startswith(signs) else signs[0] + pattern
    text = bytes(pattern)
    return text if text[:1].decode("latin-1") in signs else signs[0].encode() + text


def _selectors(selectors: Sequence[tuple[str, Key]]) -> Iterator[str | bytes]:
    for index, pair in enumerate(selectors):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DataTypeError(
                f"ACL SETUSER: selectors[{index}] has to be a pair: a rule on commands, and a "
                "pattern of keys"
            )
        rule, pattern = pair
        words = _pattern(pattern, "~", "%")
        if isinstance(words, str):
            yield f"({rule} {words})"
        else:
            yield b"(%s %s)" % (rule.encode(), words)


# -- replies ------------------------------------------------------------------------------------

_USER_FIELDS: Final = ("flags", "passwords", "commands", "keys", "channels", "selectors")
_LOG_FIELDS: Final = (
    *("count", "reason", "context", "object", "username", "age-seconds", "client-info"),
)


def _words(reply: Reply) -> list[str]:
    return [word(each) for each in array(reply)]


def _rules(reply: Reply) -> str:
    """Rules as one text; servers before 7.0 send a list of patterns without their signs."""
    return " ".join(_words(reply)) if isinstance(reply, list) else word(reply)


def _user_or_none(reply: Reply) -> AclUser | None:
    if reply is None:
        return None
    fields = record(reply)
    selectors = [_selector(each) for each in array(fields.get("selectors", []))]
    return AclUser(
        _words(fields.get("flags")),
        _words(fields.get("passwords")),
        word(fields.get("commands")),
        _rules(fields.get("keys")),
        _rules(fields.get("channels", "")),
        selectors,
        others(fields, _USER_FIELDS),
    )


def _selector(reply: Reply) -> AclSelector:
    fields = record(reply)
    return AclSelector(
        word(fields.get("commands")),
        word(fields.get("keys")),
        word(fields.get("channels")),
        others(fields, ("commands", "keys", "channels")),
    )


def _log(reply: Reply) -> list[AclLogEntry]:
    return [_log_entry(each) for each in array(reply)]


def _log_entry(reply: Reply) -> AclLogEntry:
    fields = record(reply)
    return AclLogEntry(
        integer(fields.get("count")),
        word(fields.get("reason")),
        word(fields.get("context")),
        word(fields.get("object")),
        word(fields.get("username")),
        number(fields.get("age-seconds")),
        client_of(word(fields.get("client-info"))),
        others(fields, _LOG_FIELDS),
    )
