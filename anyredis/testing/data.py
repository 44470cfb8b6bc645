"""The data of the Redis in memory: databases of keys, which expire by a clock.

Law: a value is replaced, never changed in place, so each change of a key counts as one for WATCH.
A key whose time has passed is deleted before the next command runs.
"""

from __future__ import annotations

import time
from collections import Counter, UserDict
from collections.abc import Callable
from typing import TypeAlias

from anyredis.exceptions import RedisError, from_server
from anyredis.testing.stream_data import StreamData

Words: TypeAlias = tuple[bytes, ...]
"""A command as a server receives it: its name, as the client spelled it, and its arguments."""


class SortedSet(UserDict[bytes, float]):
    """The members of a sorted set with their scores."""

    def in_order(self) -> list[tuple[bytes, float]]:
        """Members and scores, by score; by member where scores are equal."""
        return sorted(self.items(), key=lambda item: (item[1], item[0]))


Collection: TypeAlias = bytes | list[bytes] | dict[bytes, bytes] | set[bytes] | SortedSet
"""A value that is deleted once it is empty."""

Value: TypeAlias = Collection | StreamData
"""A string, a list, a hash, a set, a sorted set or a stream."""

TYPES: dict[type, str] = {
    bytes: "string",
    list: "list",
    dict: "hash",
    set: "set",
    SortedSet: "zset",
    StreamData: "stream",
}
"""What TYPE says."""


def wrong_type() -> RedisError:
    """The error for a key that has a value of another type."""
    return from_server("WRONGTYPE Operation against a key holding the wrong kind of value")


class Database(UserDict[bytes, Value]):
    """Keys with their values; *now* gives the time in seconds since 1970, by which keys expire."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.now = now
        self.versions: Counter[bytes] = Counter()
        """The number of changes of each key: WATCH compares it."""
        self.cursors: list[bytes] = []
        """The keys after which SCANs continue; a cursor is a position here, from 1."""
        self.expiries: dict[bytes, int] = {}
        """The keys that expire, and when: in milliseconds since 1970."""

    def __setitem__(self, key: bytes, value: Value) -> None:
        super().__setitem__(key, value)
        self.versions[key] += 1

    def __delitem__(self, key: bytes) -> None:
        super().__delitem__(key)
        self.expiries.pop(key, None)
        self.versions[key] += 1

    # -- expiry ---------------------------------------------------------------------------------

    def milliseconds(self) -> int:
        """The present time, in milliseconds since 1970."""
        return int(self.now() * 1000)

    def expire_at(self, key: bytes, when: int | None) -> None:
        """Let *key* expire at *when*, in milliseconds since 1970; None: let it stay."""
        self.versions[key] += 1
        if when is None:
            self.expiries.pop(key, None)
        else:
            self.expiries[key] = when
            self.purge()

    def purge(self) -> None:
        """Delete the keys whose time has passed."""
        if self.expiries:
            now = self.milliseconds()
            for key in [key for key, when in self.expiries.items() if when <= now]:
                self.pop(key, None)
                self.expiries.pop(key, None)

    def move(self, key: bytes, to: Database, name: bytes | None = None) -> None:
        """Move *key* to another database, under *name* if that is given, with its expiry."""
        when = self.expiries.get(key)
        target = key if name is None else name
        to.pop(target, None)
        to[target] = self.pop(key)
        if when is not None:
            to.expiries[target] = when

    # -- values by type: each raises `WrongTypeError` for a value of another type ------------------

    def text(self, key: bytes) -> bytes | None:
        """The string at *key*, or None."""
        value = self.get(key)
        if value is not None and not isinstance(value, bytes):
            raise wrong_type()
        return value

    def items_of(self, key: bytes) -> list[bytes]:
        """The list at *key*, empty if there is none."""
        value = self.get(key, [])
        if not isinstance(value, list):
            raise wrong_type()
        return value

    def fields_of(self, key: bytes) -> dict[bytes, bytes]:
        """The hash at *key*, empty if there is none."""
        value = self.get(key, {})
        if not isinstance(value, dict):
            raise wrong_type()
        return value

    def members_of(self, key: bytes) -> set[bytes]:
        """The set at *key*, empty if there is none."""
        value = self.get(key, set[bytes]())
        if not isinstance(value, set):
            raise wrong_type()
        return value

    def scores_of(self, key: bytes) -> SortedSet:
        """The sorted set at *key*, empty if there is none."""
        value = self.get(key, SortedSet())
        if not isinstance(value, SortedSet):
            raise wrong_type()
        return value

    def stream_of(self, key: bytes) -> StreamData | None:
        """The stream at *key*, or None: a stream may be empty."""
        value = self.get(key)
        if value is not None and not isinstance(value, StreamData):
            raise wrong_type()
        return value

    def store(self, key: bytes, value: Collection) -> int:
        """The size of the collection that is now at *key*; an empty one is deleted."""
        if value:
            self[key] = value
        else:
            self.pop(key, None)
        return len(value)

    def replace(self, key: bytes, value: Collection) -> int:
        """The same for a new collection in place of any value: *key* expires no more."""
        self.pop(key, None)
        return self.store(key, value)
