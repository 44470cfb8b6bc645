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
