"""Sentinels and servers in memory, which the connections of the library find by their addresses."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream

from anyredis import Connection, Redis, RedisError, Sentinel, TCPAddress, UnknownCommandError
from anyredis.exceptions import from_server
from anyredis.sentinel.managed_connection import SentinelManagedConnection
from anyredis.testing import NOTHING, Answer, FakePeer, FakeServer, Words
from anyredis.testing.memory import Memory

NAME = "mymaster"

A, B, C = (TCPAddress("10.0.0.1", port) for port in (6001, 6002, 6003))
"""Servers."""

S1, S2, S3 = (TCPAddress("10.0.0.9", port) for port in (26001, 26002, 26003))
"""Sentinels."""


class FakeSentinel(FakeServer):
    """A sentinel that says what a test has it say."""

    def __init__(self, primary: TCPAddress | None, replicas: Sequence[TCPAddress] = ()) -> None:
        super().__init__()
        self.primary = primary
        self.replicas = [described(address) for address in replicas]
        self.on("SENTINEL", self._sentinel)
        self.on("SUBSCRIBE", self._subscribe)
        self.listeners: list[FakePeer] = []

    def _sentinel(self, _peer: FakePeer, words: Words) -> Answer:
        known = words[2] == NAME.encode() and self.primary is not None
        if words[1] == b"REPLICAS":
            return (
                self.replicas if known else UnknownCommandError("ERR No such master with that name")
            )
        if self.primary is None or not known:
            return None
        return [self.primary.host.encode(), b"%d" % self.primary.port]

    def _subscribe(self, peer: FakePeer, words: Words) -> Answer:
        self.listeners.append(peer)
        self._tell(peer, [b"subscribe", words[1], 1])
        return NOTHING

    def switch(self, old: TCPAddress, new: TCPAddress, name: str = NAME) -> None:
        """Name *new* from now on, and tell all listeners."""
        self.primary = new
        self.announce(f"{name} {old.host} {old.port} {new.host} {new.port}")

    def announce(self, news: str) -> None:
        """Tell *news* to all listeners."""
        for peer in self.listeners:
            self._tell(peer, [b"message", b"+switch-master", news.encode()])

    def _tell(self, peer: FakePeer, items: list[Answer]) -> None:
        if peer.state.protocol == 3:
            peer.push(*items)
        else:
            peer.send(items)


def described(address: TCPAddress, flags: str = "slave", link: str = "ok") -> dict[Answer, Answer]:
    """What a sentinel says of a replica."""
    return {
        b"ip": address.host.encode(),
        b"port": b"%d" % address.port,
        b"flags": flags.encode(),
        b"master-link-status": link.encode(),
    }


class World:
    """Servers by their addresses; no server listens at any other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.servers: dict[TCPAddress, FakeServer] = {}
        servers = self.servers

        async def open_stream(connection: Connection) -> ByteStream:
            server = servers.get(connection._tcp_address)
            if server is None:
                raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
            return await server.connect()

        monkeypatch.setattr(Connection, "open_stream", open_stream)

    def server(self, address: TCPAddress, *, replica: bool = False) -> FakeServer:
        """A new server at *address*, a primary or a replica."""
        server = self.servers[address] = FakeServer(memory=Memory())
        play(server, replica=replica)
        return server

    def sentinel(
        self, address: TCPAddress, primary: TCPAddress | None, *replicas: TCPAddress
    ) -> FakeSentinel:
        """A new sentinel at *address*, which knows a primary and its replicas."""
        sentinel = self.servers[address] = FakeSentinel(primary, replicas)
        return sentinel

    @property
    def peers(self) -> list[FakePeer]:
        """All connections that are open, to servers and sentinels."""
        return [peer for server in self.servers.values() for peer in server.peers]


def play(server: FakeServer, *, replica: bool) -> None:
    """Have *server* be a replica, which refuses to write, or a primary, from now on."""
    if replica:
        server.on("ROLE", [b"slave", b"10.0.0.1", 6001, b"connected", 0])
    else:
        server.on("ROLE", [b"master", 0, []])
    for name in ("SET", "INCRBY", "BLPOP"):
        server.off(name)
        if replica:
            server.on(name, _refuse)


def _refuse(peer: FakePeer, _words: Words) -> Answer:
    peer.state.dirty = peer.state.queue is not None
    return readonly()


def readonly() -> RedisError:
    """What a replica answers to writes."""
    return from_server("READONLY You can't write against a read only replica.")


def speak_resp2(server: FakeServer) -> None:
    """Have *server* be too old for HELLO."""
    server.on("HELLO", UnknownCommandError("ERR unknown command 'HELLO'"))


def three_sentinels(world: World, *replicas: TCPAddress) -> tuple[FakeSentinel, ...]:
    """Sentinels at S1 to S3, which name A as the primary."""
    return tuple(world.sentinel(address, A, *replicas) for address in (S1, S2, S3))


def sentinel_of(*addresses: TCPAddress, **options: float) -> Sentinel:
    """A `Sentinel` for those at *addresses*, or at S1 to S3."""
    return Sentinel(addresses or (S1, S2, S3), name=NAME, **options)  # type: ignore[arg-type]


def servers_of(client: Redis[Any]) -> list[TCPAddress | None]:
    """Where the connections of *client* go."""
    return [
        each.server
        for each in client.connection_pool.endpoint.server.connections()
        if isinstance(each, SentinelManagedConnection)
    ]


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.001)


def assert_whole(client: Redis[Any]) -> None:
    """No lease is taken (G5)."""
    pool = client.connection_pool
    assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0), repr(pool)


def demote(world: World) -> None:
    """B is the primary and A is not, and no sentinel tells the client."""
    for address in (S1, S2, S3):
        world.servers[address].primary = B  # type: ignore[attr-defined]
    play(world.servers[A], replica=True)
    play(world.servers[B], replica=False)


async def demoted(world: World, **options: Any) -> Redis[str]:
    """A client, not entered, of a primary that `demote` will demote."""
    three_sentinels(world)
    world.server(A)
    world.server(B, replica=True)
    await anyio.lowlevel.checkpoint()
    return sentinel_of().primary_for(decode_responses=True, **options)
