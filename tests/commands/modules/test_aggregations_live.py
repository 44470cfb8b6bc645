"""Aggregations, their cursors, profiles and explanations on a real server, in both protocols."""

from __future__ import annotations

from typing import Any, Literal, cast

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.search import (
    Document,
    Reducer,
    apply,
    desc,
    filter_by,
    group_by,
    limit,
    load,
    load_all,
    sort_by,
    tag,
)
from anyredis.server import Server
from tests.commands.modules.goods import GOODS, protocols
from tests.servers import ask


@protocols
async def test_aggregate(goods: Server, protocol: Literal[2, 3]) -> None:
    """Rows have the same values in both protocols."""
    async with Redis(goods.host, goods.port, protocol=protocol, decode_responses=True) as client:
        grouped = await client.ft.aggregate(
            "goods",
            "@price:[$low inf]",
            load("title"),
            group_by("kind", Reducer.count("n"), Reducer.avg("price", "mean"),
                     Reducer.tolist("title", "titles"), Reducer.first_value("title", desc("price"), "f"),
                     Reducer.quantile("price", 0.5, "median"), Reducer.count_distinct("title", "d"),
                     Reducer.count_distinctish("title", "e"), Reducer.sum("price", "s"),
                     Reducer.min("price", "least"), Reducer.max("price", "most"),
                     Reducer.stddev("price", "dev"), Reducer.random_sample("price", 5, "some")),
            apply("@n * 2", "twice"),
            filter_by("@mean > 15"),
            sort_by(desc("mean"), "kind", max=5),
            limit(0, 2),
            params={"low": 1},
            timeout=1000,
            verbatim=True,
        )  # fmt: skip
        assert list(grouped) == [
            {"kind": "table", "n": "1", "mean": "99", "titles": ["red table"], "f": "red table",
             "median": "99", "d": "1", "e": "1", "s": "99", "least": "99", "most": "99", "dev": "0",
             "some": ["99"], "twice": "2"},
            {"kind": "lamp", "n": "1", "mean": "20.5", "titles": ["blue floor lamp"],
             "f": "blue floor lamp", "median": "20.5", "d": "1", "e": "1", "s": "20.5",
             "least": "20.5", "most": "20.5", "dev": "0", "some": ["20.5"], "twice": "2"},
        ]  # fmt: skip
        scored = await client.ft.aggregate("goods", "lamp", add_scores=True, scorer="TFIDF")
        assert {"__score"} == set().union(*scored)
        everything = await client.ft.aggregate("goods", "table", load_all())
        assert everything.rows == [
            {"title": "red table", "kind": "table", "price": "99", "v": GOODS["g:3"]["v"]}
        ]


@protocols
async def test_cursors(goods: Server, protocol: Literal[2, 3]) -> None:
    """Pages are read one by one, or by an iterator that closes the cursor."""
    async with Redis(goods.host, goods.port, protocol=protocol, decode_responses=True) as client:
        page = await client.ft.aggregate_cursor(
            "goods", "*", load("price"), count=2, max_idle=10000
        )
        assert (page.rows, page.warnings) == ([{"price": "10"}, {"price": "20.5"}], [])
        page = await client.ft.cursor_read("goods", page.cursor, count=5)
        assert (page.rows, page.cursor) == ([{"price": "99"}], 0)
        page = await client.ft.aggregate_cursor("goods", "*", count=1)
        assert await client.ft.cursor_del("goods", page.cursor) is True
        with pytest.raises(ResponseError, match="Cursor not found"):
            await client.ft.cursor_read("goods", page.cursor)
        async with client.ft.aggregate_iter("goods", "*", load("price"), count=2) as rows:
            assert [row["price"] async for row in rows] == ["10", "20.5", "99"]
        async with client.ft.aggregate_iter("goods", "*", load("price"), count=1) as rows:
            assert await anext(rows) == {"price": "10"}
            assert open_cursors(goods) == 1
        assert open_cursors(goods) == 0


def open_cursors(server: Server) -> int:
    """The number of cursors that the index has."""
    info = cast("list[Any]", ask(server, "FT.INFO", "goods"))
    fields = dict(zip(info[::2], info[1::2], strict=True))
    stats = fields[b"cursor_stats"]
    return int(dict(zip(stats[::2], stats[1::2], strict=True))[b"index_total"])


@protocols
async def test_profiles(goods: Server, protocol: Literal[2, 3]) -> None:
    """A profile has the result of the query, in both protocols."""
    async with Redis(goods.host, goods.port, protocol=protocol, decode_responses=True) as client:
        plan = client.ft.plan
        searched = await client.ft.profile(plan.search("goods", "table", nocontent=True))
        assert searched.result.documents == [Document[str, dict[str, str]]("g:3", {})]
        (iterator,) = searched.profile["Iterators profile"]
        assert {"Type", "Time", "Counter"} <= iterator.keys()
        assert searched.profile["Total profile time"] >= 0
        assert searched.profile["Warning"] is None
        rows = await client.ft.profile(plan.aggregate("goods", "red | table"), limited=True)
        assert len(rows.result) == 2
        assert rows.profile["Iterators profile"][0]["Type"] == "UNION"


@protocols
async def test_explanations(goods: Server, protocol: Literal[2, 3]) -> None:
    """They are text on any client."""
    async with Redis(goods.host, goods.port, protocol=protocol) as client:
        explained = await client.ft.explain("goods", "@kind:{$k}", params={"k": "lamp"})
        assert explained.split() == ["TAG:@kind", "{", "lamp", "}"]
        assert await client.ft.explaincli("goods", tag("kind", "lamp")) == [
            *explained.splitlines(),
            "",
        ]
