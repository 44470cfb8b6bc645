"""Tests of `anyredis.commands.modules.json_paths`."""

from __future__ import annotations

import pytest

from anyredis.commands.modules.json_paths import OPTIONS, check_paths, gives_list
from anyredis.exceptions import DataTypeError, DataValueError

LISTS = ["$", "$.a", "$..a", "$['a']", "$[0]", b"$", b"$.a", b"$[0]"]
LEGACY = [".", ".a", "a", "..a", "['a']", "", "$a", "$$", " $.a", b".", b"a", b"$a"]


def test_syntaxes() -> None:
    """What begins with `$` as a step of its own is a JSONPath, all else is not, as for servers."""
    assert [path for path in LISTS if not gives_list("X", path)] == []
    assert [path for path in LEGACY if gives_list("X", path)] == []


def test_what_is_no_path() -> None:
    """Only text is one."""
    for path in (None, 1, ["$"], memoryview(b"$"), object):
        with pytest.raises(DataTypeError, match=r"X: path is .* give text, such as '\$\.name'"):
            gives_list("X", path)


def test_options_are_no_paths() -> None:
    """JSON.GET would read them as options, in any case of letters."""
    check_paths("X", ("$.format", ".format", "formats", "$", "a b"))
    for word in OPTIONS:
        for path in (word, word.lower(), word.encode()):
            with pytest.raises(DataValueError, match=r"as an option: write '\.\w+'"):
                check_paths("X", ("$", path))
