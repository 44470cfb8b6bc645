"""The options of FT.SEARCH as words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias, cast

from anyredis.commands.checks import natural
from anyredis.commands.group import MILLISECOND, Milliseconds, duration
from anyredis.commands.modules.query_builder import NearPoint, NumberRange
from anyredis.commands.modules.search_params import refuse_foreign
from anyredis.commands.several import SomeKeys, any_keys
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen
from anyredis.wire.encode import Value

ReturnFields: TypeAlias = Sequence[str | tuple[str, str]]
"""Fields to return: names, or JSON paths with the names that they get: `("$.price", "price")`."""

SearchFilter: TypeAlias = NumberRange | NearPoint
"""What `number` and `near` make."""


class SortOrder(Frozen):
    """A field to sort by, as `asc` and `desc` make it."""

    __slots__ = ("descending", "field")

    def __init__(self, field: str, *, descending: bool = False) -> None:
        if not isinstance(field, str) or not field.removeprefix("@"):
            raise DataTypeError(f"the field to sort by is {excerpt(field, 80)}: give its name")
        self.field: Final = field.removeprefix("@")
        self.descending: Final = descending

    @property
    def direction(self) -> bytes:
        """ASC or DESC."""
        return b"DESC" if self.descending else b"ASC"


def asc(field: str) -> SortOrder:
    """The least value of *field* first."""
    return SortOrder(field)


def desc(field: str) -> SortOrder:
    """The greatest value of *field* first."""
    return SortOrder(field, descending=True)


class Highlight(Frozen):
    """The words that were found, between *tags*, in *fields* (by default in all).

    *tags* are two texts, by default `<b>` and `</b>`.
    """

    __slots__ = ("fields", "tags")

    def __init__(self, *fields: str, tags: tuple[str, str] | None = None) -> None:
        _check_names("Highlight", fields)
        if tags is not None and not (
            isinstance(tags, (tuple, list)) and [type(each) for each in tags] == [str, str]
        ):
            raise DataValueError(f"Highlight: tags is {excerpt(tags, 80)}: give a pair of texts")
        self.fields: Final = fields
        self.tags: Final = tags

    @property
    def words(self) -> tuple[Value, ...]:
        """HIGHLIGHT and its arguments."""
        tags = (b"TAGS", *self.tags) if self.tags is not None else ()
        return (b"HIGHLIGHT", *_fields_words(self.fields), *tags)


class Summarize(Frozen):
    """Fragments around the words that were found, in place of the whole text of *fields*.

    There are at most *frags* of about *len* words each, with *separator* between them; the server's
    defaults are 3, 20 and `...`.
    """

    __slots__ = ("fields", "frags", "len", "separator")

    def __init__(
        self,
        *fields: str,
        frags: int | None = None,
        len: int | None = None,
        separator: str | None = None,
    ) -> None:
        _check_names("Summarize", fields)
        for name, count in (("frags", frags), ("len", len)):
            if count is not None:
                natural(f"Summarize: {name}", count)
        self.fields: Final = fields
        self.frags: Final = frags
        self.len: Final = len
        self.separator: Final = separator

    @property
    def words(self) -> tuple[Value, ...]:
        """SUMMARIZE and its arguments."""
        words: list[Value] = [b"SUMMARIZE", *_fields_words(self.fields)]
        for token, value in (
            (b"FRAGS", self.frags),
            (b"LEN", self.len),
            (b"SEPARATOR", self.separator),
        ):
            if value is not None:
                words += (token, value)
        return tuple(words)


def _check_names(where: str, fields: tuple[object, ...]) -> None:
    for field in fields:
        if not isinstance(field, str):
            raise DataTypeError(f"{where}: {excerpt(field, 80)} is no field: give names")


def _fields_words(fields: tuple[str, ...]) -> tuple[Value, ...]:
    return (b"FIELDS", len(fields), *fields) if fields else ()


def counted(command: str, token: bytes, argument: str, given: SomeKeys | None) -> tuple[Value, ...]:
    """*token*, the number of names that are *given*, and the names; nothing for None."""
    if given is None:
        return ()
    names = any_keys(command, argument, given)
    if not names:
        raise DataValueError(f"{command}: {argument} is empty: give at least one, or leave it out")
    return (token, len(names), *names)


def return_words(command: str, fields: ReturnFields | None) -> tuple[Value, ...]:
    """RETURN with names and aliases; nothing for None."""
    if fields is None:
        return ()
    if isinstance(fields, str) or not isinstance(fields, (list, tuple)):
        raise DataTypeError(
            f"{command}: return_fields is {excerpt(fields, 80)}: give a list of names, or of pairs "
            "(path, name)"
        )
    words: list[Value] = []
    for field in fields:
        path, *name = (field,) if isinstance(field, str) else pair_of_texts(command, field)
        words += (path, b"AS", *name) if name else (path,)
    if not words:
        raise DataValueError(f"{command}: return_fields is empty: write nocontent=True")
    return (b"RETURN", len(words), *words)


def pair_of_texts(where: str, given: object) -> tuple[str, str]:
    """*given* if it is a pair of texts; raises `DataTypeError` otherwise."""
    shown, parts = excerpt(given, 80), tuple[object, ...]()
    if isinstance(given, tuple):
        parts = cast("tuple[object, ...]", given)
    if len(parts) != 2 or not all(isinstance(each, str) for each in parts):
        raise DataTypeError(f"{where}: {shown}: give a name, or a pair of texts")
    return cast("tuple[str, str]", parts)


def sort_words(command: str, sortby: str | SortOrder | None) -> tuple[Value, ...]:
    """SORTBY with one field; nothing for None."""
    if sortby is None:
        return ()
    if isinstance(sortby, SortOrder):
        return (b"SORTBY", sortby.field, sortby.direction)
    refuse_foreign(command, sortby)
    if not isinstance(sortby, str):
        raise DataTypeError(
            f"{command}: sortby is {excerpt(sortby, 80)}: give a name, asc(name) or desc(name)"
        )
    return (b"SORTBY", sortby.removeprefix("@"))


def limit_words(command: str, limit: tuple[int, int] | None) -> tuple[Value, ...]:
    """LIMIT with the offset and the number of documents or rows; nothing for None."""
    if limit is None:
        return ()
    if not isinstance(limit, (tuple, list)) or len(limit) != 2:
        raise DataTypeError(f"{command}: limit is {excerpt(limit, 80)}: give (offset, count)")
    offset, count = limit
    natural(f"{command}: limit[0]", offset)
    natural(f"{command}: limit[1]", count)
    return (b"LIMIT", offset, count)


def filter_words(command: str, filters: Sequence[SearchFilter] | None) -> tuple[Value, ...]:
    """FILTER and GEOFILTER."""
    words: list[Value] = []
    for each in filters or ():
        if isinstance(each, NumberRange):
            words += (b"FILTER", each.field, *each.bounds)
        elif isinstance(each, NearPoint):
            words += (b"GEOFILTER", each.field, *each.area)
        else:
            refuse_foreign(command, each)
            raise DataTypeError(
                f"{command}: filters has {excerpt(each, 80)}: give number(…) or near(…)"
            )
    return tuple(words)


def option_words(token: bytes, value: Value | None) -> tuple[Value, ...]:
    """*token* and *value*; nothing for None."""
    return () if value is None else (token, value)


def milliseconds_words(token: bytes, name: str, value: Milliseconds | None) -> tuple[Value, ...]:
    """*token* and the milliseconds of *value*; nothing for None."""
    if value is None:
        return ()
    number = duration(value, MILLISECOND)
    natural(name, number)
    return (token, number)
