"""The steps of an aggregation as values: load, group, sort, apply, filter, limit.

Law: the steps are sent in the order in which they are given, and each works on the rows of the one
before.  Names of fields may be given with or without the `@` that the server wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias, cast

from anyredis.commands.checks import natural, number
from anyredis.commands.modules.search_options import (
    SortOrder,
    limit_words,
    option_words,
    pair_of_texts,
)
from anyredis.commands.modules.search_params import refuse_foreign
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen
from anyredis.wire.encode import Value

Words: TypeAlias = tuple[Value, ...]


class Step(Frozen):
    """A step of an aggregation, as `load`, `group_by` and the other functions make it."""

    __slots__ = ("words",)

    def __init__(self, *words: Value) -> None:
        self.words: Final = words
        """The words that are sent."""


class Reducer(Frozen):
    """What a group of rows becomes: `Reducer.count()`, `Reducer.avg("price", as_="mean")`.

    The value of the group stands in the row as *as_*, by default under a name that the server makes.
    """

    __slots__ = ("args", "as_", "name")

    def __init__(self, name: str, *args: Value, as_: str | None = None) -> None:
        if not isinstance(name, str) or (as_ is not None and not isinstance(as_, str)):
            raise DataTypeError("Reducer: name and as_ are texts")
        self.name: Final = name
        self.args: Final = args
        self.as_: Final = as_

    @property
    def words(self) -> Words:
        """REDUCE and its arguments."""
        named = option_words(b"AS", self.as_)
        return (b"REDUCE", self.name, len(self.args), *self.args, *named)

    @classmethod
    def count(cls, as_: str | None = None) -> Reducer:
        """The number of rows."""
        return cls("COUNT", as_=as_)

    @classmethod
    def count_distinct(cls, field: str, as_: str | None = None) -> Reducer:
        """The number of different values of *field*."""
        return cls("COUNT_DISTINCT", property_name(field), as_=as_)

    @classmethod
    def count_distinctish(cls, field: str, as_: str | None = None) -> Reducer:
        """The number of different values of *field*, estimated in little memory."""
        return cls("COUNT_DISTINCTISH", property_name(field), as_=as_)

    @classmethod
    def sum(cls, field: str, as_: str | None = None) -> Reducer:
        """The sum of *field*."""
        return cls("SUM", property_name(field), as_=as_)

    @classmethod
    def min(cls, field: str, as_: str | None = None) -> Reducer:
        """The least number in *field*."""
        return cls("MIN", property_name(field), as_=as_)

    @classmethod
    def max(cls, field: str, as_: str | None = None) -> Reducer:
        """The greatest number in *field*."""
        return cls("MAX", property_name(field), as_=as_)

    @classmethod
    def avg(cls, field: str, as_: str | None = None) -> Reducer:
        """The mean of *field*."""
        return cls("AVG", property_name(field), as_=as_)

    @classmethod
    def stddev(cls, field: str, as_: str | None = None) -> Reducer:
        """The standard deviation of *field*."""
        return cls("STDDEV", property_name(field), as_=as_)

    @classmethod
    def quantile(cls, field: str, quantile: float, as_: str | None = None) -> Reducer:
        """The value below which the part *quantile* (0 to 1) of *field* lies; 0.5 is the median."""
        number("Reducer.quantile: quantile", quantile)
        if not 0 <= quantile <= 1:
            raise DataValueError(f"Reducer.quantile: quantile is {quantile}: give 0 to 1")
        return cls("QUANTILE", property_name(field), quantile, as_=as_)

    @classmethod
    def tolist(cls, field: str, as_: str | None = None) -> Reducer:
        """A list of the different values of *field*."""
        return cls("TOLIST", property_name(field), as_=as_)

    @classmethod
    def first_value(
        cls, field: str, by: str | SortOrder | None = None, as_: str | None = None
    ) -> Reducer:
        """The value of *field* in the first row, in the order of *by* (a name, `asc`, `desc`)."""
        order: Words = ()
        if by is not None:
            chosen = _order(by)
            order = (b"BY", property_name(chosen.field), chosen.direction)
        return cls("FIRST_VALUE", property_name(field), *order, as_=as_)

    @classmethod
    def random_sample(cls, field: str, size: int, as_: str | None = None) -> Reducer:
        """A list of up to *size* values of *field*, at most 1000, chosen at random."""
        natural("Reducer.random_sample: size", size)
        return cls("RANDOM_SAMPLE", property_name(field), size, as_=as_)


def property_name(field: str) -> str:
    """*field* with the `@` in front; raises `DataTypeError` if it is no name."""
    if not isinstance(field, str) or not field.removeprefix("@"):
        raise DataTypeError(f"a field is {excerpt(field, 80)}: give its name")
    return field if field.startswith("@") else f"@{field}"


def _order(by: object) -> SortOrder:
    if isinstance(by, SortOrder):
        return by
    refuse_foreign("sort_by", by)
    return SortOrder(cast("str", by))


def load(*fields: str | tuple[str, str]) -> Step:
    """Load *fields* of the documents: names, paths such as `$.price`, or pairs (field, name).

    Sortable fields are there without it; all others take time.
    """
    words: list[Value] = []
    for field in fields:
        path, *name = (field,) if isinstance(field, str) else pair_of_texts("load", field)
        words.append(path if path.startswith("$") else property_name(path))
        words += (b"AS", *name) if name else ()
    if not words:
        raise DataValueError("load: fields is empty: give at least one, or write load_all()")
    return Step(b"LOAD", len(words), *words)


def load_all() -> Step:
    """Load all fields of the documents; of JSON documents the text under `$`.  Search 2.4.16."""
    return Step(b"LOAD", b"*")


def group_by(fields: str | Sequence[str], *reducers: Reducer) -> Step:
    """One row for each combination of the values of *fields*, with what *reducers* make of it.

    Without fields, `[]`, all rows are one group.
    """
    names = [fields] if isinstance(fields, str) else fields
    if not isinstance(names, (list, tuple)):
        raise DataTypeError(f"group_by: fields is {excerpt(fields, 80)}: give a name or a list")
    words: list[Value] = [b"GROUPBY", len(names), *map(property_name, names)]
    for each in reducers:
        if not isinstance(each, Reducer):
            refuse_foreign("group_by", each)
            raise DataTypeError(
                f"group_by: {excerpt(each, 80)} is no reducer: give Reducer.count() or another"
            )
        words += each.words
    return Step(*words)


def sort_by(*orders: str | SortOrder, max: int | None = None) -> Step:
    """Sort the rows by one field after the other; with *max* only the first rows are kept.

    sort_by(desc("count"), "name", max=10)
    """
    if not orders:
        raise DataValueError("sort_by: orders is empty: give at least one field")
    words: list[Value] = []
    for each in map(_order, orders):
        words += (property_name(each.field), each.direction)
    if max is None:
        return Step(b"SORTBY", len(words), *words)
    natural("sort_by: max", max)
    return Step(b"SORTBY", len(words), *words, b"MAX", max)


def apply(expression: str, as_: str) -> Step:
    """Add the value of *expression* to each row as *as_*: `apply("@price * 2", "double")`."""
    return Step(b"APPLY", _expression("apply", expression), b"AS", _expression("apply: as_", as_))


def filter_by(expression: str) -> Step:
    """Keep the rows for which *expression* is true: `filter_by("@count > 10")`."""
    return Step(b"FILTER", _expression("filter_by", expression))


def limit(offset: int, count: int) -> Step:
    """Keep *count* rows, after the first *offset*."""
    return Step(*limit_words("limit", (offset, count)))


def _expression(where: str, text: str) -> str:
    if not isinstance(text, str) or not text:
        raise DataTypeError(f"{where}: {excerpt(text, 80)} is no text: give an expression")
    return text


def step_words(command: str, steps: Sequence[Step]) -> Words:
    """The words of all *steps*; raises `DataTypeError` for what is none."""
    words: list[Value] = []
    for each in steps:
        if not isinstance(each, Step):
            refuse_foreign(command, each)
            raise DataTypeError(
                f"{command}: steps has {excerpt(each, 80)}, which is no step: give load(…), "
                "group_by(…), sort_by(…), apply(…), filter_by(…) or limit(…)"
            )
        words += each.words
    return tuple(words)
