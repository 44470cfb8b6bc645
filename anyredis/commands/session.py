"""Sessions: commands that mark the connection they run on, or ask about what it did.

Each of them needs a connection of one's own, which nobody gets afterwards as it is.  Not here, for
good: MULTI, EXEC and DISCARD (`pipeline()` writes them as one block), and all that is in
`anyredis.facts.table.FORBIDDEN`, with the reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from anyredis.command import Command, blocking_command, command
from anyredis.commands.group import (
    MILLISECOND,
    Group,
    Milliseconds,
    at_least_one,
    duration,
    flags,
    only_one,
)
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.replies import S, integer, ok, pair, unexpected
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

OnOff: TypeAlias = Literal["ON", "OFF"]
"""Whether something applies from now on, as redis-py has it."""


class SessionCommands(Group[S]):
    """The commands that exist on a session only."""

    @command
    def asking(self) -> Command[bool]:
        """True once the next command may be about a slot that this node is importing."""
        return Command((b"ASKING",), ok)

    @command
    def auth(self, password: Value, username: Value | None = None) -> Command[bool]:
        """True once the session is that of *username*, or of the default user.

        Raises `AuthenticationError` where they do not go together.
        """
        user: tuple[Value, ...] = () if username is None else (username,)
        return Command((b"AUTH", *user, password), ok)

    @command
    def client_caching(self, mode: Literal["YES", "NO"]) -> Command[bool]:
        """True once the keys of the next command shall be tracked or, with `"NO"`, shall not.

        For tracking with *optin* or *optout*; raises `ResponseError` without.
        """
        return Command((b"CLIENT", b"CACHING", _mode("CLIENT CACHING", mode, "YES", "NO")), ok)

    @command
    def client_capa(self, *capabilities: Key) -> Command[bool]:
        """True once the server knows what the session can do, such as `redirect`.  Valkey 8.0."""
        at_least_one("CLIENT CAPA", "capabilities", capabilities)
        return Command((b"CLIENT", b"CAPA", *capabilities), ok)

    @command
    def client_import_source(self, mode: OnOff) -> Command[bool]:
        """True once the session counts as a source of imported data: it sees expired keys.

        Raises `ResponseError` unless the server is in import mode.  Valkey 8.1.
        """
        switch = _mode("CLIENT IMPORT-SOURCE", mode, "ON", "OFF")
        return Command((b"CLIENT", b"IMPORT-SOURCE", switch), ok)

    @command
    def client_no_evict(self, mode: OnOff) -> Command[bool]:
        """True once the session is spared when clients use too much memory.  Server 7.0."""
        return Command((b"CLIENT", b"NO-EVICT", _mode("CLIENT NO-EVICT", mode, "ON", "OFF")), ok)

    @command
    def client_no_touch(self, mode: OnOff) -> Command[bool]:
        """True once the session's reads do not count as use of a key.  Server 7.2."""
        return Command((b"CLIENT", b"NO-TOUCH", _mode("CLIENT NO-TOUCH", mode, "ON", "OFF")), ok)

    @command
    def client_setinfo(self, attr: Literal["LIB-NAME", "LIB-VER"], value: Key) -> Command[bool]:
        """True once `client_list` tells *value* as name or version of the library.  Server 7.2."""
        which = _mode("CLIENT SETINFO", attr, "LIB-NAME", "LIB-VER")
        return Command((b"CLIENT", b"SETINFO", which, value), ok)

    @command
    def client_setname(self, name: Key) -> Command[bool]:
        """True once the session is called *name*, which has no spaces; an empty one is none."""
        return Command((b"CLIENT", b"SETNAME", name), ok)

    @command
    def client_tracking_off(self) -> Command[bool]:
        """True once the session is told no more of changed keys."""
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

        It tells the connection *clientid* or, with RESP3, the session itself.  With *bcast* of all
        keys (that begin with one of *prefix*), with *optin* and *optout* as `client_caching` says,
        with *noloop* not of the session's own changes.
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
        """True once this replica of a cluster answers reads of the slots that it has."""
        return Command((b"READONLY",), ok)

    @command
    def readwrite(self) -> Command[bool]:
        """True once this node of a cluster sends on what it is no primary for, as at first."""
        return Command((b"READWRITE",), ok)

    @command
    def reset(self) -> Command[bool]:
        """True once the connection is as if just accepted: database 0, RESP2, no WATCH or name.

        It is not logged in any more either, where the server asks for a password.  Server 6.2.
        """
        return Command((b"RESET",), _has_reset)

    @command
    def select(self, index: int) -> Command[bool]:
        """True once the session works on the database *index*."""
        return Command((b"SELECT", index), ok)

    @command
    def unwatch(self) -> Command[bool]:
        """True once no key is watched."""
        return Command((b"UNWATCH",), ok)

    @blocking_command
    def wait(self, num_replicas: int, timeout: Milliseconds) -> Command[int]:
        """How many replicas have all that the session wrote so far.

        The answer comes when they are *num_replicas*, or after *timeout* milliseconds (0: however
        long it takes).  A cancel closes the connection; what was written stays written.
        """
        return Command((b"WAIT", num_replicas, duration(timeout, MILLISECOND)), integer)

    @blocking_command
    def waitaof(
        self, num_local: int, num_replicas: int, timeout: Milliseconds
    ) -> Command[tuple[int, int]]:
        """How many append-only files, here (0 or 1) and on replicas, have all the session wrote.

        The answer comes when they are *num_local* and *num_replicas*, or after *timeout*
        milliseconds (0: however long it takes).  A cancel closes the connection; what was written
        stays written.  Server 7.2.
        """
        words = (b"WAITAOF", num_local, num_replicas, duration(timeout, MILLISECOND))
        return Command(words, _files)

    @command
    def watch(self, *keys: Key) -> Command[bool]:
        """True once a transaction on this session fails if any of *keys* changes before it."""
        at_least_one("WATCH", "keys", keys)
        return Command((b"WATCH", *keys), ok)


def _mode(command: str, mode: str, *known: str) -> bytes:
    """The word for *mode*; a bool would be true for `"OFF"` too, hence the words."""
    if isinstance(mode, str) and mode.upper() in known:
        return mode.upper().encode()
    msg = f"{command}: {mode!r:.40} is none of {', '.join(known)}"
    raise DataValueError(msg)


def _has_reset(reply: Reply) -> bool:
    if reply not in (b"RESET", "RESET"):
        unexpected(reply, "RESET")
    return True


def _files(reply: Reply) -> tuple[int, int]:
    local, replicas = pair(reply)
    return integer(local), integer(replicas)
