"""The time and the size of commands, as the server records them: LATENCY and COMMANDLOG.

The server records events only above its setting `latency-monitor-threshold`, which is 0 (off) at
first; `latency_histogram` needs no setting.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.group import Group, choice
from anyredis.commands.several import SomeKeys, all_fields
from anyredis.exceptions import DataValueError
from anyredis.replies import (
    S,
    array,
    binary,
    integer,
    integer_pair,
    ok,
    pairs,
    record,
    unexpected,
    word,
)
from anyredis.reports.server_reports import (
    CommandlogEntry,
    LatencyEvent,
    LatencyHistogram,
    LatencySample,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

CommandlogType: TypeAlias = Literal["SLOW", "LARGE-REQUEST", "LARGE-REPLY"]
"""The log of commands that took long, that were large, or whose reply was large."""

_LOGS: Final = ("SLOW", "LARGE-REQUEST", "LARGE-REPLY")


class Latency(Group[S]):
    """The commands on what the server recorded about commands; also see `slowlog_get`."""

    @command
    def commandlog_get(self, count: int, type: CommandlogType) -> Command[list[CommandlogEntry]]:
        """The last *count* commands in the log *type*, the newest first; all of them with -1.

        COMMANDLOG GET count SLOW|LARGE-REQUEST|LARGE-REPLY. Valkey 8.1. O(N).
        """
        which = _log("COMMANDLOG GET", type)
        if count < -1:
            raise DataValueError(f"COMMANDLOG GET: count is {count}: give -1 (all) or more")
        return Command((b"COMMANDLOG", b"GET", count, which), _entries, binary=True)

    @command
    def commandlog_len(self, type: CommandlogType) -> Command[int]:
        """The number of commands in the log *type*.

        COMMANDLOG LEN SLOW|LARGE-REQUEST|LARGE-REPLY. Valkey 8.1. O(1).
        """
        return Command((b"COMMANDLOG", b"LEN", _log("COMMANDLOG LEN", type)), integer)

    @command
    def commandlog_reset(self, type: CommandlogType) -> Command[bool]:
        """True once the log *type* is empty.

        COMMANDLOG RESET SLOW|LARGE-REQUEST|LARGE-REPLY. Valkey 8.1. O(N).
        """
        return Command((b"COMMANDLOG", b"RESET", _log("COMMANDLOG RESET", type)), ok)

    @command
    def latency_doctor(self) -> Command[str]:
        """The server's advice on its latency, in prose.

        LATENCY DOCTOR. Server 2.8.13. O(1).
        """
        return Command((b"LATENCY", b"DOCTOR"), word)

    @command
    def latency_graph(self, event: Key) -> Command[str]:
        """A drawing of the latest spikes of *event*, in characters.

        Raises `ResponseError` if there is none.
        LATENCY GRAPH event. Server 2.8.13. O(1).
        """
        return Command((b"LATENCY", b"GRAPH", event), word)

    @command
    def latency_histogram(self, *commands: SomeKeys) -> Command[dict[str, LatencyHistogram]]:
        """The durations of *commands* that were called, by name; of all commands without any.

        LATENCY HISTOGRAM [command …]. Server 7.0. O(N).
        """
        names = all_fields("LATENCY HISTOGRAM", "commands", commands) if commands else ()
        return Command((b"LATENCY", b"HISTOGRAM", *names), _histograms)

    @command
    def latency_history(self, event: Key) -> Command[list[LatencySample]]:
        """The spikes of *event*, at most 160, the oldest first.

        LATENCY HISTORY event. Server 2.8.13. O(1).
        """
        return Command((b"LATENCY", b"HISTORY", event), _samples)

    @command
    def latency_latest(self) -> Command[list[LatencyEvent]]:
        """The latest spike of each kind of event.

        LATENCY LATEST. Server 2.8.13. O(1).
        """
        return Command((b"LATENCY", b"LATEST"), _events)

    @command
    def latency_reset(self, *events: SomeKeys) -> Command[int]:
        """The number of *events* whose spikes were forgotten; of all events without any.

        LATENCY RESET [event …]. Server 2.8.13. O(1).
        """
        names = all_fields("LATENCY RESET", "events", events) if events else ()
        return Command((b"LATENCY", b"RESET", *names), integer)


def _log(command: str, type_: CommandlogType) -> Value:
    return choice(command, "type", type_, *_LOGS)


def _entries(reply: Reply) -> list[CommandlogEntry]:
    return [_entry(each) for each in array(reply)]


def _entry(reply: Reply) -> CommandlogEntry:
    items = array(reply)
    if len(items) < 6:
        unexpected(reply, "an entry of a log of commands")
    id_, time, value, words, address, name = items[:6]
    command = [binary(each) for each in array(words)]
    return CommandlogEntry(
        integer(id_), integer(time), integer(value), command, word(address), word(name)
    )


def _histograms(reply: Reply) -> dict[str, LatencyHistogram]:
    return {name: _histogram(value) for name, value in record(reply).items()}


def _histogram(reply: Reply) -> LatencyHistogram:
    fields = record(reply)
    counts = pairs(fields.get("histogram_usec"))
    return LatencyHistogram(
        integer(fields.get("calls")), {integer(limit): integer(count) for limit, count in counts}
    )


def _samples(reply: Reply) -> list[LatencySample]:
    return [LatencySample(*integer_pair(each)) for each in array(reply)]


def _events(reply: Reply) -> list[LatencyEvent]:
    return [_event(each) for each in array(reply)]


def _event(reply: Reply) -> LatencyEvent:
    items = array(reply)
    if len(items) < 4:
        unexpected(reply, "an event with time, latest and longest duration")
    event, time, latest, maximum, *other = items
    return LatencyEvent(word(event), integer(time), integer(latest), integer(maximum), other)
