"""The cost of a cluster client's routing, with few nodes and with many more.

There are no sockets: the nodes are `anyredis.testing`'s, which answer at the moment at which they
are asked.  The client loads the slot map from them as from real ones.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anyredis
from anyredis.cluster.nodes.slot_map import SlotMap, parse_slots
from anyredis.command import Command, raw_command
from anyredis.testing import FakeCluster
from anyredis.wire.decode import Reply
from benchmarks.keys import SMALL, SMALL_KEY, key_in_each_slot
from benchmarks.load import measure
from benchmarks.results import Routing
from benchmarks.scenarios import Operation

FEW, MANY = 3, 1000
ROUTED = 4
"""The number of times that a round routes a command for each slot."""
GETS = 4000
"""The number in a round."""


@dataclass
class Subject:
    """A client of a cluster in memory, with a connection to each node."""

    client: anyredis.RedisCluster[bytes]
    reader: anyredis.RedisCluster[bytes]
    """A client of a cluster of the same size that reads from a replica of each node."""
    commands: Sequence[Command[Any]]
    reply: Reply
    get_few: Operation
    """GET from as many nodes as the smallest cluster has."""
    get: Operation
    costs: Routing

    async def go(self) -> None:
        """One round."""
        costs = self.costs
        costs.route.append(route(self.client, self.commands))
        costs.route_reads.append(route(self.reader, self.commands))
        costs.get_few.append((await measure(self.get_few, 1, GETS)).cpu)
        costs.get.append((await measure(self.get, 1, GETS)).cpu)
        costs.refresh.append(refresh(self.client, self.reply))


async def measure_routing(backend: str, rounds: int) -> list[Routing]:
    """The costs with few nodes and with many, in rounds of alternating order."""
    async with AsyncExitStack() as stack:
        subjects = [await open_subject(stack, backend, nodes) for nodes in (FEW, MANY)]
        for number in range(rounds):
            for subject in subjects if number % 2 == 0 else reversed(subjects):
                await subject.go()
    return [each.costs for each in subjects]


async def open_subject(stack: AsyncExitStack, backend: str, nodes: int) -> Subject:
    """A client of a new cluster, warmed up."""
    client = await stack.enter_async_context(FakeCluster(primaries=nodes).client())
    replicated = FakeCluster(primaries=nodes, replicas=1)
    reader = await stack.enter_async_context(replicated.client(readonly=True))
    keys = key_in_each_slot()
    async with client.pipeline() as pipe:
        for key in keys:
            pipe.set(key, SMALL)
    reply = await client.node_for(SMALL_KEY).execute_command("CLUSTER", "SLOTS")
    few = {node.address for node in client.primaries()[:FEW]}
    keys_of_few = [key for key in keys if client.node_for(key).address in few]
    return Subject(
        client=client,
        reader=reader,
        commands=[raw_command(b"GET", key) for key in keys] * ROUTED,
        reply=reply,
        get_few=get_each(client, keys_of_few),
        get=get_each(client, keys),
        costs=Routing(backend, nodes),
    )


def get_each(client: anyredis.RedisCluster[bytes], keys: Sequence[str]) -> Operation:
    """GET from one key after another."""
    turns = itertools.cycle(keys)
    return lambda: client.get(next(turns))


def route(client: anyredis.RedisCluster[bytes], commands: Sequence[Command[Any]]) -> float:
    """Microseconds until a command is routed.

    That is all that `submit` does, up to the coroutine
    that would send the command: it is made, and dropped.
    """
    submit = client.submit

    def all_of_them() -> None:
        for command in commands:
            submit(command).close()

    return microseconds(all_of_them) / len(commands)


def refresh(client: anyredis.RedisCluster[bytes], reply: Reply) -> float:
    """Microseconds to load a node's answer as the slot map."""
    pool = client.connection_pool

    def take_in() -> SlotMap:
        slot_map = parse_slots(reply, pool.seeds[0])
        pool.replace_slot_map(slot_map)
        return slot_map

    return microseconds(take_in)


def microseconds(work: Callable[[], object]) -> float:
    """This process's CPU for *work*."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e6
