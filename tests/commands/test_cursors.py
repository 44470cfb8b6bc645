"""Tests of `anyredis.commands.cursors`: the commands of a cursor are values."""

from __future__ import annotations

from anyredis.command import Command
from anyredis.commands.cursors import CursorPage, CursorPlan
from anyredis.replies import ok
from anyredis.wire.decode import Reply


def page(_reply: Reply) -> CursorPage[int]:
    """A page."""
    return CursorPage([1], 5, [])


def test_a_plan() -> None:
    """It has the command of each step, for the number of the cursor."""

    def read(cursor: int) -> Command[CursorPage[int]]:
        return Command((b"READ", cursor), page)

    def delete(cursor: int) -> Command[bool]:
        return Command((b"DEL", cursor), ok)

    plan = CursorPlan("i", Command((b"FIRST",), page), read, delete)
    assert plan.first.parse(None) == CursorPage([1], 5, [])
    assert plan.read(5).args == (b"READ", 5)
    assert plan.delete(5).args == (b"DEL", 5)
