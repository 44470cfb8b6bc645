"""The end of the server.

Law: the success of a shutdown is that the server closes the connection, without a reply.  A
shutdown is never sent again by a retry.  It concerns the server that gets it, so `RedisCluster`
refuses it.
"""

from __future__ import annotations

from anyredis.command import Command, blocking_command, command
from anyredis.commands.group import Group, flags, only_one
from anyredis.replies import S, ok, unexpected
from anyredis.wire.decode import Reply


class ShutdownCommands(Group[S]):
    """The commands that end the server, and that stop this."""

    @blocking_command
    def shutdown(
        self,
        *,
        save: bool = False,
        nosave: bool = False,
        now: bool = False,
        force: bool = False,
        safe: bool = False,
        failover: bool = False,
    ) -> Command[None]:
        """None once the server has closed the connection, because it ends.

        It first waits for replicas that lag, at most the seconds of its setting `shutdown-timeout`,
        or not with *now* (server 7.0).  Then it saves the data if its settings say so, in any case
        with *save*, and not with *nosave*.  Errors do not stop it with *force* (server 7.0).  With
        *safe* a primary of a cluster that serves slots refuses; with *failover* it makes a replica
        the primary first (both Valkey 9.0).

        `stream_timeout` does not apply.  A cancelled call closes its connection, but does not stop
        the shutdown; see `shutdown_abort`.  Raises `ResponseError` if the server does not end, such
        as "ERR Errors trying to SHUTDOWN", and `ConnectionError`, whose `outcome` is unknown, if
        the connection broke in another way.  The connection, also that of a session, is closed in
        any case.  Not possible in a pipeline.
        SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [SAFE] [FAILOVER]. Server 1.0. O(N) when saving.
        """
        only_one("SHUTDOWN", save=save, nosave=nosave)
        options = flags(
            save=save, nosave=nosave, now=now, force=force, safe=safe, failover=failover
        )
        return Command((b"SHUTDOWN", *options), _closed)

    @command
    def shutdown_abort(self) -> Command[bool]:
        """True once the shutdown that waits for replicas is stopped; its caller gets an error.

        Raises `ResponseError` if there is none.
        SHUTDOWN ABORT. Server 7.0. O(N) when saving.
        """
        return Command((b"SHUTDOWN", b"ABORT"), ok)


def _closed(reply: Reply) -> None:
    """None: the connection gives a null for its end."""
    if reply is not None:
        unexpected(reply, "the end of the connection")
