"""Count-min sketches: how often each of many items was counted, estimated in fixed memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anyredis.command import Command, command
from anyredis.commands.checks import Count, whole
from anyredis.commands.group import Group
from anyredis.commands.modules.filter_sizes import ratio
from anyredis.commands.modules.item_increments import SomeItems, item_increments
from anyredis.commands.modules.report_fields import fields_of
from anyredis.commands.several import SomeKeys, SomeValues, Weights, all_values, weighted
from anyredis.frozen import Frozen
from anyredis.namespaces import BlueprintNamespace, ClientNamespace, PipelineNamespace
from anyredis.replies import S, integer, integers, ok
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key


class CountMinSketchInfo(Frozen):
    """The size of a count-min sketch, and what it counted."""

    __slots__ = ("count", "depth", "width")

    def __init__(self, width: int, depth: int, count: int) -> None:
        self.width: Final = width
        """The number of counters in each row."""
        self.depth: Final = depth
        """The number of rows."""
        self.count: Final = count
        """The sum of all increments."""


class CountMinSketches(Group[S]):
    """The commands on count-min sketches."""

    @command
    def incrby(
        self,
        key: Key,
        items: SomeItems,
        increments: int | Sequence[int] | None = None,
    ) -> Command[list[int]]:
        """The estimated count of each item after its increment, in the order of *items*.

        *items* is a mapping of items to increments, or one item or a list, with *increments* in
        the same order.
        CMS.INCRBY key item increment [item increment …]. Bloom 2.0. O(N).
        """
        return Command(
            (b"CMS.INCRBY", key, *item_increments("CMS.INCRBY", items, increments)), integers
        )

    @command
    def info(self, key: Key) -> Command[CountMinSketchInfo]:
        """Width, depth and total count of the sketch at *key*.

        CMS.INFO key. Bloom 2.0. O(1).
        """
        return Command((b"CMS.INFO", key), _info)

    @command
    def initbydim(self, key: Key, width: Count, depth: Count) -> Command[bool]:
        """True once an empty sketch with *depth* rows of *width* counters was made at *key*.

        An estimate is too high by at most 2 / *width* of the total count, with a probability of
        1 - 0.5 ** *depth*. `ResponseError` if *key* exists.
        CMS.INITBYDIM key width depth. Bloom 2.0. O(1).
        """
        return Command((b"CMS.INITBYDIM", key, width, depth), ok)

    @command
    def initbyprob(self, key: Key, error: float, probability: float) -> Command[bool]:
        """True once an empty sketch of the needed size was made at *key*.

        An estimate is too high by at most *error* (0 to 1) of the total count, but with a
        *probability* (0 to 1) it is higher. `ResponseError` if *key* exists.
        CMS.INITBYPROB key error probability. Bloom 2.0. O(1).
        """
        ratio("CMS.INITBYPROB: error", error)
        ratio("CMS.INITBYPROB: probability", probability)
        return Command((b"CMS.INITBYPROB", key, error, probability), ok)

    @command
    def merge(
        self,
        destkey: Key,
        sourcekeys: SomeKeys | Weights,
        *,
        weights: Sequence[int] | None = None,
    ) -> Command[bool]:
        """True once the sketch at *destkey* holds the sum of those at *sourcekeys*.

        All are of one size, and *destkey* exists. Each count is multiplied by the weight of its
        sketch, a whole number: *sourcekeys* is a mapping of keys to weights, or *weights* has them
        in the order of the keys. In a cluster all keys are in one slot.
        CMS.MERGE destkey numkeys key [key …] [WEIGHTS weight …]. Bloom 2.0. O(N).
        """
        words = weighted("CMS.MERGE", sourcekeys, weights, "sourcekeys")
        for factor in words[words.index(b"WEIGHTS") + 1 :] if b"WEIGHTS" in words else ():
            whole("CMS.MERGE: a weight", factor)
        return Command((b"CMS.MERGE", destkey, *words), ok)

    @command
    def query(self, key: Key, *items: SomeValues) -> Command[list[int]]:
        """The estimated count of each of *items*: never too low, 0 for one that was never counted.

        CMS.QUERY key item [item …]. Bloom 2.0. O(N).
        """
        return Command((b"CMS.QUERY", key, *all_values("CMS.QUERY", "items", items)), integers)


def _info(reply: Reply) -> CountMinSketchInfo:
    """What `info` gives."""
    return CountMinSketchInfo(*map(integer, fields_of(reply, "width", "depth", "count")))


class ClientCountMinSketches(ClientNamespace[S], CountMinSketches[S]):
    """`client.cms`: each call is awaited."""


class PipelineCountMinSketches(PipelineNamespace[S], CountMinSketches[S]):
    """`pipe.cms`: each call gives a `Result`."""


class BlueprintCountMinSketches(BlueprintNamespace[S], CountMinSketches[S]):
    """`cms` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientCountMinSketches, PipelineCountMinSketches, BlueprintCountMinSketches)
