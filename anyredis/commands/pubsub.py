"""Publishing, and reports of subscriptions; a client's `pubsub()` subscribes."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import Group
from anyredis.commands.several import SomeKeys, all_keys
from anyredis.replies import S, integer, pairs
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class PubSubCommands(Group[S]):
    """The commands that publish, and those that tell which channels have subscribers.

    In a cluster the reports are those of all nodes together: names come once, numbers are added.
    """

    @command
    def publish(self, channel: Key, message: Value) -> Command[int]:
        """The number of subscribers at the server that got *message*.

        In a cluster any node takes it, and subscribers at all nodes get it, but only those at that
        node are counted.
        PUBLISH channel message. Server 2.0. O(N+M).
        """
        return Command((b"PUBLISH", channel, message), integer)

    @command
    def pubsub_channels(self, pattern: Key = "*") -> Command[list[S]]:
        """The channels that have subscribers, those of patterns not counted, and match *pattern*.

        PUBSUB CHANNELS pattern. Server 2.8. O(N).
        """
        return Command((b"PUBSUB", b"CHANNELS", pattern), self.read.texts)

    @command
    def pubsub_numpat(self) -> Command[int]:
        """The number of patterns that have subscribers; in a cluster each node counts its own.

        PUBSUB NUMPAT. Server 2.8. O(1).
        """
        return Command((b"PUBSUB", b"NUMPAT"), integer)

    @command
    def pubsub_numsub(self, *channels: SomeKeys) -> Command[list[tuple[S, int]]]:
        """Each of *channels* with the number of its subscribers, those of patterns not counted.

        PUBSUB NUMSUB [channel …]. Server 2.8. O(N) for the NUMSUB subcommand.
        """
        words = _channels("PUBSUB NUMSUB", channels)
        return Command((b"PUBSUB", b"NUMSUB", *words), self._counts)

    @command
    def pubsub_shardchannels(self, pattern: Key = "*") -> Command[list[S]]:
        """The sharded channels that have subscribers and match *pattern*.

        PUBSUB SHARDCHANNELS pattern. Server 7.0. O(N).
        """
        return Command((b"PUBSUB", b"SHARDCHANNELS", pattern), self.read.texts)

    @command
    def pubsub_shardnumsub(self, *channels: SomeKeys) -> Command[list[tuple[S, int]]]:
        """Each of the sharded *channels* with the number of its subscribers.

        PUBSUB SHARDNUMSUB [channel …]. Server 7.0. O(N) for the SHARDNUMSUB subcommand.
        """
        words = _channels("PUBSUB SHARDNUMSUB", channels)
        return Command((b"PUBSUB", b"SHARDNUMSUB", *words), self._counts)

    @command
    def spublish(self, shard_channel: Key, message: Value) -> Command[int]:
        """The number of subscribers to *shard_channel*, at its node, that got *message*.

        SPUBLISH channel message. Server 7.0. O(N).
        """
        return Command((b"SPUBLISH", shard_channel, message), integer)

    def _counts(self, reply: Reply) -> list[tuple[S, int]]:
        return [(self.read.text(name), integer(count)) for name, count in pairs(reply)]


def _channels(command: str, channels: tuple[SomeKeys, ...]) -> tuple[Key, ...]:
    """The names of *channels*: none are given without an argument, but not by an empty list."""
    return all_keys(command, "channels", channels) if channels else ()
