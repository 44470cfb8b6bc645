"""Tests of `anyredis.testing.clock`: time that passes when a test says so."""

from __future__ import annotations

from functools import partial

import pytest

from anyredis.testing.clock import VirtualClock


def test_time_passes_when_told() -> None:
    """And not otherwise; it begins at the start, or now."""
    clock = VirtualClock(100)
    clock.advance(2.5)
    clock.advance(0)
    assert clock.now() == 102.5
    assert VirtualClock().now() > 1_700_000_000


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_time_never_goes_back(seconds: float) -> None:
    """Such a step is refused, and changes nothing."""
    clock = VirtualClock(100)
    with pytest.raises(ValueError, match="only goes forward"):
        clock.advance(seconds)
    assert clock.now() == 100


def test_alarms_go_off_in_order() -> None:
    """Each at its own time, also one that another alarm sets; those of one time as they were set."""
    clock, found = VirtualClock(0), list[tuple[str, float]]()

    def note(name: str) -> None:
        found.append((name, clock.now()))

    def note_later() -> None:
        clock.call_later(0.5, partial(note, "nested"))

    clock.call_later(3, partial(note, "late"))
    clock.call_later(1, partial(note, "early"))
    clock.call_later(1, partial(note, "second"))
    clock.call_later(2, note_later)
    clock.call_later(10, partial(note, "never"))
    clock.advance(5)
    assert found == [("early", 1), ("second", 1), ("nested", 2.5), ("late", 3)]


def test_a_cancelled_alarm_is_silent() -> None:
    """Cancelling it again, or after it went off, is harmless."""
    clock, found = VirtualClock(0), list[str]()
    cancel_first = clock.call_later(1, partial(found.append, "first"))
    cancel_second = clock.call_later(1, partial(found.append, "second"))
    cancel_first()
    cancel_first()
    assert "1 blocked commands" in repr(clock)
    clock.advance(1)
    cancel_second()
    assert (found, repr(clock)) == (["second"], "<VirtualClock 1, 0 blocked commands>")
