"""t-digests: quantiles and ranks of many numbers, estimated in little memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import Count, natural, number
from anyredis.commands.group import Group
from anyredis.commands.modules.filter_sizes import positive
from anyredis.commands.modules.report_fields import fields_of
from anyredis.commands.several import SomeKeys, all_keys, all_values
from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt
from anyredis.namespaces import BlueprintNamespace, ClientNamespace, PipelineNamespace
from anyredis.replies import S, array, integer, integers, ok
from anyredis.replies import number as read_number
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

SomeNumbers: TypeAlias = float | Sequence[float]
"""One number, or a list of numbers."""


class TDigestInfo(NamedTuple):
    """The size of a t-digest, and what was added."""

    compression: int
    """How exact it is."""
    capacity: int
    """The number of centroids that it has room for."""
    merged_nodes: int
    """The number of centroids that are merged."""
    unmerged_nodes: int
    """The number of centroids that are not merged yet."""
    observations: int
    """The number of values that were added."""
    total_compressions: int
    """How often centroids were merged."""
    memory_usage: int
    """Bytes in memory."""
    merged_weight: float
    """The number of values in merged nodes."""
    unmerged_weight: float
    """The number of values in nodes that are not merged yet."""


class TDigests(Group[S]):
    """The commands on t-digests."""

    @command
    def add(self, key: Key, values: SomeNumbers) -> Command[bool]:
        """True once *values* were added; `ResponseError` if there is no sketch at *key*.

        TDIGEST.ADD key value [value …]. Bloom 2.4. O(N).
        """
        return Command((b"TDIGEST.ADD", key, *_numbers("TDIGEST.ADD", "values", (values,))), ok)

    @command
    def byrank(self, key: Key, *ranks: int | Sequence[int]) -> Command[list[float]]:
        """For each of *ranks* the value that as many values are smaller than: 0 is the smallest.

        Infinity past the largest; NaN for an empty sketch.
        TDIGEST.BYRANK key rank [rank …]. Bloom 2.4. O(1).
        """
        return Command((b"TDIGEST.BYRANK", key, *_ranks("TDIGEST.BYRANK", ranks)), _floats)

    @command
    def byrevrank(self, key: Key, *ranks: int | Sequence[int]) -> Command[list[float]]:
        """For each of *ranks* the value that as many values are larger than: 0 is the largest.

        Minus infinity past the smallest; NaN for an empty sketch.
        TDIGEST.BYREVRANK key rank [rank …]. Bloom 2.4. O(1).
        """
        return Command((b"TDIGEST.BYREVRANK", key, *_ranks("TDIGEST.BYREVRANK", ranks)), _floats)

    @command
    def cdf(self, key: Key, *values: SomeNumbers) -> Command[list[float]]:
        """For each of *values* the fraction (0 to 1) of what was added that is not larger.

        Half of the equal ones count. NaN for an empty sketch.
        TDIGEST.CDF key value [value …]. Bloom 2.4. O(1).
        """
        return Command((b"TDIGEST.CDF", key, *_numbers("TDIGEST.CDF", "values", values)), _floats)

    @command
    def create(self, key: Key, compression: Count | None = None) -> Command[bool]:
        """True once an empty sketch was made at *key*; `ResponseError` if *key* exists.

        A higher *compression* (the server's default: 100) is more exact and takes more memory.
        TDIGEST.CREATE key [COMPRESSION n]. Bloom 2.4. O(1).
        """
        return Command((b"TDIGEST.CREATE", key, *_compression("TDIGEST.CREATE", compression)), ok)

    @command
    def info(self, key: Key) -> Command[TDigestInfo]:
        """Size and content of the sketch; `ResponseError` if there is none.

        TDIGEST.INFO key. Bloom 2.4. O(1).
        """
        return Command((b"TDIGEST.INFO", key), _info)

    @command
    def max(self, key: Key) -> Command[float]:
        """The largest value; NaN for an empty sketch.

        TDIGEST.MAX key. Bloom 2.4. O(1).
        """
        return Command((b"TDIGEST.MAX", key), read_number)

    @command
    def merge(
        self,
        destkey: Key,
        *sourcekeys: SomeKeys,
        compression: Count | None = None,
        override: bool = False,
    ) -> Command[bool]:
        """True once the values of *sourcekeys* were added to the sketch at *destkey*.

        It is made if it is missing; with *override* it is replaced. The default of *compression* is
        that of *destkey*, of a new one the highest among the sources. In a cluster all keys are in
        one slot.
        TDIGEST.MERGE destkey numkeys key [key …] [COMPRESSION n] [OVERRIDE]. Bloom 2.4. O(N * K).
        """
        sources = all_keys("TDIGEST.MERGE", "sourcekeys", sourcekeys)
        words: tuple[Value, ...] = _compression("TDIGEST.MERGE", compression)
        if override:
            words += (b"OVERRIDE",)
        return Command((b"TDIGEST.MERGE", destkey, len(sources), *sources, *words), ok)

    @command
    def min(self, key: Key) -> Command[float]:
        """The smallest value; NaN for an empty sketch.

        TDIGEST.MIN key. Bloom 2.4. O(1).
        """
        return Command((b"TDIGEST.MIN", key), read_number)

    @command
    def quantile(self, key: Key, *quantiles: SomeNumbers) -> Command[list[float]]:
        """For each of *quantiles* (0 to 1) the value below which is that fraction of all values.

        0.5 is the median. NaN for an empty sketch.
        TDIGEST.QUANTILE key quantile [quantile …]. Bloom 2.4. O(1).
        """
        given = _numbers("TDIGEST.QUANTILE", "quantiles", quantiles)
        for index, quantile in enumerate(given):
            _fraction(f"TDIGEST.QUANTILE: quantiles[{index}]", quantile)
        return Command((b"TDIGEST.QUANTILE", key, *given), _floats)

    @command
    def rank(self, key: Key, *values: SomeNumbers) -> Command[list[int]]:
        """For each of *values* the number of values that are smaller, with half of the equal ones.

        -1: it is smaller than all. -2: the sketch is empty.
        TDIGEST.RANK key value [value …]. Bloom 2.4. O(1).
        """
        return Command(
            (b"TDIGEST.RANK", key, *_numbers("TDIGEST.RANK", "values", values)), integers
        )

    @command
    def reset(self, key: Key) -> Command[bool]:
        """True once the sketch is empty; `ResponseError` if there is none.

        TDIGEST.RESET key. Bloom 2.4. O(1).
        """
        return Command((b"TDIGEST.RESET", key), ok)

    @command
    def revrank(self, key: Key, *values: SomeNumbers) -> Command[list[int]]:
        """For each of *values* the number of values that are larger, with half of the equal ones.

        -1: it is larger than all. -2: the sketch is empty.
        TDIGEST.REVRANK key value [value …]. Bloom 2.4. O(1).
        """
        given = _numbers("TDIGEST.REVRANK", "values", values)
        return Command((b"TDIGEST.REVRANK", key, *given), integers)

    @command
    def trimmed_mean(
        self, key: Key, low_cut_quantile: float, high_cut_quantile: float
    ) -> Command[float]:
        """The mean of the values between two quantiles (0 to 1); NaN for an empty sketch.

        TDIGEST.TRIMMED_MEAN key low_cut_quantile high_cut_quantile. Bloom 2.4. O(N).
        """
        name = "TDIGEST.TRIMMED_MEAN"
        _fraction(f"{name}: low_cut_quantile", low_cut_quantile)
        _fraction(f"{name}: high_cut_quantile", high_cut_quantile)
        if low_cut_quantile >= high_cut_quantile:
            raise DataValueError(f"{name}: low_cut_quantile has to be below high_cut_quantile")
        return Command(
            (b"TDIGEST.TRIMMED_MEAN", key, low_cut_quantile, high_cut_quantile), read_number
        )


def _compression(name: str, compression: int | None) -> tuple[Value, ...]:
    if compression is None:
        return ()
    return (b"COMPRESSION", positive(f"{name}: compression", compression))


def _numbers(name: str, argument: str, given: tuple[SomeNumbers, ...]) -> tuple[Value, ...]:
    """All numbers of *given*; raises `DataError` for what is none."""
    values = all_values(name, argument, given)
    for index, value in enumerate(values):
        number(f"{name}: {argument}[{index}]", value)
    return values


def _ranks(name: str, given: tuple[int | Sequence[int], ...]) -> tuple[Value, ...]:
    """All ranks of *given*; raises `DataError` for what is none."""
    values = all_values(name, "ranks", given)
    for index, value in enumerate(values):
        natural(f"{name}: ranks[{index}]", value)
    return values


def _fraction(where: str, value: object) -> None:
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise DataValueError(f"{where} is {excerpt(value, 40)}: give a number from 0 to 1")


def _floats(reply: Reply) -> list[float]:
    return [read_number(item) for item in array(reply)]


def _info(reply: Reply) -> TDigestInfo:
    names = (
        *("Compression", "Capacity", "Merged nodes", "Unmerged nodes", "Observations"),
        *("Total compressions", "Memory usage", "Merged weight", "Unmerged weight"),
    )
    *counts, merged, unmerged = fields_of(reply, *names)
    compression, capacity, nodes, others, observations, compressions, memory = map(integer, counts)
    return TDigestInfo(
        compression=compression,
        capacity=capacity,
        merged_nodes=nodes,
        unmerged_nodes=others,
        observations=observations,
        total_compressions=compressions,
        memory_usage=memory,
        merged_weight=read_number(merged),
        unmerged_weight=read_number(unmerged),
    )


class ClientTDigests(ClientNamespace[S], TDigests[S]):
    """`client.tdigest`: each call is awaited."""


class PipelineTDigests(PipelineNamespace[S], TDigests[S]):
    """`pipe.tdigest`: each call gives a `Result`."""


class BlueprintTDigests(BlueprintNamespace[S], TDigests[S]):
    """`tdigest` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientTDigests, PipelineTDigests, BlueprintTDigests)
