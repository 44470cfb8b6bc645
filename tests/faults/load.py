"""A mixed load on a cluster, with a record of every write, to check the data at the end.

32 tasks read, write, send pipelines, transactions and split commands, one after the other as an
application would, each to keys of its own.  Every write is recorded as it begins, together with its
outcome, so that the necessary and the possible values of each key are known at the end.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

from anyredis import (
    ClusterDownError,
    ConnectionError,
    Outcome,
    PartialFailureError,
    RedisCluster,
    RedisError,
    TimeoutError,
)
from anyredis.wire.slots import SLOTS, slot_of

TASKS = 32
PATIENCE = 30.0
"""Seconds after which a load that does not get on is stuck."""

HONEST = (ConnectionError, TimeoutError, ClusterDownError)
"""The errors that callers may see while a node fails."""

SHARDS = [range(SLOTS * number // 3, SLOTS * (number + 1) // 3) for number in range(3)]
"""The slots that each of three primaries serves."""

T = TypeVar("T")


@cache
def tags() -> tuple[str, ...]:
    """For each slot a hash tag that is in it."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < SLOTS:
        found.setdefault(slot_of(b"%d" % number), str(number))
        number += 1
    return tuple(found[slot] for slot in range(SLOTS))


class Fate(enum.Enum):
    """The outcome of a write, as the client reported it."""

    ACKNOWLEDGED = enum.auto()
    UNKNOWN = enum.auto()
    NOT_RUN = enum.auto()


@dataclass(slots=True)
class Write:
    """One write: its number among those to the same key, and its fate."""

    number: int
    began: float
    ended: float = float("inf")
    fate: Fate = Fate.UNKNOWN


Surely = Callable[[int, Write], bool]
"""Whether an acknowledged write to a slot has to be there in the end."""


class Book:
    """The writes of one task to one *key* of a *slot*."""

    def __init__(self, slot: int, name: str) -> None:
        self.slot = slot
        self.key = f"{{{tags()[slot]}}}:{name}"
        self.writes: list[Write] = []

    def begin(self) -> Write:
        """A write that is about to be sent."""
        write = Write(len(self.writes) + 1, anyio.current_time())
        self.writes.append(write)
        return write

    def certain(self, surely: Surely) -> set[int]:
        """The numbers of the writes that have to be there."""
        return {
            write.number
            for write in self.writes
            if write.fate is Fate.ACKNOWLEDGED and surely(self.slot, write)
        }

    def possible(self) -> set[int]:
        """The numbers of the writes that may be there."""
        return {write.number for write in self.writes if write.fate is not Fate.NOT_RUN}

    def check_count(self, count: object, surely: Surely) -> None:
        """A counter is at least the acknowledged number, and at most that plus the unknown ones."""
        assert isinstance(count, str | None)
        low, high = len(self.certain(surely)), len(self.possible())
        assert low <= int(count or 0) <= high, (self.key, low, count, high)

    def check_items(self, items: Sequence[str], surely: Surely) -> None:
        """A list holds the acknowledged items, once each and in order, and no refused ones."""
        numbers = [int(item) for item in items]
        assert numbers == sorted(set(numbers)), (self.key, numbers)
        assert self.certain(surely) <= set(numbers) <= self.possible(), self.key

    def check_value(self, value: object, surely: Surely) -> None:
        """A key holds the last write that was acknowledged, or a later one that may have run."""
        assert isinstance(value, str | None)
        number = int(value or 0)
        assert number in self.possible() | {0}, (self.key, value)
        assert number >= max(self.certain(surely), default=0), (self.key, value)


class Books:
    """All keys of one task in one slot."""

    def __init__(self, slot: int, task: int) -> None:
        names = ("counter", "items", "value", "left", "right", "tx-counter", "tx-items", "spread")
        books = [Book(slot, f"{name}-{task}") for name in names]
        self.counter, self.items, self.value, self.left, self.right, *others = books
        self.tx_counter, self.tx_items, self.spread = others
        self.counters = (self.counter, self.tx_counter)
        self.lists = (self.items, self.tx_items)
        self.values = (self.value, self.left, self.right, self.spread)


