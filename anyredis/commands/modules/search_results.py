"""What FT.SEARCH gives: documents with their fields, from the replies of both protocols.

Law: the reply is read as bytes, because a field may hold anything.  On a client that decodes, a
value that is no text stands in `binary`, all others in `fields`; none fails the others.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import repeat
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar, cast

from anyredis.commands.modules.document_text import NO_BINARY, PLAIN, field_values, texts_of
from anyredis.commands.modules.json_codecs import STANDARD, codec_of
from anyredis.commands.modules.search_json import json_of
from anyredis.commands.modules.typed_values import CACHED
from anyredis.frozen import Frozen
from anyredis.json_codec import JsonCodec
from anyredis.replies import S, TextReaders, all_are, array, integer, number, pair, unexpected, word
from anyredis.wire.decode import Reply

F = TypeVar("F")
T = TypeVar("T")


class Document(NamedTuple, Generic[S, F]):
    """A document that a search found."""

    id: S
    """Its key."""

    fields: F
    """Its fields, as a dict or as what `search_as` makes of them; empty with *nocontent*."""

    score: float | None = None
    """How well it matches; None without *withscores*."""

    payload: bytes | None = None
    """Its payload; None without *withpayloads*, or if it has none."""

    sort_key: str | None = None
    """What it was sorted by, `#` before a number and `$` before text; None without *withsortkeys*."""

    explanation: str | None = None
    """How the score came about, in indented lines; None without *explainscore*."""

    binary: Mapping[S, bytes] = NO_BINARY
    """Values that are no text, such as vectors, on a client that decodes; they are not in `fields`."""

    @property
    def json(self) -> Any:
        """The JSON document under `$`, parsed by the `json_codec` of the client.

        Raises `KeyError` without a field `$`: a document of a hash, or fields that were chosen; and
        `ReplyDecodeError` that names the document if the codec fails.
        """
        return json_of(self.id, (self.fields, self.binary), STANDARD, PLAIN)

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        # Where it is unpickled there is no client, whose codec `json` could use.
        return Document, (*self[:-1], dict(self.binary))


class SearchResult(Frozen, Generic[S, F]):
    """The documents that a search found; `for document in result` goes through them."""

    __slots__ = ("documents", "total", "warnings")

    def __init__(
        self, total: int, documents: list[Document[S, F]], warnings: list[str] | None = None
    ) -> None:
        self.total: Final = total
        """The number of documents that match; `documents` are those within the limit."""
        self.documents: Final = documents
        self.warnings: Final[list[str]] = warnings or []
        """What the server warns of, such as a timeout; RESP2 has no place for it."""

    def __iter__(self) -> Iterator[Document[S, F]]:
        return iter(self.documents)

    def __len__(self) -> int:
        """The number of documents here."""
        return len(self.documents)


@lru_cache(CACHED)
def document_class(codec: JsonCodec, encoding: tuple[str, str]) -> type[Document[Any, Any]]:
    """`Document`, or for a client that reads JSON or text in another way a class like it.

    So a document knows its client's codec without an attribute, for which ten thousand would pay.
    """
    if codec is STANDARD and encoding == PLAIN:
        return Document

    def json(document: Document[Any, Any]) -> Any:
        return json_of(document.id, (document.fields, document.binary), codec, encoding)

    own = property(json, doc=Document.json.__doc__)
    made = type(
        "Document", (Document,), {"__slots__": (), "__doc__": Document.__doc__, "json": own}
    )
    return cast("type[Document[Any, Any]]", made)


_NEW_DOCUMENT: Final = cast("Callable[[Any, Any], Any]", getattr(tuple, "__new__"))  # noqa: B009

Make = Callable[[Any, Mapping[Any, Any], Mapping[Any, bytes]], F]
"""Makes the fields of a document: from its key, its fields, and its values that are no text."""


class SearchReader(Frozen, Generic[S, F]):
    """Reads replies to one call of FT.SEARCH, whose options decide on their shape."""

    __slots__ = ("content", "explained", "make", "payloads", "read", "scores", "sort_keys")

    def __init__(
        self,
        read: TextReaders[S],
        make: Make[F] | None,
        *,
        content: bool,
        scores: bool,
        payloads: bool,
        sort_keys: bool,
        explained: bool,
    ) -> None:
        self.read: Final = read
        self.make: Final = make
        self.content: Final = content
        self.scores: Final = scores
        self.payloads: Final = payloads
        self.sort_keys: Final = sort_keys
        self.explained: Final = explained

    def making(self, make: Make[T]) -> "SearchReader[S, T]":
        """The same, with other fields of the documents."""
        return SearchReader(
            self.read,
            make,
            content=self.content,
            scores=self.scores,
            payloads=self.payloads,
            sort_keys=self.sort_keys,
            explained=self.explained,
        )

    def __call__(self, reply: Reply) -> SearchResult[S, F]:
        """The result in *reply*."""
        if isinstance(reply, dict):
            return self._of_map(reply)
        items = array(reply)
        if not items:
            unexpected(reply, "a number of documents")
        total, columns, step = integer(items[0]), iter(range(1, 6)), self._step
        if (len(items) - 1) % step:
            unexpected(reply, f"{step} items for each document")
        given = (True, self.scores, self.payloads, self.sort_keys, self.content)
        found = [items[next(columns) :: step] if each else None for each in given]
        return SearchResult(total, self._documents(*found))

    @property
    def _step(self) -> int:
        """The number of items that RESP2 has for a document."""
        return 1 + self.scores + self.payloads + self.sort_keys + self.content

    def _of_map(self, reply: dict[Reply, Reply]) -> SearchResult[S, F]:
        """The result in a reply of RESP3."""
        found = array(reply.get(b"results"))
        if not all_are(found, dict):
            unexpected(reply, "documents")
        documents = cast("list[dict[Reply, Reply]]", found)

        def column(name: bytes, wanted: bool = True) -> list[Reply] | None:
            return [each.get(name) for each in documents] if wanted else None

        return SearchResult(
            integer(reply.get(b"total_results")),
            self._documents(
                column(b"id"),
                column(b"score", self.scores),
                column(b"payload", self.payloads),
                column(b"sortkey", self.sort_keys),
                column(b"extra_attributes", self.content),
            ),
            warnings_of(reply),
        )

    def _documents(
        self,
        ids: list[Reply] | None,
        scores: list[Reply] | None,
        payloads: list[Reply] | None,
        sort_keys: list[Reply] | None,
        contents: list[Reply] | None,
    ) -> list[Document[S, F]]:
        """The documents, from one list for each of their parts."""
        keys = texts_of(self.read, ids or [])
        explained: Any = repeat(None)
        if self.explained and scores is not None:
            pairs = [pair(each) for each in scores]
            scores, explained = [first for first, _ in pairs], [_lines(why) for _, why in pairs]
        fields, binary = self._contents(keys, contents)
        columns = zip(  # noqa: B905 - some are endless
            keys,
            fields,
            repeat(None) if scores is None else map(number, scores),
            repeat(None) if payloads is None else map(_payload, payloads),
            repeat(None) if sort_keys is None else map(_sort_key, sort_keys),
            explained,
            binary,
        )
        # `Document(*each)`, without a Python frame for each of what may be ten thousand.
        kind = document_class(codec_of(self.read), self.read.codec)
        return list(map(_NEW_DOCUMENT, repeat(kind), columns))

    def _contents(self, keys: list[S], contents: list[Reply] | None) -> tuple[Any, Any]:
        """The fields of each document, and its values that are no text."""
        if contents is None:
            contents = [{} for _ in keys]
        if self.make is None:
            return field_values(self.read, contents)
        # Strict, whatever the client says: bytes that are no text stay bytes.
        found, binary = field_values(TextReaders(str, self.read.codec[0]), contents)
        return map(self.make, keys, found, binary), repeat(NO_BINARY)


def warnings_of(reply: Mapping[Reply, Reply]) -> list[str]:
    """The warnings in a reply of RESP3."""
    return [word(each) for each in array(reply.get(b"warning", reply.get(b"warnings", [])))]


def _payload(reply: Reply) -> bytes | None:
    if not (reply is None or isinstance(reply, bytes)):
        unexpected(reply, "a payload")
    return reply


def _sort_key(reply: Reply) -> str | None:
    return None if reply is None else word(reply)


def _lines(reply: Reply, depth: int = 0) -> str:
    """The explanation of a score: texts, each followed by a list of those that it follows from."""
    if isinstance(reply, list):
        return "\n".join(_lines(each, depth + isinstance(each, list)) for each in reply)
    return "  " * depth + word(reply)
