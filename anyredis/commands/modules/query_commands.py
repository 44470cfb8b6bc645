"""Commands with a query: the error of a server that refuses one shows the query."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyredis.command import Command
from anyredis.exceptions import RedisError, ResponseError, SearchQueryError
from anyredis.excerpt import excerpt
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T_co = TypeVar("T_co", covariant=True)

SHOWN = 200
"""Characters of a query that a message shows; the error has all of it."""


class QueryCommand(Command[T_co]):
    """A command whose *query* is in the message of its errors; its reply is read as bytes.

    *profiled* is the word for it in FT.PROFILE, if that takes it.
    """

    __slots__ = ("profiled", "query")

    def __init__(
        self,
        args: tuple[Value, ...],
        parse: Callable[[Reply], T_co],
        query: Value,
        profiled: bytes | None = None,
    ) -> None:
        super().__init__(args, parse, binary=True)
        self.query = query
        self.profiled = profiled

    def error_of(self, error: RedisError) -> RedisError:
        """A `SearchQueryError` for an error that has no class of its own."""
        if type(error) is not ResponseError:
            return error
        query = self.query
        if isinstance(query, (bytes, bytearray, memoryview)):
            query = bytes(query).decode("utf-8", "backslashreplace")
        told = SearchQueryError(f"{error} (the query is {excerpt(query, SHOWN)})", query=str(query))
        told.answered = error.answered
        return told
