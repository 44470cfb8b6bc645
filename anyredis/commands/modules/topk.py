"""Top-k lists: the k most frequent of many items, estimated in fixed memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group
from anyredis.commands.modules.filter_sizes import positive
from anyredis.commands.modules.item_increments import SomeItems, item_increments
from anyredis.commands.modules.report_fields import fields_of
from anyredis.commands.several import SomeValues, all_values
from anyredis.exceptions import DataValueError
from anyredis.namespaces import BlueprintNamespace, ClientNamespace, PipelineNamespace
from anyredis.replies import S, booleans, integer, integers, number, ok, pairs
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

# `list` is a method here, so the class needs other names for what its methods give.
Texts: TypeAlias = list[S]
TextsOrNones: TypeAlias = list[S | None]
Counted: TypeAlias = list[tuple[S, int]]
Booleans: TypeAlias = list[bool]
Integers: TypeAlias = list[int]


class TopKInfo(NamedTuple):
    """The size of a top-k list."""

    k: int
    """The number of items that it keeps."""
    width: int
    """The number of counters in each row."""
    depth: int
    """The number of rows."""
    decay: float
    """The probability that a counter goes down when another item meets it."""


class TopKLists(Group[S]):
    """The commands on top-k lists."""

    @command
    def add(self, key: Key, *items: SomeValues) -> Command[TextsOrNones[S]]:
        """For each of *items*, which are counted once, the item that it pushed off the list, or None.

        TOPK.ADD key item [item …]. Bloom 2.0. O(N * K).
        """
        added = all_values("TOPK.ADD", "items", items)
        return Command((b"TOPK.ADD", key, *added), self.read.texts_or_nones)

    @command
    def count(self, key: Key, *items: SomeValues) -> Command[Integers]:
        """The estimated count of each of *items*, which is never too high.

        The servers call it deprecated: `list_with_counts` has the counts of what is on the list.
        TOPK.COUNT key item [item …]. Bloom 2.0. O(N).
        """
        return Command((b"TOPK.COUNT", key, *all_values("TOPK.COUNT", "items", items)), integers)

    @command
    def incrby(
        self,
        key: Key,
        items: SomeItems,
        increments: int | Sequence[int] | None = None,
    ) -> Command[TextsOrNones[S]]:
        """Like `add`, but each item is counted by its increment.

        *items* is a mapping of items to increments (1 to 100,000), or one item or a list, with
        *increments* in the same order.
        TOPK.INCRBY key item increment [item increment …]. Bloom 2.0. O(N * K * I).
        """
        words = item_increments("TOPK.INCRBY", items, increments)
        return Command((b"TOPK.INCRBY", key, *words), self.read.texts_or_nones)

    @command
    def info(self, key: Key) -> Command[TopKInfo]:
        """The size of the list; `ResponseError` if there is none.

        TOPK.INFO key. Bloom 2.0. O(1).
        """
        return Command((b"TOPK.INFO", key), _info)

    @command
    def list(self, key: Key) -> Command[Texts[S]]:
        """The items on the list, the most frequent first.

        TOPK.LIST key. Bloom 2.0. O(K * log(K)).
        """
        return Command((b"TOPK.LIST", key), self.read.texts)

    @command
    def list_with_counts(self, key: Key) -> Command[Counted[S]]:
        """The items on the list with their estimated counts, the most frequent first.

        TOPK.LIST key WITHCOUNT. Bloom 2.0. O(K * log(K)).
        """

        def counted(reply: Reply) -> Counted[S]:
            return [(self.read.text(item), integer(count)) for item, count in pairs(reply)]

        return Command((b"TOPK.LIST", key, b"WITHCOUNT"), counted)

    @command
    def query(self, key: Key, *items: SomeValues) -> Command[Booleans]:
        """For each of *items* whether it is on the list.

        TOPK.QUERY key item [item …]. Bloom 2.0. O(N).
        """
        return Command((b"TOPK.QUERY", key, *all_values("TOPK.QUERY", "items", items)), booleans)

    @command
    def reserve(
        self,
        key: Key,
        k: Count,
        width: Count | None = None,
        depth: Count | None = None,
        decay: float | None = None,
    ) -> Command[bool]:
        """True once an empty list of *k* items was made at *key*.

        It counts in *depth* rows of *width* counters (the server's default: 7 and 8), which go down
        with the probability *decay* (0.9) when another item meets them: give all three, or none.
        `ResponseError` if *key* exists.
        TOPK.RESERVE key k [width depth decay]. Bloom 2.0. O(1).
        """
        positive("TOPK.RESERVE: k", k)
        sizes = (width, depth, decay)
        given: tuple[Value, ...] = tuple(each for each in sizes if each is not None)
        if 0 < len(given) < len(sizes):
            raise DataValueError("TOPK.RESERVE: give width, depth and decay, or none of them")
        if decay is not None and not 0 <= decay <= 1:
            raise DataValueError(f"TOPK.RESERVE: decay is {decay}: give a number from 0 to 1")
        return Command((b"TOPK.RESERVE", key, k, *given), ok)


def _info(reply: Reply) -> TopKInfo:
    k, width, depth, decay = fields_of(reply, "k", "width", "depth", "decay")
    return TopKInfo(integer(k), integer(width), integer(depth), number(decay))


class ClientTopKLists(ClientNamespace[S], TopKLists[S]):
    """`client.topk`: each call is awaited."""


class PipelineTopKLists(PipelineNamespace[S], TopKLists[S]):
    """`pipe.topk`: each call gives a `Result`."""


class BlueprintTopKLists(BlueprintNamespace[S], TopKLists[S]):
    """`topk` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientTopKLists, PipelineTopKLists, BlueprintTopKLists)
