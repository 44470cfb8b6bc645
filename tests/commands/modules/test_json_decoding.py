"""Tests of `anyredis.commands.modules.json_decoding`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from anyredis.commands.modules.json_codecs import STANDARD, msgspec_codec
from anyredis.commands.modules.json_decoding import is_json, reader_for
from anyredis.exceptions import DataTypeError, ProtocolError, ReplyDecodeError
from anyredis.json_codec import JsonCodec
from anyredis.wire.decode import Reply


class Point(msgspec.Struct):
    """Of msgspec."""

    x: int


def test_documents() -> None:
    """By the codec, or as a type; nothing where there is none."""
    assert reader_for(STANDARD, None).document(b'{"x":1}') == {"x": 1}
    assert reader_for(STANDARD, Point).document(b'{"x":1}') == Point(1)
    assert reader_for(STANDARD, Point).document(None) is None
    assert reader_for(STANDARD, Point).documents([b'{"x":1}', None]) == [Point(1), None]


def test_a_reader_is_made_once() -> None:
    """For each codec and type."""
    other = msgspec_codec()
    assert reader_for(STANDARD, Point) is reader_for(STANDARD, Point)
    assert reader_for(STANDARD, Point) is not reader_for(other, Point)
    assert reader_for(STANDARD, Point) is not reader_for(STANDARD, None)


def test_a_document_that_does_not_fit() -> None:
    """It is JSON, so the reply was right, but it is not what was asked for."""
    with pytest.raises(ReplyDecodeError, match=r"read as Point: ValidationError\('Expected `int`"):
        reader_for(STANDARD, Point).document(b'{"x":"y"}')


def test_a_codec_that_fails() -> None:
    """An exception of the user's function is an error of that one reply, whatever it is."""

    def loads(text: bytes) -> Any:
        raise LookupError(text)

    reader = reader_for(JsonCodec(json.dumps, loads), None)
    with pytest.raises(ReplyDecodeError, match="read as a value: LookupError"):
        reader.document(b"1")
    with pytest.raises(ProtocolError, match="JSON text was expected"):
        reader.document(b"x")


def test_replies_that_are_no_json() -> None:
    """They are errors of the server."""
    replies: list[Reply] = [1, "1", [b"1"], b"{", b"", b"\xff"]
    for reply in replies:
        with pytest.raises(ProtocolError, match="JSON text was expected"):
            reader_for(STANDARD, None).document(reply)
    with pytest.raises(ProtocolError):
        reader_for(STANDARD, None).documents(b"1")
    assert is_json(b"[1]")
    assert not is_json(b"[" * 100_000)


def test_types_that_nobody_reads() -> None:
    """They are refused before anything is sent, in the words of who does not know them."""
    with pytest.raises(DataTypeError, match=r"type= is list\[int\] \| set\[int\]: TypeError"):
        reader_for(STANDARD, list[int] | set[int])
    with pytest.raises(DataTypeError, match="type= is 'Point'"):
        reader_for(STANDARD, "Point")
    with pytest.raises(DataTypeError, match=r"type= is \[1\].*unhashable"):
        reader_for(STANDARD, [1])
