"""Reports on streams, their groups and consumers."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group
from anyredis.commands.streams import at_most
from anyredis.replies import S
from anyredis.reports.stream_reports import (
    FullStreamInfo,
    StreamConsumerInfo,
    StreamGroupInfo,
    StreamInfo,
    StreamReportReader,
)
from anyredis.wire.encode import Key


class StreamReports(Group[S]):
    """The XINFO commands; each raises `ResponseError` if there is no stream."""

    @command
    def xinfo_consumers(self, key: Key, group: Key) -> Command[list[StreamConsumerInfo[S]]]:
        """The consumers of *group*; raises `NoGroupError` without that group.

        XINFO CONSUMERS key group. Server 5.0. O(1).
        """
        words = (b"XINFO", b"CONSUMERS", key, group)
        return Command(words, StreamReportReader(self.read).consumers)

    @command
    def xinfo_groups(self, key: Key) -> Command[list[StreamGroupInfo[S]]]:
        """The consumer groups of the stream at *key*.

        Raises `ResponseError` if there is no stream.
        XINFO GROUPS key. Server 5.0. O(1).
        """
        return Command((b"XINFO", b"GROUPS", key), StreamReportReader(self.read).groups)

    @command
    def xinfo_stream(self, key: Key) -> Command[StreamInfo[S]]:
        """The facts about the stream at *key*, with its oldest and its newest entry.

        Raises `ResponseError` if there is no stream.
        XINFO STREAM key. Server 5.0. O(1).
        """
        return Command((b"XINFO", b"STREAM", key), StreamReportReader(self.read).stream)

    @command
    def xinfo_stream_full(self, key: Key, count: Count | None = None) -> Command[FullStreamInfo[S]]:
        """The stream at *key*, its groups, its consumers and what is pending for each.

        *count* (10) is the most entries in each list of the report, 0 all.
        XINFO STREAM key FULL [COUNT n]. Server 6.0. O(1).
        """
        words = (b"XINFO", b"STREAM", key, b"FULL", *at_most(count))
        return Command(words, StreamReportReader(self.read).full_stream)
