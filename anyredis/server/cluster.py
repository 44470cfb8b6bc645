"""A real cluster as a scope: all its servers are gone when the scope ends, in any way."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal

import anyio

from anyredis.client.redis import Redis
from anyredis.exceptions import RedisError, ResponseError
from anyredis.server.binary import find_binary
from anyredis.server.cluster_views import (
    ClusterView,
    ClusterViews,
    find_problems,
    membership_problems,
    owner_of,
    parse_view,
    problems_of_new_node,
)
from anyredis.server.readiness import (
    Clients,
    Problems,
    check_seconds,
    connect_to,
    connect_to_all,
    not_ready,
    poll_until_ready,
    replies_of,
    running,
)
from anyredis.server.running import Server, ServerStartError
from anyredis.server.server_group import gather, server_group
from anyredis.server.server_spec import HOST, TLSFiles
from anyredis.wire.slots import SLOTS


class Cluster:
    """Servers on the loopback interface that form a cluster, made by `run_cluster`.

    They are ordinary `Server`s with a Unix socket each: they can be stopped, killed, paused and
    started again, and come back with their role and slots.  One task at a time may add or remove
    members.
    """

    def __init__(
        self, servers: Sequence[Server], primaries: int, launch: Callable[[], Awaitable[Server]]
    ) -> None:
        self._servers = list(servers)
        self._primaries = tuple(servers[:primaries])
        self._replicas = tuple(servers[primaries:])
        self._launch = launch

    def __repr__(self) -> str:
        alive = len(running(self._servers))
        return f"<Cluster {self.url} {alive} of {len(self._servers)} servers running>"

    @property
    def servers(self) -> list[Server]:
        """Its present servers: first primaries, then replicas, as at the start, then added ones."""
        return list(self._servers)

    @property
    def primaries(self) -> tuple[Server, ...]:
        """The servers that began as primaries, in the order of their slots."""
        return self._primaries

    @property
    def replicas(self) -> tuple[Server, ...]:
        """The servers that began as replicas: one of each primary, then the second ones."""
        return self._replicas

    @property
    def host(self) -> str:
        """The address that all servers listen on, ``127.0.0.1``."""
        return HOST

    @property
    def port(self) -> int:
        """The TCP port of the first server."""
        return self._servers[0].port

    @property
    def tls(self) -> TLSFiles | None:
        """The files with the certificate of all servers, or None if they do not speak TLS."""
        return self._servers[0].tls

    @property
    def url(self) -> str:
        """One URL with all hosts: ``redis://127.0.0.1:7000,127.0.0.1:7001``, or ``rediss://``."""
        hosts = ",".join(f"{server.host}:{server.port}" for server in self._servers)
        return f"{'rediss' if self.tls else 'redis'}://{hosts}"

    async def wait_until_ok(self, timeout: float = 20.0) -> None:  # noqa: ASYNC109 - see `_agree`
        """A cluster that works, as all servers that run see it.

        Each says ``cluster_state:ok`` and knows the others, all 16384 slots belong to servers that
        run, replicas are linked to their primaries, and all agree on the roles.

        Raises `NotReadyError`, with each server's view, after *timeout* seconds.
        """
        alive = running(self._servers)
        stopped = {server.port for server in self._servers if server not in alive}
        await _agree(alive, partial(find_problems, stopped=stopped), "ok", timeout)

    async def primary_for(self, slot: int) -> Server:
        """The server that serves *slot* now, by the newest claim that a running server knows of.

        Raises `ValueError` for a number that is no slot, `LookupError` if no server serves it.
        """
        if slot not in range(SLOTS):
            raise ValueError(f"a slot is a number from 0 to {SLOTS - 1}, not {slot}")
        async with connect_to_all(running(self._servers)) as clients:
            port = owner_of(slot, await _views(clients))
        for server in self._servers:
            if server.port == port:
                return server
        raise LookupError(f"no server of {self!r} serves the slot {slot}")

    async def role_of(self, server: Server) -> Literal["primary", "replica"]:
        """The role of a running server, by its own account.

        Raises `ConnectionError` or `TimeoutError` if it does not answer.
        """
        async with connect_to(server) as client:
            [role, *_] = await client.execute_command("ROLE")
        return "primary" if role == "master" else "replica"

    async def id_of(self, server: Server) -> str:
        """The id of a running server in the cluster, as ``CLUSTER SETSLOT`` takes it.

        Raises `ConnectionError` or `TimeoutError` if it does not answer.
        """
        async with connect_to(server) as client:
            name: str = await client.execute_command("CLUSTER", "MYID")
        return name

    async def add_server(self, timeout: float = 20.0) -> Server:  # noqa: ASYNC109 - see `_agree`
        """A new server without slots, known to all servers that run, and knowing all of them.

        It reports the same cluster state as the others.  Raises `ServerStartError` if it does not
        start, `NotReadyError` if it is no member within *timeout* seconds; then it is not in
        `servers`, and killed.
        """
        deadline = anyio.current_time() + timeout
        server = await self._launch()
        others = running(self._servers)
        try:
            async with connect_to(server) as client:
                await _meet(client, others)
            find = partial(problems_of_new_node, port=server.port)
            left = deadline - anyio.current_time()
            await _agree([*others, server], find, "complete", left)
        except BaseException:
            await server.kill()
            raise
        self._servers.append(server)
        return server

    async def remove_server(self, server: Server) -> None:
        """A cluster without *server*: it is stopped, and all servers that run have forgotten it.

        A server that does not run now still knows it when started again.  Raises `ValueError` if it
        is no member, serves slots, or has replicas, and then nothing has changed; `ConnectionError`
        or `TimeoutError` if a running server does not answer.
        """
        if server not in self._servers:
            raise ValueError(f"{server!r} is no member of {self!r}")
        async with connect_to_all(running(self._servers)) as clients:
            views = [
                view for view in (await _views(clients)).values() if isinstance(view, ClusterView)
            ]
            known = [node for view in views if (node := view.node_at(server.port))]
            names = {node.id for node in known}
            if any(node.slots for node in known):
                raise ValueError(f"{server!r} serves slots: move them to another server first")
            if any(node.primary_id in names for view in views for node in view.nodes):
                raise ValueError(f"{server!r} has replicas: move them to another primary first")
            await server.stop()
            self._servers.remove(server)
            others = [client for other, client in clients.items() if other is not server]
            await gather([partial(_forget, client, names) for client in others])


