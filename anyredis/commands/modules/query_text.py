"""Text of users as parts of a query: nothing in it is syntax.

Law: what a user typed finds what it says, and nothing else.  Words of a TEXT field are read as the
server reads those of a document: punctuation separates them.  Values of a TAG field are taken whole,
with each character of the syntax escaped.
"""

from __future__ import annotations

import math
import re
from typing import Final

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt

WORD: Final = re.compile(r"(?:[0-9A-Za-z_\x80-\U0010ffff]|\\[!-~])+")
"""A word of a document: a backslash takes the character behind it into the word."""

SYNTAX: Final = re.compile(r"[^0-9A-Za-z_\x80-\U0010ffff]")
"""The characters that have to be escaped where a word or a value is expected."""

CONTROLS: Final = re.compile(r"[\x01-\x08\x0e-\x1f\x7f]")
"""Characters before which the server keeps a backslash: only quotes can hold them."""


SPACES: Final = " \t\n\v\f\r"
"""What the server takes from both ends of a tag when it reads a document."""


def escape(text: str) -> str:
    r"""*text* for a place in a query where a word or a tag is expected: `a-b` becomes `a\-b`.

    Raises `DataError` unless it is text without NUL, which ends a query.
    """
    if not isinstance(text, str):
        raise DataTypeError(f"a query takes text, not {excerpt(text, 80)}: give a str")
    if "\0" in text:
        raise DataValueError(f"{excerpt(text, 80)} holds a NUL, which ends a query: leave it out")
    escaped = SYNTAX.sub(_escaped, text)
    return "\\" + escaped if text.startswith("_") else escaped  # which is syntax at the start


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]


def words_in(where: str, text: str) -> list[str]:
    """The words of *text*, escaped; raises `DataValueError` if there is none."""
    escape(text)  # refuses what no query takes
    found = [_word(each) for each in WORD.findall(text)]
    if not found:
        raise DataValueError(f"{where}: {excerpt(text, 80)} has no words: give at least one")
    return found


def one_word(where: str, text: str) -> str:
    """The only word of *text*, escaped; raises `DataValueError` for more words or none."""
    found = words_in(where, text)
    if len(found) > 1:
        raise DataValueError(f"{where}: {excerpt(text, 80)} has {len(found)} words: give one")
    return found[0]


def _word(found: str) -> str:
    """A word as `WORD` finds it, escaped."""
    return escape(re.sub(r"\\(.)", r"\1", found))


def tag_value(where: str, value: str) -> str:
    """*value* as one tag between braces, without white space around it, as in the index."""
    if not isinstance(value, str):
        raise DataTypeError(f"{where}: {excerpt(value, 80)} is no text: give a str, such as str(1)")
    value = value.strip(SPACES)
    if not value:
        raise DataValueError(f"{where}: the tag is empty: give its text")
    if not CONTROLS.search(value):
        return escape(value)
    escape(value)
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def tag_part(where: str, value: str) -> str:
    """*value* as a part of a tag, before or behind `*`."""
    if isinstance(value, str) and CONTROLS.search(value):
        raise DataValueError(f"{where}: {excerpt(value, 80)} holds a control character")
    return tag_value(where, value)


def pattern(where: str, text: str) -> str:
    """A pattern with `*` and `?`, quoted: `w'…'`."""
    escape(text)
    if not text:
        raise DataValueError(f"{where}: the pattern is empty: give characters, * or ?")
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"w'{quoted}'"


def field_name(where: str, field: str) -> str:
    """The name of a field as it stands behind `@`; a leading `@` may be given or not."""
    if not isinstance(field, str) or not field.removeprefix("@"):
        raise DataTypeError(f"{where}: the field is {excerpt(field, 80)}: give its name")
    return escape(field.removeprefix("@"))


def number_text(where: str, value: float) -> str:
    """A number in a query; raises `DataError` for NaN and for what is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DataTypeError(f"{where} is {excerpt(value, 80)}: give a number")
    if math.isnan(value):
        raise DataValueError(f"{where} is NaN: give a number")
    return repr(float(value)) if isinstance(value, float) else str(int(value))
