"""All keys of a cluster, page by page, through failovers and while slots move.

Law: a slot counts as done after one complete pass over a node that, by its own report, served the
slot before and after the pass, and to which no connection was lost: a cursor is invalid on another
server, and on the same server after a restart.  If the slot was moving to another node when the
pass ended, that node needs a pass too; if the move was called off, the same node needs another
pass.  So a key that exists the whole time comes at least once.  One exception: the slot starts to
move and moves back within the same pass, which no report shows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, NamedTuple

import anyio

from anyredis.address import TCPAddress
from anyredis.address_remap import AddressRemap, reachable
from anyredis.client.scans import ScanIterator
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.nodes.slot_map import redirect_address
from anyredis.cluster.routing.redirect_policy import NextAttempt
from anyredis.cluster.routing.redirects import wait
from anyredis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    ConnectionError,
    MaxConnectionsError,
    PoolTimeoutError,
    PrimaryDownError,
    RedisError,
    TimeoutError,
)
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.lease import Lease
from anyredis.replies import S, unexpected, word
from anyredis.wire.decode import Reply
from anyredis.wire.slots import SLOTS

PATIENCE = 30.0
"""Seconds without a page after which the error of a node is raised: a failover takes less."""

PAUSE = 0.1
"""Seconds before a node that failed is tried again."""

TRANSIENT = (ConnectionError, TimeoutError, ClusterDownError, PrimaryDownError)
"""Errors after which the scan goes on, at another node or later at the same one."""

FINAL = (MaxConnectionsError, PoolTimeoutError, AuthenticationError)
"""Subclasses of these that are raised at once: waiting does not help."""


class SlotOwnership(NamedTuple):
    """The slots of a node, by its own report."""

    served: frozenset[int]
    moving: dict[int, TCPAddress]
    """The slots that are moving to another node, each with that node."""


class Pass:
    """One pass over all keys of one node; *ownership* is the node's report before the pass."""

    def __init__(self, endpoint: ClusterEndpoint, ownership: SlotOwnership, losses: int) -> None:
        self.endpoint = endpoint
        self.ownership = ownership
        self.losses = losses
        self.cursor = 0

    @property
    def broken(self) -> bool:
        """Whether the cursor may be invalid."""
        return self.losses != self.endpoint.server.losses or not self.endpoint.server.open


class ClusterKeys(ScanIterator[S], Generic[S]):
    """All keys of the cluster of *pool*; *page* asks one node for the keys after a cursor."""

    def __init__(
        self,
        pool: ClusterConnectionPool,
        page: Callable[[ClusterEndpoint, int], Awaitable[tuple[int, list[S]]]],
    ) -> None:
        self._pool = pool
        self._page = page
        self._items: Iterator[S] = iter(())
        self._todo = set(range(SLOTS))
        self._owed: dict[TCPAddress, set[int]] = {}
        """The slots that were moving to each node: their keys may be there."""
        self._pass: Pass | None = None
        self._ended = False
        """Whether the pass is complete and its slots are not checked yet."""
        self._stuck_since: float | None = None
        self._asked: TCPAddress | None = None
        """The node of the latest pass."""
        self._failed: set[TCPAddress] = set()
        """Nodes that failed since the last page: other nodes are tried first."""

    async def __anext__(self) -> S:
        """The next key."""
        while not self._closed:
            for item in self._items:
                return item
            if not self._todo and not self._owed:
                break
            try:
                await self._advance()
            except TRANSIENT as error:
                if isinstance(error, FINAL):
                    raise
                await self._recover(error)
        raise StopAsyncIteration

    async def _advance(self) -> None:
        """One page, or the beginning or the end of a pass."""
        if self._pass is None:
            self._pass = await self._begin()
        elif self._ended:
            await self._end(self._pass)
            self._pass, self._ended = None, False
        else:
            cursor, items = await self._page(self._pass.endpoint, self._pass.cursor)
            self._items = iter(items)
            self._failed.clear()
            self._stuck_since = None
            if self._pass.broken:
                self._pass = None
            else:
                self._pass.cursor, self._ended = cursor, not cursor

    async def _begin(self) -> Pass:
        """The next pass, over a node that serves slots that are not done."""
        if not self._pool.slot_map.shards:
            await self._wait_for_slot_map()
        wanted = self._todo_by_node()
        first = next((node for node in wanted if node not in self._failed), None)
        address = first or next(iter(wanted), None)
        if address is None:
            raise ClusterDownError(
                f"CLUSTERDOWN no node is known to serve slot {min(self._todo)}, whose keys are to "
                "be listed"
            )
        endpoint = self._pool.temporary_endpoint(address)
        losses = endpoint.server.losses
        self._asked = address
        ownership = await slot_ownership_of(endpoint, self._pool.address_remap)
        if address not in self._owed and not ownership.served & wanted[address]:
            raise ClusterDownError(
                f"CLUSTERDOWN {address} does not serve slot {min(wanted[address])}, whose keys are "
                "to be listed, though another node said so"
            )
        return Pass(endpoint, ownership, losses)

    def _todo_by_node(self) -> dict[TCPAddress, set[int]]:
        slots = {address: set(owed) for address, owed in self._owed.items()}
        for slot in sorted(self._todo):
            shard = self._pool.slot_map.by_slot[slot]
            if shard is not None:
                slots.setdefault(shard.primary, set()).add(slot)
        return slots

    async def _end(self, done: Pass) -> None:
        """Mark the slots that *done* covers as done."""
        before = done.ownership
        after = await slot_ownership_of(done.endpoint, self._pool.address_remap)
        if done.broken:
            return
        self._owed.pop(done.endpoint.address, None)
        for slot in self._todo & before.served & after.served:
            if slot in after.moving:
                self._owed.setdefault(after.moving[slot], set()).add(slot)
            elif slot in before.moving:
                continue  # its keys may have moved back, behind the cursor
            self._todo.remove(slot)

    async def _wait_for_slot_map(self) -> None:
        error = await self._pool.topology.wait_refreshed()
        if error is not None:
            raise error

    async def _recover(self, error: RedisError) -> None:
        """Wait for a refresh of the slot map; raises *error* after `PATIENCE` seconds without a page."""
        self._pool.require_open()
        if self._asked is not None:
            self._failed.add(self._asked)
            # The target of these slots may be gone: the slot map names their node from now on.
            self._todo |= self._owed.pop(self._asked, set())
        self._pass, self._ended = None, False
        now = anyio.current_time()
        if self._stuck_since is None:
            self._stuck_since = now
        if now - self._stuck_since > PATIENCE:
            self._stuck_since = None
            raise error
        await wait(self._pool, NextAttempt(PAUSE, refresh=True))


