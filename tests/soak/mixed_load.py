"""Tasks that do a bit of everything through a bad network, and check every answer.

Law: an answer is the asker's own, or an error of a lost connection.  Each counter is at least the
number of acknowledged increments and at most that plus the unknown ones.  Beside them,
`message_load.py` has subscribers and a consumer.  In the end every lease is free, and the memory in
use is what it was.
"""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel

from anyredis import (
    BlockingConnectionPool,
    ConnectionError,
    Outcome,
    Redis,
    RedisError,
    TimeoutError,
)
from anyredis.server import Server
from tests.soak.bad_network import BadNetwork, bad_network
from tests.soak.message_load import MessageLoad

TASKS = 24
ROUNDS = 5
MESSAGE_LEASES = 4
"""Leases for the subscribers and the consumer."""

HONEST = (ConnectionError, TimeoutError)
"""The errors that a bad network may cause."""

GROWTH = 2 * 2**20
"""Bytes by which the memory in use may differ between two rounds of the same load."""

BIG = 200_000


class Worker:
    """One task of the load, with keys of its own."""

    def __init__(self, client: Redis[str], number: int, dice: random.Random, name: str) -> None:
        self._client = client
        self._dice = dice
        self._name = f"{name}:{number}"
        self._tokens = 0
        self._last_popped = 0
        self._late = set[int]()
        """Numbers that were pushed with an unknown outcome, and not popped."""
        self.done: Counter[str] = Counter()
        """Completed operations, errors and cancellations, by name."""
        self.acknowledged: Counter[str] = Counter()
        """Increments by key."""
        self.unknown: Counter[str] = Counter()
        """Increments by key that may have run."""
        self._operations: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self.echo, self.count, self.store, self.send_pipeline),
            *(self.send_transaction, self.use_session, self.queue, self.echo_much),
        )

    async def run(self, until: float) -> None:
        """Do one operation after the other, some of them cancelled, until the time *until*."""
        while anyio.current_time() < until:
            operation = self._dice.choice(self._operations)
            patience = self._dice.random() * 0.01 if self._dice.random() < 0.15 else 60.0
            with anyio.move_on_after(patience) as scope:
                try:
                    await operation()
                    self.done[operation.__name__] += 1
                except HONEST as error:
                    self.done[type(error).__name__] += 1
            if scope.cancelled_caught:
                assert patience < 1, f"{operation.__name__} was stuck"
                self.done["cancelled"] += 1
            await anyio.lowlevel.checkpoint()

    def _token(self) -> str:
        self._tokens += 1
        return f"{self._name}:{self._tokens}"

    async def _increment(self, keys: list[str], action: Callable[[], Awaitable[Any]]) -> Any:
        """The result of *action*, which increments each of *keys*; its fate is recorded."""
        fate = self.unknown
        try:
            result = await action()
            fate = self.acknowledged
        except HONEST as error:
            if error.outcome is Outcome.NOT_SENT:
                fate = Counter[str]()
            raise
        finally:
            fate.update(keys)
        return result

    async def echo(self) -> None:
        """G1: the answer is this task's own."""
        token = self._token()
        assert await self._client.echo(token) == token

    async def echo_much(self) -> None:
        """The same for an answer of several receives."""
        token = self._token().ljust(BIG, "x")
        assert await self._client.echo(token) == token

    async def count(self) -> None:
        """G11: an increment is acknowledged once, or of unknown outcome, or was not run."""
        key = f"{self._name}:count"
        value = await self._increment([key], lambda: self._client.incr(key))
        self._check(key, value)

    def _check(self, key: str, value: int) -> None:
        low, unknown = self.acknowledged[key], self.unknown[key]
        assert low <= value <= low + unknown, (key, low, value, unknown)

    async def store(self) -> None:
        """A value that was acknowledged is read back."""
        key, token = f"{self._name}:value", self._token()
        await self._client.set(key, token)
        assert await self._client.get(key) == token

    async def send_pipeline(self) -> None:
        """Each command of a pipeline has its own answer."""
        key = f"{self._name}:piped"
        pipe = self._client.pipeline(transaction=False)
        tokens = [self._token() for _ in range(20)]
        echoed = [pipe.echo(token) for token in tokens]
        pipe.incr(key)
        values = await self._increment([key], pipe.execute)
        assert [each.value for each in echoed] == tokens
        self._check(key, values[-1])

    async def send_transaction(self) -> None:
        """Both increments run, or neither."""
        keys = [f"{self._name}:left", f"{self._name}:right"]
        pipe = self._client.pipeline()
        left, right = pipe.incr(keys[0]), pipe.incr(keys[1])
        await self._increment(keys, pipe.execute)
        assert left.value == right.value

    async def use_session(self) -> None:
        """G9: what a session changes on its connection stays there."""
        async with self._client.session() as session:
            token = self._token()
            await session.select(1)
            await session.set(f"{self._name}:elsewhere", token)
            assert await session.get(f"{self._name}:elsewhere") == token

    async def queue(self) -> None:
        """G4: items come in order and at most once; a cancelled BLPOP may lose one.

        One whose push was of unknown outcome may come late: its bytes may have been on their way
        while those of a later push, on another connection, arrived.
        """
        key = f"{self._name}:queue"
        self._tokens += 1
        number = self._tokens
        self._late.add(number)
        await self._client.rpush(key, number)
        self._late.discard(number)
        popped = await self._client.blpop(key, timeout=1)
        if popped is not None:
            number = int(popped[1])
            assert number in self._late or self._last_popped < number <= self._tokens
            self._late.discard(number)
            self._last_popped = max(number, self._last_popped)


