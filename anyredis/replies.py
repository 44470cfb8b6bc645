"""Readers: a raw reply to a typed value, RESP2 and RESP3 shapes both.

Law: a reader gives a value of its type or raises `ProtocolError`; it never guesses and never
returns a default where an answer should be.  The type of those in `TextReaders` depends on whether the
client decodes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Generic, NoReturn, TypeGuard, TypeVar

from anyredis.exceptions import ProtocolError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec
from anyredis.wire.decode import Reply, are_texts

S = TypeVar("S", bound=bytes | str)
T = TypeVar("T")


NO_OTHERS: Final[Mapping[str, Reply]] = MappingProxyType({})
"""The fields that are not known here, where a server sent none."""


def unexpected(reply: Reply, wanted: str) -> NoReturn:
    """Raise the `ProtocolError` for a reply that is not what was *wanted*."""
    msg = f"the server answered {excerpt(reply)} where {wanted} was expected"
    raise ProtocolError(msg)


def integer(reply: Reply) -> int:
    """An int."""
    if type(reply) is int or (isinstance(reply, int) and not isinstance(reply, bool)):
        return reply
    unexpected(reply, "an integer")


def integer_or_none(reply: Reply) -> int | None:
    """An int, or None for a null."""
    return None if reply is None else integer(reply)


def whole(reply: Reply) -> int:
    """An int: an integer, or a number without a fraction as text."""
    value = number(reply)
    if not value.is_integer() or isinstance(reply, bool):  # neither an infinity nor a NaN is one
        unexpected(reply, "a whole number")
    return reply if isinstance(reply, int) else int(value)


def integers(reply: Reply) -> list[int]:
    """A list of ints."""
    items = array(reply)
    if all_are(items, int):
        return items
    return [integer(item) for item in items]


def integers_or_nones(reply: Reply) -> list[int | None]:
    """A list of ints, None for each null."""
    return [integer_or_none(item) for item in array(reply)]


def number(reply: Reply) -> float:
    """A float: a RESP3 double, or a RESP2 string."""
    if isinstance(reply, (float, int)) and not isinstance(reply, bool):
        return float(reply)
    if isinstance(reply, (str, bytes)):
        try:
            return float(reply)
        except ValueError:
            pass  # the error below shows the reply
    unexpected(reply, "a number")


def number_or_none(reply: Reply) -> float | None:
    """A float, or None for a null."""
    return None if reply is None else number(reply)


def boolean(reply: Reply) -> bool:
    """True for 1 or a RESP3 true, False for 0 or a RESP3 false."""
    if isinstance(reply, int) and reply in (0, 1):
        return bool(reply)
    unexpected(reply, "0 or 1")


def booleans(reply: Reply) -> list[bool]:
    """A list of bools."""
    return [boolean(item) for item in array(reply)]


def ok(reply: Reply) -> bool:
    """True for `OK`; a server sends nothing else there but errors."""
    if reply in (b"OK", "OK"):
        return True
    unexpected(reply, "OK")


def ok_or_none(reply: Reply) -> bool:
    """True for `OK`, False for a null: the condition was not met."""
    return False if reply is None else ok(reply)


def binary(reply: Reply) -> bytes:
    """Bytes, for commands whose reply is never text."""
    if isinstance(reply, bytes):
        return reply
    unexpected(reply, "bytes")


def binary_or_none(reply: Reply) -> bytes | None:
    """Bytes, or None for a null."""
    return None if reply is None else binary(reply)


def word(reply: Reply) -> str:
    """Text that is always str, such as the name of a type or an encoding."""
    if isinstance(reply, str):
        return reply
    if isinstance(reply, bytes):
        return reply.decode("utf-8", "replace")
    unexpected(reply, "text")


def word_or_integer(reply: Reply) -> str | int:
    """An int, or text that is always str."""
    return integer(reply) if isinstance(reply, int) else word(reply)


def word_or_none(reply: Reply) -> str | None:
    """Text that is always str, or None for a null."""
    return None if reply is None else word(reply)


def array(reply: Reply) -> list[Reply]:
    """A list of raw replies."""
    if isinstance(reply, list):
        return reply
    unexpected(reply, "an array")


def array_or_none(reply: Reply) -> list[Reply] | None:
    """A list of raw replies, or None for a null."""
    return None if reply is None else array(reply)


def pairs(reply: Reply) -> Iterator[tuple[Reply, Reply]]:
    """Keys and values: of a RESP3 map, a flat RESP2 array, or an array of pairs."""
    if isinstance(reply, dict):
        return iter(reply.items())
    items = array(reply)
    if items and all(isinstance(item, list) for item in items):
        return (pair(item) for item in items)
    if len(items) % 2:
        unexpected(reply, "an even number of items")
    each = iter(items)
    return zip(each, each, strict=True)


def pair(reply: Reply) -> tuple[Reply, Reply]:
    """Two raw replies."""
    items = array(reply)
    if len(items) != 2:
        unexpected(reply, "a pair")
    return items[0], items[1]


def integer_pair(reply: Reply) -> tuple[int, int]:
    """Two ints."""
    first, second = pair(reply)
    return integer(first), integer(second)


def triple(reply: Reply) -> tuple[Reply, Reply, Reply]:
    """Three raw replies."""
    items = array(reply)
    if len(items) != 3:
        unexpected(reply, "three items")
    return items[0], items[1], items[2]


def record(reply: Reply) -> dict[str, Reply]:
    """A map with names as keys, values raw; empty for an empty reply."""
    return {word(name): value for name, value in pairs(reply)}


def others(fields: Mapping[str, Reply], known: Collection[str]) -> dict[str, Reply]:
    """The *fields* of a report that are not *known*, as the server sent them; text is str."""
    return {name: _told(value) for name, value in fields.items() if name not in known}


def _told(reply: Reply) -> Reply:
    """What a server tells about itself: its text is str on every client."""
    if isinstance(reply, list):
        return [_told(each) for each in reply]
    if isinstance(reply, dict):
        return {_told(name): _told(value) for name, value in reply.items()}
    return word(reply) if isinstance(reply, bytes) else reply


def all_are(items: list[Reply], kind: type[T]) -> TypeGuard[list[T]]:
    """True if all *items* are of exactly this *kind*: one pass in C, not a call for each."""
    return {kind}.issuperset(map(type, items))


class TextReaders(Generic[S]):
    """Readers of text: `TextReaders(str)` for a client that decodes, otherwise `TextReaders(bytes)`.

    *json_codec* is how the client writes and reads JSON, if not by the standard library.
    """

    def __init__(
        self,
        kind: type[S],
        encoding: str = "utf-8",
        errors: str = "strict",
        json_codec: JsonCodec | None = None,
    ) -> None:
        self.kind: type[S] = kind
        self.codec: Final = (encoding, errors)
        """Encoding and error handler, for replies that arrive as bytes because parts are no text."""
        self.json_codec = json_codec
        # Each command takes one of these: as attributes of this object they are not made each time.
        for name in ("text", "text_or_none", "texts", "texts_or_nones", "text_set", "text_map"):
            setattr(self, name, getattr(self, name))

    def text(self, reply: Reply) -> S:
        """Text."""
        if isinstance(reply, self.kind):
            return reply
        unexpected(reply, self.kind.__name__)

    def text_or_none(self, reply: Reply) -> S | None:
        """Text, or None for a null."""
        if reply is None or isinstance(reply, self.kind):
            return reply
        unexpected(reply, f"{self.kind.__name__} or null")

    def texts(self, reply: Reply) -> list[S]:
        """A list of texts."""
        items = array(reply)
        return items if self.are_texts(items) else [self.text(item) for item in items]

    def are_texts(self, items: list[Reply]) -> TypeGuard[list[S]]:
        """True if all *items* are texts: one pass in C, not a call for each."""
        return are_texts(items, self.kind())

    def texts_or_none(self, reply: Reply) -> list[S] | None:
        """A list of texts, or None for a null."""
        return None if reply is None else self.texts(reply)

    def texts_or_nones(self, reply: Reply) -> list[S | None]:
        """A list of texts, None for each null."""
        return [self.text_or_none(item) for item in array(reply)]

    def text_set(self, reply: Reply) -> set[S]:
        """A set of texts."""
        return set(self.texts(reply))

    def text_map(self, reply: Reply) -> dict[S, S]:
        """A dict of texts."""
        if isinstance(reply, dict):
            return dict(zip(self.texts(list(reply)), self.texts(list(reply.values())), strict=True))
        return {self.text(name): self.text(value) for name, value in pairs(reply)}

    def scored(self, reply: Reply) -> list[tuple[S, float]]:
        """Members with their scores, in the server's order."""
        return [(self.text(member), number(score)) for member, score in pairs(reply)]

    def page(self, items: Callable[[Reply], T]) -> Callable[[Reply], tuple[int, T]]:
        """A reader of one page of a SCAN: the next cursor (0: done) and its items."""

        def read(reply: Reply) -> tuple[int, T]:
            cursor, content = pair(reply)
            digits = word(cursor)
            if not (digits.isdecimal() and len(digits) <= 20):
                unexpected(reply, "a cursor and a page")
            return int(digits), items(content)

        return read

    def text_pairs(self, reply: Reply) -> list[tuple[S, S]]:
        """Texts two by two, in the server's order: fields that may repeat, with their values."""
        return [(self.text(name), self.text(value)) for name, value in pairs(reply)]

    def keyed(self, items: Callable[[Reply], T]) -> Callable[[Reply], tuple[S, T] | None]:
        """A reader of a key and the elements popped from it, or of a null: nothing was popped."""

        def read(reply: Reply) -> tuple[S, T] | None:
            if reply is None:
                return None
            key, content = pair(reply)
            return self.text(key), items(content)

        return read
