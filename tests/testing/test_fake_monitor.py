"""The lines of the fake MONITOR are those of real servers."""

from __future__ import annotations

import re

from anyredis import Redis
from anyredis.server import Server
from anyredis.testing import FakeServer, VirtualClock
from anyredis.testing.fake_monitor import monitor_line
from tests.blocked_tasks import all_tasks_blocked

EVERY_BYTE = bytes(range(256))


def test_a_line() -> None:
    """Time with microseconds, database, client, and each word quoted and escaped."""
    line = monitor_line(12.5, 3, "127.0.0.1:99", (b"SET", b'a"\\', b"\n\x00\xff"))
    assert line == r'12.500000 [3 127.0.0.1:99] "SET" "a\"\\" "\n\x00\xff"'


async def test_every_byte_is_escaped_as_by_a_real_server(valkey: Server) -> None:
    """A real monitor and the fake one give the same words."""
    for client in (
        Redis(valkey.host, valkey.port),
        FakeServer(clock=VirtualClock()).client(),
    ):
        async with client, client.monitor() as commands:
            await client.echo(EVERY_BYTE)
            async for command in commands:
                if command.args[0] == b"ECHO":
                    assert command.args[1] == EVERY_BYTE
                    break
    assert re.fullmatch(r"[ -~]*", monitor_line(0, 0, "x:1", (EVERY_BYTE,)))


async def test_it_shows_what_runs() -> None:
    """Commands of transactions as they run; no handshakes with their secrets."""
    server = FakeServer()
    async with server.client() as client, client.monitor() as commands:
        async with client.pipeline() as pipe:
            pipe.set("k", 1)
        await client.echo("last")
        shown: list[bytes] = []
        async for command in commands:
            shown.append(bytes(command.args[0]))
            if shown[-1] == b"ECHO":
                break
    assert [name for name in shown if name != b"CLIENT"] == [b"MULTI", b"EXEC", b"SET", b"ECHO"]


async def test_two_monitors() -> None:
    """Each gets every command; one that has left gets none."""
    server = FakeServer()
    async with server.client() as client, client.monitor() as first:
        async with client.monitor() as second:
            await client.echo("x")
            for monitor in (first, second):
                async for command in monitor:
                    if command.args[0] == b"ECHO":
                        break
            assert len(server.memory.monitors) == 2
        await all_tasks_blocked()
        assert len(server.memory.monitors) == 1
        await client.echo("y")
        async for command in first:
            if command.args == (b"ECHO", b"y"):
                break
