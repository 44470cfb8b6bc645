"""Dictionaries, synonyms, spelling and suggestions on a real server, in both protocols."""

from __future__ import annotations

from typing import Literal

import pytest

from anyredis import Redis
from anyredis.commands.modules.search_terms import Suggestion
from anyredis.exceptions import ResponseError
from anyredis.search import TextField
from anyredis.server import Server

PROTOCOLS = pytest.mark.parametrize("protocol", [2, 3])


def client_of(server: Server, protocol: Literal[2, 3]) -> Redis[str]:
    """A client that decodes."""
    return Redis(server.host, server.port, protocol=protocol, decode_responses=True)


@PROTOCOLS
async def test_spelling(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """Words that no document has get suggestions from the documents and from dictionaries."""
    async with client_of(redis_stack, protocol) as client:
        await client.ft.create("spell", TextField("t"))
        await client.hset("d:1", mapping={"t": "hello world"})
        name = f"words{protocol}"  # no command empties a dictionary but by its words
        assert await client.ft.dictadd(name, "hellip", "other") == 2
        assert await client.ft.dictadd(name, ["other"]) == 0
        assert sorted(await client.ft.dictdump(name)) == ["hellip", "other"]
        found = await client.ft.spellcheck("spell", "hellp worlds hello", distance=2, include=name)
        assert {word: dict(scored) for word, scored in found.items()} == {
            "hellp": {"hello": 1, "hellip": 0},
            "worlds": {"world": 1},
        }
        assert await client.ft.spellcheck("spell", "hellip", exclude=name) == {}
        assert await client.ft.spellcheck("spell", "hello") == {}
        assert await client.ft.spellcheck("spell", "xyzzy", dialect=2) == {"xyzzy": []}
        with pytest.raises(ResponseError, match=r"(?i)dict does not exist"):
            await client.ft.spellcheck("spell", "hello", include="no such")
        assert await client.ft.dictdel(name, "hellip", "other", "none") == 2
        assert await client.ft.dictdump(name) == []
        with pytest.raises(ResponseError, match="could not open dict"):
            await client.ft.dictdump("no such")


@PROTOCOLS
async def test_synonyms(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """Words are in groups, any number of them."""
    async with client_of(redis_stack, protocol) as client:
        await client.ft.create("syn", TextField("t"))
        assert await client.ft.syndump("syn") == {}
        assert await client.ft.synupdate("syn", "g1", "boy", "child") is True
        assert await client.ft.synupdate("syn", "g2", ["girl", "child"], skipinitialscan=True)
        assert await client.ft.syndump("syn") == {
            "boy": ["g1"],
            "girl": ["g2"],
            "child": ["g1", "g2"],
        }


@PROTOCOLS
async def test_suggestions(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """Suggestions come by prefix, the best first, alone, with scores, or with payloads too."""
    async with client_of(redis_stack, protocol) as client:
        assert await client.ft.sugget("s", "he") == []
        assert await client.ft.sugget_with_scores("s", "he") == []
        assert await client.ft.sugget_with_payloads("s", "he") == []
        assert await client.ft.suglen("s") == 0
        assert await client.ft.sugadd("s", "hello", 1) == 1
        assert await client.ft.sugadd("s", "help", 2, payload="p") == 2
        assert await client.ft.sugadd("s", "hello", 5, incr=True) == 2
        assert await client.ft.suglen("s") == 2
        assert await client.ft.sugget("s", "he") == ["hello", "help"]
        assert await client.ft.sugget("s", "he", max=1) == ["hello"]
        assert await client.ft.sugget("s", "hx") == []
        assert sorted(await client.ft.sugget("s", "hxl", fuzzy=True)) == ["hello", "help"]
        scored = await client.ft.sugget_with_scores("s", "he")
        assert [name for name, _ in scored] == ["hello", "help"]
        assert scored[0][1] > scored[1][1] > 0
        full = await client.ft.sugget_with_payloads("s", "he")
        assert full == [Suggestion(*scored[0], None), Suggestion(*scored[1], "p")]
        assert await client.ft.sugdel("s", "hello") is True
        assert await client.ft.sugdel("s", "hello") is False
        assert await client.type("s") == "trietype0"
