"""The types of searches, as checkers see them: on clients that decode, on others, in pipelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_type

from anyredis import Pipeline, Redis, RedisCluster, Result, Session
from anyredis.command import Command
from anyredis.commands.cursors import CursorPage
from anyredis.search import (
    AggregateResult,
    Document,
    HybridResult,
    Profiled,
    Query,
    Reducer,
    SearchResult,
    Step,
    VectorQuery,
    group_by,
    knn,
    number,
    tag,
    text,
)


@dataclass
class Lamp:
    """A type of a user."""

    name: str


def length(fields: dict[str, Any]) -> int:
    """What a function of a user makes."""
    return len(fields)


TextFields = dict[str, str]
RawFields = dict[bytes, bytes]


async def on_text(client: Redis[str] | RedisCluster[str] | Session[str]) -> None:
    """A client that decodes has text."""
    ft = client.ft
    found = await ft.search("i", "x")
    assert_type(found, SearchResult[str, TextFields])
    for document in found:
        assert_type(document, Document[str, TextFields])
        assert_type(document.id, str)
        assert_type(document.fields, TextFields)
        assert_type(document.score, float | None)
        assert_type(document.binary, Mapping[str, bytes])
    assert_type(await ft.search_as("i", "x", type=Lamp), SearchResult[str, Lamp])
    assert_type(await ft.search_as("i", "x", type=length, limit=(0, 5)), SearchResult[str, int])
    assert_type(await ft.aggregate("i", "x", group_by("a")), AggregateResult[str])
    assert_type(await ft.aggregate_cursor("i", "x"), CursorPage[dict[str, Any]])
    assert_type(await ft.cursor_read("i", 5), CursorPage[dict[str, Any]])
    assert_type(await ft.cursor_del("i", 5), bool)
    assert_type(await ft.hybrid("i", "x", VectorQuery("v", [1.0])), HybridResult[str])
    assert_type(await ft.explain("i", "x"), str)
    assert_type(await ft.explaincli("i", "x"), list[str])
    plan = ft.plan.search("i", "x")
    assert_type(plan, Command[SearchResult[str, TextFields]])
    assert_type(await ft.profile(plan), Profiled[SearchResult[str, TextFields]])
    async with ft.aggregate_iter("i", "x") as rows:
        async for row in rows:
            assert_type(row, dict[str, Any])
        assert_type(rows.warnings, list[str])


async def on_bytes(client: Redis[bytes] | RedisCluster[bytes]) -> None:
    """A client that does not has bytes."""
    assert_type(await client.ft.search("i", "x"), SearchResult[bytes, RawFields])
    assert_type(await client.ft.search_as("i", "x", type=Lamp), SearchResult[bytes, Lamp])
    assert_type(await client.ft.aggregate("i", "x"), AggregateResult[bytes])


def in_a_pipeline(pipe: Pipeline[str]) -> None:
    """A call gives a result for later."""
    assert_type(pipe.ft.search("i", "x"), Result[SearchResult[str, TextFields]])
    assert_type(pipe.ft.search_as("i", "x", type=Lamp), Result[SearchResult[str, Lamp]])
    assert_type(
        pipe.ft.profile(pipe.ft.plan.aggregate("i", "x")), Result[Profiled[AggregateResult[str]]]
    )


def parts() -> None:
    """Parts of queries are queries."""
    assert_type(text("a", "x") & ~tag("b", "y") | number("c", equal=1), Query)
    assert_type(knn("v", [1.0]), Query)
    assert_type(group_by("a", Reducer.count()), Step)


CHECKED: tuple[Callable[..., object], ...] = (on_text, on_bytes, in_a_pipeline, parts)


def test_the_assertions_are_read() -> None:
    """Both checkers prove them; those of values hold at run time, too."""
    assert len(CHECKED) == 4
    parts()
