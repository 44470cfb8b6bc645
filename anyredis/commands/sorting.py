"""Sorting: the members of a list, set or sorted set in order, and what other keys say of them."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import Group, at_least_one, flags
from anyredis.exceptions import DataValueError
from anyredis.replies import S, integer
from anyredis.wire.encode import Key, Value


class Sorting(Group[S]):
    """The SORT commands."""

    @command
    def sort(
        self,
        key: Key,
        *,
        start: int | None = None,
        num: int | None = None,
        by: Key | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> Command[list[S]]:
        """The members of the list, set or sorted set at *key* in numeric order.

        With *alpha* the order is that of text, with *desc* the other way round; *by* names the keys
        to order by, with `*` for the member.  *start* and *num* are where to begin and how many.
        """
        order = _order("SORT", start, num, by, desc=desc, alpha=alpha)
        return Command((b"SORT", key, *order), self.read.texts)

    @command
    def sort_get(
        self,
        key: Key,
        *get: Key,
        start: int | None = None,
        num: int | None = None,
        by: Key | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> Command[list[S | None]]:
        """What is at the keys *get* (`*` for the member, `#` is the member itself), for each member.

        One flat list, None where a key is missing; order and options as for `sort`.
        """
        order = _order("SORT", start, num, by, desc=desc, alpha=alpha)
        words = (b"SORT", key, *order, *_gets("SORT", get))
        return Command(words, self.read.texts_or_nones)

    @command
    def sort_ro(
        self,
        key: Key,
        *,
        start: int | None = None,
        num: int | None = None,
        by: Key | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> Command[list[S]]:
        """What `sort` gives, from a replica too.  Server 7.0."""
        order = _order("SORT_RO", start, num, by, desc=desc, alpha=alpha)
        return Command((b"SORT_RO", key, *order), self.read.texts)

    @command
    def sort_ro_get(
        self,
        key: Key,
        *get: Key,
        start: int | None = None,
        num: int | None = None,
        by: Key | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> Command[list[S | None]]:
        """What `sort_get` gives, from a replica too.  Server 7.0."""
        order = _order("SORT_RO", start, num, by, desc=desc, alpha=alpha)
        words = (b"SORT_RO", key, *order, *_gets("SORT_RO", get))
        return Command(words, self.read.texts_or_nones)

    @command
    def sort_store(
        self,
        key: Key,
        destination: Key,
        *get: Key,
        start: int | None = None,
        num: int | None = None,
        by: Key | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> Command[int]:
        """The length of the list that is at *destination* now: what `sort` or `sort_get` gives."""
        order = _order("SORT", start, num, by, desc=desc, alpha=alpha)
        got = _gets("SORT", get) if get else ()
        return Command((b"SORT", key, *order, *got, b"STORE", destination), integer)


def _order(
    command: str,
    start: int | None,
    num: int | None,
    by: Key | None,
    *,
    desc: bool,
    alpha: bool,
) -> tuple[Value, ...]:
    """The words of SORT that say which members, and in which order."""
    if (start is None) != (num is None):
        msg = f"{command}: start and num belong together: give both or neither"
        raise DataValueError(msg)
    weights: tuple[Value, ...] = () if by is None else (b"BY", by)
    part: tuple[Value, ...] = ()
    if start is not None and num is not None:
        part = (b"LIMIT", start, num)
    return (*weights, *part, *flags(desc=desc, alpha=alpha))


def _gets(command: str, patterns: tuple[Key, ...]) -> tuple[Value, ...]:
    at_least_one(command, "get", patterns)
    return tuple(word for pattern in patterns for word in (b"GET", pattern))
