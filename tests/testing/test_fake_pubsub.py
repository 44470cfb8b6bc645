"""Pub/sub of the fake server: the same conversations with it and with real servers."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, TypeAlias, cast

import anyio
import hiredis
import pytest
from anyio.abc import ByteStream

from anyredis.server import Cluster, Server
from anyredis.testing import FakeCluster, FakeServer
from anyredis.wire.encode import encoder

pack = encoder()


class Talker:
    """One client, with all that the server sends to it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._reader = hiredis.Reader()
        self._fences = 0

    async def send(self, *words: bytes) -> None:
        """Send a command; its reply is among `heard`."""
        await self._stream.send(pack(words))

    async def heard(self) -> list[Any]:
        """All replies and messages up to now."""
        self._fences += 1
        fence = b"fence %d" % self._fences
        await self.send(b"PING", fence)
        found: list[Any] = []
        while True:
            while (reply := self._reader.gets()) is not False:
                if reply in (fence, [b"pong", fence]):
                    return found
                found.append(shown(reply))
            self._reader.feed(await self._stream.receive())


def shown(reply: Any) -> Any:
    """*reply*: whether it is a push counts, and of an error its first word."""
    if isinstance(reply, Exception):
        return f"-{str(reply).split()[0]}"
    return ("push", *reply) if isinstance(reply, hiredis.PushNotification) else reply


Line: TypeAlias = tuple[int, str]
"""A command of one of the clients."""


async def conversation(talkers: Sequence[Talker], lines: Sequence[Line]) -> list[list[list[Any]]]:
    """What each client hears after each of *lines*, in an order that servers need not keep."""
    heard: list[list[list[Any]]] = []
    for speaker, line in lines:
        words = tuple(line.encode().split())
        await talkers[speaker].send(*words)
        each = [await talker.heard() for talker in talkers]
        if words[0].endswith(b"UNSUBSCRIBE") and len(words) == 1:
            # The names come in any order, each with the number that is left then.
            each = [
                [sorted(map(repr, column)) for column in zip(*got, strict=True)] for got in each
            ]
        elif words[0] == b"PUBLISH" or words[:2] in PUBSUB_LISTS:
            each = [sorted(map(repr, map(in_order, got))) for got in each]
        heard.append(each)
    return heard


PUBSUB_LISTS = {(b"PUBSUB", b"CHANNELS"), (b"PUBSUB", b"SHARDCHANNELS")}


def in_order(reply: Any) -> Any:
    """A list of names has no order."""
    return sorted(map(repr, cast("list[object]", reply))) if isinstance(reply, list) else reply


@asynccontextmanager
async def fake_and_real(
    server: Server, protocols: Sequence[int]
) -> AsyncGenerator[tuple[list[Talker], list[Talker]]]:
    """Clients of a new fake server, and of *server*, that speak these *protocols*."""
    assert server.unix_socket_path is not None
    fake = FakeServer()
    async with AsyncExitStack() as stack:
        both: tuple[list[Talker], list[Talker]] = [], []
        for protocol in protocols:
            for talkers, connecting in zip(
                both, (fake.connect(), anyio.connect_unix(server.unix_socket_path)), strict=True
            ):
                talker = Talker(await stack.enter_async_context(await connecting))
                await talker.send(b"HELLO", b"%d" % protocol)
                await talker.heard()
                talkers.append(talker)
        yield both


NAMES = ("a", "ab", "b", "abc")
GLOBS = ("a*", "?b", "[ab]", "*", "a")


def random_lines(seed: int, count: int) -> list[Line]:
    """Commands of two clients about the same few names."""
    chosen = random.Random(seed)

    def line() -> str:
        kind = chosen.choice(("", "", "P", "S"))
        names = chosen.choices(GLOBS if kind == "P" else NAMES, k=chosen.choice((1, 1, 2, 3)))
        return chosen.choice(
            (
                f"{kind}SUBSCRIBE {' '.join(names)}",
                f"{kind}SUBSCRIBE {' '.join(names)}",
                f"{kind}UNSUBSCRIBE {' '.join(names)}",
                f"{kind}UNSUBSCRIBE",
                f"PUBLISH {chosen.choice(NAMES)} m{chosen.randrange(9)}",
                f"PUBLISH {chosen.choice(NAMES)} m{chosen.randrange(9)}",
                f"SPUBLISH {chosen.choice(NAMES)} m{chosen.randrange(9)}",
                f"PUBSUB CHANNELS {chosen.choice(GLOBS)}",
                f"PUBSUB SHARDCHANNELS {chosen.choice(GLOBS)}",
                f"PUBSUB NUMSUB {' '.join(names)}",
                f"PUBSUB SHARDNUMSUB {' '.join(names)}",
                "PUBSUB NUMPAT",
                "GET k",
                "ECHO x",
                chosen.choice(("PING", "PING x", "PING x y", "SUBSCRIBE", "PUBLISH a")),
                chosen.choice(("PUBSUB", "PUBSUB NO", "PUBSUB NUMPAT x", "RESET", "HELLO 3")),
            )
        )

    return [(chosen.randrange(2), line()) for _ in range(count)]


