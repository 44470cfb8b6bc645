"""A TCP proxy that resets, half-closes, delays, splits and blackholes its connections.

Law: it never changes, reorders or adds a byte.  What a connection suffers is drawn anew after some
bytes, for each direction; with `calm` nothing new is.  `strike` harms all connections at once.
"""

from __future__ import annotations

import contextlib
import enum
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio
from anyio.abc import SocketAttribute, SocketStream

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket whose end is a reset."""

BROKEN = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class Fate(enum.Enum):
    """What the next bytes of a connection suffer."""

    NOTHING = "nothing"
    RESET = "a reset"
    DELAY = "delays"
    SPLIT = "splits"
    BLACKHOLE = "a blackhole"
    HALF_CLOSE = "a half-close"


WEIGHTS = {
    Fate.NOTHING: 40,
    Fate.RESET: 4,
    Fate.HALF_CLOSE: 2,
    Fate.DELAY: 4,
    Fate.SPLIT: 8,
    Fate.BLACKHOLE: 1,
}
"""The weight of each fate in a draw."""

UNHARMED = 2000
"""Bytes of each connection before its first draw; some handshakes are longer, most are not."""

SPAN = 400_000
"""The most bytes that one fate is for."""


class Carried(NamedTuple):
    """One connection: its two ends in the proxy, and the scope of the tasks that carry it."""

    client: SocketStream
    server: SocketStream
    scope: anyio.CancelScope


class BadNetwork:
    """Connections to *port* of this machine; *dice* draws their fates, each for *span* bytes at most."""

    def __init__(self, port: int, dice: random.Random, span: int = SPAN) -> None:
        self.calm = False
        self.fates: Counter[str] = Counter()
        """The number of draws of each fate."""
        self._port = port
        self._dice = dice
        self._span = span
        self._carried: list[Carried] = []
        self._swallowed: set[SocketStream] = set()
        """The ends whose bytes go nowhere since a `strike`."""
        self._ended: set[SocketStream] = set()
        """The ends that were told, by a `strike`, that nothing follows."""

    async def strike(self, fate: Fate) -> None:
        """All connections that there are suffer a RESET, HALF_CLOSE or BLACKHOLE now."""
        for client, server, scope in self._carried:
            self.fates[fate.value] += 1
            if fate is Fate.RESET:
                _reset_when_closed(client, server)
                scope.cancel()
            elif fate is Fate.HALF_CLOSE:
                self._ended.add(client)
                with contextlib.suppress(*BROKEN):
                    await client.send_eof()
            else:
                assert fate is Fate.BLACKHOLE, fate
                self._swallowed |= {client, server}

    async def carry(self, client: SocketStream) -> None:
        """Carry the bytes of one accepted connection until one side closes it."""
        async with client:
            try:
                server = await anyio.connect_tcp("127.0.0.1", self._port)
            except OSError:
                return
            async with server, anyio.create_task_group() as tasks:
                ends = (client, server)
                carried = Carried(*ends, tasks.cancel_scope)
                self._carried.append(carried)
                try:
                    for source, target in (ends, ends[::-1]):
                        tasks.start_soon(self._pump, source, target, tasks.cancel_scope)
                    await anyio.sleep_forever()
                finally:
                    self._carried.remove(carried)
                    self._swallowed.difference_update(ends)
                    self._ended.difference_update(ends)

    async def _pump(
        self, source: SocketStream, target: SocketStream, both: anyio.CancelScope
    ) -> None:
        """Carry bytes one way until one end is closed or reset, or this way is half-closed."""
        fate, remaining = Fate.NOTHING, self._dice.randrange(UNHARMED)
        try:
            while fate is not Fate.RESET:
                data = await source.receive()
                remaining -= len(data)
                if target in self._ended:
                    return
                if source in self._swallowed:
                    fate = Fate.BLACKHOLE
                elif remaining < 0 and fate is not Fate.BLACKHOLE:
                    fate, remaining = self._draw()
                if fate in {Fate.RESET, Fate.HALF_CLOSE}:
                    await target.send(data[: self._dice.randrange(len(data))])
                    if fate is Fate.HALF_CLOSE:
                        await target.send_eof()
                        return  # the other way goes on until the end that got this closes
                    _reset_when_closed(source, target)
                elif fate is not Fate.BLACKHOLE:
                    await self._send(target, data, fate)
        except BROKEN:
            pass  # one side is closed: so is the other, below
        both.cancel()

    def _draw(self) -> tuple[Fate, int]:
        """The next fate, and the bytes that it is for."""
        fate = (
            Fate.NOTHING
            if self.calm
            else self._dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        )
        self.fates[fate.value] += 1
        return fate, self._dice.randrange(400, self._span)

    async def _send(self, target: SocketStream, data: bytes, fate: Fate) -> None:
        if fate is Fate.DELAY:
            await anyio.sleep(self._dice.random() * 0.02)
        if fate is not Fate.SPLIT:
            if target not in self._ended:
                await target.send(data)
            return
        begin = 0
        while begin < len(data):
            end = begin + self._dice.choice((1, 2, 3, 7, 50, 4000, 60_000))
            if target in self._ended:
                return
            await target.send(data[begin:end])
            begin = end


@asynccontextmanager
async def bad_network(
    port: int, dice: random.Random, span: int = SPAN
) -> AsyncGenerator[tuple[BadNetwork, int]]:
    """A `BadNetwork` in front of *port*, and the port of its own."""
    network = BadNetwork(port, dice, span)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        own_port = listener.extra(SocketAttribute.local_port)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, network.carry)
            yield network, own_port
            tasks.cancel_scope.cancel()


def _reset_when_closed(*ends: SocketStream) -> None:
    for end in ends:
        raw = end.extra(SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
