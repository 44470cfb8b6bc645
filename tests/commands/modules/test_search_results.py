"""Tests of `anyredis.commands.modules.search_results`: the values that a search gives."""

from __future__ import annotations

import pytest

from anyredis.commands.modules.search_results import warnings_of
from anyredis.exceptions import ReplyDecodeError
from anyredis.search import Document, SearchResult
from tests.commands.modules.plans import TextPlan
from tests.commands.tables import parsed, resp2

Fields = dict[str, str]


def test_a_result_is_gone_through() -> None:
    """`for` gives its documents, `len` counts those that are here."""
    result = SearchResult(5, [Document[str, Fields]("a", {}), Document[str, Fields]("b", {})])
    assert [document.id for document in result] == ["a", "b"]
    assert (len(result), result.total) == (2, 5)
    assert "total=5" in repr(result)


def test_the_json_document() -> None:
    """It is what stands under `$`, on any client."""
    assert Document("a", {"$": '{"n": [1]}'}).json == {"n": [1]}
    assert Document(b"a", {b"$": b'{"n": [1]}'}).json == {"n": [1]}
    with pytest.raises(KeyError):
        _ = Document("a", {"n": "1"}).json
    with pytest.raises(ReplyDecodeError, match="is no JSON"):
        _ = Document("a", {"$": "{"}).json


def test_warnings() -> None:
    """They are text, whatever the server calls them."""
    assert warnings_of({b"warning": [b"W"]}) == ["W"]
    assert warnings_of({b"warnings": [b"W"]}) == ["W"]
    assert warnings_of({}) == []


def test_a_key_that_is_no_text() -> None:
    """It fails a client that decodes: `fields` could do without it, the document cannot."""
    none: list[object] = []
    raw = resp2([1, "d", none]).replace(b"$1\r\nd", b"$1\r\n\xff")
    with pytest.raises(ReplyDecodeError, match="the command was run"):
        parsed(TextPlan().ft.search("i", "x"), raw)
