"""Vector sets: elements with a vector each, found by the similarity of their vectors.

Law: a similarity is between 0 (opposite) and 1 (equal).  Attributes are text in JSON, for the server
to filter by; encode and decode them with the library of your choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Generic, Literal, NamedTuple, TypeAlias, cast

from anyredis.command import Command, command
from anyredis.commands.group import Group, choice, flags
from anyredis.commands.vectors import Vector, vector_bytes
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.replies import (
    S,
    array,
    binary,
    boolean,
    integer,
    number,
    others,
    pair,
    record,
    unexpected,
    word,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

Quantization: TypeAlias = Literal["NOQUANT", "Q8", "BIN"]
"""Floats of 32 bits, signed bytes, or single bits for each component; a set has one of them."""

_QUANTIZATIONS: Final = ("NOQUANT", "Q8", "BIN")


class VectorMatch(NamedTuple, Generic[S]):
    """One result of `vsim_with_attributes`."""

    element: S
    score: float
    """The similarity."""
    attributes: S | None
    """JSON text."""


class RawVector(NamedTuple):
    """A vector as the server stores it."""

    quantization: str
    """`fp32`, `int8` or `bin`."""
    data: bytes
    norm: float
    """The length of the vector before it was normalized."""
    range: float | None
    """The largest component, for `int8`."""


class VectorSetInfo(NamedTuple):
    """The state of a vector set."""

    quant_type: str
    """`f32`, `int8` or `bin`."""
    vector_dim: int
    size: int
    """The number of elements."""
    max_level: int
    other: dict[str, Reply]
    """Fields that are not named here, such as `hnsw-m`, as the server sent them."""


class VectorSets(Group[S]):
    """The commands on vector sets."""

    @command
    def vadd(
        self,
        key: Key,
        vector: Vector,
        element: Key,
        *,
        reduce_dim: int | None = None,
        cas: bool = False,
        quantization: Quantization | None = None,
        ef: int | None = None,
        attributes: Key | None = None,
        numlinks: int | None = None,
    ) -> Command[bool]:
        """True if *element* was added with *vector*, False if its vector was replaced.

        Of the first element of a set: *reduce_dim* projects all vectors to so many dimensions,
        *quantization* is that of all (`"Q8"` by default), *numlinks* the number of its neighbours
        (16).  *ef* is the effort of the search for neighbours, *cas* does that in a thread,
        *attributes* is JSON text.
        VADD key [REDUCE n] FP32 vector element [CAS] [NOQUANT | Q8 | …] [EF n] [M n]. Redis 8.0.
        """
        kind = () if quantization is None else (_quantization(quantization),)
        reduction = _counted("VADD", b"REDUCE", "reduce_dim", reduce_dim)
        blob = vector_bytes(vector, where="VADD: vector")
        words = (
            *flags(cas=cas),
            *kind,
            *_counted("VADD", b"EF", "ef", ef),
            *(() if attributes is None else (b"SETATTR", _attributes("VADD", attributes))),
            *_counted("VADD", b"M", "numlinks", numlinks),
        )
        return Command((b"VADD", key, *reduction, b"FP32", blob, element, *words), boolean)

    @command
    def vcard(self, key: Key) -> Command[int]:
        """The number of elements, 0 if there is no set.

        VCARD key. Redis 8.0.
        """
        return Command((b"VCARD", key), integer)

    @command
    def vdim(self, key: Key) -> Command[int]:
        """The number of dimensions of the vectors, after a reduction.

        Raises `ResponseError` if there is no set.
        VDIM key. Redis 8.0.
        """
        return Command((b"VDIM", key), integer)

    @command
    def vemb(self, key: Key, element: Key) -> Command[list[float] | None]:
        """The vector of *element*, as exact as it is stored, or None if there is none.

        VEMB key element. Redis 8.0.
        """
        return Command((b"VEMB", key, element), _numbers)

    @command
    def vemb_raw(self, key: Key, element: Key) -> Command[RawVector | None]:
        """The vector of *element* as the server stores it, or None if there is none.

        VEMB key element RAW. Redis 8.0.
        """
        return Command((b"VEMB", key, element, b"RAW"), _raw, binary=True)

    @command
    def vgetattr(self, key: Key, element: Key) -> Command[S | None]:
        """The attributes of *element*, JSON text, or None if there are none.

        VGETATTR key element. Redis 8.0.
        """
        return Command((b"VGETATTR", key, element), self.read.text_or_none)

    @command
    def vinfo(self, key: Key) -> Command[VectorSetInfo | None]:
        """The state of the set, or None if there is none.

        VINFO key. Redis 8.0.
        """
        return Command((b"VINFO", key), _info)

    @command
    def vismember(self, key: Key, element: Key) -> Command[bool]:
        """True if the set has *element*.

        VISMEMBER key element. Redis 8.2.
        """
        return Command((b"VISMEMBER", key, element), boolean)

    @command
    def vlinks(self, key: Key, element: Key) -> Command[list[list[S]] | None]:
        """The neighbours of *element* in each layer of the graph, the highest layer first.

        None if there is no such element.
        VLINKS key element. Redis 8.0.
        """
        return Command((b"VLINKS", key, element), self._layers)

    @command
    def vlinks_with_scores(
        self, key: Key, element: Key
    ) -> Command[list[list[tuple[S, float]]] | None]:
        """Like `vlinks`, each neighbour with its similarity.

        VLINKS key element WITHSCORES. Redis 8.0.
        """
        return Command((b"VLINKS", key, element, b"WITHSCORES"), self._scored_layers)

    @command
    def vrandmember(self, key: Key) -> Command[S | None]:
        """An element by chance, or None if there is no set.

        VRANDMEMBER key. Redis 8.0.
        """
        return Command((b"VRANDMEMBER", key), self.read.text_or_none)

    @command
    def vrandmember_many(self, key: Key, count: int) -> Command[list[S]]:
        """Up to *count* different elements by chance, or with a negative one -*count* of any.

        VRANDMEMBER key count. Redis 8.0.
        """
        return Command((b"VRANDMEMBER", key, count), self.read.texts)

    @command
    def vrange(
        self, key: Key, start: Key, end: Key, *, count: int | None = None
    ) -> Command[list[S]]:
        """The elements from *start* to *end* in the order of their bytes, at most *count*.

        Bounds are `"[a"` (inclusive), `"(a"` (exclusive), `"-"` and `"+"` (all).
        VRANGE key start end [count]. Redis 8.4.
        """
        limit = () if count is None else (count,)
        return Command((b"VRANGE", key, start, end, *limit), self.read.texts)

    @command
    def vrem(self, key: Key, element: Key) -> Command[bool]:
        """True if *element* was in the set and is removed.

        VREM key element. Redis 8.0.
        """
        return Command((b"VREM", key, element), boolean)

    @command
    def vsetattr(self, key: Key, element: Key, attributes: Key) -> Command[bool]:
        """True if *element* has these *attributes* from now on; an empty text removes them.

        VSETATTR key element json. Redis 8.0.
        """
        words = (b"VSETATTR", key, element, _attributes("VSETATTR", attributes))
        return Command(words, boolean)

    @command
    def vsim(
        self,
        key: Key,
        input: Vector | str,
        *,
        count: int | None = None,
        ef: int | None = None,
        filter: Key | None = None,
        filter_ef: int | None = None,
        truth: bool = False,
        no_thread: bool = False,
        epsilon: float | None = None,
    ) -> Command[list[S]]:
        """The elements whose vectors are nearest to *input*, the nearest first.

        *input* is a vector, or the name of an element, as text; bytes are a vector.  At most
        *count* (10), no less similar than 1 - *epsilon*.  *filter* is an expression about
        attributes, such as `".year > 1999"`; *filter_ef* bounds the elements that it examines.
        *ef* is the effort of the search; with *truth* it is exhaustive; with *no_thread* it runs
        in the server's main thread.
        VSIM key FP32|ELE … [COUNT n] [EPSILON e] [EF n] [FILTER …] [TRUTH]. Redis 8.0.
        """
        options = _search(count, ef, filter, filter_ef, epsilon)
        switches = _switches(truth=truth, no_thread=no_thread)
        return Command((b"VSIM", key, *_input(input), *options, *switches), self.read.texts)

    @command
    def vsim_with_scores(
        self,
        key: Key,
        input: Vector | str,
        *,
        count: int | None = None,
        ef: int | None = None,
        filter: Key | None = None,
        filter_ef: int | None = None,
        truth: bool = False,
        no_thread: bool = False,
        epsilon: float | None = None,
    ) -> Command[list[tuple[S, float]]]:
        """Like `vsim`, each element with its similarity.

        VSIM key FP32|ELE … WITHSCORES [COUNT n] [EPSILON e] [EF n]. Redis 8.0.
        """
        options = _search(count, ef, filter, filter_ef, epsilon)
        words = (b"VSIM", key, *_input(input), b"WITHSCORES", *options)
        return Command((*words, *_switches(truth=truth, no_thread=no_thread)), self.read.scored)

    @command
    def vsim_with_attributes(
        self,
        key: Key,
        input: Vector | str,
        *,
        count: int | None = None,
        ef: int | None = None,
        filter: Key | None = None,
        filter_ef: int | None = None,
        truth: bool = False,
        no_thread: bool = False,
        epsilon: float | None = None,
    ) -> Command[list[VectorMatch[S]]]:
        """Like `vsim`, each element with its similarity and its attributes.

        VSIM key FP32|ELE … WITHSCORES WITHATTRIBS [COUNT n] [EPSILON e] [EF n]. Redis 8.2.
        """
        options = _search(count, ef, filter, filter_ef, epsilon)
        words = (b"VSIM", key, *_input(input), b"WITHSCORES", b"WITHATTRIBS", *options)
        return Command((*words, *_switches(truth=truth, no_thread=no_thread)), self._matches)

    def _layers(self, reply: Reply) -> list[list[S]] | None:
        return None if reply is None else [self.read.texts(layer) for layer in array(reply)]

    def _scored_layers(self, reply: Reply) -> list[list[tuple[S, float]]] | None:
        return None if reply is None else [self.read.scored(layer) for layer in array(reply)]

    def _matches(self, reply: Reply) -> list[VectorMatch[S]]:
        if isinstance(reply, dict):
            rows = [(element, *pair(value)) for element, value in reply.items()]
        else:
            items = array(reply)
            if len(items) % 3:
                unexpected(reply, "elements with scores and attributes")
            rows = list(zip(items[::3], items[1::3], items[2::3], strict=True))
        read = self.read
        return [
            VectorMatch(read.text(element), number(score), read.text_or_none(attributes))
            for element, score, attributes in rows
        ]


# -- words --------------------------------------------------------------------------------------


def _quantization(quantization: Quantization) -> Value:
    return choice("VADD", "quantization", quantization, *_QUANTIZATIONS)


def _counted(command: str, option: bytes, name: str, value: int | None) -> tuple[Value, ...]:
    if value is None:
        return ()
    if value < 1:
        raise DataValueError(f"{command}: {name} is {value}: give 1 or more")
    return (option, value)


def _attributes(command: str, attributes: object) -> Key:
    if isinstance(attributes, Mapping):
        raise DataTypeError(f"{command}: attributes is a mapping: give JSON text: json.dumps(…)")
    return cast("Key", attributes)


def _input(given: object) -> tuple[Value, ...]:
    if isinstance(given, str):
        return (b"ELE", given)
    return (b"FP32", vector_bytes(cast("Vector", given), where="VSIM: input"))


def _search(
    count: int | None,
    ef: int | None,
    filter_: Key | None,
    filter_ef: int | None,
    epsilon: float | None,
) -> tuple[Value, ...]:
    return (
        *_counted("VSIM", b"COUNT", "count", count),
        *(() if epsilon is None else (b"EPSILON", epsilon)),
        *_counted("VSIM", b"EF", "ef", ef),
        *(() if filter_ is None else (b"FILTER", filter_)),
        *_counted("VSIM", b"FILTER-EF", "filter_ef", filter_ef),
    )


def _switches(*, truth: bool, no_thread: bool) -> tuple[Value, ...]:
    return (*((b"TRUTH",) if truth else ()), *((b"NOTHREAD",) if no_thread else ()))


# -- replies ------------------------------------------------------------------------------------


def _numbers(reply: Reply) -> list[float] | None:
    return None if reply is None else [number(each) for each in array(reply)]


def _raw(reply: Reply) -> RawVector | None:
    if reply is None:
        return None
    items = array(reply)
    if len(items) not in (3, 4):
        unexpected(reply, "a vector with its kind and its norm")
    limit = number(items[3]) if len(items) == 4 else None
    return RawVector(word(items[0]), binary(items[1]), number(items[2]), limit)


def _info(reply: Reply) -> VectorSetInfo | None:
    if reply is None:
        return None
    fields = record(reply)
    kind, dimensions = word(fields.pop("quant-type", None)), integer(fields.pop("vector-dim", None))
    size, level = integer(fields.pop("size", None)), integer(fields.pop("max-level", None))
    return VectorSetInfo(kind, dimensions, size, level, others(fields, ()))
