"""Expiry of keys: each key may have a time to live, after which the server deletes it."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import (
    MILLISECOND,
    SECOND,
    Group,
    Milliseconds,
    Seconds,
    UnixTime,
    duration,
    flags,
    moment,
    only_one,
)
from anyredis.replies import S, boolean, integer
from anyredis.wire.encode import Key, Value


class KeyExpiry(Group[S]):
    """The commands on the time to live of keys; that of hash fields is in `HashExpiry`."""

    @command
    def expire(
        self,
        key: Key,
        time: Seconds,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[bool]:
        """True if *key* exists, met the condition, and has *time* seconds to live.

        Conditions (server 7.0): *nx* it had no time to live, *xx* it had one, *gt* the new one is
        longer, *lt* it is shorter; a key without one counts as endless.  A *time* of 0 or less
        deletes the key.
        EXPIRE key seconds [NX | XX] [GT | LT]. Server 1.0. O(1).
        """
        condition = _condition("EXPIRE", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"EXPIRE", key, duration(time, SECOND), *condition), boolean)

    @command
    def expireat(
        self,
        key: Key,
        when: UnixTime,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[bool]:
        """True if *key* lives until the Unix time *when*, in seconds; else as for `expire`.

        EXPIREAT key time [NX | XX] [GT | LT]. Server 1.2. O(1).
        """
        condition = _condition("EXPIREAT", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"EXPIREAT", key, moment(when, SECOND), *condition), boolean)

    @command
    def expiretime(self, key: Key) -> Command[int]:
        """The Unix time in seconds at which *key* ends; -1: never, -2: no such key.

        EXPIRETIME key. Server 7.0. O(1).
        """
        return Command((b"EXPIRETIME", key), integer)

    @command
    def persist(self, key: Key) -> Command[bool]:
        """True if *key* had a time to live, which was removed.

        PERSIST key. Server 2.2. O(1).
        """
        return Command((b"PERSIST", key), boolean)

    @command
    def pexpire(
        self,
        key: Key,
        time: Milliseconds,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[bool]:
        """True if *key* has *time* milliseconds to live; otherwise as for `expire`.

        PEXPIRE key milliseconds [NX | XX] [GT | LT]. Server 2.6. O(1).
        """
        condition = _condition("PEXPIRE", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"PEXPIRE", key, duration(time, MILLISECOND), *condition), boolean)

    @command
    def pexpireat(
        self,
        key: Key,
        when: UnixTime,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[bool]:
        """True if *key* lives until the Unix time *when*, in milliseconds; else as for `expire`.

        PEXPIREAT key time [NX | XX] [GT | LT]. Server 2.6. O(1).
        """
        condition = _condition("PEXPIREAT", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"PEXPIREAT", key, moment(when, MILLISECOND), *condition), boolean)

    @command
    def pexpiretime(self, key: Key) -> Command[int]:
        """The Unix time in milliseconds at which *key* ends; -1: never, -2: no such key.

        PEXPIRETIME key. Server 7.0. O(1).
        """
        return Command((b"PEXPIRETIME", key), integer)

    @command
    def pttl(self, key: Key) -> Command[int]:
        """The milliseconds that *key* has to live; -1: forever, -2: no such key.

        PTTL key. Server 2.6. O(1).
        """
        return Command((b"PTTL", key), integer)

    @command
    def ttl(self, key: Key) -> Command[int]:
        """The seconds that *key* has to live; -1: forever, -2: no such key.

        TTL key. Server 1.0. O(1).
        """
        return Command((b"TTL", key), integer)


def _condition(command: str, *, nx: bool, xx: bool, gt: bool, lt: bool) -> tuple[Value, ...]:
    """The words for the conditions of EXPIRE; the server takes XX together with GT or LT."""
    if not (nx or xx or gt or lt):
        return ()  # most of the time
    only_one(command, nx=nx, xx=xx)
    only_one(command, nx=nx, gt=gt, lt=lt)
    return flags(nx=nx, xx=xx, gt=gt, lt=lt)
