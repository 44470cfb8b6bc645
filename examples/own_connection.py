"""A connection class of your own: one that counts the bytes it carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import runner
from anyio.abc import ByteStream

import anyredis


@dataclass
class Meter:
    """Bytes sent and received, by any number of connections."""

    sent: int = 0
    received: int = 0


class MeteredStream(ByteStream):
    """A byte stream that reports to a meter."""

    def __init__(self, stream: ByteStream, meter: Meter) -> None:
        self.stream = stream
        self.meter = meter

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Received bytes, counted."""
        data = await self.stream.receive(max_bytes)
        self.meter.received += len(data)
        return data

    async def send(self, item: bytes) -> None:
        """Send it, and count it."""
        self.meter.sent += len(item)
        await self.stream.send(item)

    async def send_eof(self) -> None:
        """Send no more."""
        await self.stream.send_eof()

    async def aclose(self) -> None:
        """Close it."""
        await self.stream.aclose()


class MeteredConnection(anyredis.Connection):
    """A TCP connection with one argument more: *meter*."""

    def __init__(self, *, meter: Meter, **options: Any) -> None:
        super().__init__(**options)
        self.meter = meter

    async def open_stream(self) -> ByteStream:
        """The TCP stream, metered."""
        return MeteredStream(await super().open_stream(), self.meter)


async def main(url: str) -> None:
    """Give the class to a pool, and the pool to a client."""
    meter = Meter()
    pool = anyredis.ConnectionPool.from_url(
        url, connection_class=MeteredConnection, max_connections=10, meter=meter
    )
    async with anyredis.Redis(connection_pool=pool) as client:
        await client.ping()
        before = meter.sent, meter.received
        await client.set("fubar", "x" * 1000)
        runner.show("SET of 1,000 bytes, bytes sent", f"{meter.sent - before[0]:,}")
        runner.show("bytes received", f"{meter.received - before[1]:,}")
        await client.get("fubar")
        runner.show("all, with handshake and a GET", f"{meter.sent:,} out, {meter.received:,} in")


if __name__ == "__main__":
    runner.run(main)
