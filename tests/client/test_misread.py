"""A reply that its reader does not take: the error names the command, wherever the command ran."""

from __future__ import annotations

import pytest

from anyredis import Redis, RedisCluster
from anyredis.command import Command
from anyredis.exceptions import ProtocolError
from anyredis.replies import integer
from anyredis.server import Cluster, Server

WRONG = Command((b"CLIENT", b"GETNAME"), integer)
MESSAGE = "^CLIENT GETNAME: the server answered None where an integer was expected$"


async def test_one_server(valkey: Server) -> None:
    """On a client, in a session, in a pipeline and in a transaction."""
    async with Redis(host=valkey.host, port=valkey.port) as client:
        with pytest.raises(ProtocolError, match=MESSAGE):
            await client.submit(WRONG)
        async with client.session() as session:
            with pytest.raises(ProtocolError, match=MESSAGE):
                await session.submit(WRONG)
        async with client.pipeline(raise_on_error=False) as pipe:
            result = pipe.submit(WRONG)
        with pytest.raises(ProtocolError, match=MESSAGE):
            _ = result.value
        async with client.watch("k") as transaction:
            with pytest.raises(ProtocolError, match=MESSAGE):
                await transaction.submit(WRONG)


async def test_a_cluster(valkey_cluster: Cluster) -> None:
    """At the node of a key, at one node, and at all of them."""
    primary = valkey_cluster.primaries[0]
    async with RedisCluster(primary.host, primary.port) as client:
        with pytest.raises(ProtocolError, match=r"^GET: the server answered None"):
            await client.submit(Command((b"GET", "k"), integer))
        with pytest.raises(ProtocolError, match=r"^MGET: the server answered \[None, None"):
            await client.submit(Command((b"MGET", "a", "b"), integer))
        with pytest.raises(ProtocolError, match=MESSAGE):
            await client.node((primary.host, primary.port)).submit(WRONG)
