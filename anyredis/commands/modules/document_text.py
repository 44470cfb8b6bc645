"""The names and values of fields, read from bytes.

Law: on a client that decodes, a value that is no text is kept as bytes, apart from the others.  Ten
thousand documents are read without a Python frame for each value: all values of a reply are decoded
at once, and one by one only if that fails.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice, repeat
from types import MappingProxyType
from typing import Any, Final, Generic, cast

from anyredis.replies import S, TextReaders, all_are, pairs, unexpected
from anyredis.wire.decode import Reply, decode_error

NO_BINARY: Final[Mapping[Any, bytes]] = MappingProxyType({})
"""The values that are no text, of a document that has none."""

PLAIN: Final = ("utf-8", "strict")
"""The defaults of `bytes.decode`."""


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


def texts_of(read: TextReaders[S], replies: list[Reply]) -> list[S]:
    """The same for each of *replies*."""
    if all_are(replies, bytes):
        if read.kind is bytes:
            return cast("list[S]", replies)
        try:
            return cast("list[S]", list(_decoding(read, replies)))
        except UnicodeError:
            pass  # the error of the first one is raised below
    return [text_of(read, each) for each in replies]


def _decoding(read: TextReaders[Any], values: Iterable[Any]) -> Iterator[str]:
    """*values* as text; raises `UnicodeError` for what is none, and `TypeError` unless it is bytes."""
    if read.codec == PLAIN:
        # The defaults are faster than the same as arguments.
        return map(bytes.decode, values)
    encoding, errors = read.codec
    return map(bytes.decode, values, repeat(encoding), repeat(errors))


class NameCache(dict[bytes, S], Generic[S]):
    """Names of fields as text of the client's type, read once for all documents of a reply."""

    def __init__(self, read: TextReaders[S]) -> None:
        super().__init__()
        self.read: Final = read

    def __missing__(self, name: bytes) -> S:
        found = self[name] = text_of(self.read, name)
        return found


def field_values(
    read: TextReaders[S], contents: list[Reply]
) -> tuple[list[dict[S, S]], Iterable[Mapping[S, bytes]]]:
    """The fields of each document, and of each the values that are no text.

    A document has a map or a flat array, or a null if it was deleted meanwhile.
    """
    found = plain_fields(read, contents)
    if found is not None:
        return found, repeat(NO_BINARY)
    if read.kind is bytes:
        return cast("list[dict[S, S]]", [_raw(each) for each in contents]), repeat(NO_BINARY)
    text = NameCache(cast("TextReaders[str]", read))
    texts, binary = _one_document_after_the_other(text, contents)
    return cast("list[dict[S, S]]", texts), cast("list[Mapping[S, bytes]]", binary)


def plain_fields(read: TextReaders[S], contents: list[Reply]) -> list[dict[S, S]] | None:
    """The fields of each document, if every value is text of the client's type; None otherwise."""
    if read.kind is bytes:
        return cast("list[dict[S, S]] | None", _all_bytes(contents))
    try:
        found = _all_text(NameCache(cast("TextReaders[str]", read)), contents)
    except (TypeError, UnicodeError):
        return None
    return cast("list[dict[S, S]]", found)


def _all_bytes(contents: list[Reply]) -> list[dict[bytes, bytes]] | None:
    """The fields of each document, as they arrived, if all are bytes."""
    kinds = set(map(type, contents))
    if kinds <= {list}:
        arrays = cast("list[list[Any]]", contents)
        sizes = _sizes(arrays)
        if not {bytes}.issuperset(map(type, chain.from_iterable(arrays))):
            return None
        each = chain.from_iterable(arrays)
        return _dealt(zip(each, each, strict=False), sizes)
    if kinds <= {dict}:
        maps = cast("list[dict[Any, Any]]", contents)
        values = chain.from_iterable(map(dict[Any, Any].values, maps))
        if {bytes}.issuperset(map(type, chain(chain.from_iterable(maps), values))):
            return cast("list[dict[bytes, bytes]]", maps)
    return None


def _sizes(arrays: list[list[Any]]) -> list[int]:
    """The number of fields in each of *arrays*, in which names and values take turns."""
    lengths = list(map(len, arrays))
    if 1 in map((1).__and__, lengths):
        unexpected(cast("list[Reply]", arrays), "names and values")
    return [length >> 1 for length in lengths]


def _dealt(named: Iterator[tuple[Any, Any]], sizes: Iterable[int]) -> list[dict[Any, Any]]:
    """A dict for each of *sizes*, with as many of the names and values in *named*."""
    return list(map(dict, map(islice, repeat(named), sizes)))


def _all_text(known: NameCache[str], contents: list[Reply]) -> list[dict[str, str]]:
    """The fields of each document; raises `TypeError` or `UnicodeError` unless all are text."""
    kinds = set(map(type, contents))
    if kinds <= {list}:
        arrays = cast("list[list[Any]]", contents)
        sizes = _sizes(arrays)
        each = chain.from_iterable(arrays)
        # Both take from the same array: a name, its value, the next name.
        named = zip(map(known.__getitem__, each), _decoding(known.read, each), strict=False)
        return _dealt(named, sizes)
    if kinds <= {dict}:
        maps = cast("list[dict[Any, Any]]", contents)
        names = map(known.__getitem__, chain.from_iterable(maps))
        values = chain.from_iterable(map(dict[Any, Any].values, maps))
        named = zip(names, _decoding(known.read, values), strict=True)
        return _dealt(named, map(len, maps))
    raise TypeError  # some were deleted


def _one_document_after_the_other(
    names: NameCache[str], contents: list[Reply]
) -> tuple[list[dict[str, str]], list[Mapping[str, bytes]]]:
    """The same as `field_values`, where some value is no text, or the encoding is another."""
    found: list[dict[str, str]] = []
    binary: list[Mapping[str, bytes]] = []
    codec = names.read.codec
    for each in contents:
        others: dict[str, bytes] = {}
        fields: dict[str, str] = {}
        for name, value in pairs(each) if each is not None else ():
            if not isinstance(name, bytes):
                unexpected(each, "names and values")
            if value is None:
                continue
            try:
                fields[names[name]] = _value(value).decode(*codec)
            except UnicodeError:
                others[names[name]] = _value(value)
        found.append(fields)
        binary.append(others or NO_BINARY)
    return found, binary


def _raw(reply: Reply) -> dict[bytes, bytes]:
    """The fields as they arrived, without those that are null."""
    fields = reply if isinstance(reply, dict) else dict(pairs([] if reply is None else reply))
    if {bytes}.issuperset(map(type, chain(fields, fields.values()))):
        return cast("dict[bytes, bytes]", fields)
    if any(not isinstance(name, bytes) for name in fields):
        unexpected(reply, "names and values")
    given = {name: value for name, value in fields.items() if value is not None}
    return {cast("bytes", name): _value(value) for name, value in given.items()}


def _value(reply: Reply) -> bytes:
    if not isinstance(reply, bytes):
        unexpected(reply, "the value of a field")
    return reply
