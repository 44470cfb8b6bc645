"""Queries of the search module on a real server: each method, in both protocols."""

from __future__ import annotations

import json
from array import array
from collections.abc import AsyncIterator
from typing import Any, Literal

import anyio
import msgspec
import numpy as np
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from anyredis import Command, Redis, RedisCluster
from anyredis.exceptions import ReplyDecodeError, SearchQueryError
from anyredis.json import JsonCodec, msgspec_codec
from anyredis.search import (
    EVERYTHING,
    Document,
    Highlight,
    Query,
    Summarize,
    asc,
    desc,
    fuzzy,
    geoshape,
    infix,
    knn,
    load,
    missing,
    near,
    number,
    phrase,
    prefix,
    suffix,
    tag,
    tag_prefix,
    text,
    vector_range,
    wildcard,
)
from anyredis.server import Cluster, Server
from tests.commands.modules.goods import GOODS, protocols
from tests.servers import ask


@pytest.fixture
async def client(goods: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes."""
    async with Redis(goods.host, goods.port, decode_responses=True) as client:
        yield client


@protocols
async def test_search(goods: Server, protocol: Literal[2, 3]) -> None:
    """Documents have what was asked for, the same in both protocols."""
    async with Redis(goods.host, goods.port, protocol=protocol, decode_responses=True) as client:
        found = await client.ft.search("goods", "lamp", sortby=desc("price"))
        assert (found.total, [each.id for each in found]) == (2, ["g:2", "g:1"])
        assert found.documents[1].fields["title"] == "red desk lamp"
        assert found.documents[0].binary == {"v": GOODS["g:2"]["v"]}
        only = await client.ft.search("goods", "lamp", nocontent=True, limit=(0, 1))
        assert (only.total, only.documents[0].fields) == (2, {})
        full = await client.ft.search(
            *("goods", "desk"), withscores=True, explainscore=True, withpayloads=True,
            withsortkeys=True, sortby=asc("price"), return_fields=["title", ("price", "cost")],
        )  # fmt: skip
        (document,) = full
        assert document[:2] == ("g:1", {"title": "red desk lamp", "cost": "10"})
        assert document.score is not None
        assert document.score > 0
        assert (document.payload, document.sort_key) == (b"first", "#10")
        assert document.explanation is not None
        assert document.explanation.startswith("Final TFIDF")
        marked = await client.ft.search(
            *("goods", "desk"), highlight=Highlight("title", tags=("<", ">")),
            summarize=Summarize("title", len=2, separator="|"), return_fields=["title"],
        )  # fmt: skip
        assert "<desk>" in marked.documents[0].fields["title"]
        filtered = await client.ft.search(
            *("goods", "*"), filters=[number("price", above=10), near("place", 2, 48, 300, "km")],
            inkeys=["g:1", "g:2", "g:3"], timeout=1000, language="english", verbatim=True,
        )  # fmt: skip
        assert [each.id for each in filtered] == ["g:2"]
        narrow = await client.ft.search(
            *("goods", "red lamp"), infields=["title"], slop=1, inorder=True, scorer="TFIDF.DOCNORM",
            nostopwords=True, expander="SBSTEM", dialect=3,
        )  # fmt: skip
        assert [each.id for each in narrow] == ["g:1"]


QUERIES: list[tuple[Query, set[str]]] = [
    (EVERYTHING, {"g:1", "g:2", "g:3"}),
    (text("title", "lamp red"), {"g:1"}),
    (text("title", "red blue", any_word=True), {"g:1", "g:2", "g:3"}),
    (text(["title", "note"], "best"), {"g:2"}),
    (text(None, "floor"), {"g:2"}),
    (phrase("title", "desk lamp"), {"g:1"}),
    (phrase("title", "lamp desk"), set()),
    (prefix("title", "ta"), {"g:3"}),
    (suffix("title", "oor"), {"g:2"}),
    (infix("title", "loo"), {"g:2"}),
    (fuzzy("title", "lanp"), {"g:1", "g:2"}),
    (wildcard("title", "t?b*"), {"g:3"}),
    (tag("kind", "lamp", "table"), {"g:1", "g:2", "g:3"}),
    (tag_prefix("kind", "ta"), {"g:3"}),
    (number("price", at_least=10, below=99), {"g:1", "g:2"}),
    (number("price", equal=20.5), {"g:2"}),
    (number("price", above=10), {"g:2", "g:3"}),
    (near("place", 13.4, 52.5, 1), {"g:1"}),
    (geoshape("area", "WITHIN", "POLYGON((0 0, 0 4, 4 4, 4 0, 0 0))"), {"g:1"}),
    (missing("note"), {"g:1", "g:3"}),
    (text("title", "red") & ~tag("kind", "lamp"), {"g:3"}),
    (~text("title", "red") | tag("kind", "table"), {"g:2", "g:3"}),
    (text("title", "red").optional() & tag("kind", "lamp"), {"g:1", "g:2"}),
    (text("title", "red").with_attributes(weight=2, slop=1, inorder=True), {"g:1", "g:3"}),
    (knn("v", [0, 1], 2), {"g:1", "g:2"}),
    (knn("v", np.zeros(2), 1, where=tag("kind", "table"), ef_runtime=20), {"g:3"}),
    (vector_range("v", array("f", [0, 1]), 1), {"g:1", "g:2"}),
    (vector_range("v", [0, 1], 1, score_as="d", epsilon=0.1) & tag("kind", "red"), {"g:1"}),
    (vector_range("v", [0, 1], 1) | vector_range("v", [-9, 9], 1, param="other"),
     {"g:1", "g:2", "g:3"}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "keys"), QUERIES, ids=[str(query) for query, _ in QUERIES])
async def test_queries(client: Redis[str], query: Query, keys: set[str]) -> None:
    """A query finds these documents."""
    found = await client.ft.search("goods", query, nocontent=True)
    assert {each.id for each in found} == keys


async def test_distances(client: Redis[str]) -> None:
    """The distance is a field, by which the documents are sorted."""
    found = await client.ft.search(
        "goods", knn("v", [0, 1], 2, score_as="d"), sortby="d", return_fields=["d"]
    )
    assert found.documents == [Document("g:1", {"d": "0"}), Document("g:2", {"d": "1"})]


TYPED = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1f"), min_size=1, max_size=12
).filter(str.strip)


def sent(command: Command[object]) -> list[bytes]:
    """The words of *command*, as they are sent."""
    return [word if isinstance(word, bytes) else str(word).encode() for word in command.args]


def test_what_a_user_types(goods: Server) -> None:
    """Any text is a query for itself: it is found as a tag, and is no syntax as words."""
    ask(goods, "FT.CREATE", "typed", "PREFIX", 1, "t:", "SCHEMA", "g", "TAG", "SEPARATOR", "\x1f",
        "CASESENSITIVE", "b", "TEXT")  # fmt: skip

    @given(TYPED)
    @settings(max_examples=150, deadline=None)
    def check(typed: str) -> None:
        ask(goods, "HSET", "t:1", "g", typed, "b", "x")
        plan = Redis(decode_responses=True).ft.plan
        found = ask(goods, *sent(plan.search("typed", tag("g", typed), nocontent=True)))
        assert found == [1, b"t:1"], typed
        try:
            query = text("b", typed) | phrase("b", typed)
        except ValueError:
            return  # it has no words
        assert isinstance(ask(goods, *sent(plan.search("typed", query, limit=(0, 0)))), list), typed

    check()


@protocols
async def test_search_as(goods: Server, protocol: Literal[2, 3]) -> None:
    """Documents of hashes and JSON are values of a type."""
    ask(goods, "FT.CREATE", "people", "ON", "JSON", "PREFIX", 1, "p:", "SCHEMA", "$.age", "AS", "age",
        "NUMERIC", "SORTABLE")  # fmt: skip
    ask(goods, "JSON.SET", "p:1", "$", '{"name": "Ann", "age": 40}')

    def name_of(fields: dict[str, Any]) -> object:
        return fields.get("title") or (fields["name"], fields["age"])

    async with Redis(goods.host, goods.port, protocol=protocol) as client:
        hashes = await client.ft.search_as("goods", "table", type=name_of)
        assert hashes.documents == [Document(b"g:3", "red table")]
        for dialect in (2, 3):
            people = await client.ft.search_as(
                "people", "*", type=name_of, sortby="age", dialect=dialect
            )
            assert people.documents == [Document(b"p:1", ("Ann", 40))]
        raw = await client.ft.search("people", "*")
        assert raw.documents[0].json == {"name": "Ann", "age": 40}


class Cents:
    """A type that msgspec learns of by a hook."""

    def __init__(self, number: int) -> None:
        self.number = number


class Ware(msgspec.Struct):
    """A document with one of those, and what a search gives beside it."""

    price: Cents
    order: float = 0


@protocols
@pytest.mark.parametrize("decode", [True, False])
async def test_the_codec_of_the_client(
    goods: Server, protocol: Literal[2, 3], decode: bool
) -> None:
    """It parses the documents that are found, also by sessions, pipelines and profiles."""
    ask(goods, "FT.CREATE", "wares", "ON", "JSON", "PREFIX", 1, "w:", "SCHEMA", "$.order", "AS", "order",
        "NUMERIC", "SORTABLE")  # fmt: skip
    ask(goods, "JSON.SET", "w:1", "$", '{"price": 5, "order": 2}')
    read: list[bytes] = []
    wares = msgspec_codec(dec_hook=lambda kind, value: kind(value))

    def loads(text: bytes) -> Any:
        read.append(text)
        return wares.loads(text)

    codec = JsonCodec(wares.dumps, loads, wares.loads_as, convert_as=wares.convert_as)
    address = (goods.host, goods.port)
    client: Redis[Any]
    async with (
        Redis(*address, protocol=protocol, decode_responses=decode, json_codec=codec) as client,
        client.session() as session,
    ):
        for executor in (client, session):
            raw = await executor.ft.search("wares", "*")
            assert raw.documents[0].json == {"price": 5, "order": 2}
            typed = await executor.ft.search_as("wares", "*", type=Ware, sortby="order")
            assert typed.documents[0].fields.price.number == 5
            async with executor.pipeline() as pipe:
                found, made = (
                    pipe.ft.search("wares", "*"),
                    pipe.ft.search_as("wares", "*", type=Ware),
                )
            assert found.value.documents[0].json == {"price": 5, "order": 2}
            assert made.value.documents[0].fields.price.number == 5
        profiled = await client.ft.profile(client.ft.plan.search("wares", "*"))
        assert profiled.result.documents[0].json["order"] == 2
    assert len(read) == 9, "each document that was asked for was read by the codec"


async def test_errors_show_the_query(client: Redis[str]) -> None:
    """Of each method that has one, in a pipeline too."""
    query = "@title:("
    ft = client.ft
    for call in (
        lambda: ft.search("goods", query),
        lambda: ft.search_as("goods", query, type=dict),
        lambda: ft.aggregate("goods", query),
        lambda: ft.aggregate_cursor("goods", query),
        lambda: ft.explain("goods", query),
        lambda: ft.explaincli("goods", query),
        lambda: ft.profile(ft.plan.search("goods", query)),
    ):
        with pytest.raises(
            SearchQueryError, match=r"Syntax error .*the query is '@title:\('"
        ) as failed:
            await call()
        assert failed.value.query == query
    async with client.pipeline(raise_on_error=False) as pipe:
        failing, found = pipe.ft.search("goods", query), pipe.ft.search("goods", "table")
    assert isinstance(failing.error, SearchQueryError)
    assert found.value.total == 1
    with pytest.raises(SearchQueryError, match="no such index"):
        await ft.search("missing", "x")
    async with client.session() as session:
        with pytest.raises(SearchQueryError, match="the query is"):
            await session.ft.search("goods", query)


async def test_a_cluster(redis_stack_cluster: Cluster) -> None:
    """A query goes to the node of the index's name, and so do all pages of a cursor."""
    host, port = redis_stack_cluster.host, redis_stack_cluster.port
    async with RedisCluster(host, port, decode_responses=True) as client:
        schema = ("SCHEMA", "t", "TEXT", "n", "NUMERIC", "SORTABLE")
        await client.execute_command("FT.CREATE", "{i}", "PREFIX", 1, "{i}", *schema)
        for n in range(9):
            await client.hset(f"{{i}}:{n}", mapping={"t": "x", "n": n})
        with anyio.fail_after(20):
            while (await client.ft.search("{i}", "x", nocontent=True)).total < 9:
                await checkpoint()
        async with client.ft.aggregate_iter("{i}", "*", load("n"), count=2) as rows:
            assert sorted([int(row["n"]) async for row in rows]) == list(range(9))
        async with client.ft.aggregate_iter("{i}", "*", count=2) as rows:
            await anext(rows)
        with pytest.raises(SearchQueryError, match="the query is"):
            async with client.ft.aggregate_iter("{i}", "@t:("):
                raise AssertionError


async def test_the_codec_of_a_cluster(redis_stack_cluster: Cluster) -> None:
    """It parses documents on each way to a node; if it fails, the error names the document."""

    def loads(text: bytes) -> Any:
        if b"bad" in text:
            raise LookupError(text)
        return [text]

    codec = JsonCodec(json.dumps, loads)
    host, port = redis_stack_cluster.host, redis_stack_cluster.port
    async with RedisCluster(host, port, json_codec=codec) as client:
        schema = ("SCHEMA", "$.t", "AS", "t", "TEXT")
        await client.execute_command("FT.CREATE", "{j}", "ON", "JSON", "PREFIX", 1, "{j}", *schema)
        await client.json.set("{j}:1", "$", {"t": "good"})
        await client.json.set("{j}:2", "$", {"t": "bad"})
        with anyio.fail_after(20):
            while (await client.ft.search("{j}", "*", nocontent=True)).total < 2:
                await checkpoint()
        for executor in (client, client.node_for("{j}")):
            good = await executor.ft.search("{j}", "good")
            assert good.documents[0].json == [b'{"t":"good"}']
        async with client.pipeline(raise_on_error=False) as pipe:
            found = pipe.ft.search("{j}", "bad")
            typed = pipe.ft.search_as("{j}", "bad", type=dict)
        with pytest.raises(ReplyDecodeError, match=r"the document b'\{j\}:2' cannot be read by"):
            _ = found.value.documents[0].json
        assert isinstance(typed.error, ReplyDecodeError)
