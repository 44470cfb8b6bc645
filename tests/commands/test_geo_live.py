"""Places on real servers: each method once, on every server that the tests run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from anyredis import Redis
from anyredis.commands.geo import GeoPosition
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.fixture(params=[("valkey", 2), ("valkey", 3), ("redis8", 2), ("redis8", 3)], ids=str)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server, in both protocols; there are two places."""
    name, protocol = request.param
    server: Server = request.getfixturevalue(name)
    async with Redis(
        host=server.host, port=server.port, protocol=protocol, decode_responses=True
    ) as client:
        places = [(13.361389, 38.115556, "Palermo"), (15.087269, 37.502669, "Catania")]
        assert await client.geoadd("sicily", places) == 2
        yield client


async def test_geoadd(client: Redis[str]) -> None:
    """Members are added, moved, or neither."""
    assert await client.geoadd("sicily", (1, 1, "Palermo"), nx=True, ch=True) == 0
    assert await client.geoadd("sicily", (13.5, 38.0, "Palermo"), xx=True, ch=True) == 1
    assert await client.geoadd("sicily", (13.5, 38.0, "new"), xx=True) == 0


async def test_positions(client: Redis[str]) -> None:
    """Position, hash and distance are those of the members; None stands for one that is missing."""
    palermo, missing = await client.geopos("sicily", "Palermo", "missing")
    assert isinstance(palermo, GeoPosition)
    assert palermo == pytest.approx((13.361389, 38.115556), abs=1e-5)
    assert missing is None
    assert await client.geohash("sicily", "Palermo", "missing") == ["sqc8b49rny0", None]
    assert await client.geodist("sicily", "Palermo", "Catania") == pytest.approx(166274.15, abs=1)
    assert await client.geodist("sicily", "Palermo", "Catania", unit="km") == pytest.approx(
        166.27, abs=0.1
    )
    assert await client.geodist("sicily", "Palermo", "missing") is None


async def test_geosearch(client: Redis[str]) -> None:
    """Members in a circle or a box are found, nearest first if asked for."""
    near = partial(client.geosearch, "sicily", longitude=15, latitude=37, unit="km", sort="ASC")
    assert await near(radius=200) == ["Catania", "Palermo"]
    assert await near(radius=100) == ["Catania"]
    assert await near(width=100, height=400) == ["Catania"]
    assert await client.geosearch("sicily", member="Palermo", radius=1, count=1) == ["Palermo"]
    assert await client.geosearch("missing", member="Palermo", radius=1) == []


async def test_geosearch_places(client: Redis[str]) -> None:
    """Each result has its distance in the unit asked for, its hash and its position."""
    [place] = await client.geosearch_places(
        "sicily", longitude=15, latitude=37, radius=100, unit="km"
    )
    assert (place.member, place.hash) == ("Catania", 3479447370796909)
    assert place.distance == pytest.approx(56.44, abs=0.1)
    assert place.position == pytest.approx((15.087269, 37.502669), abs=1e-5)


async def test_geosearchstore(client: Redis[str]) -> None:
    """The result is a key of places, or of distances."""
    store = partial(
        client.geosearchstore, longitude=15, latitude=37, radius=200, unit="km", sort="ASC"
    )
    assert await store("near", "sicily") == 2
    assert await client.geohash("near", "Palermo") == ["sqc8b49rny0"]
    assert await store("far", "sicily", storedist=True, count=1) == 1
    [(member, distance)] = await client.zrange_with_scores("far", 0, -1)
    assert member == "Catania"
    assert distance == pytest.approx(56.44, abs=0.1)


async def test_a_polygon(valkey: Server, redis8: Server) -> None:
    """Members in a polygon are found by Valkey 9; another server refuses it."""
    corners = [(12.0, 36.0), (12.0, 39.0), (14.0, 39.0), (14.0, 36.0)]
    async with Redis(host=valkey.host, port=valkey.port, decode_responses=True) as client:
        await client.geoadd("sicily", [13.361389, 38.115556, "Palermo", 15.087269, 37.5, "Catania"])
        assert await client.geosearch("sicily", polygon=corners) == ["Palermo"]
    async with Redis(host=redis8.host, port=redis8.port) as other:
        with pytest.raises(ResponseError):
            await other.geosearch("sicily", polygon=corners)
