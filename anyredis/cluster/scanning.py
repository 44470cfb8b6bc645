"""All keys of a cluster, page by page, through failovers and while slots move.

Law: a slot counts as done once one pass over a node has come to its end that served it from before
the pass began until after it ended, without losing a connection: a cursor means nothing to another
server, nor to the same one after a restart.  A slot that was being moved to another node meanwhile
needs a pass over that node too.  So a key that is there the whole time comes at least once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic

import anyio

from anyredis.address import TCPAddress
from anyredis.cluster.following import wait
from anyredis.cluster.pursuit import Step
from anyredis.exceptions import ClusterDownError, ConnectionError, RedisError, TimeoutError
from anyredis.pool.cluster import ClusterConnectionPool
from anyredis.pool.gate import ClusterGate
from anyredis.pool.layout import endpoint
from anyredis.pool.topology import errand
from anyredis.replies import S, word
from anyredis.wire.slots import SLOTS

PATIENCE = 30.0
"""Seconds without a page after which the error of a node is told: a failover takes less."""

PAUSE = 0.1
"""Seconds before a node that failed is tried again."""

PASSING = (ConnectionError, TimeoutError, ClusterDownError)
"""Failures that another node, or the same one later, will make good."""


@dataclass
class Pass:
    """One walk over all keys of one node, for the sake of *slots*."""

    gate: ClusterGate
    slots: set[int]
    losses: int
    cursor: int = 0

    @property
    def broken(self) -> bool:
        """Whether the cursor may mean nothing any more."""
        return self.losses != self.gate.node.losses or not self.gate.node.open


class KeysOfCluster(AsyncIterator[S], Generic[S]):
    """All keys of the cluster of *pool*; *page* asks one node for the keys after a cursor."""

    def __init__(
        self,
        pool: ClusterConnectionPool,
        page: Callable[[ClusterGate, int], Awaitable[tuple[int, list[S]]]],
    ) -> None:
        self._pool = pool
        self._page = page
        self._items: Iterator[S] = iter(())
        self._todo = set(range(SLOTS))
        self._owed: dict[TCPAddress, set[int]] = {}
        """Slots that were moving to a node, whose keys may be there."""
        self._pass: Pass | None = None
        self._ended = False
        """Whether the pass has come to its end, which remains to be looked at."""
        self._stuck_since: float | None = None
        self._failed: set[TCPAddress] = set()
        """Nodes that failed since the last page: others go first."""

    async def __anext__(self) -> S:
        """The next key."""
        while True:
            for item in self._items:
                return item
            if not self._todo and not self._owed:
                raise StopAsyncIteration
            try:
                await self._advance()
            except PASSING as error:
                await self._recover(error)

    async def _advance(self) -> None:
        """One page, or the beginning or the end of a pass."""
        if self._pass is None:
            self._pass = await self._begin()
        elif self._ended:
            await self._end(self._pass)
            self._pass, self._ended = None, False
        else:
            cursor, items = await self._page(self._pass.gate, self._pass.cursor)
            self._items = iter(items)
            self._failed.clear()
            self._stuck_since = None
            if self._pass.broken:
                self._pass = None
            else:
                self._pass.cursor, self._ended = cursor, not cursor

    async def _begin(self) -> Pass:
        """The next pass, over a node that serves what is to be done."""
        await self._know_layout()
        slots = self._todo_by_node()
        first = next((node for node in slots if node not in self._failed), None)
        address = first or next(iter(slots), None)
        if address is None:
            raise ClusterDownError(
                f"CLUSTERDOWN no node is known to serve slot {min(self._todo)}, whose keys are to "
                "be listed"
            )
        gate = self._pool.visit(address)
        return Pass(gate, slots[address], gate.node.losses)

    def _todo_by_node(self) -> dict[TCPAddress, set[int]]:
        slots = {address: set(owed) for address, owed in self._owed.items()}
        for slot in sorted(self._todo):
            shard = self._pool.layout.by_slot[slot]
            if shard is not None:
                slots.setdefault(shard.primary, set()).add(slot)
        return slots

    async def _end(self, done: Pass) -> None:
        """Strike off what the pass was good for."""
        address = done.gate.where
        moving = await slots_moving_from(done.gate)
        await self._know_layout()
        if done.broken:
            return
        self._owed.pop(address, None)
        for slot in done.slots & self._todo:
            shard = self._pool.layout.by_slot[slot]
            if shard is None or shard.primary != address:
                continue  # it has moved: a pass over its new node is to come
            self._todo.remove(slot)
            if slot in moving:
                self._owed.setdefault(moving[slot], set()).add(slot)

    async def _know_layout(self) -> None:
        error = await self._pool.topology.refreshed()
        if error is not None:
            raise error

    async def _recover(self, error: RedisError) -> None:
        """Wait for better times; raises *error* where none came for `PATIENCE` seconds."""
        self._pool.require_open()
        if self._pass is not None:
            self._failed.add(self._pass.gate.where)
        self._pass, self._ended = None, False
        now = anyio.current_time()
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since > PATIENCE:
            self._stuck_since = None
            raise error
        await wait(self._pool, Step(PAUSE, refresh=True))


async def slots_moving_from(gate: ClusterGate) -> dict[int, TCPAddress]:
    """The slots that a node is giving to others, and to whom: `[slot->-id]` in CLUSTER NODES."""
    lines = word(await errand(gate, (b"CLUSTER", b"NODES"))).splitlines()
    nodes = {fields[0]: fields for line in lines if len(fields := line.split()) >= 8}
    moving: dict[int, TCPAddress] = {}
    for fields in nodes.values():
        if "myself" not in fields[2].split(","):
            continue
        for field in fields[8:]:
            slot, arrow, target = field.strip("[]").partition("->-")
            if arrow and target in nodes:
                at = nodes[target][1].partition("@")[0]
                moving[int(slot)] = endpoint(at, gate.where)
    return moving
