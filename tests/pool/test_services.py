"""Tests of `anyredis.pool.services`: URLs whose hosts know the addresses of the servers."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import ConnectionPool, DataValueError, Redis
from anyredis.address import ServerURL, parse_url
from anyredis.pool import services
from anyredis.pool.services import register_schemes, service_arguments
from anyredis.pool.standalone import url_parameters
from anyredis.sentinel.sentinel_connection import sentinel_parameters
from anyredis.testing import FakeConnection, FakeServer

URL = "redis+sentinel://h:1,h:2/name/3?sentinel_timeout=2&client_name=me"


@pytest.mark.parametrize("scheme", ["redis", "rediss", "valkey", "valkeys"])
def test_sentinels_are_known(scheme: str) -> None:
    """Importing anyredis is enough, for pools and for clients."""
    url = f"{scheme}+sentinel://h:1/name"
    for pool in (ConnectionPool.from_url(url), Redis.from_url(url).connection_pool):
        assert pool.address == "the primary of 'name'"


def test_options_for_finding_servers_are_removed() -> None:
    """The other options are for the pool."""
    parsed = parse_url(URL, url_parameters(), sentinel_parameters())
    options = dict(parsed.options)
    assert service_arguments(parsed, options).keys() == {"connection_class", "watcher"}
    assert options == {"client_name": "me", "db": 3}


async def test_a_registered_function_finds_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result is the arguments of the pool."""
    monkeypatch.setattr(services, "_SCHEMES", {})
    server = FakeServer()

    def find(parsed: ServerURL, options: dict[str, Any]) -> dict[str, Any]:
        assert (parsed.service, len(parsed.hosts)) == ("name", 2)
        del options["sentinel_timeout"], options["client_name"], options["db"]
        return {"connection_class": FakeConnection, "server": server}

    register_schemes(["redis+sentinel"], find, dict)
    async with Redis(connection_pool=ConnectionPool.from_url(URL)) as client:
        assert await client.ping()
    assert server.count("PING") == 1


def test_a_scheme_that_is_not_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused at once, and its host is not used as a server."""
    monkeypatch.setattr(services, "_SCHEMES", {})
    for make in (ConnectionPool.from_url, Redis.from_url):
        with pytest.raises(DataValueError, match=r"redis\+sentinel://"):
            make(URL)
