"""Fields of vectors: found by their distance from another vector.

Law: the algorithm of a field is a value that knows its attributes and their bounds; an attribute
that is None is not sent, so the server's default holds.  The field packs vectors as its index wants
them.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, TypeAlias, cast, get_args

from anyredis.commands.checks import number, whole
from anyredis.commands.group import choice
from anyredis.commands.modules.search_fields import SearchField, check_flags
from anyredis.commands.vectors import SIZES, Vector, VectorType, vector_bytes
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen
from anyredis.unfit_calls import explained
from anyredis.wire.encode import Key, Value

DistanceMetric: TypeAlias = Literal["L2", "IP", "COSINE"]
"""Euclidean distance, inner product, or cosine distance."""

Compression: TypeAlias = Literal["LVQ8", "LVQ4", "LVQ4x4", "LVQ4x8", "LeanVec4x8", "LeanVec8x8"]
"""The compression of vectors in an `SVSVamana` index."""

_METRICS: Final = ("L2", "IP", "COSINE")
_COMPRESSIONS: Final[tuple[str, ...]] = get_args(Compression)


class VectorAlgorithm(Frozen):
    """The algorithm of a vector field: the base of `FLAT`, `HNSW` and `SVSVamana`."""

    __slots__ = ("dim", "distance_metric", "type")

    kind: ClassVar[str]
    """The word of FT.CREATE for it."""

    types: ClassVar[tuple[str, ...]] = tuple(SIZES)
    """The types of numbers that it takes."""

    def __init__(self, dim: int, distance_metric: DistanceMetric, type: VectorType) -> None:
        name = self.__class__.__name__
        self.type: Final = cast("VectorType", choice(name, "type", type, *self.types).decode())
        self.dim: Final = _at_least(1, f"{name}: dim", dim)
        self.distance_metric: Final = choice(
            name, "distance_metric", distance_metric, *_METRICS
        ).decode()

    @property
    def words(self) -> tuple[Value, ...]:
        """The words of FT.CREATE after VECTOR: the algorithm, the count of the others, they."""
        attributes = (
            *("TYPE", self.type, "DIM", self.dim),
            *("DISTANCE_METRIC", self.distance_metric),
            *(
                word
                for name, value in self.attributes().items()
                if value is not None
                for word in (name, value)
            ),
        )
        return (self.kind, len(attributes), *attributes)

    def attributes(self) -> dict[str, int | float | str | None]:
        """Its own attributes, by the server's names."""
        return {}

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name in self._shown]
        given = [f"{name}={value!r}" for name, value in values if value is not None]
        return f"{type(self).__name__}({', '.join(given)})"


class FLAT(VectorAlgorithm):
    """Each search compares with all vectors: exact, for up to some ten thousand of them.

    *initial_cap* is the number of vectors to reserve memory for, *block_size* the number for which
    memory is added at once.
    """

    __slots__ = ("block_size", "initial_cap")
    kind = "FLAT"

    @explained
    def __init__(
        self,
        *,
        dim: int,
        distance_metric: DistanceMetric,
        type: VectorType = "FLOAT32",
        initial_cap: int | None = None,
        block_size: int | None = None,
    ) -> None:
        super().__init__(dim, distance_metric, type)
        self.initial_cap: Final = _count(0, "FLAT: initial_cap", initial_cap)
        self.block_size: Final = _count(1, "FLAT: block_size", block_size)

    def attributes(self) -> dict[str, int | float | str | None]:
        """Its own attributes, by the server's names."""
        return {"INITIAL_CAP": self.initial_cap, "BLOCK_SIZE": self.block_size}


class HNSW(VectorAlgorithm):
    """A graph of neighbours in layers: approximate, fast for millions of vectors.

    *m* is the greatest number of neighbours of a vector (16), *ef_construction* the number of
    candidates when one is added (200), *ef_runtime* that in a search (10), *epsilon* how far beyond
    its bound a search by range looks (0.01, a fraction).  More is more exact, and slower.
    *initial_cap* is the number of vectors to reserve memory for.
    """

    __slots__ = ("ef_construction", "ef_runtime", "epsilon", "initial_cap", "m")
    kind = "HNSW"

    @explained
    def __init__(
        self,
        *,
        dim: int,
        distance_metric: DistanceMetric,
        type: VectorType = "FLOAT32",
        initial_cap: int | None = None,
        m: int | None = None,
        ef_construction: int | None = None,
        ef_runtime: int | None = None,
        epsilon: float | None = None,
    ) -> None:
        super().__init__(dim, distance_metric, type)
        self.initial_cap: Final = _count(0, "HNSW: initial_cap", initial_cap)
        self.m: Final = _count(1, "HNSW: m", m)
        self.ef_construction: Final = _count(1, "HNSW: ef_construction", ef_construction)
        self.ef_runtime: Final = _count(1, "HNSW: ef_runtime", ef_runtime)
        self.epsilon: Final = _fraction("HNSW: epsilon", epsilon)

    def attributes(self) -> dict[str, int | float | str | None]:
        """Its own attributes, by the server's names."""
        return {
            "INITIAL_CAP": self.initial_cap,
            "M": self.m,
            "EF_CONSTRUCTION": self.ef_construction,
            "EF_RUNTIME": self.ef_runtime,
            "EPSILON": self.epsilon,
        }


