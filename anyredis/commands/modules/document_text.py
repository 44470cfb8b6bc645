"""The names and values of fields, read from bytes.

Law: on a client that decodes, a value that is no text is kept as bytes, apart from the others.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final, cast

from anyredis.replies import S, TextReaders, all_are, array, pairs, unexpected
from anyredis.wire.decode import Reply, decode_error

NO_BINARY: Final[Mapping[Any, bytes]] = MappingProxyType({})
"""The values that are no text, of a document that has none."""


def text_of(read: TextReaders[S], reply: Reply) -> S:
    """Text of the client's type; raises `ReplyDecodeError` if a client that decodes cannot."""
    if not isinstance(reply, bytes):
        unexpected(reply, "text")
    if isinstance(reply, read.kind):
        return reply
    try:
        return cast("S", reply.decode(*read.codec))
    except UnicodeError as error:
        raise decode_error(error) from error


class NameCache(dict[bytes, str]):
    """Names of fields as text, decoded once for all documents of a reply."""

    def __init__(self, read: TextReaders[str]) -> None:
        super().__init__()
        self._read = read
        self.codec: Final = read.codec

    def __missing__(self, name: bytes) -> str:
        found = self[name] = text_of(self._read, name)
        return found


def field_values(
    read: TextReaders[S], contents: list[Reply]
) -> tuple[list[dict[S, S]], Iterable[Mapping[S, bytes]]]:
    """The fields of each document, and of each the values that are no text.

    A document has a map or a flat array, or a null if it was deleted meanwhile.
    """
    if read.kind is bytes:
        return [cast("dict[S, S]", _raw(each)) for each in contents], repeat(NO_BINARY)
    text = cast("TextReaders[str]", read)
    names, codec = NameCache(text), text.codec
    found: list[dict[str, str]] = []
    binary: dict[int, dict[str, bytes]] = {}
    for each in contents:
        if each is None:
            found.append({})
            continue
        names_and_values = _pairs(each)
        try:
            # The stub knows only values that are bytes; any other has no `decode`.
            fields: dict[str, str] = {
                names[name]: value.decode(*codec) for name, value in names_and_values
            }
        except (AttributeError, TypeError, UnicodeError):
            fields = _one_by_one(names, each, binary.setdefault(len(found), {}))
        found.append(fields)
    others: Iterable[Mapping[str, bytes]] = repeat(NO_BINARY)
    if binary:
        others = [binary.get(index, NO_BINARY) for index in range(len(found))]
    return cast("list[dict[S, S]]", found), cast("Iterable[Mapping[S, bytes]]", others)


def _pairs(reply: Reply) -> Iterator[tuple[Any, Any]]:
    """Names and values, of a map or a flat array."""
    if isinstance(reply, dict):
        return iter(reply.items())
    items = array(reply)
    if len(items) % 2:
        unexpected(reply, "names and values")
    each = iter(items)
    return zip(each, each, strict=True)


def _raw(reply: Reply) -> dict[bytes, bytes]:
    """The fields as they arrived, without those that are null."""
    if reply is None:
        return {}
    fields = reply if isinstance(reply, dict) else dict(_pairs(reply))
    if all_are(list(fields), bytes) and all_are(list(fields.values()), bytes):
        return cast("dict[bytes, bytes]", fields)
    if any(not isinstance(each, bytes) for each in fields):
        unexpected(reply, "names and values")
    return {
        cast("bytes", name): _value(value) for name, value in fields.items() if value is not None
    }


def _one_by_one(names: NameCache, reply: Reply, binary: dict[str, bytes]) -> dict[str, str]:
    """The fields that are text; all others are put into *binary*."""
    fields: dict[str, str] = {}
    for name, value in pairs(reply):
        if not isinstance(name, bytes):
            unexpected(reply, "names and values")
        if value is None:
            continue
        try:
            fields[names[name]] = _value(value).decode(*names.codec)
        except UnicodeError:
            binary[names[name]] = _value(value)
    return fields


def _value(reply: Reply) -> bytes:
    if not isinstance(reply, bytes):
        unexpected(reply, "the value of a field")
    return reply
