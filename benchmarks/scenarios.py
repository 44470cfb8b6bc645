"""What clients are asked to do, and how many of their tasks at once."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyredis
from benchmarks.contestants import FLOORS, Contestant, Ops

Operation = Callable[[], Awaitable[Any]]

SMALL_KEY, SMALL = "bench:small", b"x" * 32
LARGE_KEY, LARGE = "bench:large", b"x" * 1024 * 1024
LIST_KEY, LIST = "bench:list", [b"item:%011d" % index for index in range(1000)]
BATCH = 1000


@dataclass(frozen=True)
class Scenario:
    """*tasks* tasks repeat `operation(client)`, which is *commands* commands and gives *reply*."""

    name: str
    title: str
    tasks: int
    operation: Callable[[Ops], Operation]
    right: Callable[[Any], bool]
    commands: int = 1
    pool: int | None = None

    def takes(self, contestant: Contestant, backend: str) -> bool:
        """Whether *contestant* can do this there."""
        if backend not in contestant.backends or (self.pool and not contestant.pools):
            return False
        if contestant.name not in FLOORS:
            return True
        return self.commands == 1 and (backend != "trio" or self.tasks == 1)


def get_small(ops: Ops) -> Operation:
    """GET of 32 bytes."""
    return functools.partial(ops.get, SMALL_KEY)


def get_large(ops: Ops) -> Operation:
    """GET of 1 MiB."""
    return functools.partial(ops.get, LARGE_KEY)


def read_list(ops: Ops) -> Operation:
    """LRANGE of a whole list."""
    return functools.partial(ops.lrange, LIST_KEY, 0, -1)


def run_pipeline(ops: Ops) -> Operation:
    """A pipeline of SET and GET in turns."""
    assert ops.pipeline is not None
    return functools.partial(ops.pipeline, BATCH)


def is_small(reply: Any) -> bool:
    """Whether it is what GET gives."""
    return bool(reply == SMALL)


def is_large(reply: Any) -> bool:
    """Whether it is what GET gives."""
    return bool(reply == LARGE)


def is_list(reply: Any) -> bool:
    """Whether it is what LRANGE gives."""
    return bool(reply == LIST)


def is_batch(reply: Any) -> bool:
    """Whether it is what the pipeline gives."""
    return len(reply) == BATCH and all(each == b"value" for each in reply[1::2])


SCENARIOS = (
    Scenario("get64", "64 tasks, GET of 32 bytes", 64, get_small, is_small),
    Scenario("get1", "1 task, GET of 32 bytes", 1, get_small, is_small),
    Scenario("pool", "10 tasks on a blocking pool of 2, GET", 10, get_small, is_small, pool=2),
    Scenario(
        "pipeline",
        "pipelines of 1,000 SET/GET, for each command",
        1,
        run_pipeline,
        is_batch,
        commands=BATCH,
    ),
    Scenario("lrange", "1 task, LRANGE of 1,000 items", 1, read_list, is_list),
    Scenario("large", "1 task, GET of 1 MiB", 1, get_large, is_large),
)


async def prepare(port: int) -> None:
    """Give the server what the scenarios read."""
    async with anyredis.Redis("127.0.0.1", port) as client:
        await client.set(SMALL_KEY, SMALL)
        await client.set(LARGE_KEY, LARGE)
        await client.delete(LIST_KEY)
        await client.rpush(LIST_KEY, *LIST)
