"""Changes of real clusters, made with the commands of the servers alone.

The client under test is not used for them.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
import hiredis
from anyio.abc import ByteStream
from anyio.from_thread import BlockingPortal

from anyredis.replies import array, integer, word
from anyredis.server import Cluster, Server, TLSFiles, run_cluster
from anyredis.wire.decode import Reply
from anyredis.wire.encode import encoder
from tests.conftest import DEBUG
from tests.servers import ask

Words: TypeAlias = Sequence[str | bytes | int]

NAME = "faults"
"""The name of all clients here, by which the servers' client lists can be filtered."""

PACK = encoder("utf-8")

AT_ONCE = 125
"""Slots that migrate at the same time."""


class Line:
    """A connection to one server on which commands are written together."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._reader = hiredis.Reader()

    async def ask_all(self, commands: Iterable[Words]) -> list[Reply]:
        """The replies to all *commands*; raises the first that is an error."""
        packed = [PACK(tuple(words)) for words in commands]
        await self._stream.send(b"".join(packed))
        replies: list[Reply] = []
        while len(replies) < len(packed):
            while (reply := self._reader.gets()) is False:
                self._reader.feed(await self._stream.receive())
            if isinstance(reply, hiredis.ReplyError):
                raise reply
            replies.append(reply)
        return replies

    async def ask(self, *words: str | bytes | int) -> Reply:
        """The reply to one command."""
        return (await self.ask_all([words]))[0]


@asynccontextmanager
async def line_to(server: Server) -> AsyncGenerator[Line]:
    """A line to *server*."""
    assert server.unix_socket_path is not None
    async with await anyio.connect_unix(server.unix_socket_path) as stream:
        yield Line(stream)


async def move_by_hand(
    cluster: Cluster,
    slots: Sequence[int],
    source: Server,
    target: Server,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Move *slots* by the cluster specification, key by key, `AT_ONCE` of them at a time.

    *meanwhile* runs while the first of them still belong to the source, and all their keys are at
    the target.
    """
    names = {server: await cluster.id_of(server) for server in (source, target)}
    others = [each for each in primaries_of(cluster) if each not in names]
    async with AsyncExitStack() as stack:
        giver, taker = [await stack.enter_async_context(line_to(each)) for each in names]
        rest = [await stack.enter_async_context(line_to(each)) for each in others]
        for begin in range(0, len(slots), AT_ONCE):
            some = slots[begin : begin + AT_ONCE]
            await taker.ask_all(setslot(some, "IMPORTING", names[source]))
            await giver.ask_all(setslot(some, "MIGRATING", names[target]))
            await _move_keys(giver, some, target)
            if meanwhile is not None and not begin:
                await meanwhile()
            # First the target: with the source first, the slots would have no owner for a moment.
            for line in (taker, giver, *rest):
                await line.ask_all(setslot(some, "NODE", names[target]))


def setslot(slots: Iterable[int], state: str, name: str) -> list[Words]:
    """CLUSTER SETSLOT for each of *slots*."""
    return [("CLUSTER", "SETSLOT", slot, state, name) for slot in slots]


async def _move_keys(giver: Line, slots: Sequence[int], target: Server) -> None:
    """Move all keys of *slots*, which become no more, for new ones begin at the target."""
    listings = await giver.ask_all(("CLUSTER", "GETKEYSINSLOT", slot, 10_000) for slot in slots)
    for listing in listings:
        for key in array(listing):
            await giver.ask("MIGRATE", target.host, target.port, word(key), 0, 5000)


async def migrate_slots(
    cluster: Cluster, slots: Sequence[int], source: Server, target: Server
) -> None:
    """Have the servers move a range of *slots* by themselves (Valkey 9)."""
    name = await cluster.id_of(target)
    async with line_to(source) as giver:
        ends = slots[0], slots[-1]
        await giver.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", *ends, "NODE", name)
        with anyio.fail_after(20):
            while (state := await _newest_migration(giver)) != "success":
                assert state not in {"failed", "canceled"}, state
                await anyio.sleep(0.005)