class SVSVamana(VectorAlgorithm):
    """A graph of neighbours in one layer, whose vectors may be compressed (Redis 8.2).

    *compression* makes vectors smaller, with LeanVec in *reduce* dimensions (half of *dim*); it is
    learnt from the first *training_threshold* vectors (10240).  *graph_max_degree* is the greatest
    number of neighbours (32), *construction_window_size* the number of candidates when a vector is
    added (200), *search_window_size* that in a search (10), *epsilon* how far beyond its bound a
    search by range looks (0.01).
    """

    __slots__ = (
        "compression",
        "construction_window_size",
        "epsilon",
        "graph_max_degree",
        "reduce",
        "search_window_size",
        "training_threshold",
    )
    kind = "SVS-VAMANA"
    types = ("FLOAT32", "FLOAT16")

    @explained
    def __init__(
        self,
        *,
        dim: int,
        distance_metric: DistanceMetric,
        type: Literal["FLOAT32", "FLOAT16"] = "FLOAT32",
        compression: Compression | None = None,
        construction_window_size: int | None = None,
        graph_max_degree: int | None = None,
        search_window_size: int | None = None,
        epsilon: float | None = None,
        training_threshold: int | None = None,
        reduce: int | None = None,
    ) -> None:
        super().__init__(dim, distance_metric, type)
        name = "SVSVamana"
        self.compression: Final = compression
        self.construction_window_size: Final = _count(
            1, f"{name}: construction_window_size", construction_window_size
        )
        self.graph_max_degree: Final = _count(1, f"{name}: graph_max_degree", graph_max_degree)
        self.search_window_size: Final = _count(
            1, f"{name}: search_window_size", search_window_size
        )
        self.epsilon: Final = _fraction(f"{name}: epsilon", epsilon)
        self.training_threshold: Final = _count(
            1, f"{name}: training_threshold", training_threshold
        )
        self.reduce: Final = _count(1, f"{name}: reduce", reduce)
        self._check_compression()

    def _check_compression(self) -> None:
        name, compression = "SVSVamana", self.compression
        if compression is not None and compression not in _COMPRESSIONS:
            raise DataValueError(
                f"{name}: compression is {excerpt(compression, 40)}: give {' or '.join(_COMPRESSIONS)}"
            )
        if self.training_threshold is not None and compression is None:
            raise DataValueError(f"{name}: training_threshold is about compression: give that too")
        if self.reduce is None:
            return
        if compression not in ("LeanVec4x8", "LeanVec8x8"):
            raise DataValueError(f"{name}: reduce is for LeanVec4x8 and LeanVec8x8 alone")
        if self.reduce >= self.dim:
            raise DataValueError(
                f"{name}: reduce is {self.reduce}: give less than dim, which is {self.dim}"
            )

    def attributes(self) -> dict[str, int | float | str | None]:
        """Its own attributes, by the server's names."""
        return {
            "COMPRESSION": self.compression,
            "CONSTRUCTION_WINDOW_SIZE": self.construction_window_size,
            "GRAPH_MAX_DEGREE": self.graph_max_degree,
            "SEARCH_WINDOW_SIZE": self.search_window_size,
            "EPSILON": self.epsilon,
            "TRAINING_THRESHOLD": self.training_threshold,
            "REDUCE": self.reduce,
        }


class VectorField(SearchField):
    """A field of vectors: bytes in a hash (see `pack`), an array of numbers in JSON.

    *algorithm* is a `FLAT`, an `HNSW` or an `SVSVamana`.
    """

    __slots__ = ("algorithm",)
    kind = b"VECTOR"

    @explained
    def __init__(
        self,
        name: Key,
        algorithm: VectorAlgorithm,
        *,
        as_name: Key | None = None,
        indexmissing: bool = False,
    ) -> None:
        self.algorithm: Final = _algorithm(algorithm)
        super().__init__(name, as_name, indexmissing)
        check_flags(self, indexmissing=indexmissing)

    def pack(self, vector: Vector) -> bytes:
        """The bytes of *vector* for a hash or a query: of the index's type and dimensions.

        Numbers of another type are converted, bytes stay as they are.  Raises `DataError` if it
        has other dimensions, or a number that the type cannot hold.
        """
        algorithm = self.algorithm
        where = f"a vector for {excerpt(self.attribute, 40)}"
        return vector_bytes(vector, algorithm.type, dim=algorithm.dim, where=where)

    def options(self) -> tuple[Value, ...]:
        """The words after its type."""
        return (*self.algorithm.words, *super().options())

    def __repr__(self) -> str:
        given = [repr(self.name), repr(self.algorithm)]
        given += [f"as_name={self.as_name!r}"] if self.as_name is not None else []
        given += ["indexmissing=True"] if self.indexmissing else []
        return f"VectorField({', '.join(given)})"


def _algorithm(given: object) -> VectorAlgorithm:
    if not isinstance(given, VectorAlgorithm):
        raise DataTypeError(
            f"VectorField: algorithm is {excerpt(given, 40)}: give HNSW(dim=…, distance_metric=…), "
            "or a FLAT or an SVSVamana, which have the attributes"
        )
    return given


def _at_least(least: int, where: str, value: int) -> int:
    whole(where, value)
    if value < least:
        raise DataValueError(f"{where} is {value}: give {least} or more")
    return value


def _count(least: int, where: str, value: int | None) -> int | None:
    return None if value is None else _at_least(least, where, value)


def _fraction(where: str, value: float | None) -> float | None:
    if value is not None:
        number(where, value)
        if not 0 <= value < float("inf"):
            raise DataValueError(f"{where} is {value}: give a number, 0 or more")
    return value
