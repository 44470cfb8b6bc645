"""Tests of `anyredis.commands.modules.search_results`: the values that a search gives."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from anyredis.commands.modules.json_codecs import STANDARD
from anyredis.commands.modules.search_queries import SearchPlan
from anyredis.commands.modules.search_results import document_class, warnings_of
from anyredis.exceptions import ReplyDecodeError
from anyredis.json_codec import JsonCodec
from anyredis.replies import TextReaders
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
    with pytest.raises(ReplyDecodeError, match="the document 'a' is no JSON"):
        _ = Document("a", {"$": "{"}).json


def shouting(text: bytes) -> Any:
    """A reader of JSON whose values show that it was called."""
    return json.loads(text.upper())


def failing(text: bytes) -> Any:
    """A reader of JSON that reads none."""
    raise LookupError(text)


def found_by(kind: type[Any], loads: Callable[[bytes], Any], encoding: str = "utf-8") -> Any:
    """A document that a client with this codec found."""
    raw = resp2([1, "d:1", ["$", '{"n": "\xe9a"}']])
    plan = SearchPlan(TextReaders(kind, encoding, json_codec=JsonCodec(json.dumps, loads)))
    return parsed(plan.search("i", "x"), raw).documents[0]


def test_the_json_document_of_a_codec() -> None:
    """It is parsed by that of the client, and is in all else the same."""
    for kind in (str, bytes):
        assert found_by(kind, shouting).json == {"N": "\xe9A"}
        with pytest.raises(
            ReplyDecodeError, match=r"the document b?'d:1' cannot be read by .*failing"
        ):
            _ = found_by(kind, failing).json
    for encoding in ("latin-1", "ascii"):
        assert found_by(str, json.loads, encoding).json == {"n": "\xe9a"}
    text: Document[str, Fields] = found_by(str, json.loads)
    assert text == Document("d:1", {"$": '{"n": "\xe9a"}'})
    assert repr(text).startswith("Document(id='d:1', fields={")
    assert isinstance(text, Document)
    assert copy.copy(text)._replace(score=1.0).json == {"n": "\xe9a"}


def test_the_class_of_documents() -> None:
    """It is `Document` itself unless JSON or text is read in another way, and is made once."""
    own = JsonCodec(json.dumps, json.loads)
    assert document_class(STANDARD, ("utf-8", "strict")) is Document
    assert document_class(own, ("utf-8", "strict")) is document_class(own, ("utf-8", "strict"))
    assert document_class(own, ("utf-8", "strict")).json.__doc__ == Document.json.__doc__


def test_a_document_of_a_client_with_a_codec_can_be_pickled() -> None:
    """Where there is no client, it is an ordinary document."""
    document = document_class(JsonCodec(str, len), ("utf-8", "strict"))("a", {"$": "[1]"}, 0.5)
    copied = pickle.loads(pickle.dumps(document))
    assert type(copied) is Document
    assert copied == document
    assert (document.json, copied.json) == (3, [1])


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
