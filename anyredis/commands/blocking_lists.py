"""Blocking commands on lists: a pop or a move that waits until there is an element.

Such a command has an exclusive connection.  Cancelling it closes that connection at once; an
element that the server popped at that very moment is lost, one that it moved has been moved.
"""

from __future__ import annotations

from anyredis.command import Command, blocking_command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group
from anyredis.commands.lists import Mode, Ordering, Side, how_many, side, side_of_first
from anyredis.commands.several import SomeKeys, keys_of
from anyredis.replies import S
from anyredis.wire.encode import Key


class BlockingLists(Group[S]):
    """The commands on lists that wait for an element; no pipeline can carry them."""

    @blocking_command
    def blmove(
        self,
        first_list: Key,
        second_list: Key,
        timeout: float = 0,
        src: Side = "LEFT",
        dest: Side = "RIGHT",
    ) -> Command[S | None]:
        """The element moved as by `lmove`, or None if none came within *timeout*.

        *timeout* is in seconds; 0 waits forever.  Cancelling the call closes its connection; an
        element that came at that very moment may have been moved all the same.
        BLMOVE first_list second_list LEFT|RIGHT LEFT|RIGHT timeout. Server 6.2. O(1).
        """
        words = (b"BLMOVE", first_list, second_list, side("BLMOVE", "src", src))
        return Command((*words, side("BLMOVE", "dest", dest), timeout), self.read.text_or_none)

    @blocking_command
    def blmovem(
        self,
        first_list: Key,
        second_list: Key,
        timeout: float = 0,
        src: Side = "LEFT",
        dest: Side = "RIGHT",
        *,
        count: int | None = None,
        mode: Mode | None = None,
        ordering: Ordering | None = None,
    ) -> Command[list[S] | None]:
        """The elements moved as by `lmovem`, or None if none came within *timeout*.

        The command waits for one element or, with *mode* EXACTLY, for *count* elements.  *timeout*
        is in seconds; 0 waits forever.  Cancelling the call closes its connection; elements that
        came at that very moment may have been moved all the same.
        BLMOVEM first_list second_list LEFT|RIGHT LEFT|RIGHT timeout [COUNT n …]. Redis 8.10. O(N).
        """
        words = (b"BLMOVEM", first_list, second_list, side("BLMOVEM", "src", src))
        amount = how_many("BLMOVEM", count, mode, ordering)
        return Command(
            (*words, side("BLMOVEM", "dest", dest), timeout, *amount), self.read.texts_or_none
        )

    @blocking_command
    def blmpop(
        self, keys: SomeKeys, direction: Side, timeout: float = 0, *, count: Count | None = None
    ) -> Command[tuple[S, list[S]] | None]:
        """The first of *keys* that has elements, and up to *count* (1) popped from its end.

        None if no element came within *timeout* seconds; 0 waits forever.  Cancelling the call
        closes its connection; elements popped at that very moment are lost.
        BLMPOP timeout numkeys key [key …] LEFT|RIGHT [COUNT n]. Server 7.0. O(N+M).
        """
        words = (b"BLMPOP", timeout, *side_of_first("BLMPOP", keys, direction, count))
        return Command(words, self.read.keyed(self.read.texts))

    @blocking_command
    def blpop(self, keys: SomeKeys, timeout: float = 0) -> Command[tuple[S, S] | None]:
        """The first of *keys* that has elements, and its first element, which is removed.

        None if no element came within *timeout* seconds; 0 waits forever.  Cancelling the call
        closes its connection; an element popped at that very moment is lost.
        BLPOP key [key …] timeout. Server 2.0. O(N).
        """
        return Command(
            (b"BLPOP", *keys_of("BLPOP", keys), timeout), self.read.keyed(self.read.text)
        )

    @blocking_command
    def brpop(self, keys: SomeKeys, timeout: float = 0) -> Command[tuple[S, S] | None]:
        """The first of *keys* that has elements, and its last element, which is removed.

        None if no element came within *timeout* seconds; 0 waits forever.  Cancelling the call
        closes its connection; an element popped at that very moment is lost.
        BRPOP key [key …] timeout. Server 2.0. O(N).
        """
        return Command(
            (b"BRPOP", *keys_of("BRPOP", keys), timeout), self.read.keyed(self.read.text)
        )

    @blocking_command
    def brpoplpush(self, src: Key, dst: Key, timeout: float = 0) -> Command[S | None]:
        """The reply of `blmove` from the tail of *src* to the head of *dst*, by its old name.

        *timeout* is in seconds; 0 waits forever.  Cancelling the call closes its connection; an
        element that came at that very moment may have been moved all the same.
        BRPOPLPUSH src dst timeout. Server 2.2. O(1).
        """
        return Command((b"BRPOPLPUSH", src, dst, timeout), self.read.text_or_none)