class Worker:
    """One task of the load."""

    def __init__(self, load: Load, number: int, slots: Sequence[int]) -> None:
        self._load = load
        self._client = load.client
        self.books = [Books(slot, number) for slot in slots]
        self.rounds = 0

    async def run(self) -> None:
        """Everything in every slot, again and again."""
        while not self._load.stopping:
            for books in self.books:
                await self._count_and_list(books)
                await self._set_and_get(books)
                await self._pair(books)
                await self._pipeline(books)
                await self._transaction(books)
            await self._split()
            self.rounds += 1
            await anyio.lowlevel.checkpoint()  # errors may come without any wait

    async def _count_and_list(self, books: Books) -> None:
        client = self._client
        write = books.counter.begin()
        await self._note(client.incr(books.counter.key), write)
        write = books.items.begin()
        await self._note(client.rpush(books.items.key, write.number), write)

    async def _set_and_get(self, books: Books) -> None:
        write = books.value.begin()
        await self._note(self._client.set(books.value.key, write.number), write)
        await self._look(books.value)

    async def _look(self, book: Book) -> None:
        value = await self._note(self._client.get(book.key))
        if value is not None:
            book.check_value(value, self._load.surely_now)

    async def _pair(self, books: Books) -> None:
        """Several keys of one slot at once: written at one moment, and seen so."""
        keys = [books.left.key, books.right.key]
        left, right = books.left.begin(), books.right.begin()
        await self._note(self._client.mset(dict.fromkeys(keys, left.number)), left, right)
        pair = await self._note(self._client.mget(*keys))
        if pair is not None:
            assert pair[0] == pair[1], (keys, pair)
            books.left.check_value(pair[0], self._load.surely_now)

    async def _pipeline(self, books: Books) -> None:
        """Several slots at once, each command for itself."""
        pipe = self._client.pipeline(raise_on_error=False)
        other = self.books[(self.books.index(books) + 1) % len(self.books)]
        writes = [each.begin() for each in (books.counter, other.items, books.value)]
        pipe.incr(books.counter.key)
        pipe.rpush(other.items.key, writes[1].number)
        pipe.set(books.value.key, writes[2].number)
        pipe.get(books.value.key)
        values = await self._note(pipe.execute())
        if values is None:
            return
        for write, value in zip(writes, values, strict=False):
            self._settle(write, value)
        if not isinstance(values[3], RedisError):
            books.value.check_value(values[3], self._load.surely_now)

    async def _transaction(self, books: Books) -> None:
        """All or nothing: the two keys always tell the same."""
        pipe = self._client.pipeline(transaction=True)
        count, item = books.tx_counter.begin(), books.tx_items.begin()
        counted = pipe.incr(books.tx_counter.key)
        listed = pipe.rpush(books.tx_items.key, item.number)
        if await self._note(pipe.execute(), count, item) is not None:
            assert counted.value == listed.value

    async def _split(self) -> None:
        """One command for several slots."""
        spread = {books.spread.key: books.spread for books in self.books}
        writes = {key: book.begin() for key, book in spread.items()}
        mapping = {key: write.number for key, write in writes.items()}
        try:
            await self._client.mset(mapping)
        except PartialFailureError as error:
            for part in (*error.succeeded, *error.failed):
                for key in part.command[1::2]:
                    assert isinstance(key, str)
                    self._settle(writes[key], part.reply)
        except RedisError as error:
            for write in writes.values():
                self._settle(write, error)
        else:
            for write in writes.values():
                self._settle(write, True)
        values = await self._note(self._client.mget(*spread))
        for book, value in zip(spread.values(), values or (), strict=False):
            book.check_value(value, self._load.surely_now)

    async def _note(self, action: Awaitable[T], *writes: Write) -> T | None:
        """The result of *action*; None if it fails, which is recorded for the *writes*."""
        outcome: T | RedisError
        try:
            outcome = await action
        except RedisError as error:
            outcome = error
            self._load.blame(error)
        for write in writes:
            self._settle(write, outcome, blame=False)
        return None if isinstance(outcome, RedisError) else outcome

    def _settle(self, write: Write, outcome: object, *, blame: bool = True) -> None:
        """Record the outcome of *write*."""
        write.ended = anyio.current_time()
        write.fate = Fate.ACKNOWLEDGED
        if isinstance(outcome, RedisError):
            unknown = getattr(outcome, "outcome", None) is Outcome.UNKNOWN
            write.fate = Fate.UNKNOWN if unknown else Fate.NOT_RUN
            if blame:
                self._load.blame(outcome)


