"""Tests of `anyredis.recipes.stream_names`: keys, and which are read together."""

from __future__ import annotations

from anyredis.recipes.stream_names import names_of, read_together, shown_name
from anyredis.testing import FakeCluster, FakeServer


def test_one_key_or_several() -> None:
    """A text is one key, a collection is several."""
    assert names_of("orders") == ["orders"]
    assert names_of(("a", b"b")) == ["a", b"b"]


async def test_on_one_server() -> None:
    """All streams are read by one command."""
    async with FakeServer().client() as client:
        assert read_together(client, ["a", "b"]) == [["a", "b"]]


async def test_in_a_cluster() -> None:
    """Those of one slot are read by one command."""
    async with FakeCluster().client() as client:
        assert read_together(client, ["{s}a", "b", "{s}c"]) == [["{s}a", "{s}c"], ["b"]]


async def test_names_as_the_client_decodes() -> None:
    """A key is shown as replies have it, however it was given."""
    async with FakeServer().client() as client:
        assert [shown_name(client, each) for each in ("é", b"b")] == ["é".encode(), b"b"]
    async with FakeServer().client(decode_responses=True) as client_of_text:
        assert [shown_name(client_of_text, each) for each in ("é", b"b")] == ["é", "b"]
