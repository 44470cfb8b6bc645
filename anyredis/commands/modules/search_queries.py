"""Queries of the search module: search, aggregation, hybrid search, profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, TypeVar, Unpack, cast

from anyredis.command import Blueprint, Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Milliseconds, flags
from anyredis.commands.modules.aggregate_results import HybridReader, HybridResult
from anyredis.commands.modules.aggregate_steps import Step, step_words
from anyredis.commands.modules.aggregations import Aggregations
from anyredis.commands.modules.document_types import DocumentType, converter
from anyredis.commands.modules.hybrid import Combine, VectorQuery
from anyredis.commands.modules.json_codecs import codec_of
from anyredis.commands.modules.query_commands import QueryCommand
from anyredis.commands.modules.search_options import (
    Highlight,
    ReturnFields,
    SearchFilter,
    SortOrder,
    Summarize,
    counted,
    filter_words,
    limit_words,
    milliseconds_words,
    option_words,
    return_words,
    sort_words,
)
from anyredis.commands.modules.search_params import (
    DIALECT,
    QueryText,
    params_words,
    query_of,
    query_words,
    refuse_foreign,
)
from anyredis.commands.modules.search_profiles import Profiled, profile_command
from anyredis.commands.modules.search_results import SearchReader, SearchResult
from anyredis.commands.several import SomeKeys
from anyredis.commands.vectors import Vector
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, TextReaders, array, word
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

T = TypeVar("T")


class SearchOptions(TypedDict, total=False):
    """The options of `search`, for `search_as`."""

    nocontent: bool
    verbatim: bool
    nostopwords: bool
    withscores: bool
    explainscore: bool
    withpayloads: bool
    withsortkeys: bool
    filters: Sequence[SearchFilter] | None
    inkeys: SomeKeys | None
    infields: SomeKeys | None
    return_fields: ReturnFields | None
    summarize: Summarize | None
    highlight: Highlight | None
    slop: int | None
    timeout: Milliseconds | None
    inorder: bool
    language: Key | None
    expander: Key | None
    scorer: Key | None
    sortby: str | SortOrder | None
    limit: tuple[int, int] | None
    params: Mapping[str, Value | Vector] | None
    dialect: Count | None


class SearchQueries(Aggregations[S]):
    """The commands that ask an index."""

    @command
    def search(
        self,
        index: Key,
        query: QueryText,
        *,
        nocontent: bool = False,
        verbatim: bool = False,
        nostopwords: bool = False,
        withscores: bool = False,
        explainscore: bool = False,
        withpayloads: bool = False,
        withsortkeys: bool = False,
        filters: Sequence[SearchFilter] | None = None,
        inkeys: SomeKeys | None = None,
        infields: SomeKeys | None = None,
        return_fields: ReturnFields | None = None,
        summarize: Summarize | None = None,
        highlight: Highlight | None = None,
        slop: Count | None = None,
        timeout: Milliseconds | None = None,
        inorder: bool = False,
        language: Key | None = None,
        expander: Key | None = None,
        scorer: Key | None = None,
        sortby: str | SortOrder | None = None,
        limit: tuple[int, int] | None = None,
        params: Mapping[str, Value | Vector] | None = None,
        dialect: Count | None = DIALECT,
    ) -> Command[SearchResult[S, dict[S, S]]]:
        """The documents of *index* that match *query*: ten of them, unless *limit* says otherwise.

        *query* is text in the server's query language, with its `$parameters` in *params*, or a
        value that `anyredis.search` makes; text of users belongs into one of the two.  *limit* is
        (offset, count), *sortby* a field, `asc(field)` or `desc(field)`.  *return_fields* are names,
        or pairs of a path and a name; with *nocontent* the documents have no fields.  *filters* are
        what `number` and `near` make.  *timeout* is in milliseconds.  *withscores* and the like fill
        an attribute of each `Document` that is None otherwise.  *dialect* 2 is sent unless you give
        another; None leaves it to the server.  Raises `SearchQueryError` for a query or an index that
        the server refuses.
        FT.SEARCH index query [NOCONTENT] [LIMIT offset num] [PARAMS n name value …]. Search 1.0. O(N).
        """
        if explainscore and not withscores:
            raise DataValueError("FT.SEARCH: explainscore goes with withscores=True: give both")
        if nocontent and return_fields is not None:
            raise DataValueError("FT.SEARCH: nocontent and return_fields exclude each other")
        text, last = query_words("FT.SEARCH", query, params, dialect)
        shown = (summarize, highlight)
        words = (
            *flags(nocontent=nocontent, verbatim=verbatim, nostopwords=nostopwords),
            *flags(withscores=withscores, withpayloads=withpayloads, withsortkeys=withsortkeys),
            *filter_words("FT.SEARCH", filters),
            *counted("FT.SEARCH", b"INKEYS", "inkeys", inkeys),
            *counted("FT.SEARCH", b"INFIELDS", "infields", infields),
            *return_words("FT.SEARCH", return_fields),
            *_shown_words(shown),
            *option_words(b"SLOP", slop),
            *milliseconds_words(b"TIMEOUT", "timeout", timeout),
            *flags(inorder=inorder),
            *option_words(b"LANGUAGE", language),
            *option_words(b"EXPANDER", expander),
            *option_words(b"SCORER", scorer),
            *flags(explainscore=explainscore),
            *sort_words("FT.SEARCH", sortby),
            *limit_words("FT.SEARCH", limit),
        )
        reader = SearchReader[S, dict[S, S]](
            self.read,
            None,
            content=not nocontent,
            scores=withscores,
            payloads=withpayloads,
            sort_keys=withsortkeys,
            explained=explainscore,
        )
        return QueryCommand((b"FT.SEARCH", index, text, *words, *last), reader, text, b"SEARCH")

    @command
    def search_as(
        self,
        index: Key,
        query: QueryText,
        *,
        type: DocumentType[T],
        **options: Unpack[SearchOptions],
    ) -> Command[SearchResult[S, T]]:
        """Like `search`, with the `fields` of each document as a value of *type*.

        *type* is a pydantic model, what msgspec fills (its `Struct`, a dataclass, a `TypedDict`),
        or a function of a dict.  Names and values are text on any client, those that are no text
        bytes; a JSON document under `$` is parsed by the `json_codec` of the client, and the other
        fields stand beside its own.  Raises `ReplyDecodeError` that names a document which does not
        fit, and `DataTypeError` if no library is installed that fills such a type.
        FT.SEARCH index query [LIMIT offset num] [PARAMS n name value …]. Search 1.0. O(N).
        """
        plan = SearchPlan(self.read).search(index, query, **options)
        if options.get("nocontent"):
            raise DataValueError("FT.SEARCH: nocontent leaves nothing for type: use search")
        encoding = self.read.codec[0]
        dialect, codec = options.get("dialect", DIALECT), codec_of(self.read)
        convert = converter("FT.SEARCH", type, dialect, encoding, codec)
        reader = cast("SearchReader[S, dict[S, S]]", plan.parse).making(convert)
        return QueryCommand(plan.args, reader, plan.args[2], b"SEARCH")

    @command
    def hybrid(
        self,
        index: Key,
        query: QueryText,
        vector: VectorQuery,
        *steps: Step,
        scorer: Key | None = None,
        score_as: Key | None = None,
        combine: Combine | None = None,
        timeout: Milliseconds | None = None,
        params: Mapping[str, Value | Vector] | None = None,
    ) -> Command[HybridResult[S]]:
        """The documents that match *query* or are near to *vector*: the best ten, unless a step says.

        *combine* says how the two lists become one, by default `Combine.rrf()`.  A row has `__key`
        and `__score`, and what `load` loads; the steps are those of `aggregate`.  *scorer* is that of
        the text, whose score is the value *score_as*, if given.  *timeout* is in milliseconds.
        FT.HYBRID index SEARCH query VSIM field vector [KNN n K k] [COMBINE method n …]
        [LOAD n field …] [PARAMS n name value …]. Search 8.4. O(N+M).
        """
        text, own = query_of("FT.HYBRID", query)
        if not isinstance(vector, VectorQuery):
            refuse_foreign("FT.HYBRID", vector)
            raise DataTypeError(
                f"FT.HYBRID: vector is {excerpt(vector, 80)}: write VectorQuery(field, vector, k=10)"
            )
        shared = dict(own).keys() & dict(vector.params).keys()
        if shared:
            raise DataValueError(f"FT.HYBRID: two parts have a parameter ${min(shared)}")
        words = (
            *option_words(b"SCORER", scorer),
            *option_words(b"YIELD_SCORE_AS", score_as),
            *vector.words,
            *(() if combine is None else combine.words),
            *step_words("FT.HYBRID", steps),
            *params_words("FT.HYBRID", (*own, *vector.params), params),
            *milliseconds_words(b"TIMEOUT", "timeout", timeout),
        )
        args = (b"FT.HYBRID", index, b"SEARCH", text, *words)
        return QueryCommand(args, HybridReader(self.read), text, b"HYBRID")

    @command
    def profile(self, query: Command[T], *, limited: bool = False) -> Command[Profiled[T]]:
        """The result of *query*, which is run, with what the server did for it.

        *query* is a command of `client.ft.plan`; with *limited* iterators that are alike are told of
        once.

            await client.ft.profile(client.ft.plan.search("goods", "lamp", limit=(0, 5)))

        FT.PROFILE index SEARCH|AGGREGATE|HYBRID [LIMITED] QUERY query …. Search 2.2. O(N).
        """
        return profile_command(query, limited=limited)

    @command
    def explain(
        self,
        index: Key,
        query: QueryText,
        *,
        params: Mapping[str, Value | Vector] | None = None,
        dialect: Count | None = DIALECT,
    ) -> Command[str]:
        """How the server understands *query*, as a tree in lines of text; it is not run.

        FT.EXPLAIN index query [PARAMS n name value …] [DIALECT dialect]. Search 1.0. O(1).
        """
        text, last = query_words("FT.EXPLAIN", query, params, dialect)
        return QueryCommand((b"FT.EXPLAIN", index, text, *last), word, text)

    @command
    def explaincli(
        self,
        index: Key,
        query: QueryText,
        *,
        params: Mapping[str, Value | Vector] | None = None,
        dialect: Count | None = DIALECT,
    ) -> Command[list[str]]:
        """The lines of `explain`.

        FT.EXPLAINCLI index query [PARAMS n name value …] [DIALECT dialect]. Search 1.0. O(1).
        """
        text, last = query_words("FT.EXPLAINCLI", query, params, dialect)
        return QueryCommand((b"FT.EXPLAINCLI", index, text, *last), _lines, text)


class SearchPlan(Blueprint, SearchQueries[S]):
    """`client.ft.plan`: the commands of `client.ft` that ask an index, as values for `profile`."""

    def __init__(self, read: TextReaders[S]) -> None:
        self.read = read


def _lines(reply: Reply) -> list[str]:
    return [word(each) for each in array(reply)]


def _shown_words(shown: tuple[Summarize | None, Highlight | None]) -> tuple[Value, ...]:
    words: list[Value] = []
    for given, kind in zip(shown, (Summarize, Highlight), strict=True):
        if given is None:
            continue
        if not isinstance(given, kind):
            name = kind.__name__
            raise DataTypeError(
                f"FT.SEARCH: {name.lower()} is {excerpt(given, 80)}: write {name}(field, …)"
            )
        words += given.words
    return tuple(words)
