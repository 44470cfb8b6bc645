"""In memory: a connection class without a socket, and a reply that gets lost."""

from __future__ import annotations

from typing import Any

import runner
from anyio.abc import ByteStream

import anyredis
from anyredis.testing import FakeServer, run_then_reset


class MemoryConnection(anyredis.BaseConnection):
    """A connection to a server in this process; *server* is its own argument."""

    def __init__(self, *, server: FakeServer, **options: Any) -> None:
        super().__init__(**options)
        self.server = server

    async def open_stream(self) -> ByteStream:
        """One end of a pair of byte streams in memory; the server has the other."""
        return await self.server.connect()


async def main(_url: str) -> None:
    """Lose the reply to a read, and then the reply to a write."""
    server = FakeServer()
    pool = anyredis.ConnectionPool(connection_class=MemoryConnection, server=server)
    async with anyredis.Redis(connection_pool=pool) as client:
        await client.set("hits", 41)

        # The command runs, then the connection breaks: once.
        server.on("GET", run_then_reset, times=1)
        runner.show('get("hits"), its reply lost once', await client.get("hits"))
        runner.show("GETs that the server saw", server.count("GET"))

        server.on("INCRBY", run_then_reset, times=1)
        try:
            await client.incr("hits")
        except anyredis.ConnectionError as error:
            runner.show('incr("hits"), its reply lost once', f"ConnectionError, {error.outcome}")
        runner.show("INCRs that the server saw", server.count("INCRBY"))
        runner.show('get("hits")', await client.get("hits"))


if __name__ == "__main__":
    runner.run(main)
