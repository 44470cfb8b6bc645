"""The functions that make queries: by words, tags, numbers, places, shapes and vectors.

Law: what a user typed stands in the text of a query escaped, as the words or tags that it is; vectors
and shapes stand in its parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal, TypeAlias, cast

from anyredis.commands.checks import natural
from anyredis.commands.modules.query import EVERYTHING, Nearest, Query, within
from anyredis.commands.modules.query_text import (
    field_name,
    number_text,
    one_word,
    pattern,
    tag_part,
    tag_value,
    words_in,
)
from anyredis.commands.modules.search_params import parameter
from anyredis.commands.vectors import Vector
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.wire.encode import Value

Fields: TypeAlias = str | Sequence[str] | None
"""The name of a field, several of them, or None for all TEXT fields."""

Unit: TypeAlias = Literal["m", "km", "mi", "ft"]
"""A unit of distance."""

Relation: TypeAlias = Literal["WITHIN", "CONTAINS", "INTERSECTS", "DISJOINT"]
"""How a shape in the index lies to the one in the query."""


# -- TEXT fields --------------------------------------------------------------------------------


def text(field: Fields, words: str, *, any_word: bool = False) -> Query:
    """The documents whose *field* has all *words*, in any order; with *any_word*, one of them.

    Punctuation separates words, as in a document; words that the index ignores (`the`) are
    ignored.  *field* is a name, several of them, or None for all TEXT fields.
    """
    found = words_in("text", words)
    return _in_field("text", field, f"({(' | ' if any_word else ' ').join(found)})")


def phrase(field: Fields, words: str) -> Query:
    """The documents whose *field* has *words* next to each other in this order.

    The index must keep the places of words, and none of them is one that it ignores.
    """
    return _in_field("phrase", field, f'"{" ".join(words_in("phrase", words))}"')


def prefix(field: Fields, start: str) -> Query:
    """The documents whose *field* has a word that begins with *start*, two characters or more."""
    return _in_field("prefix", field, f"({one_word('prefix', start)}*)")


def suffix(field: Fields, end: str) -> Query:
    """The documents whose *field* has a word that ends with *end*.

    It is fast if the field has a suffix trie.  Search 2.6.
    """
    return _in_field("suffix", field, f"(*{one_word('suffix', end)})")


def infix(field: Fields, part: str) -> Query:
    """The documents whose *field* has a word that contains *part*.

    It is fast if the field has a suffix trie.  Search 2.6.
    """
    return _in_field("infix", field, f"(*{one_word('infix', part)}*)")


def fuzzy(field: Fields, word: str, distance: int = 1) -> Query:
    """The documents whose *field* has *word*, or one that differs in up to *distance* letters.

    *distance* is 1, 2 or 3.
    """
    if distance not in (1, 2, 3):
        raise DataValueError(f"fuzzy: distance is {excerpt(distance, 80)}: give 1, 2 or 3")
    around = "%" * distance
    return _in_field("fuzzy", field, f"({around}{one_word('fuzzy', word)}{around})")


def wildcard(field: Fields, pattern_text: str) -> Query:
    """The documents whose *field* has a word of the pattern: `*` are any characters, `?` is one.

    A backslash before `*` or `?` takes it as it is.  Search 2.6.
    """
    return _in_field("wildcard", field, f"({pattern('wildcard', pattern_text)})")


def _in_field(where: str, field: Fields, content: str) -> Query:
    if field is None:
        return Query(content, single=True)
    names = [field] if isinstance(field, str) else field
    if not names:
        raise DataValueError(f"{where}: field is empty: give a name, or None for all TEXT fields")
    joined = "|".join(field_name(where, name) for name in names)
    return Query(f"@{joined}:{content}", single=True)


# -- TAG fields ---------------------------------------------------------------------------------


def tag(field: str, *values: str | Collection[str]) -> Query:
    """The documents whose *field* has one of the tags *values*, each taken whole."""
    flat = [
        each for value in values for each in ((value,) if isinstance(value, str) else _all(value))
    ]
    if not flat:
        raise DataValueError("tag: values is empty: give at least one")
    return _tags("tag", field, "|".join(tag_value("tag", each) for each in flat))


def _all(values: object) -> Collection[str]:
    if not isinstance(values, (list, tuple, set, frozenset)):
        raise DataTypeError(
            f"tag: {excerpt(values, 80)} is no text and no collection: give a str, such as str(1)"
        )
    return cast("Collection[str]", values)


def tag_prefix(field: str, start: str) -> Query:
    """The documents whose *field* has a tag that begins with *start*, two characters or more."""
    return _tags("tag_prefix", field, f"{tag_part('tag_prefix', start)}*")


def _tags(where: str, field: str, content: str) -> Query:
    return Query(f"@{field_name(where, field)}:{{{content}}}", single=True)


# -- NUMERIC and GEO fields ---------------------------------------------------------------------


class NumberRange(Query):
    """The query that `number` makes; a search takes it as a filter, too."""

    __slots__ = ("bounds", "field")

    def __init__(self, field: str, low: str, high: str) -> None:
        super().__init__(f"@{field_name('number', field)}:[{low} {high}]", single=True)
        self.field: Final = field.removeprefix("@")
        self.bounds: Final = (low, high)


class NearPoint(Query):
    """The query that `near` makes; a search takes it as a filter, too."""

    __slots__ = ("area", "field")

    def __init__(self, field: str, area: tuple[str, str, str, str]) -> None:
        super().__init__(f"@{field_name('near', field)}:[{' '.join(area)}]", single=True)
        self.field: Final = field.removeprefix("@")
        self.area: Final = area


def number(
    field: str,
    *,
    equal: float | None = None,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> NumberRange:
    """The documents whose number in *field* lies within the bounds; without any, all that have one.

    number("price", at_least=10, below=20)
    """
    if equal is not None:
        if not at_least is above is at_most is below is None:
            raise DataValueError("number: equal excludes the other bounds: give it alone")
        at_least = at_most = equal
    low = _bound("at_least", at_least, "above", above, "-inf")
    return NumberRange(field, low, _bound("at_most", at_most, "below", below, "+inf"))


def _bound(
    name: str, bound: float | None, strict_name: str, strict: float | None, none: str
) -> str:
    if bound is not None and strict is not None:
        raise DataValueError(f"number: {name} and {strict_name} exclude each other: give one")
    if strict is not None:
        return f"({number_text(f'number: {strict_name}', strict)}"
    return none if bound is None else number_text(f"number: {name}", bound)


def near(
    field: str, longitude: float, latitude: float, radius: float, unit: Unit = "m"
) -> NearPoint:
    """The documents whose place in *field* is at most *radius* away from the point."""
    if unit not in ("m", "km", "mi", "ft"):
        raise DataValueError(f"near: unit is {excerpt(unit, 80)}: give m, km, mi or ft")
    east, north = number_text("near: longitude", longitude), number_text("near: latitude", latitude)
    return NearPoint(field, (east, north, number_text("near: radius", radius), unit))


def geoshape(field: str, relation: Relation, shape: str, *, param: str = "shape") -> Query:
    """The documents whose shape in *field* has this *relation* to *shape*, in well-known text.

    *shape* is sent as the parameter *param*.  Search 2.8; CONTAINS and WITHIN only, the others
    Search 2.10.
    """
    if relation not in ("WITHIN", "CONTAINS", "INTERSECTS", "DISJOINT"):
        raise DataValueError(
            f"geoshape: relation is {excerpt(relation, 80)}: give WITHIN, CONTAINS, INTERSECTS or "
            "DISJOINT"
        )
    name = _name("geoshape: param", param)
    content = f"@{field_name('geoshape', field)}:[{relation} ${name}]"
    return Query(content, ((name, shape),), single=True)


def missing(field: str) -> Query:
    """The documents without *field*, which the index has with INDEXMISSING.  Search 2.10."""
    return Query(f"ismissing(@{field_name('missing', field)})", single=True)


# -- VECTOR fields ------------------------------------------------------------------------------


def knn(
    field: str,
    vector: Vector,
    k: int = 10,
    *,
    where: Query = EVERYTHING,
    score_as: str | None = None,
    ef_runtime: int | None = None,
    param: str = "vector",
) -> Query:
    """The *k* documents whose vector in *field* is nearest to *vector*, of those that match *where*.

    The distance is a field of the result: *score_as*, by default `__field_score`; sort by it.
    *ef_runtime* are the candidates that an HNSW index looks at.  The vector is sent as the parameter
    *param*: numbers as floats of 32 bits, bytes as they are.  Search 2.4.
    """
    natural("knn: k", k)
    name = _name("knn: param", param)
    words = f"KNN {k} @{field_name('knn', field)} ${name}"
    if ef_runtime is not None:
        natural("knn: ef_runtime", ef_runtime)
        words += f" EF_RUNTIME {ef_runtime}"
    if score_as is not None:
        words += f" AS {_name('knn: score_as', score_as)}"
    filtered = where.text if where == EVERYTHING else _alone(where)
    if name in dict(where.params):
        raise DataValueError(f"knn: where has a parameter ${name}, too: give another by param=")
    return Nearest(f"{filtered}=>[{words}]", (*where.params, (name, _sent("knn", vector))))


def _alone(part: Query) -> str:
    text = within(part)
    return f"({text})" if part.single else text


def vector_range(
    field: str,
    vector: Vector,
    radius: float,
    *,
    score_as: str | None = None,
    epsilon: float | None = None,
    param: str = "vector",
) -> Query:
    """The documents whose vector in *field* is at most *radius* away from *vector*.

    The distance is the field *score_as* of the result, if given.  *epsilon* widens the search of an
    HNSW index.  The vector is sent as the parameter *param*.  Search 2.6.
    """
    name = _name("vector_range: param", param)
    size = number_text("vector_range: radius", radius)
    words = f"@{field_name('vector_range', field)}:[VECTOR_RANGE {size} ${name}]"
    attributes: list[str] = []
    if score_as is not None:
        attributes.append(f"$YIELD_DISTANCE_AS: {_name('vector_range: score_as', score_as)};")
    if epsilon is not None:
        attributes.append(f"$EPSILON: {number_text('vector_range: epsilon', epsilon)};")
    told = f"=>{{{' '.join(attributes)}}}" if attributes else ""
    return Query(words + told, ((name, _sent("vector_range", vector)),), single=not attributes)


def _sent(where: str, vector: Vector) -> Value:
    """The vector as bytes."""
    if isinstance(vector, (str, int, float)):
        raise DataTypeError(f"{where}: vector is {excerpt(vector, 80)}: give numbers, or bytes")
    return parameter(f"{where}: vector", vector)


def _name(where: str, name: str) -> str:
    """The name of a parameter or a score; raises `DataValueError` unless it is letters and digits."""
    if not isinstance(name, str) or not (name.isascii() and name.replace("_", "a").isalnum()):
        raise DataValueError(
            f"{where} is {excerpt(name, 80)}: give letters, digits and underscores"
        )
    return name
