"""Tests of `anyredis.commands.modules.search_json`: the document under `$`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anyredis.commands.modules.json_codecs import STANDARD
from anyredis.commands.modules.search_json import json_of, parsed_json
from anyredis.exceptions import ReplyDecodeError
from anyredis.json_codec import JsonCodec

UTF_8 = ("utf-8", "strict")


def shouting(text: bytes) -> Any:
    """A reader of JSON whose values show that it was called."""
    return json.loads(text.upper())


def failing(text: bytes) -> Any:
    """A reader of JSON that reads none."""
    raise LookupError(text)


def test_the_document() -> None:
    """It is found under the name of either client."""
    assert json_of("d", [{"$": "[1]", "a": "2"}], STANDARD, UTF_8) == [1]
    assert json_of(b"d", [{b"$": b"[1]"}], STANDARD, UTF_8) == [1]
    for without in ({}, {"a": "1"}, 5):
        with pytest.raises(KeyError):
            json_of("d", [without], STANDARD, UTF_8)


def test_the_codec_reads_it() -> None:
    """It gets the bytes that the server sent, whatever encoding the client has."""
    codec = JsonCodec(json.dumps, shouting)
    assert json_of("d", [{"$": '["\xe9a"]'}], codec, UTF_8) == ["\xe9A"]
    assert json_of(b"d", [{b"$": b'["a"]'}], codec, UTF_8) == ["A"]
    latin = '["\xe9"]'.encode().decode("latin-1")
    assert json_of("d", [{"$": latin}], STANDARD, ("latin-1", "strict")) == ["\xe9"]
    ascii_only = [{}, {"$": '["\xe9"]'.encode()}]
    assert json_of("d", ascii_only, STANDARD, ("ascii", "strict")) == ["\xe9"]


def test_what_is_no_json() -> None:
    """The error names the document and shows its beginning."""
    with pytest.raises(ReplyDecodeError, match=r"the document 'd:1' is no JSON \(.*\): b'\{x'"):
        parsed_json(STANDARD, "d:1", b"{x")
    with pytest.raises(ReplyDecodeError, match="the document 'd:1' is no JSON"):
        json_of("d:1", [{"$": "\ud800"}], STANDARD, UTF_8)
    with pytest.raises(ReplyDecodeError, match="the document 'd:1' is no JSON"):
        parsed_json(STANDARD, "d:1", b"[" * 100_000)


def test_a_codec_that_fails() -> None:
    """Whatever it raises is the error of this document, which is named; the command was run."""
    codec = JsonCodec(json.dumps, failing)
    with pytest.raises(
        ReplyDecodeError, match=r"the document 'd:1' cannot be read by .*failing>: LookupError"
    ) as failed:
        parsed_json(codec, "d:1", b"[1]")
    assert isinstance(failed.value.__cause__, LookupError)
