"""Search: indexes over hashes and JSON documents, queries by text, numbers, places and vectors."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from anyredis.command import Command
from anyredis.commands.checks import Count
from anyredis.commands.cursors import CursorPage, CursorPlan, CursorRows
from anyredis.commands.group import Milliseconds
from anyredis.commands.modules.aggregate_results import Row
from anyredis.commands.modules.aggregate_steps import Step
from anyredis.commands.modules.search_indexes import SearchIndexes
from anyredis.commands.modules.search_params import DIALECT, QueryText
from anyredis.commands.modules.search_queries import SearchPlan, SearchQueries
from anyredis.commands.modules.search_terms import SearchTerms
from anyredis.commands.vectors import Vector
from anyredis.namespaces import BlueprintNamespace, ClientNamespace, PipelineNamespace, Runs
from anyredis.replies import S
from anyredis.unfit_calls import explained
from anyredis.wire.encode import Key, Value

T = TypeVar("T")


class RunsSearches(Runs[S], Protocol[S]):
    """A client, a client of a node, or a session."""

    def submit_explained(self, command: Command[T], /) -> Coroutine[Any, Any, T]:
        """Like `submit`, with the errors that *command* makes of those of the server."""
        ...

    def open_cursor(self, plan: CursorPlan[T], /) -> AbstractAsyncContextManager[CursorRows[T]]:
        """The rows of a cursor, for an `async with` block."""
        ...


class ClientSearch(ClientNamespace[S], SearchIndexes[S], SearchTerms[S], SearchQueries[S]):
    """`client.ft`: each call is awaited."""

    def __init__(self, parent: RunsSearches[S]) -> None:
        super().__init__(parent)
        self._parent = parent
        vars(self)["submit"] = parent.submit_explained

    @property
    def plan(self) -> SearchPlan[S]:
        """The commands that ask an index, as values that are not sent: for `profile`."""
        return SearchPlan(self.read)

    @explained
    def aggregate_iter(
        self,
        index: Key,
        query: QueryText,
        *steps: Step,
        count: Count | None = None,
        max_idle: Milliseconds | None = None,
        verbatim: bool = False,
        add_scores: bool = False,
        scorer: Key | None = None,
        timeout: Milliseconds | None = None,
        params: Mapping[str, Value | Vector] | None = None,
        dialect: Count | None = DIALECT,
    ) -> AbstractAsyncContextManager[CursorRows[Row[S]]]:
        """The rows of `aggregate`, page by page, for an `async with` block and `async for`.

            async with client.ft.aggregate_iter("goods", "*", load("name")) as rows:
                async for row in rows:
                    print(row["name"])

        A page has up to *count* rows, 1000 by default.  Leaving the block closes the cursor, if the
        rows are not at their end.  A cancelled `async for` may go on: no row is lost.  The server
        closes a cursor that is not read for *max_idle* milliseconds, 300 000 by default.  In a cluster
        all pages come from the node that made the cursor.  A session has none: use the client.
        Entering raises the errors of `aggregate`.
        """
        plan = self.plan
        first = plan.aggregate_cursor(
            index,
            query,
            *steps,
            count=count,
            max_idle=max_idle,
            verbatim=verbatim,
            add_scores=add_scores,
            scorer=scorer,
            timeout=timeout,
            params=params,
            dialect=dialect,
        )

        def read(cursor: int) -> Command[CursorPage[Row[S]]]:
            return plan.cursor_read(index, cursor, count=count)

        def delete(cursor: int) -> Command[bool]:
            return plan.cursor_del(index, cursor)

        return self._parent.open_cursor(CursorPlan(index, first, read, delete))


class PipelineSearch(PipelineNamespace[S], SearchIndexes[S], SearchTerms[S], SearchQueries[S]):
    """`pipe.ft`: each call gives a `Result`."""

    @property
    def plan(self) -> SearchPlan[S]:
        """The commands that ask an index, as values that are not queued: for `profile`."""
        return SearchPlan(self.read)


class BlueprintSearch(BlueprintNamespace[S], SearchIndexes[S], SearchTerms[S], SearchQueries[S]):
    """`ft` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientSearch, PipelineSearch, BlueprintSearch)
