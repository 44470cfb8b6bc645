"""The replies of commands on search indexes, as checkers see them: for text and for bytes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, assert_type

import numpy as np

from anyredis import Pipeline, Redis, RedisCluster, Result, Session
from anyredis.command import Command
from anyredis.commands.modules.ft import BlueprintSearch
from anyredis.search import (
    HNSW,
    SearchIndexInfo,
    Suggestion,
    TextField,
    VectorField,
    vector_bytes,
)


async def of_text(client: Redis[str] | RedisCluster[str] | Session[str]) -> None:
    """A client that decodes."""
    ft = client.ft
    assert_type(await ft.create("i", TextField("t")), bool)
    assert_type(await ft.list(), list[str])
    assert_type(await ft.tagvals("i", "t"), list[str])
    assert_type(await ft.aliaslist("i"), set[str])
    assert_type(await ft.config_get("*"), dict[str, str | None])
    assert_type(await ft.spellcheck("i", "q"), dict[str, list[tuple[str, float]]])
    assert_type(await ft.syndump("i"), dict[str, list[str]])
    assert_type(await ft.sugadd("k", "s", 1), int)
    assert_type(await ft.sugget("k", "s"), list[str])
    assert_type(await ft.sugget_with_scores("k", "s"), list[tuple[str, float]])
    assert_type(await ft.sugget_with_payloads("k", "s"), list[Suggestion[str]])
    info = await ft.info("i")
    assert_type(info, SearchIndexInfo[str])
    assert_type(info.index_name, str)
    assert_type([field.attribute for field in info.attributes], list[str])
    assert_type(info.attributes[0].flags, frozenset[str])
    assert_type([each.errors.last_key for each in info.field_statistics], list[str | None])


async def of_bytes(client: Redis[bytes] | RedisCluster[bytes] | Session[bytes]) -> None:
    """A client that does not decode."""
    ft = client.ft
    assert_type(await ft.list(), list[bytes])
    assert_type(await ft.syndump("i"), dict[bytes, list[bytes]])
    assert_type(await ft.sugget_with_payloads("k", "s"), list[Suggestion[bytes]])
    assert_type((await ft.info("i")).index_definition.prefixes, list[bytes])


def queued(pipe: Pipeline[str], plan: BlueprintSearch[str]) -> None:
    """A pipeline, and a blueprint."""
    assert_type(pipe.ft.list(), Result[list[str]])
    assert_type(pipe.ft.info("i"), Result[SearchIndexInfo[str]])
    assert_type(plan.dictdump("d"), Command[list[str]])


def vectors(numbers: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Arrays of NumPy are vectors, and so are lists and bytes."""
    field = VectorField("v", HNSW(dim=3, distance_metric="COSINE"))
    assert_type(field.pack(numbers), bytes)
    assert_type(vector_bytes([1, 2], "INT8"), bytes)
    assert_type(field.pack(b"1234"), bytes)


def test_the_assertions_are_checked() -> None:
    """`nox -s types` reads the functions of this file, which only have to exist here."""
    checked: list[Callable[..., object]] = [of_text, of_bytes, queued, vectors]
    assert all("assert_type" in inspect.getsource(each) for each in checked)