async def slot_ownership_of(
    endpoint: ClusterEndpoint, remap: AddressRemap | None = None
) -> SlotOwnership:
    """The slots of the node behind *endpoint*, by its own report, with addresses by *remap*."""
    async with Lease(endpoint) as lease:
        reply = await lease.attempt((b"CLUSTER", b"NODES"), binary=True)
    if isinstance(reply, RedisError):
        raise reply
    return parse_slot_ownership(reply, endpoint.address, remap)


def parse_slot_ownership(
    reply: Reply, asked: TCPAddress, remap: AddressRemap | None = None
) -> SlotOwnership:
    """The slots of the node at *asked*, from its reply to CLUSTER NODES.

    `0-99` and `100` are slots that it serves; `[100->-id]` is a slot that is moving to another
    node.  Raises `ProtocolError` for a reply of another shape.
    """
    lines = [line.split() for line in word(reply).splitlines()]
    nodes = {fields[0]: fields for fields in lines if len(fields) >= 8}
    own = next((each for each in nodes.values() if "myself" in each[2].split(",")), None)
    if own is None:
        unexpected(reply, "CLUSTER NODES")
    served: set[int] = set()
    moving: dict[int, TCPAddress] = {}
    try:
        by_name = _goes_by_name(own[1], asked, remap)
        for field in own[8:]:
            slot, arrow, target = field.strip("[]").partition("->-")
            if arrow and target in nodes:
                told = _address(nodes[target][1], asked, by_name=by_name)
                moving[int(slot)] = reachable(told, remap)
            elif not field.startswith("["):
                first, _, last = field.partition("-")
                begin, end = int(first), int(last or first)
                if not 0 <= begin <= end < SLOTS:
                    unexpected(field, "a range of slots")
                served.update(range(begin, end + 1))
    except ValueError:
        unexpected(reply, "CLUSTER NODES")
    return SlotOwnership(frozenset(served), moving)


def _goes_by_name(text: str, asked: TCPAddress, remap: AddressRemap | None) -> bool:
    """Whether the node at *asked* is known by the host name in `ip:port@bus,name,more`."""
    ip_and_port, *names = text.split(",")
    if not names or not names[0]:
        return False
    if remap is None:
        return names[0] == asked.host
    port = int(ip_and_port.partition("@")[0].rpartition(":")[2])
    return reachable(TCPAddress(names[0], port), remap) == asked


def _address(text: str, asked: TCPAddress, *, by_name: bool) -> TCPAddress:
    """The address in `ip:port@bus,name,more`; *by_name*: with its host name, if it has one."""
    ip_and_port, *names = text.split(",")
    address = redirect_address(ip_and_port.partition("@")[0], asked)
    return TCPAddress(names[0], address.port) if by_name and names and names[0] else address
