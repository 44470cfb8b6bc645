"""Tests of `anyredis.testing.fake_streams`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

from tests.testing.speaking import answers, last
from tests.testing.waiting import Waiting


def test_an_id_of_its_own() -> None:
    """It has the time of the clock, and grows within one millisecond."""
    waiting = Waiting()
    assert [waiting.ask("XADD s * f v") for _ in range(2)] == [b"1000-0", b"1000-1"]
    waiting.clock.advance(0.5)
    assert waiting.ask("XADD s * f v") == b"1500-0"
    assert waiting.ask("XADD s 9999 f v") == b"9999-0"
    assert waiting.ask("XADD s * f v") == b"9999-1"


def test_an_empty_stream_stays() -> None:
    """It remembers its last id, as on real servers."""
    assert answers("XADD s 5 f v", "XDEL s 5", "EXISTS s", "XADD s 5 f v")[2:] == [
        1,
        "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
    ]


def test_xread_waits_for_an_entry_behind_the_end() -> None:
    """`$` is the end of the stream at the call, however often the command is run again."""
    waiting = Waiting()
    waiting.ask("XADD s 1-1 f v")
    waiting.begin("XREAD BLOCK 0 STREAMS s $")
    waiting.ask("SET other x")
    assert waiting.delivered == []
    waiting.ask("XADD s 2-1 f w")
    assert waiting.shown() == [[b"s", [[b"2-1", [b"f", b"w"]]]]]


def test_xread_gives_up_in_milliseconds() -> None:
    """Its time is over after BLOCK, by the clock of the server."""
    waiting = Waiting()
    waiting.begin("XREAD BLOCK 250 STREAMS s 0")
    waiting.clock.advance(0.249)
    assert waiting.delivered == []
    waiting.clock.advance(0.001)
    assert waiting.delivered == [None]


def test_an_approximate_length() -> None:
    """Whole nodes of 100 entries go, as on real servers by default."""
    lines = [f"XADD s {number} f v" for number in range(1, 251)]
    assert last(*lines, "XTRIM s MAXLEN ~ 120") == 100
    assert last(*lines, "XTRIM s MINID ~ 220") == 200
    assert last(*lines, "XTRIM s MAXLEN ~ 0 LIMIT 100") == 100


def test_a_copy_of_a_stream() -> None:
    """It has its own entries and groups."""
    assert answers(
        "XGROUP CREATE s g 0 MKSTREAM",
        *("COPY s t", "XADD s 1 f v", "XLEN t", "XGROUP DESTROY t g", "XINFO GROUPS t"),
        "XPENDING s g",
    )[3:] == [0, 1, [], [0, None, None, None]]
