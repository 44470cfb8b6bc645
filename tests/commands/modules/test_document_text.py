"""Tests of `anyredis.commands.modules.document_text`: names and values, read from bytes."""

from __future__ import annotations

import pytest

from anyredis.commands.modules.document_text import NO_BINARY, NameCache, field_values, text_of
from anyredis.exceptions import ProtocolError
from anyredis.replies import TextReaders
from anyredis.wire.decode import Reply

TEXT = TextReaders(str)
BYTES = TextReaders(bytes)


def test_fields() -> None:
    """They come in a flat array or in a map; a null is a document without any."""
    contents: list[Reply] = [[b"a", b"1", b"b", b"2"], {b"a": b"3"}, None]
    found, binary = field_values(TEXT, contents)
    assert found == [{"a": "1", "b": "2"}, {"a": "3"}, {}]
    assert next(iter(binary)) is NO_BINARY
    raw, _ = field_values(BYTES, contents)
    assert raw == [{b"a": b"1", b"b": b"2"}, {b"a": b"3"}, {}]


def test_nulls() -> None:
    """A field that is null is not there."""
    contents: list[Reply] = [[b"a", None, b"b", b"2"], {b"a": None, b"b": b"2"}]
    assert field_values(TEXT, contents)[0] == [{"b": "2"}] * 2
    assert field_values(BYTES, contents)[0] == [{b"b": b"2"}] * 2


def test_what_is_no_text() -> None:
    """The values of one document that are no text stand apart, those of the others do not."""
    found, binary = field_values(TEXT, [[b"a", b"1"], [b"v", b"\xff", b"a", b"2"]])
    assert found == [{"a": "1"}, {"a": "2"}]
    assert list(binary) == [{}, {"v": b"\xff"}]


def test_names_are_decoded_once() -> None:
    """Documents share them."""
    names = NameCache(TEXT)
    assert names[b"a"] is names[b"a"]


@pytest.mark.parametrize("reply", [None, 5, [b"a"]])
def test_what_is_no_key(reply: Reply) -> None:
    """A key is bytes, nothing else."""
    with pytest.raises(ProtocolError, match="where text was expected"):
        text_of(TEXT, reply)
    with pytest.raises(ProtocolError, match="where text was expected"):
        text_of(BYTES, reply)
