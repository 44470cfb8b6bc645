"""A ledger of numbered messages: the judge of what one subscriber received.

The publisher numbers the messages of each channel from 1.  A number that is missing has to be
explained, before the next message of that channel, by a gap that names it, or be counted as dropped.
A number that is not higher than the one before is a message out of order or twice: always wrong,
unless a gap was told and *doubles* are allowed, as when a channel moves to another node.  A message
whose publication failed may be missing.  Nodes that die take messages along that they have confirmed
to the publisher and not yet sent to the other nodes, and no client is told: for channels whose
messages cross *between_nodes*, only the delivery to the right channel is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase

from anyredis import Dropped, Gap, Message
from anyredis.client.pubsub_events import PubSubEvent


def message_of(channel: str, number: int) -> str:
    """The text of a numbered message, as long as in the benchmarks."""
    return f"{channel}|{number}|".ljust(100, ".")


class Ledger:
    """The messages of some *channels*; each is received at most once, whatever subscribed to it."""

    def __init__(
        self, channels: Iterable[str], *, doubles: bool = False, between_nodes: Iterable[str] = ()
    ) -> None:
        self.published: Counter[str] = Counter(dict.fromkeys(channels, 0))
        """The highest number that was published on each channel."""
        self.seen: dict[str, int] = dict.fromkeys(self.published, 0)
        """The highest number that was received on each channel."""
        self.received = 0
        self.in_gaps = 0
        """Messages that are missing, with a gap event in their place."""
        self.unexplained = 0
        """Messages that are missing without one: as many have to be told as dropped."""
        self.lost_between_nodes = 0
        """Messages of such channels that are missing without a gap."""
        self.dropped = 0
        self.doubled = 0
        self.unsure: set[tuple[str, int]] = set()
        """The messages that may not have been published."""
        self.excused = 0
        """Messages of those that did not come."""
        self.gaps: list[Gap[str]] = []
        self._doubles = doubles
        self._between_nodes = frozenset(between_nodes)
        self._gap_told: set[str] = set()

    def number(self, channel: str) -> str:
        """The next message of *channel*, which is about to be published."""
        self.published[channel] += 1
        return message_of(channel, self.published[channel])

    def doubt(self, channel: str) -> None:
        """The publication of the last message of *channel* failed, or may have."""
        self.unsure.add((channel, self.published[channel]))

    def note(self, event: PubSubEvent[str]) -> None:
        """Judge an event of the subscription; raises `AssertionError` if it breaks a promise."""
        if isinstance(event, Gap):
            self._note_gap(event)
        elif isinstance(event, Dropped):
            self.dropped += event.count
        else:
            assert isinstance(event, Message), event
            self._note_message(event.channel, event.data)

    def _note_gap(self, gap: Gap[str]) -> None:
        assert gap.reason, gap
        assert gap.since <= gap.until, gap
        self.gaps.append(gap)
        for channel in self.published:
            told = channel in gap.channels or channel in gap.shard_channels
            if told or any(fnmatchcase(channel, pattern) for pattern in gap.patterns):
                self._gap_told.add(channel)

    def _note_message(self, channel: str, data: str) -> None:
        meant_for, number, _ = data.split("|")
        assert meant_for == channel, f"misdelivered: a message for {meant_for} came on {channel}"
        gap_told = channel in self._gap_told
        self._gap_told.discard(channel)
        self.received += 1
        missing = range(self.seen[channel] + 1, int(number))
        if int(number) <= self.seen[channel]:
            problem = f"{channel}: number {number} came after {self.seen[channel]}"
            excusable = (gap_told and self._doubles) or channel in self._between_nodes
            assert excusable, problem
            self.doubled += 1
            self._gap_told.add(channel)  # what comes next may be old, too
            return
        excused = sum((channel, each) in self.unsure for each in missing)
        self.excused += excused
        if gap_told:
            self.in_gaps += len(missing) - excused
        elif channel in self._between_nodes:
            self.lost_between_nodes += len(missing) - excused
        else:
            self.unexplained += len(missing) - excused
        self.seen[channel] = int(number)

    @property
    def up_to_date(self) -> bool:
        """Whether the last message of each channel was received."""
        return all(self.seen[channel] == number for channel, number in self.published.items())

    @property
    def behind(self) -> int:
        """The number of messages that were published after the last ones received."""
        return sum(number - self.seen[channel] for channel, number in self.published.items())

    def check(self) -> None:
        """Assert that each message was received, is in a gap, or was told as dropped."""
        assert self.up_to_date, f"{self}: the last messages did not come"
        total = sum(self.published.values()) - self.excused
        missing = self.in_gaps + self.unexplained + self.lost_between_nodes
        assert self.received - self.doubled + missing == total, str(self)
        assert self.unexplained <= self.dropped, f"{self}: lost without a word"
        assert self.dropped <= self.unexplained + self.in_gaps, (
            f"{self}: told of more than was lost"
        )

    def __str__(self) -> str:
        return (
            f"{sum(self.published.values())} published, {self.received} received, "
            f"{self.in_gaps} missing in {len(self.gaps)} gaps, {self.unexplained} in no gap, "
            f"{self.dropped} told as dropped, {self.doubled} twice after a gap, "
            f"{self.lost_between_nodes} lost between nodes, "
            f"{self.excused} not published"
        )
