"""The scenarios: an operation of a client, and the number of tasks that repeat it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.cluster_contestants import CLUSTER_CONTESTANTS
from benchmarks.contestants import (
    CONTESTANTS,
    FLOORS,
    PATIENT_CONTESTANTS,
    Contestant,
    Ops,
)
from benchmarks.keys import (
    LARGE,
    LARGE_KEY,
    LIST,
    LIST_KEY,
    SMALL,
    SMALL_KEY,
    key_in_each_slot,
)
from benchmarks.places import Place
from benchmarks.stream_consumers import CONSUMERS, ENTRIES, consumed
from benchmarks.subscribers import (
    CHANNELS,
    MESSAGES,
    fan_out,
    many_channels,
    one_subscriber,
    ready_messages,
    received,
    subscribers,
    subscribing,
)

Operation = Callable[[], Awaitable[Any]]

BATCH = 1000
MANY = 100


@dataclass(frozen=True)
class Scenario:
    """*tasks* tasks repeat `operation(client)`, which is *commands* commands and gives *reply*.

    One with *most_rounds* is so long that each round is one operation.
    """

    name: str
    title: str
    tasks: int
    operation: Callable[[Ops], Operation]
    right: Callable[[Any], bool]
    commands: int = 1
    pool: int | None = None
    place: Place = Place.SERVER
    own_contestants: tuple[Contestant, ...] = ()
    most_rounds: int | None = None

    @property
    def contestants(self) -> tuple[Contestant, ...]:
        """The contestants for this scenario."""
        usual = CLUSTER_CONTESTANTS if self.place is Place.CLUSTER else CONTESTANTS
        return self.own_contestants or usual

    def takes(self, contestant: Contestant, backend: str) -> bool:
        """True if *contestant* supports this scenario."""
        if backend not in contestant.backends or (self.pool and not contestant.pools):
            return False
        if self.operation is run_scripts and contestant.name == "glide":
            return False  # its pipelines load no scripts
        if contestant.name not in FLOORS:
            return True
        if self.operation is run_pipeline:
            return self.place is Place.SERVER and contestant.name == "corked"
        if self.operation is get_many:
            return False
        return self.commands == 1 and (backend != "trio" or self.tasks == 1)


def get_small(ops: Ops) -> Operation:
    """GET of 32 bytes."""
    return functools.partial(ops.get, SMALL_KEY)


def get_large(ops: Ops) -> Operation:
    """GET of 1 MiB."""
    return functools.partial(ops.get, LARGE_KEY)


def read_list(ops: Ops) -> Operation:
    """LRANGE of a whole list."""
    assert ops.lrange is not None
    return functools.partial(ops.lrange, LIST_KEY, 0, -1)


def run_pipeline(ops: Ops) -> Operation:
    """A pipeline of SET and GET in turns."""
    assert ops.pipeline is not None
    return functools.partial(ops.pipeline, BATCH)


def run_scripts(ops: Ops) -> Operation:
    """A pipeline of calls of one script."""
    assert ops.scripts is not None
    return functools.partial(ops.scripts, MANY)


def get_anywhere(ops: Ops) -> Operation:
    """GET of 32 bytes from one slot after another, in random order."""
    keys = itertools.cycle(key_in_each_slot())
    return lambda: ops.get(next(keys))


def get_many(ops: Ops) -> Operation:
    """MGET of keys that are in as many slots."""
    assert ops.mget is not None
    mget = ops.mget
    keys = itertools.cycle(key_in_each_slot())
    return lambda: mget(list(itertools.islice(keys, MANY)))


def run_pipeline_of(commands: int) -> Callable[[Ops], Operation]:
    """A pipeline of that many commands, SET and GET in turns."""

    def operation(ops: Ops) -> Operation:
        assert ops.pipeline is not None
        return functools.partial(ops.pipeline, commands)

    return operation


def run_own(ops: Ops) -> Operation:
    """The operation that the scenario's own contestants have prepared."""
    assert ops.run is not None
    return ops.run


def is_small(reply: Any) -> bool:
    """True if it is the reply of GET."""
    return bool(reply == SMALL)


def is_large(reply: Any) -> bool:
    """True if it is the reply of GET."""
    return bool(reply == LARGE)


def is_list(reply: Any) -> bool:
    """True if it is the reply of LRANGE."""
    return bool(reply == LIST)


def is_batch(reply: Any) -> bool:
    """True if it is the result of the pipeline."""
    return len(reply) == BATCH and has_values(reply)


