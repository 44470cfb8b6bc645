"""The nodes of a cluster as clients of their own, and one call on each of them at the same time.

Law: the clients of nodes follow no redirects.  A call on each node gives a value for each, or an
error that names all that failed; a mistake of the caller leaves as itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import anyio

from anyredis.client.node_client import NodeClient
from anyredis.client.observed import event_of, told
from anyredis.client.server_cursor import ServerCursor, Submit
from anyredis.cluster.executor import ClusterExecutor
from anyredis.cluster.node_client import ClusterNodeClient
from anyredis.cluster.nodes.seeds import NodeName, node_address
from anyredis.cluster.routing.aggregate import NodeReply, failure
from anyredis.cluster.routing.fan_out import run_parts
from anyredis.cluster.routing.routes import AllNodes, key_bytes
from anyredis.command import Command
from anyredis.commands.cursors import CursorPage, CursorPlan
from anyredis.exceptions import DataError, DataTypeError, DataValueError, RedisError
from anyredis.excerpt import excerpt
from anyredis.facts.lookup import facts_of
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.replies import S
from anyredis.unfit_calls import coroutine_method
from anyredis.wire.encode import Key
from anyredis.wire.slots import slot_of

T = TypeVar("T")

WhichNodes: TypeAlias = Literal["all", "primaries", "replicas"]
"""A choice of nodes; `"all"` are primaries and replicas."""

_EACH: Final = b"on_each_node"
"""What stands in the error of `on_each_node` in place of a command's name."""


class NodeAccess(ClusterExecutor[S], Generic[S]):
    """The nodes of a cluster, one by one and all of them."""

    def node(self, address: NodeName) -> NodeClient[S]:
        """All commands on the node at *address*, which need not be in the slot map.

        Its commands are not redirected: a key that the node does not serve raises `MovedError`.
        """
        return self._node_client(self._pool.temporary_endpoint(node_address(address)))

    def nodes(self) -> list[NodeClient[S]]:
        """All nodes, each primary followed by its replicas; each has an `address`."""
        self._pool.require_open()
        return [self._node_client(endpoint) for endpoint in self._pool.members()]

    def primaries(self) -> list[NodeClient[S]]:
        """The nodes that serve slots."""
        self._pool.require_open()
        return [self._node_client(endpoint) for endpoint in self._pool.primaries()]

    def replicas(self) -> list[NodeClient[S]]:
        """The nodes that copy a primary."""
        self._pool.require_open()
        primaries = set(self._pool.primaries())
        return [self._node_client(each) for each in self._pool.members() if each not in primaries]

    def node_for(self, key: Key) -> NodeClient[S]:
        """The primary that serves *key* now; raises `DataValueError` if none is known."""
        self._pool.require_open()
        slot = self.slot_of(key)
        endpoint = self._pool.endpoint_for_slot(slot, reads=False)
        if endpoint is None:
            raise DataValueError(f"no node of the cluster is known to serve slot {slot}")
        return self._node_client(endpoint)

    def slot_of(self, key: Key) -> int:
        """The hash slot of *key*, 0 to 16383."""
        return slot_of(key_bytes(key, self._encoding))

    def _node_client(self, endpoint: ClusterEndpoint) -> NodeClient[S]:
        return ClusterNodeClient(self._pool, endpoint, self.read, self.retry)

    def open_cursor(self, plan: CursorPlan[T]) -> ServerCursor[T]:
        """The rows of a cursor, all from the node that made it, for an `async with` block."""

        async def first(command: Command[CursorPage[T]]) -> tuple[CursorPage[T], Submit]:
            page, endpoint = await self.submit_found(command, self.slot_of(plan.key))
            return page, self._node_client(endpoint).submit

        return ServerCursor(plan, first, self._pool.scope)

    # -- one call on each node ------------------------------------------------------------------

    @coroutine_method
    async def on_each_node(
        self, func: Callable[[NodeClient[S]], Awaitable[T]], nodes: WhichNodes = "all"
    ) -> dict[str, T]:
        """What *func*, awaited with the client of a node, gives for each of the *nodes*, by address.

            sizes = await client.on_each_node(lambda node: node.memory_usage("k"), "primaries")

        *func* is an async function, or a method such as `NodeClient.bgsave`; it runs for all nodes
        at the same time.  What it sends takes its own leases: a strict pool needs one for each node.

        If it raises a `RedisError` for a node, it runs to its end for the others, and then
        `PartialFailureError` is raised: its `failed` and `succeeded` have the address and the error
        or value of each node.  Any other exception, and `DataError`, which is a mistake in the call,
        leaves as itself, after the others are cancelled.
        """
        chosen = self._chosen(nodes)
        if not callable(func):
            raise DataTypeError(
                f"on_each_node: func is {excerpt(func, 80)}: give an async function that takes the "
                "client of a node"
            )
        return await _run_on_each(func, chosen)

    def _chosen(self, nodes: WhichNodes) -> list[NodeClient[S]]:
        choices = {"all": self.nodes, "primaries": self.primaries, "replicas": self.replicas}
        if not isinstance(nodes, str) or nodes not in choices:
            raise DataValueError(
                f"on_each_node: nodes is {excerpt(nodes, 80)}: give {', '.join(map(repr, choices))}"
            )
        return choices[nodes]()

    async def submit_to_all(self, command: Command[T]) -> dict[str, T]:
        """The parsed reply of each node, replicas too, to *command*, by address.

        Raises `PartialFailureError` if a node fails, and `MaxConnectionsError`, before anything is
        sent, if a strict pool does not have a lease for each node.
        """
        run = self._run_on_all(command)
        observer = self._pool.observer
        return await (run if observer is None else told(observer, event_of(command), run))

    async def _run_on_all(self, command: Command[T]) -> dict[str, T]:
        await self._wait_for_slot_map()
        parts = self._parts(command, AllNodes(replicas=True))
        await run_parts(self._pool, self.retry, parts)
        answers = [NodeReply(part.address, command.args, part.reply) for part in parts]
        if any(isinstance(answer.reply, RedisError) for answer in answers):
            raise failure(facts_of(command.args).name, answers)
        return {answer.address: command.parsed(answer.reply) for answer in answers}


async def _run_on_each(
    func: Callable[[NodeClient[S]], Awaitable[T]], nodes: list[NodeClient[S]]
) -> dict[str, T]:
    """What *func* gives for each of the *nodes*, which it is called with at the same time."""
    values: dict[str, T] = {}
    errors: dict[str, RedisError] = {}
    mistakes: list[Exception] = []

    async def run(node: NodeClient[S]) -> None:
        try:
            values[node.address] = await func(node)
        except Exception as error:  # noqa: BLE001 - raised below, without a group around it
            if isinstance(error, RedisError) and not isinstance(error, DataError):
                errors[node.address] = error
            else:
                mistakes.append(error)
                tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for node in nodes:
            tasks.start_soon(run, node)
    if mistakes:
        raise mistakes[0]
    if errors:
        results: dict[str, Any] = {**values, **errors}
        raise failure(
            _EACH, [NodeReply(node.address, (_EACH,), results[node.address]) for node in nodes]
        )
    return {node.address: values[node.address] for node in nodes}
