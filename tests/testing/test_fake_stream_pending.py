"""Tests of `anyredis.testing.fake_stream_pending`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

from tests.testing.speaking import answers
from tests.testing.test_fake_stream_groups import with_group


def test_only_idle_entries_are_claimed() -> None:
    """XCLAIM and XAUTOCLAIM leave alone what was delivered shortly before."""
    waiting = with_group()
    for number in (1, 2):
        waiting.ask(f"XADD s {number} f v")
        waiting.ask("XREADGROUP GROUP g c STREAMS s >")
        waiting.clock.advance(10)
    assert waiting.ask("XCLAIM s g d 15000 1 2 JUSTID") == [b"1-0"]
    assert waiting.ask("XAUTOCLAIM s g e 10000 0 JUSTID") == [b"0-0", [b"2-0"], []]
    assert waiting.ask("XPENDING s g") == [2, b"1-0", b"2-0", [[b"d", b"1"], [b"e", b"1"]]]


def test_deliveries_are_counted() -> None:
    """Each delivery counts, a claim with JUSTID does not, RETRYCOUNT and IDLE set what they say."""
    waiting = with_group()
    waiting.ask("XADD s 1 f v")
    waiting.ask("XREADGROUP GROUP g c STREAMS s >")
    waiting.ask("XREADGROUP GROUP g c STREAMS s 0")
    waiting.ask("XCLAIM s g d 0 1")
    waiting.ask("XCLAIM s g d 0 1 JUSTID")
    assert waiting.ask("XPENDING s g - + 10") == [[b"1-0", b"d", 0, 3]]
    waiting.ask("XCLAIM s g d 0 1 IDLE 5000 RETRYCOUNT 1 JUSTID")
    assert waiting.ask("XPENDING s g - + 10") == [[b"1-0", b"d", 5000, 1]]


def test_a_cursor_of_xautoclaim() -> None:
    """It looks at ten times COUNT entries, and the next call goes on behind them."""
    lines = [f"XADD s {number} f v" for number in range(1, 31)]
    found = answers(
        *("XGROUP CREATE s g 0 MKSTREAM", *lines, "XREADGROUP GROUP g c STREAMS s >"),
        *("XAUTOCLAIM s g d 100000 0 COUNT 2", "XAUTOCLAIM s g d 100000 21 COUNT 2"),
    )
    assert found[-2:] == [[b"21-0", [], []], [b"0-0", [], []]]