@pytest.mark.parametrize("server", ["valkey", "redis8"])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("protocols", [(2, 2), (2, 3), (3, 3)])
async def test_conversations(
    request: pytest.FixtureRequest, server: str, seed: int, protocols: tuple[int, int]
) -> None:
    """Both clients hear the same from the fake server as from a real one, in RESP2 and RESP3."""
    lines = [line for line in random_lines(seed, 60) if not line[1].startswith("HELLO")]
    async with fake_and_real(request.getfixturevalue(server), protocols) as (fake, real):
        told, expected = await conversation(fake, lines), await conversation(real, lines)
    for number, line in enumerate(lines):
        assert told[number] == expected[number], (line, lines[:number])


class Case(NamedTuple):
    """A command to one node of a cluster."""

    node: int
    line: str


# foo is in slot 12182, at the third of three primaries; {foo}x is in the same slot; bar is in 5061.
IN_CLUSTER = [
    Case(2, "SSUBSCRIBE foo {foo}x"),
    Case(0, "SSUBSCRIBE foo"),
    Case(2, "SSUBSCRIBE foo bar"),
    Case(0, "SUNSUBSCRIBE foo"),
    Case(2, "SUNSUBSCRIBE {foo}x"),
    Case(0, "SUNSUBSCRIBE"),
    Case(0, "SPUBLISH foo m"),
    Case(2, "SPUBLISH foo m"),
    Case(1, "SUBSCRIBE c"),
    Case(0, "PSUBSCRIBE c*"),
    Case(1, "PUBSUB NUMSUB c"),
    Case(0, "PUBSUB NUMSUB c"),
    Case(2, "PUBSUB SHARDNUMSUB foo {foo}x"),
]


async def test_nodes_of_a_cluster(redis82_cluster: Cluster) -> None:
    """Sharded channels are at the node of their slot; others at any node, which reports its own."""
    cluster = FakeCluster(3)
    primaries = redis82_cluster.primaries
    by_node: list[list[list[Any]]] = []
    for streams in (
        [await node.server.connect() for node in cluster.nodes],
        [await anyio.connect_tcp(each.host, each.port) for each in primaries],
    ):
        async with AsyncExitStack() as stack:
            talkers = [Talker(await stack.enter_async_context(stream)) for stream in streams]
            for talker in talkers:
                await talker.send(b"HELLO", b"3")
                await talker.heard()
            heard: list[list[Any]] = []
            for node, line in IN_CLUSTER:
                await talkers[node].send(*line.encode().split())
                heard.append(await talkers[node].heard())
            by_node.append(heard)
    fake, real = by_node
    assert fake == real


# -- what a test makes the fake do ---------------------------------------------------------------


async def test_a_message_reaches_all_nodes() -> None:
    """Subscribers at each node get it; only those of the node that took it are counted."""
    cluster = FakeCluster(3, 1)
    one, two = [
        Talker(await node.server.connect()) for node in (cluster.nodes[0], cluster.nodes[4])
    ]
    await one.send(b"SUBSCRIBE", b"c")
    await two.send(b"PSUBSCRIBE", b"c*")
    await one.heard()
    await two.heard()
    async with cluster.client() as client:
        assert await client.node(cluster.nodes[1].address).publish("c", "m") == 0
        assert await client.node(cluster.nodes[0].address).publish("c", "n") == 1
    assert await one.heard() == [[b"message", b"c", b"m"], [b"message", b"c", b"n"]]
    assert [each[3] for each in await two.heard()] == [b"m", b"n"]


async def test_a_slot_that_moves() -> None:
    """Its sharded channels are unsubscribed at the nodes that had it, and their clients are told."""
    cluster = FakeCluster(2, 1)
    owner = cluster.node_of("foo")
    other = next(node for node in cluster.nodes if node is not owner and node.primary is None)
    [replica] = [node for node in cluster.nodes if node.primary is owner]
    talkers = [Talker(await node.server.connect()) for node in (owner, replica)]
    for talker in talkers:
        await talker.send(b"SSUBSCRIBE", b"foo", b"{foo}x")
        await talker.heard()
    cluster.move(cluster.slot_of("foo"), other)
    for talker in talkers:
        assert sorted(await talker.heard()) == [
            [b"sunsubscribe", b"foo", 1],
            [b"sunsubscribe", b"{foo}x", 0],
        ]
        await talker.send(b"SSUBSCRIBE", b"foo")
        assert await talker.heard() == ["-MOVED"]


async def test_a_failover() -> None:
    """The old primary and its replicas unsubscribe their clients from its sharded channels."""
    cluster = FakeCluster(2, 1)
    owner = cluster.node_of("foo")
    [replica] = [node for node in cluster.nodes if node.primary is owner]
    talker = Talker(await owner.server.connect())
    await talker.send(b"SSUBSCRIBE", b"foo")
    await talker.heard()
    cluster.promote(replica)
    assert await talker.heard() == [[b"sunsubscribe", b"foo", 0]]
    await talker.send(b"SSUBSCRIBE", b"foo")
    assert await talker.heard() == [[b"ssubscribe", b"foo", 1]]  # a replica has them too


async def test_a_client_that_is_gone() -> None:
    """It has no subscriptions any more, however its connection ended."""
    server = FakeServer()
    for leave in ("aclose", "reset"):
        stream = await server.connect()
        talker = Talker(stream)
        await talker.send(b"SUBSCRIBE", b"c")
        await talker.heard()
        assert server.memory.pubsub.deliver(b"c", b"m") == 1
        if leave == "aclose":
            await stream.aclose()
        else:
            server.reset()
        assert server.memory.pubsub.deliver(b"c", b"m") == 0
