"""A TLS lane between a lane below and a peer, all three at the test's command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anyredis.connection.lane import Lane, LaneEvents, LaneStream
from anyredis.connection.tls_lane import TLSLane
from tests.connection.lanes import Events
from tests.connection.tls_peer import connected

LARGE = bytes(range(256)) * 4096


class LaneBelow(LaneStream):
    """A stream and its lane, both at the test's command."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.takes = 1_000_000
        """The number of writes until it is full."""
        self.calls: list[Callable[[], None]] = []
        self.said: list[str] = []
        self.events: LaneEvents = Events()

    def take(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self.written)
        self.written.clear()
        return data

    # -- the stream

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """None."""
        return {}

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Never."""
        raise AssertionError

    async def send(self, item: bytes) -> None:
        """Never."""
        raise AssertionError

    async def send_eof(self) -> None:
        """Never."""
        raise AssertionError

    async def aclose(self) -> None:
        """Nothing."""

    def attach(self, events: LaneEvents) -> Lane:
        """Itself."""
        self.events = events
        return self

    # -- the lane

    @property
    def full(self) -> bool:
        """Whether it takes no more writes."""
        return self.takes <= 0

    def write(self, data: bytes, /) -> None:
        """Note it."""
        assert self.takes > 0, "it is full"
        assert data, "a write of nothing"
        self.written.append(data)
        self.takes -= 1

    def soon(self, call: Callable[[], None], /) -> None:
        """Keep the call."""
        self.calls.append(call)

    def now_or_soon(self, call: Callable[[], None], /) -> None:
        """Keep the call."""
        self.calls.append(call)

    def pause_reading(self) -> None:
        """Note it."""
        self.said.append("pause")

    def resume_reading(self) -> None:
        """Note it."""
        self.said.append("resume")

    async def run(self) -> None:
        """Note it."""
        self.said.append("run")

    def stop(self) -> None:
        """Note it."""
        self.said.append("stop")

    def takes_again(self, writes: int) -> None:
        """It is not full any more."""
        self.takes = writes
        self.events.writable()


class Bench:
    """A TLS lane over a lane below, its events, and its peer."""

    def __init__(self) -> None:
        self.below, self.events = LaneBelow(), Events()
        self.state, self.peer = connected()
        self.lane = TLSLane(self.below, self.state, self.events)

    def arrive(self, data: bytes) -> None:
        """Deliver *data* to the TLS lane."""
        self.below.events.received(data)
