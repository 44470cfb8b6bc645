"""What servers recorded about commands: each method once, on every server that knows it."""

from __future__ import annotations

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError, UnknownCommandError
from anyredis.server import Server


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_latency(request: pytest.FixtureRequest, name: str, protocol: int) -> None:
    """Without spikes the reports are empty; the histogram has the calls of each command."""
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port, protocol=protocol) as client:
        await client.latency_reset()
        assert await client.latency_latest() == []
        assert await client.latency_history("command") == []
        assert await client.latency_reset("command") == 0
        assert "latency" in (await client.latency_doctor()).lower()
        with pytest.raises(ResponseError, match="No samples"):
            await client.latency_graph("command")
        await client.get("k")
        histograms = await client.latency_histogram("get", "nothing")
        assert list(histograms) == ["get"]
        assert histograms["get"].calls == max(histograms["get"].histogram_usec.values())


@pytest.mark.parametrize("protocol", [2, 3])
async def test_spikes(protocol: int, own_server: Server) -> None:
    """A command that took long is a spike; it is drawn, listed and forgotten."""
    async with Redis(host=own_server.host, port=own_server.port, protocol=protocol) as client:
        await client.config_set("latency-monitor-threshold", 1)
        await client.execute_command("DEBUG", "SLEEP", "0.01")
        events = {event.event: event for event in await client.latency_latest()}
        event = events["command"]
        assert event.maximum >= event.latest >= 10
        assert (await client.latency_history("command"))[-1] == (event.time, event.latest)
        assert "command - high" in await client.latency_graph("command")
        assert await client.latency_reset("command") == 1


async def test_commandlog(valkey: Server, redis8: Server) -> None:
    """Valkey keeps large requests in a log of their own; Redis does not know it."""
    async with Redis(host=valkey.host, port=valkey.port) as client:
        await client.config_set("commandlog-request-larger-than", 500)
        try:
            await client.commandlog_reset("LARGE-REQUEST")
            await client.set("k", "x" * 600)
            assert await client.commandlog_len("LARGE-REQUEST") == 1
            [entry] = await client.commandlog_get(-1, "LARGE-REQUEST")
            assert entry.command[:2] == [b"SET", b"k"]
            assert entry.value > 600
            assert await client.commandlog_reset("LARGE-REQUEST") is True
            assert await client.commandlog_get(5, "LARGE-REQUEST") == []
        finally:
            await client.config_set("commandlog-request-larger-than", 1048576)
    async with Redis(host=redis8.host, port=redis8.port) as other:
        with pytest.raises(UnknownCommandError):
            await other.commandlog_len("SLOW")
