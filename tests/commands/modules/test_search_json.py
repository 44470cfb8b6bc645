"""Tests of `anyredis.commands.modules.search_json`: the document under `$`."""

from __future__ import annotations

import pytest

from anyredis.commands.modules.search_json import json_of, parsed_json
from anyredis.exceptions import ReplyDecodeError


def test_the_document() -> None:
    """It is found under the name of either client."""
    assert json_of({"$": "[1]", "a": "2"}) == [1]
    assert json_of({b"$": b"[1]"}) == [1]
    for without in ({}, {"a": "1"}, 5):
        with pytest.raises(KeyError):
            json_of(without)


def test_what_is_no_json() -> None:
    """The error shows its beginning."""
    with pytest.raises(ReplyDecodeError, match=r"the document is no JSON \(.*\): '\{x'"):
        parsed_json("{x")
