"""Connections: reports about clients, and control over them; none changes its own connection."""

from __future__ import annotations

from typing import (
    Unpack,
)

from anyredis.command import Command, command
from anyredis.commands.client_filter import ClientFilter, filter_words
from anyredis.commands.group import (
    MILLISECOND,
    Group,
    Milliseconds,
    at_least_one,
    duration,
)
from anyredis.replies import (
    S,
    array,
    boolean,
    integer,
    ok,
    others,
    record,
    unexpected,
    word,
    word_or_none,
)
from anyredis.reports.info import ClientInfo, client, clients
from anyredis.reports.server_reports import TrackingInfo
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class ConnectionCommands(Group[S]):
    """The commands on connections that leave their own connection as it is."""

    @command
    def client_getname(self) -> Command[str | None]:
        """The name of the connection that this command happens to use, or None.

        CLIENT GETNAME. Server 2.6.9. O(1).
        """
        return Command((b"CLIENT", b"GETNAME"), word_or_none)

    @command
    def client_getredir(self) -> Command[int]:
        """The id of the connection that is told of changed keys; 0: no other one, -1: no tracking.

        CLIENT GETREDIR. Server 6.0. O(1).
        """
        return Command((b"CLIENT", b"GETREDIR"), integer)

    @command
    def client_id(self) -> Command[int]:
        """The id of the connection that this command happens to use.

        CLIENT ID. Server 5.0. O(1).
        """
        return Command((b"CLIENT", b"ID"), integer)

    @command
    def client_info(self) -> Command[ClientInfo]:
        """The server's view of the connection that this command happens to use.

        CLIENT INFO. Server 6.2. O(1).
        """
        return Command((b"CLIENT", b"INFO"), _client, binary=True)

    @command
    def client_kill(self, address: Key) -> Command[bool]:
        """True once the connection from *address* (`host:port`) is closed.

        Raises `ResponseError` if there is no such connection.
        CLIENT KILL address. Server 2.4. O(N).
        """
        return Command((b"CLIENT", b"KILL", address), ok)

    @command
    def client_kill_filter(self, **conditions: Unpack[ClientFilter]) -> Command[int]:
        """The number of connections that met all *conditions*, see `ClientFilter`, and were closed.

        The connection that carries this command is spared, unless `skipme=False`.
        CLIENT KILL condition value [condition value …]. Server 2.8.12. O(N).
        """
        words = filter_words("CLIENT KILL", conditions)
        at_least_one("CLIENT KILL", "conditions", words)
        return Command((b"CLIENT", b"KILL", *words), integer)

    @command
    def client_list(self, **conditions: Unpack[ClientFilter]) -> Command[list[ClientInfo]]:
        """All connections that meet all *conditions*, see `ClientFilter`.

        CLIENT LIST [condition value …]. Server 2.4. O(N).
        """
        words = filter_words("CLIENT LIST", conditions)
        return Command((b"CLIENT", b"LIST", *words), _clients, binary=True)

    @command
    def client_pause(self, timeout: Milliseconds, *, all: bool = True) -> Command[bool]:
        """True once the server makes all clients wait, for *timeout* milliseconds.

        With `all=False` only clients that write have to wait.  Requests of this client wait too,
        and fail if the pause is longer than its `stream_timeout`; `client_unpause` still gets
        through.
        CLIENT PAUSE milliseconds ALL|WRITE. Server 6.2. O(1).
        """
        whom = b"ALL" if all else b"WRITE"
        return Command((b"CLIENT", b"PAUSE", duration(timeout, MILLISECOND), whom), ok)

    @command
    def client_trackinginfo(self) -> Command[TrackingInfo]:
        """The server's view of the client-side cache of the connection that carries this.

        CLIENT TRACKINGINFO. Server 6.2. O(1).
        """
        return Command((b"CLIENT", b"TRACKINGINFO"), _tracking)

    @command
    def client_unblock(self, client_id: int, *, error: bool = False) -> Command[bool]:
        """True if the connection *client_id* was blocked, and its command has ended.

        The command ends as if its time were over or, with *error*, with an `UnblockedError`.
        CLIENT UNBLOCK client_id TIMEOUT|ERROR. Server 5.0. O(log N).
        """
        how = b"ERROR" if error else b"TIMEOUT"
        return Command((b"CLIENT", b"UNBLOCK", client_id, how), boolean)

    @command
    def client_unpause(self) -> Command[bool]:
        """True once no client waits any more because of `client_pause`.

        CLIENT UNPAUSE. Server 6.2. O(N).
        """
        return Command((b"CLIENT", b"UNPAUSE"), ok)

    @command
    def echo(self, value: Value) -> Command[S]:
        """The same *value*, sent back by the server.

        ECHO value. Server 1.0. O(1).
        """
        return Command((b"ECHO", value), self.read.text)

    @command
    def ping(self) -> Command[bool]:
        """True: the server answers.

        PING. Server 1.0. O(1).
        """
        return Command((b"PING",), _pong)


def _pong(reply: Reply) -> bool:
    if reply not in (b"PONG", "PONG"):
        unexpected(reply, "PONG")
    return True


def _client(reply: Reply) -> ClientInfo:
    return client(word(reply))


def _clients(reply: Reply) -> list[ClientInfo]:
    return clients(word(reply))


def _tracking(reply: Reply) -> TrackingInfo:
    found = record(reply)
    flags = {word(flag) for flag in array(found.get("flags"))}
    prefixes = [word(prefix) for prefix in array(found.get("prefixes"))]
    redirect = integer(found.get("redirect"))
    return TrackingInfo(flags, redirect, prefixes, others(found, TrackingInfo._fields))
