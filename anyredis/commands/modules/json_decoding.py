"""JSON text to values: as the codec reads it, or as a type of the caller."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar

from anyredis.commands.modules.typed_values import CACHED, for_type, typed_reader
from anyredis.exceptions import ReplyDecodeError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec
from anyredis.replies import array, unexpected
from anyredis.wire.decode import Reply

T = TypeVar("T")


class DocumentReader(Generic[T]):
    """Reads replies that are JSON text, which *loads* turns into values; *wanted* names these."""

    def __init__(self, loads: Callable[[bytes], T], wanted: str) -> None:
        self._loads = loads
        self._wanted = wanted

    def document(self, reply: Reply) -> T | None:
        """The value of a JSON text, or None for a null: there is no such document."""
        if reply is None:
            return None
        if not isinstance(reply, bytes):
            unexpected(reply, "JSON text")
        try:
            return self._loads(reply)
        except Exception as error:
            if not is_json(reply):
                unexpected(reply, "JSON text")
            msg = f"the document cannot be read as {self._wanted}: {excerpt(error, 200)}"
            raise ReplyDecodeError(msg) from error

    def documents(self, reply: Reply) -> list[T | None]:
        """The values of JSON texts, None for each null."""
        return [self.document(each) for each in array(reply)]


def reader_for(codec: JsonCodec, kind: Any) -> DocumentReader[Any]:
    """The reader of documents as *kind*, or if that is None as *codec* reads them.

    Raises `DataTypeError` if no library is installed that reads *kind*, or none can.
    """
    return for_type(_reader, codec, kind)


@lru_cache(CACHED)
def _reader(codec: JsonCodec, kind: Any) -> DocumentReader[Any]:
    if kind is None:
        return DocumentReader(codec.loads, "a value")
    name = kind.__name__ if isinstance(kind, type) else excerpt(kind)
    return DocumentReader((codec.loads_as or typed_reader)(kind), name)


def is_json(text: bytes) -> bool:
    """Whether *text* is JSON, by the standard library."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
