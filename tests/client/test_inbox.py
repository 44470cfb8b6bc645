"""Tests of the buffer of a subscription: bounds, what happens at them, and readers that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import sniffio

from anyredis import (
    Dropped,
    Gap,
    RedisError,
    SubscriptionChange,
    SubscriptionOverflowError,
)
from anyredis.client.inbox import FULL, OVERFULL, OVERHEAD, ROOM, Inbox, OnFull
from anyredis.exceptions import ProtocolError
from anyredis.waiter import Waiter, waiter_factory
from tests.blocked_tasks import all_tasks_blocked


def no_waiter() -> Waiter:
    """None of these tests waits."""
    raise AssertionError


class Box(Inbox[bytes]):
    """An inbox that notes its levels."""

    def __init__(
        self,
        on_full: OnFull = "wait",
        max_messages: int = 4,
        max_bytes: int = 10_000,
        new_waiter: Any = no_waiter,
    ) -> None:
        self.levels: list[int] = []
        self.failures = 0
        super().__init__(
            max_messages,
            max_bytes,
            on_full,
            on_level=self.levels.append,
            on_failed=self._failed,
            new_waiter=new_waiter,
        )

    def _failed(self) -> None:
        self.failures += 1

    def get(self, *numbers: int, size: int = 1) -> None:
        """Receive messages in one pass."""
        for number in numbers:
            self.items.append([b"message", b"c", b"%d" % number * size])
        self.settle()

    def read(self, count: int = 1000) -> list[Any]:
        """Take items: the numbers of messages, and events."""
        taken: list[Any] = []
        while len(taken) < count and (item := self.take()) is not None:
            taken.append(int(item[-1]) if isinstance(item, list) else item)
        return taken


def gap(since: float, name: bytes = b"c") -> Gap[bytes]:
    """A gap."""
    return Gap(since, since + 1, "lost", frozenset({name}))


def test_items_come_in_order() -> None:
    """Messages and events come in the order in which they were put."""
    box = Box()
    box.get(1)
    box.put_event(SubscriptionChange("subscribe", b"c", 1))
    box.get(2)
    assert box.read() == [1, SubscriptionChange("subscribe", b"c", 1), 2]
    assert box.take() is None
    assert len(box) == 0
    assert box.bytes == 0


def test_levels_by_messages() -> None:
    """At the bound it is full, at twice the bound overfull, and below half there is room."""
    box = Box()
    box.get(1, 2, 3)
    assert box.levels == []
    box.get(4)
    box.get(*range(5, 9))
    assert box.levels == [FULL, OVERFULL]
    box.read(1)
    assert box.levels == [FULL, OVERFULL, FULL]
    box.read(5)
    assert box.levels == [FULL, OVERFULL, FULL]
    box.read(1)
    assert box.levels == [FULL, OVERFULL, FULL, ROOM]
    assert box.read() == [8]


def test_levels_with_confirmations() -> None:
    """They take no room: the same numbers of messages count, however many are among them."""
    box = Box()
    box.get(1, 2, 3, 4, 5)
    for number in range(3):
        box.put_event(SubscriptionChange("subscribe", b"c", number))
    box.get(6, 7, 8)
    assert box.levels == [FULL, OVERFULL]
    box.read(1)
    assert box.levels == [FULL, OVERFULL, FULL]
    box.read(8)  # of 5 messages that were left behind the first, and 3 confirmations
    assert box.levels == [FULL, OVERFULL, FULL]
    box.read(1)
    assert box.levels == [FULL, OVERFULL, FULL, ROOM]


def test_levels_with_a_confirmation_that_comes_later() -> None:
    """It changes nothing either while the buffer is being read."""
    box = Box()
    box.get(1, 2, 3, 4)
    box.read(1)
    box.put_event(SubscriptionChange("subscribe", b"c", 1))
    box.read(1)
    assert box.levels == [FULL]
    box.read(1)
    assert box.levels == [FULL, ROOM]


def test_levels_by_bytes() -> None:
    """The bytes of channels and data count, with an overhead for each message."""
    box = Box(max_messages=1000, max_bytes=10 * (OVERHEAD + 2))
    for number in range(9):
        box.get(number)
    assert (box.levels, box.bytes) == ([], 9 * (OVERHEAD + 2))
    box.get(9)
    assert box.levels == [FULL]
    assert box.read() == [*range(10)]
    assert (box.levels, box.bytes) == ([FULL, ROOM], 0)


def test_the_oldest_are_dropped_and_counted() -> None:
    """At the bound the oldest messages make place; their number comes where they are missing."""
    box = Box("drop_oldest")
    box.get(*range(10))
    assert box.read(2) == [Dropped(6), 6]
    box.get(10, 11)
    assert box.read() == [Dropped(1), 8, 9, 10, 11]
    assert box.bytes == 0


def test_a_dropped_message_larger_than_the_bound() -> None:
    """One message that alone exceeds the bound of bytes is dropped, and counted."""
    box = Box("drop_oldest", max_bytes=500)
    box.get(1)
    box.get(2, size=1000)
    assert box.read() == [Dropped(2)]


def test_gaps_are_not_dropped() -> None:
    """A gap among dropped messages stays in the stream; several become one."""
    box = Box("drop_oldest")
    box.put_event(gap(1))
    box.get(1)
    box.put_event(gap(5, b"d"))
    box.get(*range(2, 8))
    joined = Gap(1, 6, "lost", frozenset({b"c", b"d"}))
    assert box.read() == [joined, Dropped(3), 4, 5, 6, 7]


def test_gaps_in_a_row_are_one() -> None:
    """A connection that is lost again and again, with no message in between, is one gap."""
    box = Box()
    for number in range(100):
        box.put_event(gap(number))
    assert box.read() == [Gap(0, 100, "lost", frozenset({b"c"}))]


def test_confirmations_are_bounded() -> None:
    """Confirmations that nobody reads do not fill the memory."""
    box = Box()
    for number in range(100):
        box.put_event(SubscriptionChange("subscribe", b"%d" % number, 1))
    assert len(box) == 8


def test_it_ends_if_it_is_full() -> None:
    """With "fail", the messages up to the bound are read, then the error comes, each time."""
    box = Box("fail")
    box.get(*range(4))
    assert box.failures == 0
    box.get(4, 5)
    assert box.failures == 1
    assert box.read(4) == [0, 1, 2, 3]
    for _ in range(2):
        with pytest.raises(SubscriptionOverflowError, match="4 messages"):
            box.take()
    box.put_event(gap(1))
    assert len(box) == 0


def test_the_first_failure_counts() -> None:
    """The error with which it ended first is raised, a new one each time."""
    box = Box()
    box.fail(RedisError("first"))
    box.fail(RedisError("second"))
    with pytest.raises(RedisError, match="first") as one:
        box.take()
    with pytest.raises(RedisError, match="first") as two:
        box.take()
    assert one.value is not two.value


@pytest.mark.parametrize("message", [[b"message", b"c", 5], [b"x"], [b"message", None, b"1"]])
def test_messages_that_are_none(message: list[Any]) -> None:
    """A message of another shape is a protocol error, and nothing of it stays."""
    box = Box()
    box.items.append(message)
    with pytest.raises(ProtocolError):
        box.settle()
    box.get(1)
    assert box.read() == [1]


async def test_readers_wait_in_line() -> None:
    """Each reader that waits is woken in its turn, and none is forgotten if one is cancelled."""
    box = Box(new_waiter=waiter_factory(), max_messages=100)
    got: list[str] = []
    cancel: dict[str, Callable[[], object]] = {}

    async def read(name: str) -> None:
        with anyio.CancelScope() as scope:
            cancel[name] = scope.cancel
            if sniffio.current_async_library() == "asyncio":
                task = asyncio.current_task()
                assert task is not None
                cancel[name] = task.cancel  # which cancels it though it was woken in this turn
            try:
                while (item := box.take()) is None:
                    await box.wait()
                got.append(f"{name}{int(item[-1])}" if isinstance(item, list) else "event")
            except asyncio.CancelledError:
                got.append(name)

    async with anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(read, name)
            await all_tasks_blocked()
        box.get(1)
        cancel["a"]()
        await all_tasks_blocked()
        if "a" in got:
            assert got == ["a", "b1"]
            box.get(2)
        else:  # trio: what has woken a task is not undone
            assert got == ["a1"]
            box.get(2)
            await all_tasks_blocked()
            assert got == ["a1", "b2"]
            box.get(3)
    assert sorted(each[0] for each in got) == ["a", "b", "c"]


async def test_messages_that_come_at_once_wake_as_many_readers() -> None:
    """A reader that is busy with its message does not hold up those that wait for the others."""
    box = Box(new_waiter=waiter_factory(), max_messages=100)
    all_read = anyio.Event()
    got: list[int] = []

    async def read() -> None:
        while (item := box.take()) is None:
            await box.wait()
        got.append(int(item[-1]) if isinstance(item, list) else 0)
        if len(got) == 3:
            all_read.set()
        await all_read.wait()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(read)
            await all_tasks_blocked()
            box.get(1, 2, 3)
    assert got == [1, 2, 3]


async def test_failing_wakes_all_readers() -> None:
    """All readers that wait get the error."""
    box = Box(new_waiter=waiter_factory())
    failed: list[str] = []

    async def read() -> None:
        try:
            while box.take() is None:
                await box.wait()
        except RedisError as error:
            failed.append(str(error))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(read)
        await all_tasks_blocked()
        box.fail(RedisError("closed"))
    assert failed == ["closed"] * 3
