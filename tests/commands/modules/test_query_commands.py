"""Tests of `anyredis.commands.modules.query_commands`: errors of the server show the query."""

from __future__ import annotations

import pytest

from anyredis.command import Result
from anyredis.commands.modules.query_commands import SHOWN, QueryCommand
from anyredis.exceptions import (
    NoPermissionError,
    ResponseError,
    SearchQueryError,
    UnknownCommandError,
    from_server,
)
from anyredis.replies import ok
from anyredis.wire.encode import Value


def command(query: Value) -> QueryCommand[bool]:
    """A command with that query."""
    return QueryCommand((b"FT.SEARCH", "i", query), ok, query)


@pytest.mark.parametrize("query", ["@t:(", b"@t:("])
def test_the_error_of_a_query(query: Value) -> None:
    """It has the query as text, and its message is that of the server with the query."""
    told = command(query).error_of(from_server("Syntax error at offset 3 near t"))
    assert isinstance(told, SearchQueryError)
    assert told.query == "@t:("
    assert str(told).startswith("Syntax error at offset 3 near t (the query is '@t:(')")
    assert told.answered


def test_a_long_query() -> None:
    """The message shows its beginning, the error has all of it."""
    told = command("x" * 5000).error_of(ResponseError("Syntax error"))
    assert isinstance(told, SearchQueryError)
    assert len(told.query) == 5000
    assert len(str(told)) < SHOWN + 100


@pytest.mark.parametrize("kind", [NoPermissionError, UnknownCommandError])
def test_errors_that_are_not_about_the_query(kind: type[ResponseError]) -> None:
    """They keep their class."""
    error = kind("NOPERM")
    assert command("x").error_of(error) is error


def test_a_pipeline() -> None:
    """The error in it shows the query, too."""
    result = Result(command("@t:("))
    Result.resolve([result], [ResponseError("Syntax error")])
    assert isinstance(result.error, SearchQueryError)
