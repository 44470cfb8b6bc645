"""The fields of an index: what `client.ft.create` and `client.ft.alter` take as a schema.

Law: a field is a value that knows the words of FT.CREATE for it.  Options that the server would
refuse, ignore or read as the name of another field are refused when the field is made.  An option
that is None or False is not sent: the server's default holds.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, TypeAlias, cast

from anyredis.commands.checks import flag, number
from anyredis.commands.group import choice, flags
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen
from anyredis.unfit_calls import explained
from anyredis.wire.encode import Key, Value

Phonetic: TypeAlias = Literal["dm:en", "dm:fr", "dm:pt", "dm:es"]
"""Double metaphone for English, French, Portuguese or Spanish."""

_PHONETICS: Final = ("dm:en", "dm:fr", "dm:pt", "dm:es")

CoordinateSystem: TypeAlias = Literal["SPHERICAL", "FLAT"]
"""Longitudes and latitudes on the globe, or x and y in a plane."""


class SearchField(Frozen):
    """A field of an index: the base of those below.

    *name* is a field of a hash or a JSON path, *as_name* its name in queries.
    """

    __slots__ = ("as_name", "indexmissing", "name")

    kind: ClassVar[bytes]
    """The word of FT.CREATE for the type."""

    def __init__(self, name: Key, as_name: Key | None, indexmissing: bool) -> None:
        self.name: Final = _name_in_schema(self, "name", name)
        self.as_name: Final = None if as_name is None else _name_in_schema(self, "as_name", as_name)
        self.indexmissing: Final = indexmissing
        """Whether `ismissing(@field)` finds the documents without it (Search 2.10)."""

    @property
    def attribute(self) -> Key:
        """Its name in queries."""
        return self.name if self.as_name is None else self.as_name

    @property
    def words(self) -> tuple[Value, ...]:
        """The words of FT.CREATE for it, in the one order that all servers take."""
        renamed: tuple[Value, ...] = () if self.as_name is None else (b"AS", self.as_name)
        return (self.name, *renamed, self.kind, *self.options())

    def options(self) -> tuple[Value, ...]:
        """The words after its type."""
        return flags(indexmissing=self.indexmissing)

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name in self._shown if name != "name"]
        given = [f"{name}={value!r}" for name, value in values if value not in (None, False)]
        return f"{type(self).__name__}({', '.join((repr(self.name), *given))})"


class SortableField(SearchField):
    """A field by whose values results can be sorted: the base of those below but vectors."""

    __slots__ = ("noindex", "sortable", "unf")

    def __init__(
        self,
        name: Key,
        as_name: Key | None,
        indexmissing: bool,
        sortable: bool,
        unf: bool,
        noindex: bool,
        indexempty: bool = False,
    ) -> None:
        super().__init__(name, as_name, indexmissing)
        self.sortable: Final = sortable
        """Whether its values are kept beside the index, for sorting and for RETURN."""
        self.unf: Final = unf
        """Whether they are kept as they are: not in lower case, with diacritics."""
        self.noindex: Final = noindex
        """Whether no query finds by it: it is for sorting alone."""
        check_flags(self, indexmissing=indexmissing, sortable=sortable, unf=unf, noindex=noindex)
        if unf and not sortable:
            raise wrong(self, "unf is about values for sorting: give sortable=True too")
        if noindex and not sortable:
            raise wrong(self, "it is neither indexed nor sortable: leave it out of the schema")
        for option, given in (("indexmissing", indexmissing), ("indexempty", indexempty)):
            if noindex and given:
                raise wrong(self, f"noindex and {option} exclude each other: give one of them")

    def options(self) -> tuple[Value, ...]:
        """The words after its type; servers read SORTABLE, UNF and NOINDEX at the end only."""
        last = flags(sortable=self.sortable, unf=self.unf, noindex=self.noindex)
        return (*self.own_options(), *super().options(), *last)

    def own_options(self) -> tuple[Value, ...]:
        """Those of the type alone."""
        return ()


class TextField(SortableField):
    """A field for full-text search: its words are found in any order and any form.

    *weight* multiplies its part in the score of a result.  With *nostem* a word is found in its own
    form only.  *phonetic* finds words that sound alike.  *withsuffixtrie* makes `*fix` and `*in*`
    fast.  *indexempty* indexes empty text (Search 2.10).
    """

    __slots__ = ("indexempty", "nostem", "phonetic", "weight", "withsuffixtrie")
    kind = b"TEXT"

    @explained
    def __init__(
        self,
        name: Key,
        *,
        weight: float | None = None,
        as_name: Key | None = None,
        nostem: bool = False,
        phonetic: Phonetic | None = None,
        withsuffixtrie: bool = False,
        indexempty: bool = False,
        indexmissing: bool = False,
        sortable: bool = False,
        unf: bool = False,
        noindex: bool = False,
    ) -> None:
        self.weight: Final = weight
        self.nostem: Final = nostem
        self.phonetic: Final = phonetic
        self.withsuffixtrie: Final = withsuffixtrie
        self.indexempty: Final = indexempty
        super().__init__(name, as_name, indexmissing, sortable, unf, noindex, indexempty)
        check_flags(self, nostem=nostem, withsuffixtrie=withsuffixtrie, indexempty=indexempty)
        if weight is not None:
            number(f"{place_of(self)}: weight", weight)
            if not 0 <= weight < float("inf"):
                raise wrong(self, f"weight is {weight}: give a number, 0 or more")
        if phonetic is not None and phonetic not in _PHONETICS:
            raise wrong(
                self, f"phonetic is {excerpt(phonetic, 40)}: give {' or '.join(_PHONETICS)}"
            )

    def own_options(self) -> tuple[Value, ...]:
        """Those of the type alone."""
        return (
            *(() if self.weight is None else (b"WEIGHT", self.weight)),
            *flags(nostem=self.nostem),
            *(() if self.phonetic is None else (b"PHONETIC", self.phonetic)),
            *flags(withsuffixtrie=self.withsuffixtrie, indexempty=self.indexempty),
        )


class TagField(SortableField):
    """A field of exact values, such as names of categories.

    In a hash one text has several, between *separator*, one character (`,` by default); in JSON
    they are an array, or a text with a *separator* that is given.  With *casesensitive* `A` is not
    `a`.  *withsuffixtrie* makes `*fix` and `*in*` fast.  *indexempty* indexes empty text (2.10).
    """

    __slots__ = ("casesensitive", "indexempty", "separator", "withsuffixtrie")
    kind = b"TAG"

    @explained
    def __init__(
        self,
        name: Key,
        *,
        separator: str | None = None,
        as_name: Key | None = None,
        casesensitive: bool = False,
        withsuffixtrie: bool = False,
        indexempty: bool = False,
        indexmissing: bool = False,
        sortable: bool = False,
        unf: bool = False,
        noindex: bool = False,
    ) -> None:
        self.separator: Final = separator
        self.casesensitive: Final = casesensitive
        self.withsuffixtrie: Final = withsuffixtrie
        self.indexempty: Final = indexempty
        super().__init__(name, as_name, indexmissing, sortable, unf, noindex, indexempty)
        check_flags(
            self, casesensitive=casesensitive, withsuffixtrie=withsuffixtrie, indexempty=indexempty
        )
        if separator is not None and not _is_separator(separator):
            raise wrong(self, f"separator is {excerpt(separator, 40)}: give one ASCII character")

    def own_options(self) -> tuple[Value, ...]:
        """Those of the type alone."""
        return (
            *(() if self.separator is None else (b"SEPARATOR", self.separator)),
            *flags(
                casesensitive=self.casesensitive,
                withsuffixtrie=self.withsuffixtrie,
                indexempty=self.indexempty,
            ),
        )


class NumericField(SortableField):
    """A field of numbers, found by ranges; in JSON also arrays of numbers."""

    __slots__ = ()
    kind = b"NUMERIC"

    @explained
    def __init__(
        self,
        name: Key,
        *,
        as_name: Key | None = None,
        indexmissing: bool = False,
        sortable: bool = False,
        unf: bool = False,
        noindex: bool = False,
    ) -> None:
        super().__init__(name, as_name, indexmissing, sortable, unf, noindex)


class GeoField(SortableField):
    """A field of places as text, `"longitude,latitude"`, found by their distance from another."""

    __slots__ = ()
    kind = b"GEO"

    @explained
    def __init__(
        self,
        name: Key,
        *,
        as_name: Key | None = None,
        indexmissing: bool = False,
        sortable: bool = False,
        unf: bool = False,
        noindex: bool = False,
    ) -> None:
        super().__init__(name, as_name, indexmissing, sortable, unf, noindex)


class GeoShapeField(SearchField):
    """A field of points and polygons as WKT, found by what they contain, or lie within.

    Without *coord_system* they are on the globe, `"SPHERICAL"` (Search 2.8).
    """

    __slots__ = ("coord_system",)
    kind = b"GEOSHAPE"

    @explained
    def __init__(
        self,
        name: Key,
        *,
        coord_system: CoordinateSystem | None = None,
        as_name: Key | None = None,
        indexmissing: bool = False,
    ) -> None:
        super().__init__(name, as_name, indexmissing)
        check_flags(self, indexmissing=indexmissing)
        self.coord_system: Final = (
            None
            if coord_system is None
            else choice(place_of(self), "coord_system", coord_system, "SPHERICAL", "FLAT").decode()
        )

    def options(self) -> tuple[Value, ...]:
        """The words after its type."""
        system = () if self.coord_system is None else (self.coord_system,)
        return (*system, *super().options())


# -- checks -------------------------------------------------------------------------------------


def place_of(field: SearchField) -> str:
    """The class and the name of *field*, for messages."""
    return f"{type(field).__name__}({excerpt(field.name, 40)})"


def wrong(field: SearchField, message: str) -> DataValueError:
    """The error about *field*."""
    return DataValueError(f"{place_of(field)}: {message}")


def check_flags(field: SearchField, **options: object) -> None:
    """Refuse all but True and False for *options* of *field*."""
    for name, value in options.items():
        flag(f"{place_of(field)}: {name}", value)


def _is_separator(separator: object) -> bool:
    return isinstance(separator, str) and len(separator) == 1 and separator.isascii()


def _name_in_schema(field: SearchField, argument: str, name: object) -> Key:
    """*name*, if it can name a field."""
    if not isinstance(name, (str, bytes, bytearray, memoryview)):
        raise DataTypeError(
            f"{type(field).__name__}: {argument} is {excerpt(name, 40)} "
            f"({type(name).__name__}): give text or bytes"
        )
    if name in ("", b""):
        raise DataValueError(f"{type(field).__name__}: {argument} is empty: give a name")
    return cast("Key", name)
