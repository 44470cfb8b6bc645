"""Sorting: the members of a list, set or sorted set in order, or other keys' values for them."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import Group, flags
from anyredis.commands.several import SomeKeys, all_fields
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

        With *alpha* the order is that of text, with *desc* it is reversed; *by* names the keys to
        order by, with `*` for the member.  *start* is the first position, *num* the number of
        members.  Raises `ResponseError` if a member is no number, unless *alpha*.
        SORT key [BY pattern] [LIMIT start num] [DESC] [ALPHA]. Server 1.0. O(N+M*log(M)).
        """
        order = _order("SORT", start, num, by, desc=desc, alpha=alpha)
        return Command((b"SORT", key, *order), self.read.texts)

    @command
    def sort_get(
        self,
        key: Key,
        *get: SomeKeys,
        start: int | None = None,
        num: int | None = None,
        by: Key | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> Command[list[S | None]]:
        """The values of the keys *get*, for each member.

        In *get* `*` stands for the member, and `#` is the member itself.  One flat list, None for
        each key that is missing; order and options as for `sort`.
        SORT key [BY pattern] [LIMIT start num] [DESC] [ALPHA] GET pattern […].
        Server 1.0. O(N+M*log(M)).
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
        """The reply of `sort`, from a replica too.

        SORT_RO key [BY pattern] [LIMIT start num] [DESC] [ALPHA]. Server 7.0. O(N+M*log(M)).
        """
        order = _order("SORT_RO", start, num, by, desc=desc, alpha=alpha)
        return Command((b"SORT_RO", key, *order), self.read.texts)

    @command
    def sort_ro_get(
        self,
        key: Key,
        *get: SomeKeys,
        start: int | None = None,
        num: int | None = None,
        by: Key | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> Command[list[S | None]]:
        """The reply of `sort_get`, from a replica too.

        SORT_RO key [BY pattern] [LIMIT start num] [DESC] [ALPHA] GET pattern […].
        Server 7.0. O(N+M*log(M)).
        """
        order = _order("SORT_RO", start, num, by, desc=desc, alpha=alpha)
        words = (b"SORT_RO", key, *order, *_gets("SORT_RO", get))
        return Command(words, self.read.texts_or_nones)

    @command
    def sort_store(
        self,
        key: Key,
        destination: Key,
        *get: SomeKeys,
        start: int | None = None,
        num: int | None = None,
        by: Key | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> Command[int]:
        """The length of the list at *destination*, which is the reply of `sort` or `sort_get`.

        SORT key [BY pattern] [LIMIT start num] [DESC] [ALPHA] [GET …] STORE dest.
        Server 1.0. O(N+M*log(M)).
        """
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
    """The words of SORT for the range of members and their order."""
    if (start is None) != (num is None):
        msg = f"{command}: start and num belong together: give both or neither"
        raise DataValueError(msg)
    weights: tuple[Value, ...] = () if by is None else (b"BY", by)
    part: tuple[Value, ...] = ()
    if start is not None and num is not None:
        part = (b"LIMIT", start, num)
    return (*weights, *part, *flags(desc=desc, alpha=alpha))


def _gets(command: str, patterns: tuple[SomeKeys, ...]) -> tuple[Value, ...]:
    names = all_fields(command, "get", patterns)
    return tuple(word for pattern in names for word in (b"GET", pattern))
