"""Cursors: rows that a server keeps and gives page by page, as the commands that go through them.

Law: these are values.  The client runs the commands, one at a time, and closes the cursor.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from anyredis.command import Command
from anyredis.wire.encode import Key

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class CursorPage(NamedTuple, Generic[T]):
    """Some rows, and the cursor for those behind them."""

    rows: list[T]
    """The rows; there may be none although others follow."""

    cursor: int
    """The number for the next page; 0 if these were the last rows."""

    warnings: list[str]
    """What the server warns of, such as a timeout; RESP2 has no place for it."""


class CursorPlan(NamedTuple, Generic[T]):
    """The commands of a cursor."""

    key: Key
    """The key, or index, at whose node the cursor is."""

    first: Command[CursorPage[T]]
    """Makes the cursor and gives its first page."""

    read: Callable[[int], Command[CursorPage[T]]]
    """Gives the next page."""

    delete: Callable[[int], Command[bool]]
    """Closes the cursor."""


class CursorRows(Protocol[T_co]):
    """The rows of a cursor, for `async for`."""

    @property
    def warnings(self) -> list[str]:
        """What the server has warned of so far, such as a timeout; RESP2 has no place for it."""
        ...

    def __aiter__(self) -> AsyncIterator[T_co]: ...

    def __anext__(self) -> Coroutine[Any, Any, T_co]: ...
