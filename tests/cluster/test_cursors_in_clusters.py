"""Cursors in a cluster: all pages come from the node that made the cursor.

The code is that of `anyredis.cluster.node_access` and `anyredis.cluster.executor`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import MovedError, RedisCluster
from anyredis.exceptions import ResponseError, SearchQueryError
from anyredis.testing import Answer, FakeCluster, FakeNode, FakePeer, Words

INDEX = "foo"
PAGES: list[Answer] = [[[1, [b"n", b"1"]], 7], [[1, [b"n", b"2"]], 7], [[1, [b"n", b"3"]], 0]]
ROWS = [{b"n": b"1"}, {b"n": b"2"}, {b"n": b"3"}]


class Asked:
    """A cluster whose nodes have cursors, and the ports of the nodes that were asked."""

    def __init__(self, replicas: int = 0) -> None:
        self.cluster = FakeCluster(3, replicas)
        self.ports: list[int] = []
        self.pages = iter(PAGES)
        for node in self.cluster.nodes:
            self.script(node)

    def script(self, node: FakeNode) -> None:
        """Let *node* answer commands of cursors, and refuse an index that is elsewhere."""

        def answer(peer: FakePeer, words: Words) -> Answer:
            self.ports.append(node.address.port)
            owner = self.cluster.node_of(INDEX)
            shard = [owner, *(each for each in self.cluster.nodes if each.primary is owner)]
            if node not in shard:
                slot = self.cluster.slot_of(INDEX)
                return ResponseError(f"MOVED {slot} {owner.address}")
            return "OK" if words[1] == b"DEL" else next(self.pages)

        node.server.on("FT.AGGREGATE", answer)
        node.server.on("FT.CURSOR", answer)


@pytest.fixture
def asked() -> Asked:
    """A cluster of three primaries."""
    return Asked()


@pytest.fixture
async def client(asked: Asked) -> AsyncIterator[RedisCluster[bytes]]:
    """A client of it."""
    async with asked.cluster.client() as client:
        yield client


async def test_the_node_of_the_index(asked: Asked, client: RedisCluster[bytes]) -> None:
    """It makes the cursor, gives all pages, and closes it."""
    port = asked.cluster.node_of(INDEX).address.port
    async with client.ft.aggregate_iter(INDEX, "*") as rows:
        assert [row async for row in rows] == ROWS
    assert asked.ports == [port] * 3
    asked.pages = iter(PAGES)
    async with client.ft.aggregate_iter(INDEX, "*") as rows:
        assert await anext(rows) == ROWS[0]
    assert asked.ports == [port] * 5


async def test_an_index_that_moved(asked: Asked, client: RedisCluster[bytes]) -> None:
    """A redirect is followed, and the pages come from the new node."""
    await client.get(INDEX)
    old = asked.cluster.node_of(INDEX)
    new = next(node for node in asked.cluster.nodes if node is not old)
    asked.cluster.move(asked.cluster.slot_of(INDEX), new)
    async with client.ft.aggregate_iter(INDEX, "*") as rows:
        assert [row async for row in rows] == ROWS
    assert asked.ports == [old.address.port, *[new.address.port] * 3]


async def test_an_index_that_moves_meanwhile(asked: Asked, client: RedisCluster[bytes]) -> None:
    """No other node is asked for a page: it does not know the cursor."""
    old = asked.cluster.node_of(INDEX)
    new = next(node for node in asked.cluster.nodes if node is not old)
    async with client.ft.aggregate_iter(INDEX, "*") as rows:
        assert await anext(rows) == ROWS[0]
        asked.cluster.move(asked.cluster.slot_of(INDEX), new)
        with pytest.raises(MovedError):
            await anext(rows)
    assert new.address.port not in asked.ports


async def test_a_client_that_reads_from_replicas() -> None:
    """The cursor is at the primary all the same, where its pages are asked for."""
    asked = Asked(replicas=1)
    async with (
        asked.cluster.client(readonly=True) as client,
        client.ft.aggregate_iter(INDEX, "*") as rows,
    ):
        assert [row async for row in rows] == ROWS
    assert asked.ports == [asked.cluster.node_of(INDEX).address.port] * 3


async def test_an_error_shows_the_query(asked: Asked, client: RedisCluster[bytes]) -> None:
    """As on one server, and of each method."""
    for node in asked.cluster.nodes:
        node.server.on("FT.AGGREGATE", ResponseError("Syntax error"))
    with pytest.raises(SearchQueryError, match="the query is '@'"):
        async with client.ft.aggregate_iter(INDEX, "@"):
            raise AssertionError
    with pytest.raises(SearchQueryError, match="the query is '@'"):
        await client.ft.aggregate(INDEX, "@")
