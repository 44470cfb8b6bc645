"""Connections on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError, UnblockedError
from anyredis.reports.server_reports import TrackingInfo
from anyredis.server import Server


@pytest.fixture(params=["valkey", "redis8"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes."""
    async with Redis(
        host=server.host, port=server.port, client_name="tested", decode_responses=True
    ) as client:
        yield client


async def test_ping_and_echo(client: Redis[str]) -> None:
    """The server answers."""
    assert await client.ping() is True
    assert await client.echo("héllo") == "héllo"


async def test_client_info(client: Redis[str]) -> None:
    """The connection is the same as in the list, in RESP3 and RESP2."""
    id_ = await client.client_id()
    info = await client.client_info()
    assert info.id == id_
    assert info.name == "tested"
    assert info.user == "default"
    assert info.cmd == "client|info"
    assert await client.client_getname() == "tested"
    assert await client.client_getredir() == -1
    assert await client.client_trackinginfo() == TrackingInfo({"off"}, -1, [])


async def test_protocols(server: Server) -> None:
    """The server speaks the protocol that the client asked for."""
    for protocol in (2, 3):
        async with Redis(host=server.host, port=server.port, protocol=protocol) as client:
            assert (await client.client_info()).fields["resp"] == str(protocol)


async def test_resp2(server: Server) -> None:
    """With RESP2 all is the same."""
    async with Redis(host=server.host, port=server.port, protocol=2) as client:
        info = await client.client_info()
        assert [one.id for one in await client.client_list(id=info.id)] == [info.id]
        assert await client.client_trackinginfo() == TrackingInfo({"off"}, -1, [])
        assert await client.client_getname() is None
        assert await client.echo(b"\xff") == b"\xff"


async def test_client_list(client: Redis[str]) -> None:
    """Clients are listed, by any condition that the server knows."""
    id_ = await client.client_id()
    assert id_ in {one.id for one in await client.client_list()}
    assert id_ in {one.id for one in await client.client_list(type="normal")}
    assert await client.client_list(type="pubsub") == []
    assert [one.id for one in await client.client_list(id=[id_, id_ + 1000])] == [id_]


async def test_client_filters(valkey: Server, redis8: Server) -> None:
    """Valkey takes conditions on all fields; Redis refuses them."""
    async with Redis(host=valkey.host, port=valkey.port, client_name="one") as client:
        me = await client.client_info()
        found = await client.client_list(name="one", addr=me.addr, db=0, not_type="pubsub")
        assert [one.id for one in found] == [me.id]
        assert me.id not in {one.id for one in await client.client_list(not_id=[me.id])}
        assert await client.client_list(ip="10.0.0.1", user="default", skipme=True) == []
    async with Redis(host=redis8.host, port=redis8.port) as client:
        with pytest.raises(ResponseError, match="syntax error"):
            await client.client_list(name="one")


async def test_client_kill(server: Server, client: Redis[str]) -> None:
    """A connection is closed by its address or by conditions; its client goes on with another."""
    async with Redis(host=server.host, port=server.port) as other:
        victim = await other.client_info()
        assert await client.client_kill(victim.addr) is True
        again = await other.client_info()
        assert again.id != victim.id
        assert await client.client_kill_filter(id=again.id, laddr="127.0.0.1:1") == 0
        assert await client.client_kill_filter(id=again.id, type="normal") == 1
        assert await other.client_id() not in {victim.id, again.id}
    with pytest.raises(ResponseError, match="No such client"):
        await client.client_kill("127.0.0.1:1")
    with pytest.raises(ResponseError, match="No such user"):
        await client.client_kill_filter(user="nobody")


async def test_client_pause(client: Redis[str]) -> None:
    """While writes have to wait, reads go on, and the pause can be ended."""
    assert await client.client_pause(60_000, all=False) is True
    assert await client.get("k") is None
    assert await client.client_unpause() is True
    assert await client.set("k", "v") is True
    assert await client.client_pause(0) is True


async def blocked(client: Redis[str]) -> int:
    """The id of the one blocked connection, once there is one."""
    while True:
        for one in await client.client_list():
            if "b" in one.flags:
                return one.id


async def test_client_unblock(client: Redis[str]) -> None:
    """A blocked command ends as if its time were over, or by an error."""
    assert await client.client_unblock(await client.client_id()) is False
    results: list[object] = []

    async def wait() -> None:
        try:
            results.append(await client.blpop("nothing", timeout=0))
        except UnblockedError as error:
            results.append(error.code)

    for error in (False, True):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            assert await client.client_unblock(await blocked(client), error=error) is True
    assert results == [None, "UNBLOCKED"]