class Load:
    """The tasks and their records; each task gets one slot of each of the *areas*.

    *unsafe* are slots whose acknowledged writes may be lost while it runs.
    """

    def __init__(
        self,
        client: RedisCluster[str],
        areas: Sequence[Sequence[int]],
        unsafe: Sequence[int] = (),
    ) -> None:
        self.client = client
        self.errors: list[RedisError] = []
        self.stopping = False
        self._unsafe = frozenset(unsafe)
        self.workers = [
            Worker(self, number, [area[number * len(area) // TASKS] for area in areas])
            for number in range(TASKS)
        ]

    def surely_now(self, slot: int, write: Write) -> bool:
        """True if a reader has to see the writes acknowledged before."""
        return slot not in self._unsafe

    def blame(self, error: RedisError) -> None:
        """Keep the errors that a caller saw."""
        if isinstance(error, PartialFailureError):
            for part in error.failed:
                assert isinstance(part.reply, RedisError)
                self.blame(part.reply)
        else:
            self.errors.append(error)

    @property
    def kinds(self) -> Counter[str]:
        """How many errors of each kind were seen."""
        return Counter(type(error).__name__ for error in self.errors)

    async def goes_on(self, rounds: int = 1) -> None:
        """Return once each task has done everything that often again."""
        goals = [worker.rounds + rounds for worker in self.workers]
        with anyio.fail_after(PATIENCE):
            while any(
                worker.rounds < goal for worker, goal in zip(self.workers, goals, strict=True)
            ):
                await anyio.sleep(0.002)

    async def check(self, surely: Surely = lambda _slot, _write: True) -> None:
        """Compare the records with the data of the servers."""
        books = [books for worker in self.workers for books in worker.books]
        async with self.client.pipeline() as pipe:
            found: list[tuple[Books, list[Any]]] = [
                (
                    each,
                    [
                        *(pipe.get(book.key) for book in (*each.counters, *each.values)),
                        *(pipe.lrange(book.key, 0, -1) for book in each.lists),
                    ],
                )
                for each in books
            ]
        for each, results in found:
            values = [result.value for result in results]
            for book, count in zip(each.counters, values[:2], strict=True):
                book.check_count(count, surely)
            for book, value in zip(each.values, values[2:6], strict=True):
                book.check_value(value, surely)
            for book, items in zip(each.lists, values[6:], strict=True):
                book.check_items(items, surely)
            assert values[1] == str(len(values[7])), each.tx_counter.key
            assert values[3] == values[4], each.left.key


@asynccontextmanager
async def load_on(
    client: RedisCluster[str], areas: Sequence[Sequence[int]], unsafe: Sequence[int] = ()
) -> AsyncGenerator[Load]:
    """A load that runs during the block; each task completes its last operation."""
    load = Load(client, areas, unsafe)
    async with anyio.create_task_group() as tasks:
        for worker in load.workers:
            tasks.start_soon(worker.run)
        try:
            yield load
        finally:
            load.stopping = True