@asynccontextmanager
async def run_cluster(
    *,
    primaries: int = 3,
    replicas: int = 1,
    binary: str | os.PathLike[str] | None = None,
    tls: TLSFiles | None = None,
    password: str | None = None,
    arguments: Sequence[str] = (),
    node_timeout: float = 2.0,
    startup_timeout: float = 30.0,
) -> AsyncGenerator[Cluster]:
    """A Valkey or Redis cluster, ready to use, that runs as long as the ``async with`` block.

    All its servers listen on free ports of the loopback interface, know each other, say
    ``cluster_state:ok``, and replicas have their data.  They are killed when the block ends, by any
    exception or cancellation too, and when this process ends, even by SIGKILL.

    - *primaries*: the number of servers that share the 16384 slots evenly, 1 or more.
    - *replicas*: the number of replicas of each primary, 0 or more.
    - *binary*: the program, as for `run`.
    - *tls*: the files of a certificate; if given, clients and servers speak TLS only.
    - *password*: the password of each server's default user, for clients and among the servers.
    - *arguments*: further words of each server's command line.
    - *node_timeout*: the seconds after which a silent server counts as failed.  Until it has passed
      the cluster does not react to a failure, so a failover takes longer.
    - *startup_timeout*: the seconds within which the cluster has to be ready.  Two seconds pass in
      any case, for which the servers wait for each other.

    Raises `ServerNotFoundError` if there is no such program, `ServerStartError` with the end of a
    server's log if one does not start, `NotReadyError` (a `ServerStartError` too) if they do not
    form a cluster in time, `ValueError` for numbers that make no sense.
    """
    _check_numbers(primaries, replicas)
    check_seconds("startup_timeout", startup_timeout)
    options = (
        *("--repl-diskless-sync-delay", "0", *arguments),
        *("--cluster-enabled", "yes"),
        *("--cluster-node-timeout", str(check_seconds("node_timeout", node_timeout))),
        *(() if tls is None else ("--tls-cluster", "yes", "--tls-replication", "yes")),
    )
    deadline = anyio.current_time() + startup_timeout
    async with server_group(
        find_binary(binary), tls=tls, startup_timeout=startup_timeout
    ) as members:
        count = primaries * (1 + replicas)
        launch = partial(members.launch, arguments=options, password=password)
        servers = await gather([launch] * count)
        await _form(servers, primaries, deadline)
        yield Cluster(servers, primaries, launch)


