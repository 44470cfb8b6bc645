"""Sentinels and the servers that they watch as a scope: all are gone when it ends, in any way."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import anyio

from anyredis.client.redis import Redis
from anyredis.exceptions import RedisError, ResponseError
from anyredis.server.binary import find_binary
from anyredis.server.readiness import (
    Clients,
    NotReadyError,
    Problems,
    check_seconds,
    connect_to,
    connect_to_all,
    not_ready,
    poll_until_ready,
    replies_of,
    running,
)
from anyredis.server.running import Server
from anyredis.server.sentinel_views import (
    Replication,
    Replications,
    SentinelView,
    SentinelViews,
    find_problems,
    newest_primary,
    parse_replication,
    parse_sentinel_view,
)
from anyredis.server.server_group import gather, server_group
from anyredis.server.server_spec import TLSFiles

# Milliseconds.  With these sentinels discover servers and roles, which no timeout of the user
# bounds, in a tenth of the time; with their defaults they need up to 10 s.
AGAIN_AFTER = 8.0
"""Seconds after which a failover that has not begun is ordered again: sentinels give up in silence."""

FAST_TIMERS = ("info-period", 500, "publish-period", 200, "ask-period", 200, "tilt-period", 1000)


class SentinelDeployment:
    """Sentinels on the loopback interface and the servers that they watch, by `run_sentinel`.

    All are ordinary `Server`s with a Unix socket each: they can be stopped, killed, paused and
    started again, and remember their last role.
    """

    def __init__(
        self,
        name: str,
        primary: Server,
        replicas: Sequence[Server],
        sentinels: Sequence[Server],
    ) -> None:
        self._name = name
        self._primary = primary
        self._replicas = list(replicas)
        self._sentinels = list(sentinels)

    def __repr__(self) -> str:
        members = [self._primary, *self._replicas, *self._sentinels]
        alive = len(running(members))
        return f"<SentinelDeployment {self.url} {alive} of {len(members)} servers running>"

    @property
    def name(self) -> str:
        """The sentinels' name for the primary, whichever server that is."""
        return self._name

    @property
    def primary(self) -> Server:
        """The server that began as the primary."""
        return self._primary

    @property
    def replicas(self) -> list[Server]:
        """The servers that began as its replicas."""
        return list(self._replicas)

    @property
    def sentinels(self) -> list[Server]:
        """The sentinels."""
        return list(self._sentinels)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and TCP port of each sentinel."""
        return [(sentinel.host, sentinel.port) for sentinel in self._sentinels]

    @property
    def tls(self) -> TLSFiles | None:
        """The files with the certificate of all servers, or None if they do not speak TLS."""
        return self._primary.tls

    @property
    def url(self) -> str:
        """The sentinels and the name: ``redis+sentinel://h:p,h:p/mymaster/0``, without passwords.

        With TLS it begins with ``rediss+sentinel://``.
        """
        hosts = ",".join(f"{host}:{port}" for host, port in self.addresses)
        return f"{'rediss' if self.tls else 'redis'}+sentinel://{hosts}/{self.name}/0"

    async def current_primary(self) -> Server:
        """The primary by the newest decision that a running sentinel knows of.

        Raises `LookupError` if no sentinel knows it.
        """
        async with connect_to_all(running(self._sentinels)) as clients:
            port = newest_primary(await _sentinel_views(clients, self._name))
        for server in (self._primary, *self._replicas):
            if server.port == port:
                return server
        raise LookupError(f"no sentinel of {self!r} knows the primary")

    async def wait_until_ok(self, timeout: float = 20.0) -> None:  # noqa: ASYNC109 - see `_agree`
        """Sentinels that agree on a running primary, and see all other running servers as up.

        The servers have the roles that the sentinels know, and replicas are linked to the primary.

        Raises `NotReadyError`, with the view of each, after *timeout* seconds.
        """
        await self._agree(timeout, unwanted=None)

    async def failover(self, timeout: float = 20.0) -> Server:  # noqa: ASYNC109 - see `_agree`
        """The new primary, after ``SENTINEL FAILOVER``; the old one has become its replica.

        All sentinels agree, see `wait_until_ok`.  Raises `NotReadyError` after *timeout* seconds,
        for example if there is no replica to promote.
        """
        deadline = anyio.current_time() + timeout
        old = await self.current_primary()
        while True:
            left = deadline - anyio.current_time()
            await self._order_failover(old, left)
            try:
                await self._agree(min(AGAIN_AFTER, left), unwanted=old)
            except NotReadyError:
                if left <= AGAIN_AFTER:
                    raise
                if await self.current_primary() is old:
                    continue  # the sentinel gave up, for example because the replica was not linked
                await self._agree(deadline - anyio.current_time(), unwanted=old)
            return await self.current_primary()

    async def _order_failover(self, old: Server, timeout: float) -> None:  # noqa: ASYNC109 - told
        """Have a sentinel begin a failover from *old*, unless one has just succeeded."""
        sentinel = running(self._sentinels)[0]
        async with connect_to(sentinel) as client:

            async def order() -> Problems:
                if await self.current_primary() is not old:
                    return {}
                try:
                    await client.execute_command("SENTINEL", "FAILOVER", self._name)
                except ResponseError as error:  # for example too soon after the last failover
                    return {sentinel.port: [str(error)]}
                return {}

            refusals = await poll_until_ready(order, timeout=timeout)
        if refusals:
            raise not_ready(f"no failover within {timeout:.1f} s", refusals, [sentinel])

    async def _agree(
        self,
        timeout: float,  # noqa: ASYNC109 - what is not well then is told
        *,
        unwanted: Server | None,
    ) -> None:
        """Wait until there are no problems, and *unwanted* is not the primary."""
        sentinels = running(self._sentinels)
        servers = running([self._primary, *self._replicas])
        async with (
            connect_to_all(sentinels) as sentinel_clients,
            connect_to_all(servers) as server_clients,
        ):

            async def check() -> Problems:
                views = await _sentinel_views(sentinel_clients, self._name)
                problems = find_problems(views, await _roles(server_clients))
                if unwanted and newest_primary(views) == unwanted.port:
                    problems[unwanted.port].append("is still the primary")
                return problems

            problems = await poll_until_ready(check, timeout=timeout)
        if problems:
            what = f"the sentinels are not ready after {timeout:.1f} s"
            raise not_ready(what, problems, [*sentinels, *servers])


@asynccontextmanager
async def run_sentinel(
    *,
    name: str = "mymaster",
    replicas: int = 1,
    sentinels: int = 3,
    quorum: int = 2,
    binary: str | os.PathLike[str] | None = None,
    tls: TLSFiles | None = None,
    password: str | None = None,
    sentinel_password: str | None = None,
    arguments: Sequence[str] = (),
    down_after: float = 1.0,
    failover_timeout: float = 3.0,
    startup_timeout: float = 30.0,
) -> AsyncGenerator[SentinelDeployment]:
    """A primary, replicas and sentinels that run as long as the ``async with`` block.

    All listen on free ports of the loopback interface; each sentinel knows the other ones and the
    replicas already.  They are killed when the block ends, by any exception or cancellation too,
    and when this process ends, even by SIGKILL.

    - *name*: the sentinels' name for the primary.
    - *replicas*: the number of its replicas, 0 or more.
    - *sentinels*, *quorum*: the number of sentinels, 1 or more, and the number of them that have to
      miss the primary before it counts as down.
    - *binary*: the program, as for `run`, for servers and sentinels.
    - *tls*: the files of a certificate; if given, all speak TLS only, also among themselves.
    - *password*: the password of the default user of primary and replicas; *sentinel_password*:
      that of the sentinels.
    - *arguments*: further words of the command line of primary and replicas.
    - *down_after*: the seconds after which a silent server counts as down; *failover_timeout*: the
      seconds that a failover may take.
    - *startup_timeout*: the seconds within which all have to be ready.

    Raises `ServerNotFoundError` if there is no such program, `ServerStartError` with the end of a
    server's log if one does not start, `NotReadyError` (a `ServerStartError` too) if they do not
    find each other, `ValueError` for arguments that make no sense.
    """
    _check_numbers(name, replicas, sentinels, quorum)
    check_seconds("startup_timeout", startup_timeout)
    options = (
        *("down-after-milliseconds", check_seconds("down_after", down_after)),
        *("failover-timeout", check_seconds("failover_timeout", failover_timeout)),
        *(() if password is None else ("auth-pass", password)),
    )
    deadline = anyio.current_time() + startup_timeout
    between = () if tls is None else ("--tls-replication", "yes")
    arguments = ("--repl-diskless-sync-delay", "0", *arguments, *between)
    async with server_group(
        find_binary(binary), tls=tls, startup_timeout=startup_timeout
    ) as members:
        # Settings are a file, which servers rewrite: so the roles that sentinels assign are kept.
        server = partial(members.launch, arguments=arguments, password=password)
        primary = await server(settings="")
        replica = partial(server, settings=f"replicaof {primary.host} {primary.port}\n")
        sentinel = partial(
            members.launch,
            arguments=between,
            password=sentinel_password,
            settings="",
            sentinel=True,
        )
        others = await gather([replica] * replicas + [sentinel] * sentinels)
        deployment = SentinelDeployment(name, primary, others[:replicas], others[replicas:])
        await _introduce(others[replicas:], (name, primary.host, primary.port, quorum), options)
        await deployment.wait_until_ok(deadline - anyio.current_time())
        yield deployment


def _check_numbers(name: str, replicas: int, sentinels: int, quorum: int) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise ValueError(
            f"name has to be of letters, digits and the characters . - _, not {name!r}"
        )
    if replicas < 0:
        raise ValueError(f"replicas has to be 0 or more, not {replicas!r}")
    if sentinels < 1:
        raise ValueError(f"sentinels has to be 1 or more, not {sentinels!r}")
    if not 1 <= quorum <= sentinels:
        raise ValueError(f"quorum has to be 1 to {sentinels}, the sentinels, not {quorum!r}")


async def _introduce(
    sentinels: Sequence[Server],
    primary: tuple[str, str, int, int],
    options: Sequence[str | int],
) -> None:
    """Have new sentinels watch a primary: name, host, port, quorum."""

    async def introduce(client: Redis[str]) -> None:
        # Servers older than 7.0 do not know this command, and are slower.
        with contextlib.suppress(ResponseError):
            await client.execute_command("SENTINEL", "DEBUG", *FAST_TIMERS)
        await client.execute_command("SENTINEL", "MONITOR", *primary)
        await client.execute_command("SENTINEL", "SET", primary[0], *options)

    async with connect_to_all(sentinels) as clients:
        try:
            await gather([partial(introduce, client) for client in clients.values()])
        except RedisError as error:
            what = "the sentinels could not be configured"
            raise not_ready(what, {0: [str(error)]}, sentinels) from error


async def _sentinel_views(clients: Clients, name: str) -> SentinelViews:
    async def ask(client: Redis[str]) -> SentinelView:
        return parse_sentinel_view(
            await client.execute_command("SENTINEL", "MASTER", name),
            await client.execute_command("SENTINEL", "REPLICAS", name),
            await client.execute_command("SENTINEL", "SENTINELS", name),
        )

    return await replies_of(clients, ask)


async def _roles(clients: Clients) -> Replications:
    async def ask(client: Redis[str]) -> Replication:
        return parse_replication(await client.execute_command("INFO", "replication"))

    return await replies_of(clients, ask)
