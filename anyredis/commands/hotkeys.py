"""Hot keys: the keys that cost a server most, by time and by bytes, while it tracks them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.cluster_reports import check_slot
from anyredis.commands.group import SECOND, Group, Seconds, at_least_one, choice, duration
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.replies import S, array, integer, integer_pair, ok, pairs, record, unexpected, word
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

HotKeyMetric: TypeAlias = Literal["CPU", "NET"]
"""The time that commands on a key take, or the bytes that they send and receive."""

_LISTS: Final = ("selected-slots", "by-cpu-time-us", "by-net-bytes")


class HotKeys(NamedTuple):
    """The keys that cost most, and the sums for all keys."""

    tracking: bool
    """Whether the server still tracks keys."""

    by_cpu_time_us: dict[str, int]
    """The microseconds of the keys that take most time; empty if CPU is not tracked."""

    by_net_bytes: dict[str, int]
    """The bytes of the keys that move most; empty if NET is not tracked."""

    slots: list[tuple[int, int]]
    """The slots whose keys are tracked: the first and the last of each range."""

    sums: dict[str, int]
    """All other fields, by the server's names: `collection-duration-ms`, `total-net-bytes` and others."""


class HotKeyTracking(Group[S]):
    """The commands on hot keys; in a cluster each node tracks its own."""

    @command
    def hotkeys_get(self) -> Command[HotKeys | None]:
        """The keys that cost most since the tracking began; None if it never did.

        HOTKEYS GET. Redis 8.6. O(K).
        """
        return Command((b"HOTKEYS", b"GET"), _hot_keys, binary=True)

    @command
    def hotkeys_reset(self) -> Command[bool]:
        """True once the results are forgotten; the tracking has to be stopped.

        HOTKEYS RESET. Redis 8.6. O(1).
        """
        return Command((b"HOTKEYS", b"RESET"), ok)

    @command
    def hotkeys_start(
        self,
        metrics: Sequence[HotKeyMetric],
        *,
        count: int | None = None,
        duration: Seconds | None = None,
        sample_ratio: int | None = None,
        slots: Collection[int] | None = None,
    ) -> Command[bool]:
        """True once the server tracks the *count* (10) keys that cost most, by each of *metrics*.

        For *duration* seconds, by default until it is stopped; one key of *sample_ratio* (1); in a
        cluster those in *slots*, by default all.
        HOTKEYS START METRICS n [CPU] [NET] [COUNT n] [DURATION seconds] [SAMPLE n].
        Redis 8.6. O(1).
        """
        words = _start(metrics, count, duration, sample_ratio, slots)
        return Command((b"HOTKEYS", b"START", *words), ok)

    @command
    def hotkeys_stop(self) -> Command[bool]:
        """True once no keys are tracked any more; `hotkeys_get` gives the results further.

        HOTKEYS STOP. Redis 8.6. O(1).
        """
        return Command((b"HOTKEYS", b"STOP"), _stopped)


def _start(
    metrics: Sequence[HotKeyMetric],
    count: int | None,
    seconds: Seconds | None,
    sample_ratio: int | None,
    slots: Collection[int] | None,
) -> tuple[Value, ...]:
    if isinstance(metrics, (str, bytes)) or not isinstance(metrics, Sequence):
        raise DataTypeError('HOTKEYS START: metrics has to be a list, such as ["CPU", "NET"]')
    names = tuple(choice("HOTKEYS START", "metrics", each, "CPU", "NET") for each in metrics)
    if not names:
        raise DataValueError("HOTKEYS START: metrics is empty: give CPU, NET or both")
    if len(set(names)) < len(names):
        raise DataValueError("HOTKEYS START: metrics names one twice: give each once")
    words: list[Value] = [b"METRICS", len(names), *names]
    if count is not None:
        words += (b"COUNT", _positive("count", count))
    if seconds is not None:
        words += (b"DURATION", _not_negative("duration", duration(seconds, SECOND)))
    if sample_ratio is not None:
        words += (b"SAMPLE", _positive("sample_ratio", sample_ratio))
    if slots is not None:
        at_least_one("HOTKEYS START", "slots", slots)
        words += (b"SLOTS", len(slots), *(check_slot("HOTKEYS START", each) for each in slots))
    return tuple(words)


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise DataValueError(f"HOTKEYS START: {name} is {value}: give 1 or more")
    return value


def _not_negative(name: str, value: int) -> int:
    if value < 0:
        raise DataValueError(f"HOTKEYS START: {name} is {value}: give 0 (no limit) or more")
    return value


def _stopped(reply: Reply) -> bool:
    """True for `OK`, and for the null of a server that tracks nothing."""
    return reply is None or ok(reply)


def _hot_keys(reply: Reply) -> HotKeys | None:
    if reply is None:
        return None
    items = array(reply)
    if len(items) != 1:
        unexpected(reply, "one report about hot keys")
    fields = record(items[0])
    return HotKeys(
        integer(fields.pop("tracking-active", None)) == 1,
        _costs(fields.get("by-cpu-time-us", [])),
        _costs(fields.get("by-net-bytes", [])),
        [integer_pair(each) for each in array(fields.get("selected-slots", []))],
        {name: integer(value) for name, value in fields.items() if name not in _LISTS},
    )


def _costs(reply: Reply) -> dict[str, int]:
    return {word(key): integer(cost) for key, cost in pairs(reply)}
