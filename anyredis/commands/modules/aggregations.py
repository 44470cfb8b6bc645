"""Aggregations: rows that steps make of the documents of an index, at once or page by page."""

from __future__ import annotations

from collections.abc import Mapping

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.cursors import CursorPage
from anyredis.commands.group import Group, Milliseconds, flags
from anyredis.commands.modules.aggregate_results import AggregateReader, AggregateResult, Row
from anyredis.commands.modules.aggregate_steps import Step, step_words
from anyredis.commands.modules.query_commands import QueryCommand
from anyredis.commands.modules.search_options import milliseconds_words, option_words
from anyredis.commands.modules.search_params import DIALECT, QueryText, query_words
from anyredis.commands.vectors import Vector
from anyredis.replies import S, ok
from anyredis.wire.encode import Key, Value


class Aggregations(Group[S]):
    """The commands that aggregate the documents of an index."""

    @command
    def aggregate(
        self,
        index: Key,
        query: QueryText,
        *steps: Step,
        verbatim: bool = False,
        add_scores: bool = False,
        scorer: Key | None = None,
        timeout: Milliseconds | None = None,
        params: Mapping[str, Value | Vector] | None = None,
        dialect: Count | None = DIALECT,
    ) -> Command[AggregateResult[S]]:
        """The rows that *steps* make of the documents of *index* that match *query*.

            await client.ft.aggregate(
                "goods", "*", group_by("category", Reducer.count("n")), sort_by(desc("n"), max=5)
            )

        The steps are `load`, `group_by`, `sort_by`, `apply`, `filter_by` and `limit`, in this order
        or any other.  Values are texts, numbers too.  With *add_scores* each document has its score
        as `__score`.  *query*, *params*, *timeout*, *dialect* and errors as for `search`.  More than
        some thousand rows come page by page with `aggregate_iter`.
        FT.AGGREGATE index query [LOAD n field …] [GROUPBY n property … REDUCE name n arg …]
        [SORTBY n property …] [APPLY expression AS name] [LIMIT offset num]. Search 1.1. O(1).
        """
        text, last = query_words("FT.AGGREGATE", query, params, dialect)
        words = (
            *_option_words(verbatim, add_scores, scorer, timeout),
            *step_words("FT.AGGREGATE", steps),
            *last,
        )
        args = (b"FT.AGGREGATE", index, text, *words)
        return QueryCommand(args, AggregateReader(self.read), text, b"AGGREGATE")

    @command
    def aggregate_cursor(
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
    ) -> Command[CursorPage[Row[S]]]:
        """The first page of the rows of `aggregate`, with a cursor for `cursor_read`.

        A page has up to *count* rows, 1000 by default.  The server closes the cursor after *max_idle*
        milliseconds without a read, 300 000 by default; until then it counts against a limit of 128
        for an index, so close it with `cursor_del`.  `aggregate_iter` does all that.  In a cluster
        only the node that made a cursor knows it: use `client.node_for(index).ft`.
        FT.AGGREGATE index query WITHCURSOR [COUNT n] [MAXIDLE milliseconds] [LOAD n field …].
        Search 1.1. O(1).
        """
        text, last = query_words("FT.AGGREGATE", query, params, dialect)
        words = (
            *_option_words(verbatim, add_scores, scorer, timeout),
            b"WITHCURSOR",
            *option_words(b"COUNT", count),
            *milliseconds_words(b"MAXIDLE", "max_idle", max_idle),
            *step_words("FT.AGGREGATE", steps),
            *last,
        )
        args = (b"FT.AGGREGATE", index, text, *words)
        return QueryCommand(args, AggregateReader(self.read).page, text)

    @command
    def cursor_read(
        self, index: Key, cursor: Count, *, count: Count | None = None
    ) -> Command[CursorPage[Row[S]]]:
        """The next page of a cursor, of up to *count* rows.

        Raises `ResponseError` for a cursor that was read to its end, closed or idle for too long.
        FT.CURSOR READ index cursor [COUNT n]. Search 1.1. O(1).
        """
        args = (b"FT.CURSOR", b"READ", index, cursor, *option_words(b"COUNT", count))
        return Command(args, AggregateReader(self.read).page, binary=True)

    @command
    def cursor_del(self, index: Key, cursor: Count) -> Command[bool]:
        """True once the cursor is closed.

        Raises `ResponseError` for a cursor that does not exist any more.
        FT.CURSOR DEL index cursor. Search 1.1. O(1).
        """
        return Command((b"FT.CURSOR", b"DEL", index, cursor), ok)


def _option_words(
    verbatim: bool, add_scores: bool, scorer: Key | None, timeout: Milliseconds | None
) -> tuple[Value, ...]:
    """The words for how documents are found, before those for what becomes of them."""
    return (
        *flags(verbatim=verbatim),
        *option_words(b"SCORER", scorer),
        *flags(addscores=add_scores),
        *milliseconds_words(b"TIMEOUT", "timeout", timeout),
    )
