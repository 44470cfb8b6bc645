"""The query of a search command and its parameters, as words.

Law: a query is text or a `Query`; the classes of redis-py are refused with ours named.  Vectors
among the parameters are sent as floats of 32 bits, bytes as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias, cast

from anyredis.commands.checks import natural
from anyredis.commands.vectors import Vector, vector_bytes
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.wire.encode import Key, Value

Parameters: TypeAlias = tuple[tuple[str, Value], ...]
"""Names and values for PARAMS."""

DIALECT: Final = 2
"""The dialect of the query language that is asked for, unless another is given."""

_SCALARS: Final = (str, bytes, bytearray, int, float)


class CarriesParameters(Protocol):
    """A query with the values of its parameters."""

    @property
    def params(self) -> Parameters:
        """Names and values for PARAMS."""
        ...

    @property
    def text(self) -> str:
        """The query."""
        ...


QueryText: TypeAlias = Key | CarriesParameters
"""A query: text in the server's query language, or a value that `anyredis.search` makes."""


class SupportsParams(Protocol):
    """Names and values: any mapping; not `Mapping[str, …]`, whose values do not widen."""

    def items(self) -> object:
        """Each name with its value."""
        ...

    def __len__(self) -> int:
        """The number of names."""
        ...


def parameter(where: str, value: object) -> Value:
    """*value* as it is sent for a parameter: numbers in a list or an array are one vector."""
    if isinstance(value, memoryview):
        return value.tobytes()
    if isinstance(value, _SCALARS) and not isinstance(value, bool):
        return value
    if value is None or isinstance(value, bool):
        raise DataTypeError(f"{where} is {value}: give text, a number, bytes or a vector")
    return vector_bytes(cast("Vector", value), where=where)


def query_words(
    command: str,
    query: QueryText,
    params: Mapping[str, Value | Vector] | None,
    dialect: int | None,
) -> tuple[Value, tuple[Value, ...]]:
    """The text of *query*, and the words that come last: PARAMS and DIALECT."""
    text, found = query_of(command, query)
    words = params_words(command, found, params)
    if dialect is None:
        return text, words
    natural(f"{command}: dialect", dialect)
    return text, (*words, b"DIALECT", dialect)


def query_of(command: str, query: QueryText) -> tuple[Value, Parameters]:
    """The text of *query*, with its own parameters; raises `DataTypeError` if it is none."""
    if isinstance(query, (str, bytes, bytearray, memoryview)):
        return query, ()
    refuse_foreign(command, query)
    if not isinstance(getattr(query, "params", None), tuple):
        raise DataTypeError(
            f"{command}: query is {excerpt(query, 80)}: give text, or a query of anyredis.search"
        )
    return query.text, query.params


def params_words(
    command: str, own: Parameters, params: Mapping[str, Value | Vector] | None
) -> tuple[Value, ...]:
    """PARAMS with the query's *own* parameters and the caller's."""
    if params is not None and not isinstance(params, Mapping):
        raise DataTypeError(f"{command}: params is {excerpt(params, 80)}: give a mapping by name")
    found: dict[str, Value] = dict(own)
    for name, value in cast("Mapping[str, object]", params or {}).items():
        if not isinstance(name, str):
            raise DataTypeError(f"{command}: params: {excerpt(name, 80)} is no name: give a str")
        if name in found:
            raise DataValueError(f"{command}: params: the query has a value for {name!r} already")
        found[name] = parameter(f"{command}: params[{excerpt(name, 40)}]", value)
    if not found:
        return ()
    return (b"PARAMS", 2 * len(found), *(word for pair in found.items() for word in pair))


_OURS: Final = {
    "AggregateRequest": "aggregate(index, query, load(…), group_by(…), sort_by(…))",
    "Cursor": "cursor_read(index, cursor), or `async with aggregate_iter(…)`",
    "HybridQuery": "hybrid(index, query, VectorQuery(field, vector))",
    "Query": "search(index, text, limit=(0, 10), return_fields=[…], sortby=…)",
}


def refuse_foreign(command: str, value: object) -> None:
    """Raise `DataTypeError` for an object of redis-py, which says what to write instead."""
    kind = type(value)
    if kind.__module__.partition(".")[0] not in ("redis", "valkey"):
        return
    ours = _OURS.get(kind.__name__, "the functions and classes of anyredis.search")
    raise DataTypeError(
        f"{command}: a {kind.__name__} of {kind.__module__} is not taken here: write {ours}"
    )
