"""Replication: the primary of a server, and the exchange of roles.

Law: each command is about the server that gets it, so `RedisCluster` refuses it.  Sentinels and
clusters do the same by themselves: there these commands are for emergencies.
"""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import MILLISECOND, Group, Milliseconds, duration, flags
from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, ok, word
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class ReplicationCommands(Group[S]):
    """The commands on the roles of servers."""

    @command
    def failover(
        self,
        *,
        to: tuple[str, int] | None = None,
        force: bool = False,
        timeout: Milliseconds | None = None,
    ) -> Command[bool]:
        """True once this primary is exchanging roles with a replica; `role` tells when it has.

        *to* is the host and port of the replica, by default the one that is most up to date.
        Clients that write wait until the replica has all writes, at most *timeout* milliseconds;
        then the exchange is given up or, with *force*, done all the same.  Raises `ResponseError`
        if there is no such replica, or a failover is under way.
        FAILOVER [TO host port [FORCE]] [TIMEOUT milliseconds]. Server 6.2. O(1).
        """
        target: tuple[Value, ...] = ()
        if to is not None:
            if not isinstance(to, tuple) or len(to) != 2:
                raise DataValueError(f"FAILOVER: to is {excerpt(to, 80)}: give (host, port)")
            target = (b"TO", *to, *flags(force=force))
        if force and (to is None or timeout is None):
            raise DataValueError("FAILOVER: force needs to and timeout")
        limit = () if timeout is None else (b"TIMEOUT", duration(timeout, MILLISECOND))
        return Command((b"FAILOVER", *target, *limit), ok)

    @command
    def failover_abort(self) -> Command[bool]:
        """True once the exchange of roles that is under way is given up.

        Raises `ResponseError` if there is none.
        FAILOVER ABORT. Server 6.2. O(1).
        """
        return Command((b"FAILOVER", b"ABORT"), ok)

    @command
    def replicaof(self, host: Key, port: Count | str) -> Command[bool]:
        """True once the server is to be a replica of the one at *host* and *port*.

        It drops its own data for that of its primary.  `replicaof("NO", "ONE")` is
        `replicaof_no_one()`.
        REPLICAOF host port. Server 5.0. O(1).
        """
        ends = isinstance(host, str) and host.upper() == "NO"
        if isinstance(port, str) and not port.isdecimal() and not (ends and port.upper() == "ONE"):
            raise DataValueError(
                f"REPLICAOF: port is {excerpt(port, 80)}: give a number; to end the replication "
                "write replicaof_no_one()"
            )
        return Command((b"REPLICAOF", host, port), _done)

    @command
    def replicaof_no_one(self) -> Command[bool]:
        """True once the server is a primary, with the data that it has.

        REPLICAOF NO ONE. Server 5.0. O(1).
        """
        return Command((b"REPLICAOF", b"NO", b"ONE"), _done)


def _done(reply: Reply) -> bool:
    """True for `OK`, with or without a remark."""
    return ok("OK" if word(reply).startswith("OK") else reply)