def has_values(reply: Any) -> bool:
    """True if it is the result of a pipeline, whatever its length."""
    return len(reply) > 0 and all(each == b"value" for each in reply[1::2])


def are_counted(reply: Any) -> bool:
    """True if it is the result of the pipeline of scripts."""
    return list(reply) == [b"counted"] * MANY


def are_small(reply: Any) -> bool:
    """True if it is the reply of MGET."""
    return list(reply) == [SMALL] * MANY


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
    Scenario(
        "scripts",
        "pipelines of 100 calls of one script, for each call",
        1,
        run_scripts,
        are_counted,
        commands=MANY,
    ),
    Scenario("lrange", "1 task, LRANGE of 1,000 items", 1, read_list, is_list),
    Scenario("large", "1 task, GET of 1 MiB", 1, get_large, is_large),
    Scenario(
        "cluster-get64",
        "cluster of 3 primaries: 64 tasks, GET of 32 bytes from all slots",
        64,
        get_anywhere,
        is_small,
        place=Place.CLUSTER,
    ),
    Scenario(
        "cluster-get1",
        "cluster of 3 primaries: 1 task, GET of 32 bytes from all slots",
        1,
        get_anywhere,
        is_small,
        place=Place.CLUSTER,
    ),
    Scenario(
        "cluster-pipeline",
        "cluster of 3 primaries: pipelines of 1,000 SET/GET to all nodes, for each command",
        1,
        run_pipeline,
        is_batch,
        commands=BATCH,
        place=Place.CLUSTER,
    ),
    Scenario(
        "cluster-mget",
        "cluster of 3 primaries: 1 task, MGET of 100 keys in 100 slots",
        1,
        get_many,
        are_small,
        place=Place.CLUSTER,
    ),
    Scenario(
        "messages",
        "1 subscriber, messages of 100 bytes, RESP3, for each message",
        1,
        run_own,
        received,
        commands=MESSAGES,
        own_contestants=subscribers(one_subscriber),
    ),
    Scenario(
        "messages-resp2",
        "1 subscriber, messages of 100 bytes, RESP2 (coredis has RESP3 only), for each message",
        1,
        run_own,
        received,
        commands=MESSAGES,
        own_contestants=subscribers(one_subscriber, protocol=2),
    ),
    Scenario(
        "messages-ready",
        "1 subscriber, 20,000 messages that are published already, RESP3, for each message",
        1,
        run_own,
        received,
        commands=MESSAGES,
        own_contestants=subscribers(ready_messages),
    ),
    Scenario(
        "messages-ready-resp2",
        "the same in RESP2 (coredis has RESP3 only), for each message",
        1,
        run_own,
        received,
        commands=MESSAGES,
        own_contestants=subscribers(ready_messages, protocol=2),
    ),
    Scenario(
        "subscribe",
        "1 subscriber subscribes to 10,000 channels and unsubscribes, for each channel",
        1,
        run_own,
        received,
        commands=CHANNELS,
        own_contestants=subscribers(subscribing),
    ),
    Scenario(
        "channels",
        "1 subscriber of 10,000 channels gets a message from each, for each message",
        1,
        run_own,
        received,
        commands=CHANNELS,
        own_contestants=subscribers(many_channels),
    ),
    Scenario(
        "fan-out",
        "100 subscribers of one channel in one client, for each message to each of them",
        1,
        run_own,
        received,
        commands=MESSAGES,
        own_contestants=subscribers(fan_out),
    ),
    Scenario(
        "consumer",
        "a consumer in a group takes and acknowledges 100,000 stream entries, for each entry",
        1,
        run_own,
        consumed,
        commands=ENTRIES,
        own_contestants=CONSUMERS,
        most_rounds=3,
    ),
)

TASKS = (1, 4, 16, 64, 256, 1_000, 10_000)
PIPELINES = (2, 10, 100, 1_000, 10_000, 100_000, 1_000_000)

GROWTH = (
    *(
        Scenario(
            f"tasks-{tasks}",
            f"{tasks:,} tasks, GET of 32 bytes",
            tasks,
            get_small,
            is_small,
            own_contestants=PATIENT_CONTESTANTS,
        )
        for tasks in TASKS
    ),
    *(
        Scenario(
            f"pipeline-{commands}",
            f"pipelines of {commands:,} SET/GET, for each command",
            1,
            run_pipeline_of(commands),
            has_values,
            commands=commands,
            most_rounds=None if commands <= BATCH else 3 if commands < 1_000_000 else 1,
        )
        for commands in PIPELINES
    ),
)
"""From few to many: measured on demand, for the charts."""

ALL = (*SCENARIOS, *GROWTH)
