"""The parts of a hybrid search: its vector query, and how the two lists of results become one."""

from __future__ import annotations

from typing import Final

from anyredis.commands.checks import natural, number
from anyredis.commands.modules.aggregate_steps import property_name
from anyredis.commands.modules.search_params import Parameters, QueryText, parameter, query_of
from anyredis.commands.vectors import Vector
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen
from anyredis.wire.encode import Value


class VectorQuery(Frozen):
    """The documents nearest to *vector* in *field*: the *k* nearest, or all within *radius*.

    Without either, the server takes the ten nearest.  *ef_runtime* (with *k*) and *epsilon* (with
    *radius*) widen the search of an HNSW index.  Only documents that match *filter* count.  The
    score of this part is the value *score_as* of a row, if given.  The vector is sent as the
    parameter *param*: numbers as floats of 32 bits, bytes as they are.
    """

    __slots__ = ("params", "words")

    def __init__(
        self,
        field: str,
        vector: Vector,
        *,
        k: int | None = None,
        ef_runtime: int | None = None,
        radius: float | None = None,
        epsilon: float | None = None,
        filter: QueryText | None = None,
        score_as: str | None = None,
        param: str = "vector",
    ) -> None:
        if not isinstance(param, str) or not (param.isascii() and param.isidentifier()):
            raise DataValueError(f"VectorQuery: param is {excerpt(param, 80)}: give a name")
        own: Parameters = ((param, parameter("VectorQuery: vector", vector)),)
        words: list[Value] = [b"VSIM", property_name(field), f"${param}"]
        words += _method(k, ef_runtime, radius, epsilon)
        if score_as is not None:
            words += (b"YIELD_SCORE_AS", score_as)
        if filter is not None:
            text, more = query_of("VectorQuery: filter", filter)
            if param in dict(more):
                raise DataValueError(f"VectorQuery: filter has a parameter ${param}, too")
            words += (b"FILTER", text)
            own += more
        self.words: Final = tuple(words)
        """VSIM and its arguments."""
        self.params: Final = own
        """The vector, and the parameters of the filter."""


def _method(
    k: int | None, ef_runtime: int | None, radius: float | None, epsilon: float | None
) -> tuple[Value, ...]:
    """KNN or RANGE, with the number of words that follow."""
    if k is not None and radius is not None:
        raise DataValueError("VectorQuery: k and radius exclude each other: give one of them")
    if (ef_runtime is not None and k is None) or (epsilon is not None and radius is None):
        raise DataValueError("VectorQuery: ef_runtime goes with k, and epsilon with radius")
    for name, count in (("k", k), ("ef_runtime", ef_runtime)):
        if count is not None:
            natural(f"VectorQuery: {name}", count)
    for name, size in (("radius", radius), ("epsilon", epsilon)):
        if size is not None:
            number(f"VectorQuery: {name}", size)
    if k is not None:
        return _counted(b"KNN", K=k, EF_RUNTIME=ef_runtime)
    return () if radius is None else _counted(b"RANGE", RADIUS=radius, EPSILON=epsilon)


def _counted(token: bytes, **options: Value | None) -> tuple[Value, ...]:
    """*token*, the number of words of those *options* that are given, and the words."""
    words: list[Value] = []
    for name, value in options.items():
        if value is not None:
            words += (name.encode(), value)
    return (token, len(words), *words)


class Combine(Frozen):
    """How the results of text and vector become one list: `Combine.rrf()`, `Combine.linear(…)`.

    *window* are the results of each that are looked at.  The score of both is the value *score_as*
    of a row, by default `__score`.
    """

    __slots__ = ("words",)

    def __init__(self, *words: Value) -> None:
        if not words:
            raise DataTypeError("Combine: write Combine.rrf(…) or Combine.linear(alpha, beta)")
        self.words: Final = words
        """COMBINE and its arguments."""

    @classmethod
    def rrf(
        cls,
        *,
        constant: float | None = None,
        window: int | None = None,
        score_as: str | None = None,
    ) -> Combine:
        """Reciprocal rank fusion, the default: 1 / (*constant* + rank), summed over both lists."""
        if constant is not None:
            number("Combine.rrf: constant", constant)
        if window is not None:
            natural("Combine.rrf: window", window)
        if constant is None and window is None and score_as is None:
            return cls(b"COMBINE", b"RRF", 0)
        words = _counted(b"RRF", CONSTANT=constant, WINDOW=window, YIELD_SCORE_AS=score_as)
        return cls(b"COMBINE", *words)

    @classmethod
    def linear(
        cls,
        alpha: float,
        beta: float,
        *,
        window: int | None = None,
        score_as: str | None = None,
    ) -> Combine:
        """*alpha* times the score of the text plus *beta* times that of the vector."""
        number("Combine.linear: alpha", alpha)
        number("Combine.linear: beta", beta)
        if window is not None:
            natural("Combine.linear: window", window)
        words = _counted(b"LINEAR", ALPHA=alpha, BETA=beta, WINDOW=window, YIELD_SCORE_AS=score_as)
        return cls(b"COMBINE", *words)
