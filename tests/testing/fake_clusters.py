"""Connections to the nodes of a fake cluster, and its slots as it tells them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio

from anyredis.testing import Answer, FakeCluster, FakeClusterConnection, FakeNode

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves; `bar` is the first's."""


@asynccontextmanager
async def connected(
    cluster: FakeCluster, node: FakeNode, **options: Any
) -> AsyncGenerator[FakeClusterConnection]:
    """A connection to *node* that serves."""
    connection = FakeClusterConnection(cluster=cluster, host=node.host, port=node.port, **options)
    await connection.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.serve)
        yield connection
        connection.close("the test is over")


async def reaches(cluster: FakeCluster, host: str, port: int) -> FakeNode:
    """The node where a connection to that address ends."""
    before = {node: node.server.accepted for node in cluster.nodes}
    connection = FakeClusterConnection(cluster=cluster, host=host, port=port)
    stream = await connection.open_stream()
    await stream.aclose()
    [node] = [node for node, count in before.items() if node.server.accepted > count]
    return node


def ranges(cluster: FakeCluster) -> list[tuple[Answer, Answer, list[Answer]]]:
    """The ranges in CLUSTER SLOTS: first slot, last slot, ports."""
    found: list[tuple[Answer, Answer, list[Answer]]] = []
    for item in cluster.slots():
        match item:
            case [first, last, *nodes]:
                ports = [node[1] for node in nodes if isinstance(node, list)]
                found.append((first, last, ports))
            case _:
                raise AssertionError(item)
    return found