@dataclass
class Report:
    """The counts of one run."""

    operations: Counter[str] = field(default_factory=Counter[str])
    fates: Counter[str] = field(default_factory=Counter[str])
    memory: list[int] = field(default_factory=list[int])
    """Bytes in use after each round, with all tasks done."""
    acknowledged: int = 0
    unknown: int = 0

    def __str__(self) -> str:
        operations = ", ".join(f"{name} {count}" for name, count in sorted(self.operations.items()))
        fates = ", ".join(f"{count} of {name}" for name, count in sorted(self.fates.items()))
        kilobytes = ", ".join(str(each // 1024) for each in self.memory)
        return (
            f"{operations}\nincrements: {self.acknowledged} acknowledged, {self.unknown} unknown"
            f"\ndraws: {fates}\nKiB in use after each round: {kilobytes}"
        )


async def soak(server: Server, *, seconds: float, seed: int, flat: bool = True) -> Report:
    """Run the load against *server*, through a bad network.

    Raises `AssertionError` for any broken promise; *flat*: growing memory counts as one.
    """
    dice = random.Random(seed)
    report = Report()
    tracemalloc.start()
    try:
        async with (
            bad_network(server.port, dice) as (network, own_port),
            Redis(
                port=own_port,
                decode_responses=True,
                connection_pool_cls=BlockingConnectionPool,
                max_connections=TASKS // 2 + MESSAGE_LEASES,
                stream_timeout=0.5,
                connect_timeout=1,
            ) as client,
        ):
            name = f"soak:{seed}:{dice.randrange(2**32)}"
            workers = [
                Worker(client, number, random.Random(dice.random()), name)
                for number in range(TASKS)
            ]
            messages = MessageLoad(client, server, random.Random(dice.random()))
            for _ in range(ROUNDS):
                until = anyio.current_time() + seconds / ROUNDS
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(messages.run, until)
                    for worker in workers:
                        tasks.start_soon(worker.run, until)
                report.memory.append(await _memory_at_rest(client))
            report.operations += messages.done
            await _settle(client, network, workers, report)
    finally:
        tracemalloc.stop()
    if flat:
        first, *_, last = report.memory[1:]
        assert last - first < GROWTH, report.memory
    return report


async def _memory_at_rest(client: Redis[str]) -> int:
    """The bytes in use; asserts that no lease is lost (G5)."""
    pool = client.connection_pool
    assert (pool.leased, pool.connecting) == (0, 0), repr(pool)
    assert pool.free == pool.capacity, repr(pool)
    await anyio.sleep(1)  # replies to tombstones arrive, or their connection is overdue
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def _settle(
    client: Redis[str], network: BadNetwork, workers: list[Worker], report: Report
) -> None:
    """Compare the counters with the records, over a calm network."""
    network.calm = True
    client.connection_pool.replace_connections("the network is calm now")
    for worker in workers:
        report.operations += worker.done
        for key in worker.acknowledged | worker.unknown:
            low, unknown = worker.acknowledged[key], worker.unknown[key]
            try:
                value = int(await client.get(key) or 0)
            except RedisError as error:
                raise AssertionError(f"the calm network failed: {error}") from error
            assert low <= value <= low + unknown, (key, low, value, unknown)
            report.acknowledged += low
            report.unknown += unknown
    report.fates = network.fates
