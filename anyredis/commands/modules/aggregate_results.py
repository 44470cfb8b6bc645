"""What FT.AGGREGATE and FT.HYBRID give: rows, from the replies of both protocols.

Law: the reply is read as bytes, because a row may hold anything.  On a client that decodes, what is
no text stays bytes.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Generic, TypeAlias, cast

from anyredis.commands.cursors import CursorPage
from anyredis.commands.modules.document_text import NameCache, plain_fields
from anyredis.commands.modules.search_results import warnings_of
from anyredis.frozen import Frozen
from anyredis.replies import S, TextReaders, array, integer, number, pair, pairs, record, unexpected
from anyredis.wire.decode import Reply

Row: TypeAlias = dict[S, Any]
"""The values of a row by name.

A value is text, numbers too; a list of texts from TOLIST and RANDOM_SAMPLE; None where the server has
none; bytes if it is no text.
"""


class AggregateResult(Frozen, Generic[S]):
    """The rows of an aggregation; `for row in result` goes through them."""

    __slots__ = ("rows", "warnings")

    def __init__(self, rows: list[Row[S]], warnings: list[str] | None = None) -> None:
        self.rows: Final = rows
        """The values of each row by name: texts, numbers too; lists of some reducers; None."""
        self.warnings: Final[list[str]] = warnings or []
        """What the server warns of, such as a timeout; RESP2 has no place for it."""

    def __iter__(self) -> Iterator[Row[S]]:
        return iter(self.rows)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.rows)


class HybridResult(Frozen, Generic[S]):
    """The documents that a hybrid search found, as rows; `for row in result` goes through them."""

    __slots__ = ("execution_time", "rows", "total", "warnings")

    def __init__(
        self, total: int, rows: list[Row[S]], execution_time: float, warnings: list[str]
    ) -> None:
        self.total: Final = total
        """The number of documents that match."""
        self.rows: Final = rows
        """The values of each row by name: `__key`, `__score`, and what was loaded."""
        self.execution_time: Final = execution_time
        """Milliseconds that the server took."""
        self.warnings: Final = warnings
        """What the server warns of."""

    def __iter__(self) -> Iterator[Row[S]]:
        return iter(self.rows)

    def __len__(self) -> int:
        """The number of rows here."""
        return len(self.rows)


class AggregateReader(Frozen, Generic[S]):
    """Reads replies to FT.AGGREGATE; those with a cursor, and to FT.CURSOR READ, by `page`."""

    __slots__ = ("read",)

    def __init__(self, read: TextReaders[S]) -> None:
        self.read: Final = read

    def __call__(self, reply: Reply) -> AggregateResult[S]:
        """The result in *reply*."""
        if isinstance(reply, dict):
            found = array(reply.get(b"results"))
            integer(reply.get(b"total_results"))
            rows = _rows(self.read, map(_attributes, found))
            return AggregateResult(rows, warnings_of(reply))
        items = array(reply)
        if not items:
            unexpected(reply, "a number and rows")
        integer(items[0])  # no number of rows: the server counts up to its first batch
        return AggregateResult(_rows(self.read, items[1:]))

    def page(self, reply: Reply) -> CursorPage[Row[S]]:
        """The page in *reply*."""
        content, cursor = pair(reply)
        result = self(content)
        return CursorPage(result.rows, integer(cursor), result.warnings)


class HybridReader(Frozen, Generic[S]):
    """Reads replies to FT.HYBRID."""

    __slots__ = ("read",)

    def __init__(self, read: TextReaders[S]) -> None:
        self.read: Final = read

    def __call__(self, reply: Reply) -> HybridResult[S]:
        """The result in *reply*: a map, or its flat array."""
        fields = record(reply)
        if not fields.keys() >= {"total_results", "results"}:
            unexpected(reply, "total_results and results")
        found = array(fields["results"])
        return HybridResult(
            integer(fields["total_results"]),
            _rows(self.read, found),
            number(fields.get("execution_time", 0)),
            warnings_of({name.encode(): value for name, value in fields.items()}),
        )


def _attributes(reply: Reply) -> Reply:
    if not isinstance(reply, dict) or b"extra_attributes" not in reply:
        unexpected(reply, "a row")
    return reply[b"extra_attributes"]


def _rows(read: TextReaders[S], found: Iterable[Reply]) -> list[Row[S]]:
    """Each row as a dict; a null is a row without values."""
    contents = list(map(_checked, found))
    plain = plain_fields(read, contents)
    if plain is not None:
        return cast("list[Row[S]]", plain)
    value = _Values(read)
    return [
        {value.name(name): value.of(each) for name, each in pairs(row)} if row else {}
        for row in contents
    ]


def _checked(row: Reply) -> Reply:
    if not (row is None or isinstance(row, (list, dict))):
        unexpected(row, "a row")
    return row


class _Values(Generic[S]):
    """Reads names and values of rows, each name once."""

    def __init__(self, read: TextReaders[S]) -> None:
        self._kind = read.kind
        self._codec = read.codec
        self._names = NameCache(read)

    def name(self, reply: Reply) -> S:
        """A name, as text of the client's type."""
        if not isinstance(reply, bytes):
            unexpected(reply, "the name of a value")
        return self._names[reply]

    def of(self, reply: Reply) -> Any:
        """A value."""
        if isinstance(reply, bytes):
            if self._kind is bytes:
                return reply
            try:
                return reply.decode(*self._codec)
            except UnicodeError:
                return reply
        if isinstance(reply, list):
            return [self.of(each) for each in reply]
        if reply is not None:
            unexpected(reply, "the value of a row")
        return None
