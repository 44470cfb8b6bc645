"""Tests of `anyredis.testing.fake_stream_groups`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

import pytest

from anyredis.exceptions import NoGroupError
from tests.testing.speaking import answers
from tests.testing.waiting import Waiting

READ = "XREADGROUP GROUP g c BLOCK 0 STREAMS s >"


def with_group() -> Waiting:
    """A stream with a group."""
    waiting = Waiting()
    assert waiting.ask("XGROUP CREATE s g 0 MKSTREAM") == "OK"
    return waiting


def test_a_group_waits_for_an_entry() -> None:
    """A reader that waits gets the next entry, which is pending from then on."""
    waiting = with_group()
    waiting.begin(READ)
    waiting.ask("XADD s 1-1 f v")
    assert waiting.shown() == [[b"s", [[b"1-1", [b"f", b"v"]]]]]
    waiting.clock.advance(2.5)
    assert waiting.ask("XPENDING s g - + 10") == [[b"1-1", b"c", 2500, 1]]


@pytest.mark.parametrize("line", ["DEL s", "XGROUP DESTROY s g"])
def test_a_group_that_ends_while_a_reader_waits(line: str) -> None:
    """The reader gets NOGROUP at once."""
    waiting = with_group()
    waiting.begin(READ)
    waiting.ask(line)
    assert [type(each) for each in waiting.delivered] == [NoGroupError]


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


def test_the_lag_of_a_group() -> None:
    """It is the number of entries that no consumer has read."""
    found = answers(
        *("XGROUP CREATE s g 0 MKSTREAM", "XADD s 1 f v", "XADD s 2 f v", "XADD s 3 f v"),
        *("XREADGROUP GROUP g c COUNT 2 STREAMS s >", "XINFO GROUPS s"),
    )[-1]
    assert found == [
        {
            b"name": b"g",
            b"consumers": 1,
            b"pending": 2,
            b"last-delivered-id": b"2-0",
            b"entries-read": 2,
            b"lag": 1,
        }
    ]
