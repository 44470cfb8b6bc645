"""Sentinels and the servers they watch as a scope: all are gone when it ends, however it ends."""

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
from anyredis.server.fleet import at_once, fleet
from anyredis.server.plan import TLSFiles
from anyredis.server.running import Server
from anyredis.server.sentinel_views import (
    Role,
    Roles,
    Watch,
    Watches,
    newest,
    parse_role,
    parse_watch,
    troubles,
)
from anyredis.server.talk import (
    Clients,
    Complaints,
    answers_of,
    check_seconds,
    not_ready,
    running,
    settle,
    talk,
    talk_to_all,
)

# Milliseconds, at which sentinels notice in a tenth of the time what does not depend on timeouts
# that the user sets: who is there, who has which role.  Left alone they need 10 s for some of it.
HASTE = ("info-period", 500, "publish-period", 200, "ask-period", 200, "tilt-period", 1000)


class SentinelDeployment:
    """Sentinels on the loopback interface and what they watch, made by `run_sentinel`.

    All are ordinary `Server`s with a Unix socket each: they can be stopped, killed, paused and
    started again, and remember the role that they had last.
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
        everybody = [self._primary, *self._replicas, *self._sentinels]
        alive = len(running(everybody))
        return f"<SentinelDeployment {self.url} {alive} of {len(everybody)} servers running>"

    @property
    def name(self) -> str:
        """What the sentinels call the primary, whichever server that is."""
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
        """The files with the certificate of all, or None where they do not speak TLS."""
        return self._primary.tls

    @property
    def url(self) -> str:
        """The sentinels and the name: ``redis+sentinel://h:p,h:p/mymaster/0``, without passwords.

        ``rediss+sentinel://`` where they speak TLS.
        """
        hosts = ",".join(f"{host}:{port}" for host, port in self.addresses)
        return f"{'rediss' if self.tls else 'redis'}+sentinel://{hosts}/{self.name}/0"

    async def current_primary(self) -> Server:
        """The primary by the newest decision that a running sentinel knows of.

        Raises `LookupError` where no sentinel tells.
        """
        async with talk_to_all(running(self._sentinels)) as clients:
            port = newest(await _watches(clients, self._name))
        for server in (self._primary, *self._replicas):
            if server.port == port:
                return server
        raise LookupError(f"no sentinel of {self!r} tells the primary")

    async def wait_until_ok(self, timeout: float = 20.0) -> None:  # noqa: ASYNC109 - see `_agree`
        """Sentinels that agree on a primary that runs, and see all others that run, as up.

        The servers are what the sentinels take them for, and replicas are linked to the primary.

        Raises `NotReadyError` after *timeout* seconds, which tells what each sees.
        """
        await self._agree(timeout, unwanted=None)

    async def failover(self, timeout: float = 20.0) -> Server:  # noqa: ASYNC109 - see `_agree`
        """The new primary, after ``SENTINEL FAILOVER``; the old one has become its replica.

        All sentinels agree, see `wait_until_ok`.  Raises `NotReadyError` after *timeout* seconds,
        as where there is no replica to promote.
        """
        deadline = anyio.current_time() + timeout
        old = await self.current_primary()
        sentinel = running(self._sentinels)[0]
        async with talk(sentinel) as client:

            async def order() -> Complaints:
                try:
                    await client.execute_command("SENTINEL", "FAILOVER", self._name)
                except ResponseError as error:  # so soon after the last one, for example
                    return {sentinel.port: [str(error)]}
                return {}

            refusals = await settle(order, timeout=timeout)
        if refusals:
            raise not_ready(f"no failover within {timeout:g} s", refusals, [sentinel])
        await self._agree(deadline - anyio.current_time(), unwanted=old)
        return await self.current_primary()

    async def _agree(
        self,
        timeout: float,  # noqa: ASYNC109 - what is not well then is told
        *,
        unwanted: Server | None,
    ) -> None:
        """Wait until there is nothing to complain of, and *unwanted* is not the primary."""
        sentinels = running(self._sentinels)
        servers = running([self._primary, *self._replicas])
        async with talk_to_all(sentinels) as guards, talk_to_all(servers) as guarded:

            async def look() -> Complaints:
                watches = await _watches(guards, self._name)
                complaints = troubles(watches, await _roles(guarded))
                if unwanted and newest(watches) == unwanted.port:
                    complaints[unwanted.port].append("is the primary still")
                return complaints

            complaints = await settle(look, timeout=timeout)
        if complaints:
            what = f"the sentinels are not ready after {timeout:.1f} s"
            raise not_ready(what, complaints, [*sentinels, *servers])


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
    replicas already.  They are killed when the block ends, by whatever exception or cancellation,
    and when this process ends, even by SIGKILL.

    - *name*: what the sentinels call the primary.
    - *replicas*: how many replicas it has, 0 or more.
    - *sentinels*, *quorum*: how many sentinels there are, 1 or more, and how many of them have to
      miss the primary for it to count as down.
    - *binary*: the program, as for `run`; it is server and sentinel.
    - *tls*: the files of a certificate; then all speak TLS only, among themselves too.
    - *password*: what the default user of primary and replicas needs; *sentinel_password*: what
      that of the sentinels needs.
    - *arguments*: more of the command line of primary and replicas.
    - *down_after*: the seconds after which a silent server counts as down; *failover_timeout*: those
      that a failover may take.
    - *startup_timeout*: the seconds that it may take until all is ready.

    Raises `ServerNotFoundError` where there is no such program, `ServerStartError` with the end
    of a server's log where one does not start, `NotReadyError` (which is one too) where they do not
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
    async with fleet(find_binary(binary), tls=tls, startup_timeout=startup_timeout) as members:
        # Settings are a file, which they rewrite: so the sentinels' word on who is what is kept.
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
        others = await at_once([replica] * replicas + [sentinel] * sentinels)
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
        # Servers older than 7.0 do not know it, and take their time.
        with contextlib.suppress(ResponseError):
            await client.execute_command("SENTINEL", "DEBUG", *HASTE)
        await client.execute_command("SENTINEL", "MONITOR", *primary)
        await client.execute_command("SENTINEL", "SET", primary[0], *options)

    async with talk_to_all(sentinels) as clients:
        try:
            await at_once([partial(introduce, client) for client in clients.values()])
        except RedisError as error:
            what = "the sentinels could not be told whom to watch"
            raise not_ready(what, {0: [str(error)]}, sentinels) from error


async def _watches(clients: Clients, name: str) -> Watches:
    async def ask(client: Redis[str]) -> Watch:
        return parse_watch(
            await client.execute_command("SENTINEL", "MASTER", name),
            await client.execute_command("SENTINEL", "REPLICAS", name),
            await client.execute_command("SENTINEL", "SENTINELS", name),
        )

    return await answers_of(clients, ask)


async def _roles(clients: Clients) -> Roles:
    async def ask(client: Redis[str]) -> Role:
        return parse_role(await client.execute_command("INFO", "replication"))

    return await answers_of(clients, ask)
