"""Sessions on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis, Session
from anyredis.exceptions import AuthenticationError, ResponseError, UnknownCommandError
from anyredis.server import Cluster, Server


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


@pytest.fixture
async def session(client: Redis[str]) -> AsyncIterator[Session[str]]:
    """A session on each server."""
    async with client.session() as session:
        yield session


async def test_auth(session: Session[str]) -> None:
    """The default user here accepts any password, if named; no other user exists."""
    assert await session.auth("any", "default") is True
    with pytest.raises(AuthenticationError):
        await session.auth("wrong", "nobody")
    with pytest.raises(AuthenticationError):
        await session.auth("without any configured")


async def test_select(client: Redis[str], session: Session[str]) -> None:
    """G9: a session changes its own database only."""
    assert await session.select(1) is True
    await session.set("k", "v")
    assert await session.dbsize() == 1
    assert await client.dbsize() == 0
    with pytest.raises(ResponseError, match="out of range"):
        await session.select(16_000)


async def test_client_settings(session: Session[str]) -> None:
    """The settings of a session show in its client information."""
    assert await session.client_setname("me") is True
    assert await session.client_setinfo("LIB-NAME", "tests") is True
    assert await session.client_setinfo("LIB-VER", "7") is True
    assert await session.client_no_evict("ON") is True
    assert await session.client_no_touch("ON") is True
    info = await session.client_info()
    assert info.name == "me"
    assert (info.fields["lib-name"], info.fields["lib-ver"]) == ("tests", "7")
    assert {"e", "T"} <= set(info.flags)
    assert await session.client_no_evict("OFF") is True
    assert await session.client_no_touch("OFF") is True
    assert not {"e", "T"} & set((await session.client_info()).flags)


async def test_client_capa(valkey: Server, redis8: Server) -> None:
    """Valkey knows capabilities of clients and import sources; Redis does not."""
    async with Redis(host=valkey.host, port=valkey.port) as client, client.session() as session:
        assert await session.client_capa("redirect") is True
        assert (await session.client_info()).fields["capa"] == "r"
        with pytest.raises(ResponseError, match="not in import mode"):
            await session.client_import_source("ON")
    async with Redis(host=redis8.host, port=redis8.port) as client, client.session() as session:
        with pytest.raises(UnknownCommandError):
            await session.client_capa("redirect")
        with pytest.raises(UnknownCommandError):
            await session.client_import_source("ON")


async def test_import_source(private_server: Server) -> None:
    """A server in import mode takes a client as the source of its data, and not as one."""
    async with (
        Redis(host=private_server.host, port=private_server.port) as client,
        client.session() as session,
    ):
        await client.config_set("import-mode", "yes")
        assert await session.client_import_source("ON") is True
        assert "I" in (await session.client_info()).flags
        assert await session.client_import_source("OFF") is True


async def test_tracking(client: Redis[str], session: Session[str]) -> None:
    """Tracking is turned on with its options, and off again."""
    with pytest.raises(ResponseError, match="CLIENT CACHING"):
        await session.client_caching("YES")
    assert await session.client_tracking_on(optin=True) is True
    assert await session.client_caching("YES") is True
    assert "optin" in (await session.client_trackinginfo()).flags
    assert await session.client_tracking_off() is True
    assert await session.client_tracking_on(optout=True, noloop=True) is True
    assert await session.client_caching("NO") is True
    assert await session.client_tracking_off() is True
    other = await client.client_id()
    assert await session.client_tracking_on(clientid=other, prefix=["a:", "b:"], bcast=True)
    tracking = await session.client_trackinginfo()
    assert tracking.redirect == other == await session.client_getredir()
    assert set(tracking.prefixes) == {"a:", "b:"}
    assert await session.client_tracking_off() is True
    assert await session.client_getredir() == -1


async def test_cluster_settings(session: Session[str]) -> None:
    """A server that is in no cluster has nothing to ask or to redirect."""
    for call in (session.asking, session.readonly, session.readwrite):
        try:
            assert await call() is True  # Valkey accepts READONLY and READWRITE too
        except ResponseError as error:
            assert "cluster support disabled" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize("name", ["valkey_cluster", "redis8_cluster"])
async def test_node_settings(request: pytest.FixtureRequest, name: str) -> None:
    """A node takes ASKING, and reads of a replica, for this session alone."""
    cluster: Cluster = request.getfixturevalue(name)
    node = cluster.primaries[0]
    async with Redis(host=node.host, port=node.port) as client, client.session() as session:
        assert await session.asking() is True
        assert await session.readonly() is True
        assert "r" in (await session.client_info()).flags
        assert await session.readwrite() is True
        assert "r" not in (await session.client_info()).flags


async def test_watch(session: Session[str]) -> None:
    """Keys are watched, and no more."""
    assert await session.watch("a", "b") is True
    assert (await session.client_info()).fields["watch"] == "2"
    assert await session.unwatch() is True
    assert (await session.client_info()).fields["watch"] == "0"


async def test_wait(session: Session[str]) -> None:
    """Without a replica no replica has the writes; without an append-only file no file has them."""
    await session.set("k", "v")
    assert await session.wait(0, 1000) == 0
    assert await session.wait(1, 1) == 0
    assert await session.waitaof(0, 0, 1000) == (0, 0)
    with pytest.raises(ResponseError, match="appendonly is disabled"):
        await session.waitaof(1, 0, 1000)


async def test_reset(client: Redis[str], session: Session[str]) -> None:
    """A session is as at first, and speaks RESP2; G9: its connection is closed afterwards."""
    await session.select(1)
    await session.client_setname("me")
    assert await session.reset() is True
    info = await session.client_info()
    assert (info.db, info.name, info.fields["resp"]) == (0, "", "2")
    assert await client.client_id() != info.id
