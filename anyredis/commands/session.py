"""Sessions: commands that change the state of their connection, or depend on its history.

Each of them needs an exclusive connection, which is dirty afterwards.  Left out on purpose: MULTI,
EXEC and DISCARD (`pipeline()` writes them as one block), and all commands in
`anyredis.facts.table.FORBIDDEN`, with the reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from anyredis.command import Command, blocking_command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import (
    MILLISECOND,
    Group,
    Milliseconds,
    choice,
    duration,
    flags,
    only_one,
)
from anyredis.commands.several import SomeKeys, all_fields, all_keys
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.replies import S, integer, ok, pair, unexpected
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

OnOff: TypeAlias = Literal["ON", "OFF"]
"""The switch of a setting, as in redis-py."""


class WatchCommands(Group[S]):
    """The commands about the keys that a connection watches."""

    @command
    def unwatch(self) -> Command[bool]:
        """True once no key is watched.

        UNWATCH. Server 2.2.
        """
        return Command((b"UNWATCH",), ok)

    @command
    def watch(self, *keys: SomeKeys) -> Command[bool]:
        """True once a transaction on this session fails if any of *keys* changes before it.

        WATCH key [key …]. Server 2.2.
        """
        return Command((b"WATCH", *all_keys("WATCH", "keys", keys)), ok)


class SessionCommands(WatchCommands[S]):
    """The commands that exist on a session only."""

    @command
    def asking(self) -> Command[bool]:
        """True once the next command may be about a slot that this node is importing.

        ASKING. Server 3.0. O(1).
        """
        return Command((b"ASKING",), ok)

    @command
    def auth(self, password: Value, username: Value | None = None) -> Command[bool]:
        """True once the session is logged in as *username*, or as the default user.

        Raises `AuthenticationError` if the user and the password do not match.  A *username* needs
        server 6.0.
        AUTH [username] password. Server 1.0. O(N).
        """
        user: tuple[Value, ...] = () if username is None else (username,)
        return Command((b"AUTH", *user, password), ok)

    @command
    def client_caching(self, mode: Literal["YES", "NO"]) -> Command[bool]:
        """True once the keys of the next command are to be tracked or, with `"NO"`, are not.

        For tracking with *optin* or *optout*; without them it raises `ResponseError`.
        CLIENT CACHING YES|NO. Server 6.0. O(1).
        """
        return Command(
            (b"CLIENT", b"CACHING", choice("CLIENT CACHING", "mode", mode, "YES", "NO")), ok
        )

    @command
    def client_capa(self, *capabilities: SomeKeys) -> Command[bool]:
        """True once the server knows the capabilities of the session, such as `redirect`.

        CLIENT CAPA capability [capability …]. Valkey 8.0. O(1).
        """
        return Command(
            (b"CLIENT", b"CAPA", *all_fields("CLIENT CAPA", "capabilities", capabilities)), ok
        )

    @command
    def client_import_source(self, mode: OnOff) -> Command[bool]:
        """True once the session counts as a source of imported data: it sees expired keys.

        Raises `ResponseError` unless the server is in import mode.
        CLIENT IMPORT-SOURCE ON|OFF. Valkey 8.1. O(1).
        """
        switch = choice("CLIENT IMPORT-SOURCE", "mode", mode, "ON", "OFF")
        return Command((b"CLIENT", b"IMPORT-SOURCE", switch), ok)

    @command
    def client_no_evict(self, mode: OnOff) -> Command[bool]:
        """True once the session is spared when clients use too much memory.

        CLIENT NO-EVICT ON|OFF. Server 7.0. O(1).
        """
        return Command(
            (b"CLIENT", b"NO-EVICT", choice("CLIENT NO-EVICT", "mode", mode, "ON", "OFF")), ok
        )

    @command
    def client_no_touch(self, mode: OnOff) -> Command[bool]:
        """True once the session's reads do not count as use of a key.

        CLIENT NO-TOUCH ON|OFF. Server 7.2. O(1).
        """
        return Command(
            (b"CLIENT", b"NO-TOUCH", choice("CLIENT NO-TOUCH", "mode", mode, "ON", "OFF")), ok
        )

    @command
    def client_setinfo(self, attr: Literal["LIB-NAME", "LIB-VER"], value: Key) -> Command[bool]:
        """True once `client_list` gives *value* as name or version of the library.

        CLIENT SETINFO LIB-NAME|LIB-VER value. Server 7.2. O(1).
        """
        which = choice("CLIENT SETINFO", "attr", attr, "LIB-NAME", "LIB-VER")
        return Command((b"CLIENT", b"SETINFO", which, value), ok)

    @command
    def client_setname(self, name: Key) -> Command[bool]:
        """True once the session has the name *name*, without spaces; an empty one removes the name.

        CLIENT SETNAME name. Server 2.6.9. O(1).
        """
        return Command((b"CLIENT", b"SETNAME", name), ok)

    @command
    def client_tracking_off(self) -> Command[bool]:
        """True once the session is no longer told of changed keys.

        CLIENT TRACKING OFF. Server 6.0. O(1).
        """
        return Command((b"CLIENT", b"TRACKING", b"OFF"), ok)

    @command
    def client_tracking_on(
        self,
        *,
        clientid: int | None = None,
        prefix: Sequence[Key] = (),
        bcast: bool = False,
        optin: bool = False,
        optout: bool = False,
        noloop: bool = False,
    ) -> Command[bool]:
        """True once the server tells of changes to the keys that the session reads.

        It tells the connection *clientid* or, with RESP3, the session itself.  With *bcast* it
        tells of all keys (that begin with one of *prefix*), with *optin* and *optout* of those that
        `client_caching` selects, with *noloop* not of the session's own changes.
        CLIENT TRACKING ON [REDIRECT id] [PREFIX …] [BCAST | OPTIN | OPTOUT] [NOLOOP].
        Server 6.0. O(1).
        """
        only_one("CLIENT TRACKING", bcast=bcast, optin=optin, optout=optout)
        if isinstance(prefix, (str, bytes, bytearray, memoryview)):
            raise DataTypeError("CLIENT TRACKING: prefix has to be a list of prefixes")
        if prefix and not bcast:
            raise DataValueError("CLIENT TRACKING: prefix needs bcast=True")
        redirect: tuple[Value, ...] = () if clientid is None else (b"REDIRECT", clientid)
        prefixes = tuple(word for start in prefix for word in (b"PREFIX", start))
        options = flags(bcast=bcast, optin=optin, optout=optout, noloop=noloop)
        return Command((b"CLIENT", b"TRACKING", b"ON", *redirect, *prefixes, *options), ok)

    @command
    def readonly(self) -> Command[bool]:
        """True once this replica of a cluster answers reads of the slots that it has.

        READONLY. Server 3.0. O(1).
        """
        return Command((b"READONLY",), ok)

    @command
    def readwrite(self) -> Command[bool]:
        """True once this replica of a cluster redirects all commands on keys again, as at first.

        READWRITE. Server 3.0. O(1).
        """
        return Command((b"READWRITE",), ok)

    @command
    def reset(self) -> Command[bool]:
        """True once the connection is as if just accepted: database 0, RESP2, no WATCH or name.

        It is not logged in any more either, if the server asks for a password.
        RESET. Server 6.2. O(1).
        """
        return Command((b"RESET",), _has_reset)

    @command
    def select(self, index: Count) -> Command[bool]:
        """True once the session works on the database *index*.

        Raises `ResponseError` if there is no such database.
        SELECT index. Server 1.0. O(1).
        """
        return Command((b"SELECT", index), ok)

    @blocking_command
    def wait(self, num_replicas: Count, timeout: Milliseconds) -> Command[int]:
        """The number of replicas that have all writes of the session so far.

        The answer comes once there are *num_replicas* of them, or after *timeout* milliseconds (0:
        no limit).  A cancel closes the connection; the writes stay written.
        WAIT num_replicas milliseconds. Server 3.0. O(1).
        """
        return Command((b"WAIT", num_replicas, _limit("WAIT", timeout)), integer)

    @blocking_command
    def waitaof(
        self, num_local: Count, num_replicas: Count, timeout: Milliseconds
    ) -> Command[tuple[int, int]]:
        """The append-only files, here (0 or 1) and on replicas, that have the session's writes.

        The answer comes once there are *num_local* and *num_replicas* of them, or after *timeout*
        milliseconds (0: no limit).  A cancel closes the connection; the writes stay written.
        Raises `ResponseError` if *num_local* is 1 and the server has no append-only file.
        WAITAOF num_local num_replicas milliseconds. Server 7.2. O(1).
        """
        words = (b"WAITAOF", num_local, num_replicas, _limit("WAITAOF", timeout))
        return Command(words, counted_files)


def _limit(command: str, timeout: Milliseconds) -> int:
    """The milliseconds to wait; raises `DataValueError` for less than none."""
    limit = duration(timeout, MILLISECOND)
    if limit < 0:
        raise DataValueError(
            f"{command}: timeout is {limit}: give milliseconds, 0 (no limit) or more"
        )
    return limit


def _has_reset(reply: Reply) -> bool:
    if reply not in (b"RESET", "RESET"):
        unexpected(reply, "RESET")
    return True


def counted_files(reply: Reply) -> tuple[int, int]:
    """The reply to WAITAOF: the number of files here, 0 or 1, and on replicas."""
    local, replicas = pair(reply)
    return integer(local), integer(replicas)