def _check_numbers(primaries: int, replicas: int) -> None:
    if primaries not in range(1, SLOTS + 1):
        raise ValueError(f"primaries has to be a number from 1 to {SLOTS}, not {primaries!r}")
    if replicas < 0:
        raise ValueError(f"replicas has to be 0 or more, not {replicas!r}")


async def _form(servers: Sequence[Server], primaries: int, deadline: float) -> None:
    """Make a cluster of empty servers; the first ones become the primaries."""
    try:
        async with connect_to_all(servers) as clients:
            await gather(
                [
                    partial(_take_slots, clients[server], index, primaries)
                    for index, server in enumerate(servers)
                ]
            )
            # Every pair: after a single introduction the servers would find each other only slowly.
            await gather(
                [
                    partial(_meet, clients[server], servers[index + 1 :])
                    for index, server in enumerate(servers)
                ]
            )
            await _agree(servers, membership_problems, "complete", deadline - anyio.current_time())
            await gather(
                [
                    partial(_replicate, clients[replica], clients[servers[index % primaries]])
                    for index, replica in enumerate(servers[primaries:])
                ]
            )
        find = partial(find_problems, stopped=frozenset[int]())
        await _agree(servers, find, "ok", deadline - anyio.current_time())
    except ServerStartError:
        raise
    except RedisError as error:
        raise not_ready("the cluster could not be formed", {0: [str(error)]}, servers) from error


async def _take_slots(client: Redis[str], index: int, primaries: int) -> None:
    """Make an empty server the owner of its share of the slots, if it is to be a primary."""
    await client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
    if index < primaries:
        share = range(SLOTS * index // primaries, SLOTS * (index + 1) // primaries)
        await client.execute_command("CLUSTER", "ADDSLOTS", *share)


async def _meet(client: Redis[str], others: Sequence[Server]) -> None:
    for other in others:
        await client.execute_command("CLUSTER", "MEET", other.host, other.port)


async def _replicate(replica: Redis[str], primary: Redis[str]) -> None:
    name = await primary.execute_command("CLUSTER", "MYID")
    await replica.execute_command("CLUSTER", "REPLICATE", name)


async def _forget(client: Redis[str], names: AbstractSet[str]) -> None:
    for name in names:
        try:
            await client.execute_command("CLUSTER", "FORGET", name)
        except ResponseError as error:
            # The servers tell each other which nodes to forget, so this server may have done so.
            if "Unknown node" not in str(error):
                raise


async def _agree(
    servers: Sequence[Server],
    find: Callable[[ClusterViews], Problems],
    goal: str,
    timeout: float,  # noqa: ASYNC109 - what is not well then is told
) -> None:
    """Wait until *find* finds no problems.

    Raises `NotReadyError` after *timeout* seconds.
    """
    async with connect_to_all(servers) as clients:

        async def check() -> Problems:
            return find(await _views(clients))

        problems = await poll_until_ready(check, timeout=timeout)
    if problems:
        raise not_ready(f"the cluster is not {goal} after {timeout:.1f} s", problems, servers)


async def _views(clients: Clients) -> ClusterViews:
    async def ask(client: Redis[str]) -> ClusterView:
        return parse_view(
            await client.execute_command("CLUSTER", "INFO"),
            await client.execute_command("CLUSTER", "NODES"),
            await client.execute_command("INFO", "replication"),
        )

    return await replies_of(clients, ask)
