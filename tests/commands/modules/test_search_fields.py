"""Fields of an index as a table: arguments to words, a readable value, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.commands.modules.search_fields import (
    GeoField,
    GeoShapeField,
    NumericField,
    SearchField,
    TagField,
    TextField,
)
from anyredis.exceptions import DataTypeError, DataValueError
from tests.commands.tables import unchecked

WORDS: list[tuple[str, SearchField]] = [
    ("t TEXT", TextField("t")),
    ("t AS n TEXT WEIGHT 2.5", TextField("t", weight=2.5, as_name="n")),
    ("t TEXT NOSTEM PHONETIC dm:en", TextField("t", nostem=True, phonetic="dm:en")),
    (
        "t TEXT WITHSUFFIXTRIE INDEXEMPTY INDEXMISSING SORTABLE UNF",
        TextField(
            "t", unf=True, sortable=True, indexmissing=True, indexempty=True, withsuffixtrie=True
        ),
    ),
    ("t TEXT SORTABLE NOINDEX", TextField("t", noindex=True, sortable=True)),
    ("t TEXT WEIGHT 0", TextField("t", weight=0)),
    ("g TAG", TagField("g")),
    (
        "g TAG SEPARATOR ; CASESENSITIVE WITHSUFFIXTRIE INDEXEMPTY INDEXMISSING SORTABLE UNF",
        TagField(
            "g",
            separator=";",
            casesensitive=True,
            withsuffixtrie=True,
            indexempty=True,
            indexmissing=True,
            sortable=True,
            unf=True,
        ),
    ),
    ("$.n AS n NUMERIC", NumericField("$.n", as_name="n")),
    ("n NUMERIC INDEXMISSING SORTABLE UNF", NumericField("n", indexmissing=True, sortable=True, unf=True)),
    ("n NUMERIC SORTABLE NOINDEX", NumericField("n", sortable=True, noindex=True)),
    ("p GEO INDEXMISSING SORTABLE", GeoField("p", sortable=True, indexmissing=True)),
    ("p GEO SORTABLE UNF NOINDEX", GeoField(b"p", sortable=True, unf=True, noindex=True)),
    ("s GEOSHAPE", GeoShapeField("s")),
    ("s AS a GEOSHAPE FLAT INDEXMISSING", GeoShapeField("s", coord_system="FLAT", as_name="a", indexmissing=True)),
]  # fmt: skip


def words(field: SearchField) -> str:
    """The words of *field* in one line."""
    return " ".join(each.decode() if isinstance(each, bytes) else str(each) for each in field.words)


@pytest.mark.parametrize(("sent", "field"), WORDS)
def test_words(sent: str, field: SearchField) -> None:
    """Options come in the order that servers read, whatever that of the arguments."""
    assert words(field) == sent


def test_a_field_is_a_value() -> None:
    """It is equal to another with the same options, does not change, and shows what was given."""
    field = TextField("title", weight=2, sortable=True, as_name="t")
    assert field == TextField("title", as_name="t", sortable=True, weight=2)
    assert field != TextField("title", as_name="t", sortable=True)
    assert {field, TextField("title", weight=2, sortable=True, as_name="t")} == {field}
    assert repr(field) == "TextField('title', as_name='t', sortable=True, weight=2)"
    assert (
        repr(GeoShapeField("s", coord_system="FLAT")) == "GeoShapeField('s', coord_system='FLAT')"
    )
    assert repr(NumericField("n")) == "NumericField('n')"
    assert (field.attribute, NumericField(b"n").attribute) == ("t", b"n")
    with pytest.raises(AttributeError, match="does not change"):
        field.weight = 3  # type: ignore[misc]


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "TextField('t'): unf is about values for sorting", lambda: TextField("t", unf=True)),
    (DataValueError, "GeoField('p'): it is neither indexed nor sortable", lambda: GeoField("p", noindex=True)),
    (
        DataValueError,
        "NumericField('n'): noindex and indexmissing exclude each other",
        lambda: NumericField("n", sortable=True, noindex=True, indexmissing=True),
    ),
    (
        DataValueError,
        "TagField('g'): noindex and indexempty exclude each other",
        lambda: TagField("g", sortable=True, noindex=True, indexempty=True),
    ),
    (DataValueError, "TextField('t'): weight is -1", lambda: TextField("t", weight=-1)),
    (DataTypeError, "TextField('t'): weight is '2'", lambda: unchecked(TextField)("t", weight="2")),
    (
        DataValueError,
        "phonetic is 'en': give dm:en or dm:fr or dm:pt or dm:es",
        lambda: unchecked(TextField)("t", phonetic="en"),
    ),
    (DataTypeError, "sortable is 'yes'", lambda: unchecked(TextField)("t", sortable="yes")),
    (DataTypeError, "TextField('t'): nostem is 1", lambda: unchecked(TextField)("t", nostem=1)),
    (DataValueError, "separator is '': give one ASCII", lambda: TagField("g", separator="")),
    (DataValueError, "separator is '||'", lambda: TagField("g", separator="||")),
    (DataValueError, "separator is 5", lambda: unchecked(TagField)("g", separator=5)),
    (DataValueError, "separator is '…'", lambda: TagField("g", separator="…")),
    (
        DataValueError,
        "GeoShapeField('s'): coord_system is 'ROUND'",
        lambda: unchecked(GeoShapeField)("s", coord_system="ROUND"),
    ),
    (DataValueError, "TextField: name is empty", lambda: TextField("")),
    (DataValueError, "TagField: as_name is empty", lambda: TagField("g", as_name="")),
    (DataTypeError, "NumericField: name is 7 (int)", lambda: unchecked(NumericField)(7)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "make"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, make: Callable[[], object]) -> None:
    """A bad option is refused when the field is made, and the message names it."""
    with pytest.raises(error) as refused:
        make()
    assert message in str(refused.value)


REDIS_PY: list[tuple[str, Callable[[], object]]] = [
    ("write weight=... by name", lambda: unchecked(TextField)("t", 5.0)),
    ("write nostem=True", lambda: unchecked(TextField)("t", no_stem=True)),
    ("write phonetic=", lambda: unchecked(TextField)("t", phonetic_matcher="dm:en")),
    ("write separator=... by name", lambda: unchecked(TagField)("g", ";")),
    ("write casesensitive=", lambda: unchecked(TagField)("g", case_sensitive=True)),
    ("write noindex=True", lambda: unchecked(NumericField)("n", no_index=True)),
    ("write indexmissing=True", lambda: unchecked(GeoField)("p", index_missing=True)),
    ("write indexempty=True", lambda: unchecked(TextField)("t", index_empty=True)),
    ("write coord_system=... by name", lambda: unchecked(GeoShapeField)("s", "FLAT")),
]


@pytest.mark.parametrize(("advice", "make"), REDIS_PY)
def test_spellings_of_redis_py(advice: str, make: Callable[[], object]) -> None:
    """A field written as redis-py takes it is refused, with what to write."""
    with pytest.raises(DataTypeError) as refused:
        make()
    assert advice in str(refused.value)
    assert "its form is " in str(refused.value)
