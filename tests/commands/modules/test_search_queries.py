"""Queries of the search module as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from anyredis.command import Command
from anyredis.commands.modules.ft import BlueprintSearch
from anyredis.commands.modules.search_queries import SearchOptions, SearchPlan, SearchQueries
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.search import (
    EVERYTHING,
    AggregateResult,
    Combine,
    Document,
    Highlight,
    HybridResult,
    Profiled,
    SearchResult,
    Summarize,
    VectorQuery,
    desc,
    knn,
    limit,
    load,
    near,
    number,
    tag,
)
from anyredis.search import text as words_of
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.modules.search_replies import map_of
from tests.commands.modules.vectors import ONES
from tests.commands.tables import parsed, resp2, resp3, unchecked, words

text: BlueprintSearch[str] = TextPlan().ft
binary: BlueprintSearch[bytes] = BytesPlan().ft


SENT: list[tuple[str, Command[object]]] = [
    ("FT.SEARCH i hello DIALECT 2", text.search("i", "hello")),
    ("FT.SEARCH i hello", text.search("i", b"hello", dialect=None)),
    ("FT.SEARCH i @g:{a\\,b} DIALECT 3", text.search("i", tag("g", "a,b"), dialect=3)),
    ("FT.SEARCH i * NOCONTENT LIMIT 0 5 PARAMS 2 n 1 DIALECT 2",
     text.search("i", EVERYTHING, nocontent=True, limit=(0, 5), params={"n": 1})),
    ("FT.SEARCH i x VERBATIM NOSTOPWORDS WITHSCORES WITHPAYLOADS WITHSORTKEYS EXPLAINSCORE DIALECT 2",
     text.search("i", "x", verbatim=True, nostopwords=True, withscores=True, withpayloads=True,
                 withsortkeys=True, explainscore=True)),
    ("FT.SEARCH i x FILTER price 10 (20 GEOFILTER place 1.5 2.0 3 km DIALECT 2",
     text.search("i", "x", filters=[number("price", at_least=10, below=20),
                                    near("place", 1.5, 2.0, 3, "km")])),
    ("FT.SEARCH i x INKEYS 2 a b INFIELDS 1 title RETURN 4 title $.price AS price DIALECT 2",
     text.search("i", "x", inkeys=["a", "b"], infields="title",
                 return_fields=["title", ("$.price", "price")])),
    (("FT.SEARCH i x SUMMARIZE FIELDS 1 body FRAGS 2 LEN 9 SEPARATOR | "
     "HIGHLIGHT FIELDS 2 title body TAGS <i> </i> DIALECT 2"),
     text.search("i", "x", summarize=Summarize("body", frags=2, len=9, separator="|"),
                 highlight=Highlight("title", "body", tags=("<i>", "</i>")))),
    (("FT.SEARCH i x SUMMARIZE HIGHLIGHT SLOP 0 TIMEOUT 1500 INORDER LANGUAGE german EXPANDER SBSTEM "
     "SCORER BM25 SORTBY price DESC DIALECT 2"),
     text.search("i", "x", summarize=Summarize(), highlight=Highlight(), slop=0,
                 timeout=timedelta(seconds=1.5), inorder=True, language="german",
                 expander="SBSTEM", scorer="BM25", sortby=desc("@price"))),
    ("FT.SEARCH i x SORTBY price DIALECT 2", text.search("i", "x", sortby="price")),
    ("FT.SEARCH i x LIMIT 1 2 PARAMS 2 n v DIALECT 2",
     text.search_as("i", "x", type=dict, limit=(1, 2), params={"n": "v"})),
    ("FT.HYBRID i SEARCH lamp VSIM @v $vector PARAMS 2 vector xxxx",
     text.hybrid("i", "lamp", VectorQuery("v", b"xxxx"))),
    (("FT.HYBRID i SEARCH @t:(lamp) SCORER BM25STD YIELD_SCORE_AS t VSIM @v $q KNN 4 K 5 EF_RUNTIME 9 "
     "YIELD_SCORE_AS d FILTER @g:{a} COMBINE LINEAR 6 ALPHA 0.7 BETA 0.3 WINDOW 20 LOAD 1 @t LIMIT 0 3 "
     "PARAMS 4 q xxxx n 1 TIMEOUT 100"),
     text.hybrid("i", words_of("t", "lamp"),
                 VectorQuery("v", b"xxxx", k=5, ef_runtime=9, filter=tag("g", "a"), score_as="d",
                             param="q"),
                 load("t"), limit(0, 3), scorer="BM25STD", score_as="t",
                 combine=Combine.linear(0.7, 0.3, window=20), params={"n": 1}, timeout=100)),
    ("FT.PROFILE i SEARCH QUERY x NOCONTENT DIALECT 2",
     text.profile(text.search("i", "x", nocontent=True))),
    ("FT.PROFILE i AGGREGATE LIMITED QUERY x LOAD 1 @a DIALECT 2",
     text.profile(text.aggregate("i", "x", load("a")), limited=True)),
    ("FT.PROFILE i HYBRID QUERY SEARCH x VSIM @v $vector PARAMS 2 vector xxxx",
     text.profile(text.hybrid("i", "x", VectorQuery("v", b"xxxx")))),
    ("FT.EXPLAIN i x PARAMS 2 n 1 DIALECT 2", text.explain("i", "x", params={"n": 1})),
    ("FT.EXPLAINCLI i x PARAMS 2 n 1 DIALECT 2", text.explaincli("i", "x", params={"n": 1})),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


def test_a_vector_is_a_parameter() -> None:
    """Its numbers are sent as floats of 32 bits, with the query that has it or in *params*."""
    for command in (
        text.search("i", knn("v", [1, 1], 3)),
        text.search("i", "*=>[KNN 3 @v $vector]", params={"vector": [1, 1]}),
    ):
        assert command.args[2:] == (
            *("*=>[KNN 3 @v $vector]", b"PARAMS", 2, "vector", ONES),
            *(b"DIALECT", 2),
        )


def test_the_options_of_both_searches_are_the_same() -> None:
    """`search_as` takes all that `search` takes."""
    build = vars(SearchQueries)["search"].__wrapped__
    names = set(build.__annotations__) - {"self", "index", "query", "return"}
    assert set(SearchOptions.__annotations__) == names


NONE: list[object] = []
TextDocument = Document[str, dict[str, str]]
HIT = {"id": "d:1", "extra_attributes": {"t": "red", "n": "5"}, "values": NONE}
FULL = {
    "id": "d:1", "score": 0.5, "payload": "P", "sortkey": "#5",
    "extra_attributes": {"t": "red"}, "values": NONE,
}  # fmt: skip
WHY = ["sum 1", ["part 1", ["leaf"]]]


SCORED: list[Any] = [text.search("i", "x", withscores=True, withpayloads=True, withsortkeys=True)]

PROFILE2 = [["Total profile time", "1.5"], ["Warning"], ["Iterators profile", ["Type", "UNION", "Time", "0.5",
    "Counter", 2, "Child iterators", ["Type", "TEXT", "Size", 1], ["Type", "TEXT", "Size", 2]]],
    ["Result processors profile", ["Type", "Index"], ["Type", "Scorer"]]]  # fmt: skip
PROFILE3 = {"Total profile time": 1.5, "Warning": "None", "Iterators profile": [{"Type": "UNION",
    "Time": 0.5, "Counter": 2, "Child iterators": [{"Type": "TEXT", "Size": 1},
    {"Type": "TEXT", "Size": 2}]}],
    "Result processors profile": [{"Type": "Index"}, {"Type": "Scorer"}]}  # fmt: skip
PROFILE = {**PROFILE3, "Warning": None}

READ: list[tuple[Command[object], bytes, object]] = [
    (text.search("i", "x"), resp2([0]), SearchResult(0, [])),
    (text.search("i", "x"), map_of(total=0), SearchResult(0, [])),
    (text.search("i", "x"), resp2([3, "d:1", ["t", "red", "n", "5"]]),
     SearchResult(3, [Document("d:1", {"t": "red", "n": "5"})])),
    (text.search("i", "x"), map_of(HIT, total=3, warning=["Timeout"]),
     SearchResult(3, [Document("d:1", {"t": "red", "n": "5"})], ["Timeout"])),
    (binary.search("i", "x"), resp2([3, "d:1", ["t", "red", "n", "5"]]),
     SearchResult(3, [Document(b"d:1", {b"t": b"red", b"n": b"5"})])),
    (binary.search("i", "x"), map_of(HIT, total=3),
     SearchResult(3, [Document(b"d:1", {b"t": b"red", b"n": b"5"})])),
    (text.search("i", "x", nocontent=True), resp2([2, "a", "b"]),
     SearchResult(2, [TextDocument("a", {}), TextDocument("b", {})])),
    (text.search("i", "x", nocontent=True), map_of({"id": "a", "values": NONE}),
     SearchResult(1, [TextDocument("a", {})])),
    (*SCORED, resp2([1, "d:1", "0.5", "P", "#5", ["t", "red"]]),
     SearchResult(1, [Document("d:1", {"t": "red"}, 0.5, b"P", "#5")])),
    (*SCORED, map_of(FULL), SearchResult(1, [Document("d:1", {"t": "red"}, 0.5, b"P", "#5")])),
    (*SCORED, resp2([1, "d:1", "0.5", None, None, None]),
     SearchResult(1, [TextDocument("d:1", {}, 0.5)])),
    (*SCORED, map_of({"id": "d:1", "score": 0.5, "payload": None, "extra_attributes": None}),
     SearchResult(1, [TextDocument("d:1", {}, 0.5)])),
    (text.search("i", "x", withscores=True, explainscore=True, nocontent=True),
     resp2([1, "d:1", ["0.5", WHY]]),
     SearchResult(1, [TextDocument("d:1", {}, 0.5, explanation="sum 1\n  part 1\n    leaf")])),
    (text.search("i", "x", withscores=True, explainscore=True, nocontent=True),
     map_of({"id": "d:1", "score": [0.5, WHY]}),
     SearchResult(1, [TextDocument("d:1", {}, 0.5, explanation="sum 1\n  part 1\n    leaf")])),
    (text.search_as("i", "x", type=sorted), resp2([1, "d:1", ["t", "red", "n", "5"]]),
     SearchResult(1, [Document("d:1", ["n", "t"])])),
    (binary.search_as("i", "x", type=sorted), map_of(HIT),
     SearchResult(1, [Document(b"d:1", ["n", "t"])])),
    (text.hybrid("i", "x", VectorQuery("v", b"xxxx")),
     resp2(["total_results", 1, "results", [["__key", "d:1", "__score", "0.03"]], "warnings", ["W"],
            "execution_time", "1.5"]),
     HybridResult(1, [{"__key": "d:1", "__score": "0.03"}], 1.5, ["W"])),
    (text.hybrid("i", "x", VectorQuery("v", b"xxxx")),
     resp3({"total_results": 1, "results": [{"__key": "d:1", "__score": "0.03"}], "warnings": ["W"],
            "execution_time": 1.5}),
     HybridResult(1, [{"__key": "d:1", "__score": "0.03"}], 1.5, ["W"])),
    (text.profile(text.search("i", "x", nocontent=True)), resp2([[1, "d:1"], PROFILE2]),
     Profiled(SearchResult(1, [TextDocument("d:1", {})]), PROFILE)),
    (text.profile(text.search("i", "x", nocontent=True)),
     resp3({"total_results": 1, "results": [{"id": "d:1"}], "warning": [], "profile": PROFILE3}),
     Profiled(SearchResult(1, [TextDocument("d:1", {})]), PROFILE)),
    (text.profile(text.aggregate("i", "x")),
     resp3({"Results": {"total_results": 0, "results": NONE}, "Profile": {"Shards": [{"Time": 1.0}]}}),
     Profiled(AggregateResult[str]([]), {"Shards": [{"Time": 1.0}]})),
    (text.profile(text.aggregate("i", "x")), resp2([[0], ["Shards", [["Time", "1"]], "Coordinator", NONE]]),
     Profiled(AggregateResult[str]([]), {"Shards": [{"Time": 1.0}], "Coordinator": [{}]})),
    (text.explain("i", "x"), b"$2\r\nx\n\r\n", "x\n"),
    (binary.explain("i", "x"), b"$2\r\nx\n\r\n", "x\n"),
    (binary.explaincli("i", "x"), b"*1\r\n$1\r\nx\r\n", ["x"]),
]  # fmt: skip


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type, in both protocols."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


BOTH: list[bytes] = [
    b"*3\r\n:1\r\n$1\r\na\r\n*4\r\n$1\r\nt\r\n$2\r\n\xc3\xa9\r\n$1\r\nv\r\n$8\r\n" + ONES + b"\r\n",
    b"%2\r\n$13\r\ntotal_results\r\n:1\r\n$7\r\nresults\r\n*1\r\n%2\r\n$2\r\nid\r\n$1\r\na\r\n"
    b"$16\r\nextra_attributes\r\n%2\r\n$1\r\nt\r\n$2\r\n\xc3\xa9\r\n$1\r\nv\r\n$8\r\n" + ONES + b"\r\n",
]  # fmt: skip
"""A document with text and a vector, in each protocol."""


@pytest.mark.parametrize("raw", BOTH)
def test_a_value_that_is_no_text(raw: bytes) -> None:
    """It stands apart, and the others are read; a client that does not decode has it with them."""
    (document,) = parsed(text.search("i", "x"), raw)
    assert document == Document("a", {"t": "é"}, binary={"v": ONES})
    (document_of_bytes,) = parsed(binary.search("i", "x"), raw)
    assert document_of_bytes == Document(b"a", {b"t": "é".encode(), b"v": ONES})


@pytest.mark.parametrize("raw", BOTH)
def test_text_of_another_encoding(raw: bytes) -> None:
    """Values are read in the encoding of the client, with its error handler."""
    latin = SearchPlan(TextReaders(str, "latin-1"))
    (document,) = parsed(latin.search("i", "x"), raw, "latin-1")
    assert document.fields["t"] == "Ã©"
    replaced = SearchPlan(TextReaders(str, "utf-8", "replace"))
    (document,) = parsed(replaced.search("i", "x"), raw)
    assert document.fields["v"].startswith("\0\0\N{REPLACEMENT CHARACTER}?")


ODD: list[tuple[Command[object], bytes]] = [
    (text.search("i", "x"), resp2([1, "d:1"])),
    (text.search("i", "x"), resp2(NONE)),
    (text.search("i", "x"), resp2(["d:1"])),
    (text.search("i", "x"), resp2([1, "d:1", ["t"]])),
    (text.search("i", "x"), resp2([1, "d:1", ["t", 5]])),
    (binary.search("i", "x"), resp2([1, "d:1", ["t", 5]])),
    (binary.search("i", "x"), resp2([1, "d:1", [5, "t"]])),
    (text.search("i", "x"), resp2([1, "d:1", [5, "t"]])),
    (text.search("i", "x"), resp2([1, 5, NONE])),
    (text.search("i", "x"), map_of("d:1")),
    (text.search("i", "x"), resp3({"total_results": 1})),
    (text.search("i", "x", withscores=True), resp2([1, "d:1", "much", NONE])),
    (text.search("i", "x", withpayloads=True), resp2([1, "d:1", 5, NONE])),
    (text.hybrid("i", "x", VectorQuery("v", b"xxxx")), resp2(["results", NONE])),
    (text.profile(text.aggregate("i", "x")), resp2([[0], NONE])),
    (text.profile(text.aggregate("i", "x")), resp2([[0], [["a", "b", "c"]]])),
    (text.explaincli("i", "x"), b"+OK\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (
        DataValueError,
        "nocontent leaves nothing for type",
        lambda: text.search_as("i", "x", type=dict, nocontent=True),
    ),
    (
        DataTypeError,
        "takes 2 positional arguments, not 3; write params=",
        lambda: unchecked(text.search)("i", "x", {"n": 1}),
    ),
    (DataTypeError, "query is 5: give text, or a query", lambda: unchecked(text.search)("i", 5)),
    (DataValueError, "explainscore goes with withscores", lambda: text.search("i", "x", explainscore=True)),
    (DataValueError, "nocontent and return_fields exclude",
     lambda: text.search("i", "x", nocontent=True, return_fields=["a"])),
    (DataTypeError, "nocontent is 1", lambda: unchecked(text.search)("i", "x", nocontent=1)),
    (DataValueError, "slop is -1", lambda: text.search("i", "x", slop=-1)),
    (DataTypeError, "limit is 5: give (offset, count)", lambda: unchecked(text.search)("i", "x", limit=5)),
    (DataTypeError, "summarize is 'body': write Summarize(field",
     lambda: unchecked(text.search)("i", "x", summarize="body")),
    (DataTypeError, "highlight is True: write Highlight(field",
     lambda: unchecked(text.search)("i", "x", highlight=True)),
    (DataTypeError, "has no argument 'sort_by'",
     lambda: unchecked(text.search_as)("i", "x", type=dict, sort_by="a")),
    (DataTypeError, "nocontent is 1", lambda: unchecked(text.search_as)("i", "x", type=dict, nocontent=1)),
    (DataTypeError, "type is 'User': give a class", lambda: unchecked(text.search_as)("i", "x", type="User")),
    (DataTypeError, "has no argument 'type'; its form is search(",
     lambda: unchecked(text.search)("i", "x", type=dict)),
    (DataTypeError, "vector is b'xxxx': write VectorQuery(",
     lambda: unchecked(text.hybrid)("i", "x", b"xxxx")),
    (DataValueError, "two parts have a parameter $vector",
     lambda: text.hybrid("i", knn("v", [1, 1]), VectorQuery("v", [1, 1]))),
    (DataTypeError, "is no search: give a command of ft.plan",
     lambda: text.profile(text.cursor_read("i", 5))),
    (DataTypeError, "is no search: give a command of ft.plan",
     lambda: text.profile(text.aggregate_cursor("i", "x"))),
    (DataValueError, "dialect is -1", lambda: text.explain("i", "x", dialect=-1)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
