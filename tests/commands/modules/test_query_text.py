"""Tests of `anyredis.commands.modules.query_text`: nothing that a user types is syntax."""

from __future__ import annotations

import math

import pytest

from anyredis.commands.modules.query_text import (
    escape,
    field_name,
    number_text,
    one_word,
    pattern,
    tag_part,
    tag_value,
    words_in,
)
from anyredis.exceptions import DataTypeError, DataValueError
from tests.commands.tables import unchecked


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("hello_5", "hello_5"),
        ("_5", "\\_5"),
        ("über 日本", "über\\ 日本"),
        ("a-b|c}", "a\\-b\\|c\\}"),
        ('\\"$x', '\\\\\\"\\$x'),
        ("", ""),
    ],
)
def test_escape(text: str, escaped: str) -> None:
    """Each character but letters, digits and underscores has a backslash before it."""
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello world", ["hello", "world"]),
        (" a.b@c-d ", ["a", "b", "c", "d"]),
        ("(x) | -@y:{z}=>[KNN", ["x", "y", "z", "KNN"]),
        ("_x a_b _", ["\\_x", "a_b", "\\_"]),
        ("back\\-slash C:\\new", ["back\\-slash", "C", "new"]),
        ("\\", []),
        ("\u201cé\u201d", ["\u201cé\u201d"]),
        ("a\x01b\nc", ["a", "b", "c"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """Punctuation separates words, as the server separates those of a document."""
    if words:
        assert words_in("text", text) == words
    else:
        with pytest.raises(DataValueError, match="has no words: give at least one"):
            words_in("text", text)


def test_one_word() -> None:
    """Where one word is wanted, two are refused."""
    assert one_word("prefix", "-lamp!") == "lamp"
    with pytest.raises(DataValueError, match="prefix: 'a b' has 2 words: give one"):
        one_word("prefix", "a b")


def test_tags() -> None:
    """A tag is taken whole: escaped, or in quotes if it has control characters."""
    assert tag_value("tag", "a, b") == "a\\,\\ b"
    assert tag_value("tag", " a b\n") == "a\\ b"
    assert tag_value("tag", 'a\x01"\\') == '"a\x01\\"\\\\"'
    assert tag_part("tag_prefix", "a*") == "a\\*"
    for value in ("", " "):
        with pytest.raises(DataValueError, match="tag: the tag is empty"):
            tag_value("tag", value)
    with pytest.raises(DataValueError, match="holds a control character"):
        tag_part("tag_prefix", "a\x01")
    with pytest.raises(DataTypeError, match=r"5 is no text: give a str, such as str\(1\)"):
        unchecked(tag_value)("tag", 5)


def test_patterns() -> None:
    """The quotes of a pattern hold whatever stands in it."""
    assert pattern("wildcard", "l?mp*") == "w'l?mp*'"
    assert pattern("wildcard", "it's\\*") == "w'it\\'s\\\\*'"
    with pytest.raises(DataValueError, match="the pattern is empty"):
        pattern("wildcard", "")


def test_names_of_fields() -> None:
    """They may have the `@` of the server, and anything else is escaped."""
    assert field_name("text", "@title") == "title"
    assert field_name("text", "a-b c") == "a\\-b\\ c"
    for name in ("", "@", 5):
        with pytest.raises(DataTypeError, match="give its name"):
            unchecked(field_name)("text", name)


def test_numbers() -> None:
    """They are written as Python has them; NaN is none."""
    assert [number_text("n", each) for each in (5, 0.1, -2e20, math.inf, -math.inf)] == [
        *("5", "0.1", "-2e+20", "inf", "-inf")
    ]
    with pytest.raises(DataValueError, match="n is NaN"):
        number_text("n", math.nan)
    for value in (True, "5", None):
        with pytest.raises(DataTypeError, match="give a number"):
            unchecked(number_text)("n", value)


def test_what_no_query_takes() -> None:
    """NUL ends a query, and only text can be escaped."""
    with pytest.raises(DataValueError, match="holds a NUL"):
        escape("a\0b")
    for refuse in (words_in, one_word, tag_value, tag_part, pattern):
        with pytest.raises(DataValueError, match="holds a NUL"):
            refuse("t", "a\0b")
    with pytest.raises(DataTypeError, match="a query takes text, not b'a'"):
        unchecked(escape)(b"a")
