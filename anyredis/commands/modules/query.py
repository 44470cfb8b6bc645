"""A query as a value: a text with its parameters, joined with others by `&`, `|` and `~`.

Law: `str()` of a query is what is sent.  It does not change, and is neither true nor false.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

from anyredis.commands.checks import natural
from anyredis.commands.modules.query_text import number_text
from anyredis.commands.modules.search_params import Parameters
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen
from anyredis.wire.encode import Value


class Query(Frozen):
    """A query: *text* in the server's query language, with the values of its `$parameters`.

    The text is taken as it is, so it is for queries that you write; text of users belongs into
    `text`, `tag` and the other functions of `anyredis.search`, or into *params*.  `a & b` are the
    documents of both, `a | b` those of either, `~a` all others.
    """

    __slots__ = ("params", "single", "text")

    def __init__(self, text: str, params: Parameters = (), *, single: bool = False) -> None:
        if not isinstance(text, str) or not text.strip():
            raise DataTypeError(f"Query: text is {excerpt(text, 80)}: give a query, such as '*'")
        self.text: Final = text
        self.params: Final = params
        """Names and values for PARAMS."""
        self.single: Final = single
        """Whether it may stand beside others without parentheses."""

    def __str__(self) -> str:
        return self.text

    def __and__(self, other: Query) -> Query:
        return all_of(self, other)

    def __or__(self, other: Query) -> Query:
        return any_of(self, other)

    def __invert__(self) -> Query:
        if self == EVERYTHING:
            raise DataValueError("~EVERYTHING matches nothing: the server takes no such query")
        return Query(f"-{within(self)}", self.params)

    def __bool__(self) -> NoReturn:
        raise DataTypeError(
            "a query is neither true nor false: write a & b for `and`, a | b for `or`, ~a for `not`"
        )

    def optional(self) -> Query:
        """All documents; those that match this query have a higher score."""
        return Query(f"~{within(self)}", self.params)

    def with_attributes(
        self,
        *,
        weight: float | None = None,
        slop: int | None = None,
        inorder: bool | None = None,
        phonetic: bool | None = None,
    ) -> Query:
        """The same documents, with other attributes for the score and the places of words.

        *weight* multiplies the score of this part.  Between its words are at most *slop* others,
        and with *inorder* they come in this order.  *phonetic*: words that sound alike match.
        """
        words: list[str] = []
        if weight is not None:
            words.append(f"$weight: {number_text('with_attributes: weight', weight)};")
        if slop is not None:
            natural("with_attributes: slop", slop)
            words.append(f"$slop: {slop};")
        for name, flag in (("inorder", inorder), ("phonetic", phonetic)):
            if flag is not None:
                words.append(f"${name}: {'true' if flag else 'false'};")
        if not words:
            raise DataValueError("with_attributes: give at least one attribute")
        return Query(f"{within(self)}=>{{{' '.join(words)}}}", self.params)


class Nearest(Query):
    """The query that `knn` makes: it stands alone, its filter inside."""

    __slots__ = ()


EVERYTHING: Final = Query("*", single=True)
"""All documents of the index."""


def within(part: Query) -> str:
    """The text of *part* inside a larger query; raises `DataTypeError` for one that stands alone."""
    if not isinstance(part, Query):
        raise DataTypeError(
            f"{excerpt(part, 80)} is no query: write Query(text) for text in the query language, or "
            "text(field, words) for words of a user"
        )
    if isinstance(part, Nearest):
        raise DataTypeError("knn(…) is the whole query: give the others as knn(…, where=query)")
    return part.text if part.single else f"({part.text})"


def _joined(parts: Sequence[Query], between: str) -> Query:
    text = between.join(within(part) for part in parts)
    found: dict[str, Value] = {}
    for name, value in (pair for part in parts for pair in part.params):
        if name in found and found[name] != value:
            raise DataValueError(
                f"two parts of the query have a parameter ${name}: give one another name by param="
            )
        found[name] = value
    return Query(text, tuple(found.items()))


def all_of(*parts: Query) -> Query:
    """The documents that match each of *parts*: `a & b`."""
    some = [part for part in parts if part != EVERYTHING]
    if len(some) < 2:
        return some[0] if some else EVERYTHING
    return _joined(some, " ")


def any_of(*parts: Query) -> Query:
    """The documents that match at least one of *parts*: `a | b`."""
    if not parts:
        raise DataValueError("any_of: give at least one query")
    if EVERYTHING in parts:
        return EVERYTHING
    return parts[0] if len(parts) == 1 else _joined(parts, " | ")
