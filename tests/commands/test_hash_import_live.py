"""Import of hashes on real servers: `nox -s redis810` has one that knows it, the others refuse it."""

from __future__ import annotations

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError, UnknownCommandError
from anyredis.server import Server
from tests.commands.live import knows


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_import(request: pytest.FixtureRequest, name: str, protocol: int) -> None:
    """Field names are sent once, hashes as values only; the session forgets names when told."""
    server: Server = request.getfixturevalue(name)
    async with (
        Redis(server.host, server.port, protocol=protocol, decode_responses=True) as client,
        client.session() as session,
    ):
        if not await knows(client, "HIMPORT"):
            with pytest.raises(UnknownCommandError):
                await session.himport_prepare("user", "name", "age")
            return
        assert await session.himport_prepare("user", "name", "age") is True
        assert await session.himport_prepare("other", "a") is True
        assert await session.himport_set("u:1", "user", "Ada", 36) is True
        assert await client.hgetall("u:1") == {"name": "Ada", "age": "36"}
        assert await session.himport_discard("other") is True
        assert await session.himport_discard("other") is False
        assert await session.himport_discard_all() == 1
        with pytest.raises(ResponseError):
            await session.himport_set("u:2", "user", "Eve", 40)