async def _newest_migration(giver: Line) -> str:
    newest, *_ = array(await giver.ask("CLUSTER", "GETSLOTMIGRATIONS"))
    names = [word(name) for name in array(newest)[::2]]
    return word(array(newest)[1::2][names.index("state")])


async def shard_of(cluster: Cluster, slot: int) -> tuple[Server, list[Server]]:
    """The primary of a slot, and its replicas that are linked to it."""
    primary = await cluster.primary_for(slot)
    return primary, await replicas_of(cluster, primary)


async def replicas_of(cluster: Cluster, primary: Server) -> list[Server]:
    """The replicas that are linked to a primary."""
    async with line_to(primary) as line:
        ports = {int(word(array(replica)[1])) for replica in await _replicas(line)}
    return [server for server in cluster.servers if server.port in ports]


async def replicated(primary: Server) -> float:
    """A time such that its replicas have all writes that *primary* acknowledged before it."""
    async with line_to(primary) as line:
        asked_at = anyio.current_time()
        written = integer(array(await line.ask("ROLE"))[1])
        with anyio.fail_after(10):
            while any(int(word(array(each)[2])) < written for each in await _replicas(line)):
                await anyio.sleep(0.001)
    return asked_at


async def _replicas(line: Line) -> list[Reply]:
    """Host, port and offset of each replica; there is one at least."""
    replicas = array(array(await line.ask("ROLE"))[2])
    assert replicas
    return replicas


async def fail_over(cluster: Cluster, slot: int) -> None:
    """Have the primary of a slot and a replica of its change places, in good order."""
    _, [replica, *_] = await shard_of(cluster, slot)
    async with line_to(replica) as line:
        await line.ask("CLUSTER", "FAILOVER")
        with anyio.fail_after(10):
            while array(await line.ask("ROLE"))[0] != b"master":
                await anyio.sleep(0.005)
    await cluster.wait_until_ok()


def asked(server: Server, *words: str | int) -> str:
    """The text that a server answers."""
    reply = ask(server, *words)
    assert isinstance(reply, bytes), reply
    return reply.decode()


def primaries_of(cluster: Cluster) -> list[Server]:
    """The servers that run and are primaries by now."""
    servers = [server for server in cluster.servers if server.is_running]
    return [each for each in servers if "role:master" in asked(each, "INFO", "replication")]


def empty(cluster: Cluster) -> None:
    """Delete all keys; the replicas follow."""
    for server in primaries_of(cluster):
        assert ask(server, "FLUSHALL") == b"OK"


def counted(cluster: Cluster, error: str) -> int:
    """How often the servers that run answered with an *error*, such as ASK."""
    total = 0
    for server in cluster.servers:
        if server.is_running:
            for line in asked(server, "INFO", "errorstats").splitlines():
                if line.startswith(f"errorstat_{error}:"):
                    total += int(line.partition("=")[2])
    return total


def clients_of_ours(cluster: Cluster) -> list[str]:
    """The connections of clients called `NAME` that the servers of *cluster* have."""
    found: list[str] = []
    for server in cluster.servers:
        if server.is_running:
            listing = asked(server, "CLIENT", "LIST")
            found += [line for line in listing.splitlines() if f" name={NAME} " in line]
    return found


@contextmanager
def private_cluster(
    portal: BlockingPortal,
    binary: Path,
    *arguments: str,
    primaries: int = 3,
    replicas: int = 0,
    node_timeout: float = 5.0,
    tls: TLSFiles | None = None,
) -> Generator[Cluster]:
    """A cluster for the tests of one module, which leave it as it was, with no client of ours."""
    scope = run_cluster(
        binary=binary,
        primaries=primaries,
        replicas=replicas,
        node_timeout=node_timeout,
        tls=tls,
        # A primary that gives away its last slot stays one, and can be forgotten.
        arguments=(*DEBUG, "--cluster-allow-replica-migration", "no", *arguments),
    )
    with portal.wrap_async_context_manager(scope) as cluster:
        yield cluster
        deadline = time.monotonic() + 5  # a server may learn a moment later that a client left
        while (left := clients_of_ours(cluster)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert left == []
