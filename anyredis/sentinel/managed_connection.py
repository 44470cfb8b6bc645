"""Connections to a primary or its replicas, whose addresses sentinels give.

Law: a connection is ready only if the server itself reports the right role.  If servers change
roles, connections to the wrong one are drained at once, as soon as a sentinel or the server
reports it.
"""

from __future__ import annotations

import itertools
import logging
import random
import ssl
import weakref
from collections.abc import Collection, Generator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, Unpack

import anyio
from anyio.abc import TaskGroup

from anyredis.address import TCPAddress, port_number
from anyredis.backoff import Backoff
from anyredis.connection.base import BaseConnection
from anyredis.connection.errors import explain
from anyredis.connection.handshake import HandshakeStep, ServerInfo
from anyredis.connection.health import read_error
from anyredis.connection.options import TCPOptions
from anyredis.connection.tcp import Connection
from anyredis.exceptions import (
    ConnectTimeoutError,
    DemotedError,
    NoPermissionError,
    RedisError,
    from_lone_server,
)
from anyredis.excerpt import excerpt
from anyredis.pool.watchers import PoolView
from anyredis.replies import word
from anyredis.sentinel.sentinel_connection import Sentinels
from anyredis.wire.decode import Reply

LOGGER = logging.getLogger("anyredis")

PAUSES = Backoff(base=0.02, cap=0.2)
"""Delays before the sentinels are asked again, if the server that they name is unsuitable."""

REDIAL = Backoff(base=0.1, cap=5.0)
"""Delays before a lost connection to a sentinel is made again."""

GRACE = 0.5
"""Seconds that a demoted server has to answer the requests in flight."""

DEMOTED = (
    "READONLY",
    "EXECABORT Transaction discarded because of: READONLY",
    "UNBLOCKED force unblock from blocking operation, instance state changed",
)
"""The beginnings of error replies of a server that is no longer the primary; no such command ran."""

NO_PRIMARY = "it is no longer the primary"
"""The reason for which connections to a demoted server are drained."""

PRIMARY = "master"
REPLICA = "slave"


class WrongRoleError(Exception):
    """A server has another role than the sentinels report."""


class Found(NamedTuple):
    """A server, and its role by the report of the sentinels."""

    server: TCPAddress
    role: str


class SentinelWatcher:
    """Finds the servers for the connections of one pool, and drains connections after a failover.

    The connections go to the primary that *sentinels* know as *name*; with *replicas* to its
    replicas in turn, or to the primary if there are none.
    """

    ignores_pushes = True

    def __init__(self, sentinels: Sentinels, name: str, *, replicas: bool = False) -> None:
        self.sentinels = sentinels
        self.name = name
        self.replicas = replicas
        # Random, so that different clients begin with different replicas.
        self._turns = itertools.count(random.randrange(2**16))  # noqa: S311 - no secret
        self._dials: dict[anyio.CancelScope, SentinelManagedConnection] = {}
        self._pool: PoolView | None = None
        self._tasks: TaskGroup | None = None

    def __repr__(self) -> str:
        return f"<SentinelWatcher for the {self.role} of {self.name!r} by {self.sentinels!r}>"

    @property
    def role(self) -> str:
        """The role of the servers, for messages."""
        return "replica" if self.replicas else "primary"

    # -- connecting -----------------------------------------------------------------------------

    async def find(self, avoid: Collection[Found]) -> Found:
        """The server to connect to, and its role; one not in *avoid* if possible.

        Raises `ConnectionError` if the sentinels do not answer or do not know the name.
        """
        if self.replicas:
            avoided = {server for server, role in avoid if role == REPLICA}
            replicas = await self.sentinels.replicas(self.name, avoided)
            suitable = [server for server in replicas if server not in avoided]
            if suitable:
                return Found(suitable[next(self._turns) % len(suitable)], REPLICA)
        avoided = {server for server, role in avoid if role == PRIMARY}
        return Found(await self.sentinels.primary(self.name, avoided), PRIMARY)

    @contextmanager
    def dialling(self, connection: SentinelManagedConnection) -> Generator[anyio.CancelScope]:
        """A scope that is cancelled if the role of the server changes meanwhile."""
        with anyio.CancelScope() as scope:
            self._dials[scope] = connection
            try:
                yield scope
            finally:
                del self._dials[scope]

    # -- listening ------------------------------------------------------------------------------

    def ready(self, connection: BaseConnection, /) -> None:
        """Do nothing: the handshake has checked the role."""

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Do nothing: news come from the sentinels."""

    def lost(self, connection: BaseConnection, _reason: str, /) -> None:
        """Drain all connections to the server if it reported that it is no longer the primary."""
        if isinstance(connection, SentinelManagedConnection) and connection.demoted:
            connection.demoted = False  # once is enough
            if connection.server is not None:
                self.leave(connection.server)

    async def watch(self, pool: PoolView, /) -> None:
        """Listen to all sentinels, for as long as *pool* is open."""
        try:
            async with anyio.create_task_group() as tasks:
                self._pool, self._tasks = pool, tasks
                for address in self.sentinels.addresses:
                    tasks.start_soon(self._listen, address)
        finally:
            self._pool = self._tasks = None

    async def _listen(self, address: TCPAddress) -> None:
        failures = 0
        while True:
            connection = self.sentinels.connection_to(address)
            try:
                await connection.listen("+switch-master", self._heard)
            except RedisError as error:
                LOGGER.debug("lost a sentinel, connecting again: %s", error)
            failures = 1 if connection.subscribed else failures + 1
            await anyio.sleep(REDIAL.delay(failures))

    def _heard(self, news: str) -> None:
        """Handle a message `name old-host old-port new-host new-port`."""
        match news.split(" "):
            case [self.name, *hosts_and_ports] if len(hosts_and_ports) == 4:
                host, port = hosts_and_ports[2:] if self.replicas else hosts_and_ports[:2]
                number = port_number(port)
                if not number:
                    LOGGER.debug("ignored a malformed message of a sentinel: %s", excerpt(news))
                    return
                try:
                    self.leave(self.sentinels.reachable(TCPAddress(host, number)))
                except RedisError as error:
                    LOGGER.warning("the announced failover was not followed: %s", error)
            case _:
                LOGGER.debug("ignored a message of a sentinel: %s", excerpt(news))

    def leave(self, server: TCPAddress) -> None:
        """Drain all connections to *server*: its role has changed.

        Requests in flight to an old primary have `GRACE` seconds; those to replicas have no limit.
        """
        for scope, dial in self._dials.items():
            if dial.server == server:
                scope.cancel()
        if self._pool is None or self._tasks is None:
            return
        affected = [each for each in self._pool.connections() if self._goes_to(each, server)]
        reason = "it is the primary now" if self.replicas else NO_PRIMARY
        self._pool.replace_connections(reason, affected)
        if affected and not self.replicas:
            self._tasks.start_soon(_close_after_grace, affected, reason)

    def _goes_to(self, connection: BaseConnection, server: TCPAddress) -> bool:
        return isinstance(connection, SentinelManagedConnection) and connection.server == server


async def _close_after_grace(connections: list[BaseConnection], reason: str) -> None:
    await anyio.sleep(GRACE)
    for connection in connections:
        connection.close(reason)


class SentinelManagedConnection(Connection):
    """A `Connection` to the server that *watcher* finds when it connects.

    *connect_timeout* covers all steps: asking the sentinels (repeated while the server that they
    name does not answer or has another role), connecting, and the handshake.
    """

    demoted = False
    """Whether the server has reported that it is no longer the primary."""

    def __init__(self, *, watcher: SentinelWatcher, **options: Unpack[TCPOptions]) -> None:
        self._watcher = watcher
        self._found: Found | None = None
        self._failed: Exception | None = None
        """The error of the last server that was tried."""
        if not watcher.replicas:
            self.read_error = partial(_read_error, weakref.ref(self))
        super().__init__(**options)
        self.listeners = (watcher,)

    @property
    def server(self) -> TCPAddress | None:
        """The server that it is connected or connecting to; None before the first is found."""
        return None if self._found is None else self._found.server

    @property
    def address(self) -> str:
        """`host:port`, with the role and name of the server."""
        what = f"the {self._watcher.role} of {self._watcher.name!r}"
        return what if self.server is None else f"{self.server} ({what})"

    def role_has_changed(self) -> bool:
        """False for a replica, which refuses writes from the first."""
        return not self._watcher.replicas and super().role_has_changed()

    # -- connecting -----------------------------------------------------------------------------

    def extra_steps(self) -> tuple[HandshakeStep, ...]:
        """ROLE: HELLO has the role too, but only in RESP3.  It is optional: ACLs may forbid it."""
        return (*super().extra_steps(), HandshakeStep((b"ROLE",), required=False))

    def check_server(self, server_info: ServerInfo) -> None:
        """Raise `WrongRoleError` if the server's role differs from the sentinels' report."""
        super().check_server(server_info)
        role = _role(server_info)
        if self._found is not None and role != self._found.role:
            raise WrongRoleError(f"it calls itself {role}, not {self._found.role}")

    async def connect(self) -> None:
        """Find the server, open the stream and perform the handshake.

        Raises the errors of `Connection.connect`, and `ConnectionError` if the sentinels do not
        know the server.
        """
        try:
            await super().connect()
        except ConnectTimeoutError as error:
            if self._failed is None:
                raise
            reason = ": ".join(filter(None, (explain(self._failed), self.hint(self._failed))))
            raise ConnectTimeoutError(f"{error}: {reason}") from self._failed

    async def establish(self) -> None:
        """Find the server and connect to it; repeat until it has the right role."""
        wrong: set[Found] = set()
        for tries in itertools.count(1):
            with self._watcher.dialling(self) as scope:
                found = await self._watcher.find(wrong)
                if found in wrong:  # the sentinels know no other one yet
                    await anyio.sleep(PAUSES.delay(tries))
                    wrong.clear()
                    continue
                self._found, self._tcp_address = found, found.server
                self._failed = await self._attempt()
                wrong.add(found)
            if scope.cancel_called:  # the servers have just changed roles
                wrong.clear()
            elif self._failed is None:
                return
            await self.disconnect()

    async def _attempt(self) -> Exception | None:
        """Connect to the server that was found; returns the error if another server may succeed."""
        try:
            await super().establish()
        except Exception as error:
            if not _is_transient(error):
                raise
            return error
        return None


def _read_error(connection: weakref.ref[SentinelManagedConnection], message: str) -> RedisError:
    """The value for an error reply; if it reports a demotion, the connection is drained at once."""
    if not message.startswith(DEMOTED):
        return read_error(connection, from_lone_server, message)
    demoted = connection()
    if demoted is not None and demoted.usable:
        demoted.demoted = True
        demoted.drain(NO_PRIMARY)
    return DemotedError(message)


def _role(server_info: ServerInfo) -> str:
    """The role that a server reports: `master`, `slave` or `sentinel`."""
    match server_info.extra[-1:]:
        case ([role, *_],):
            return word(role)
        case _ if server_info.role:
            return REPLICA if server_info.role == "replica" else server_info.role
        case _:
            pass
    raise NoPermissionError(
        "NOPERM the server does not tell its role: allow this user the command ROLE, or HELLO "
        "(protocol=3)"
    )


def _is_transient(error: Exception) -> bool:
    """Whether *error* is about one server at this moment, not about our credentials or options."""
    if isinstance(error, (RedisError, ssl.SSLError)):
        return False
    kinds = (WrongRoleError, OSError, anyio.EndOfStream, anyio.BrokenResourceError)
    return isinstance(error, kinds)
