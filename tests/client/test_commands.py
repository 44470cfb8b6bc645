"""The common type for annotations: a helper of an application takes any client."""

from __future__ import annotations

import inspect
from typing import Any, assert_type

import pytest

from anyredis import (
    Commands,
    Executor,
    NodeClient,
    Pipeline,
    Redis,
    RedisCluster,
    Result,
    Session,
    Transaction,
)
from anyredis.client.scans import ScanIterator
from anyredis.testing import FakeCluster, FakeServer

ACCEPTED: list[type[Any]] = [Redis, RedisCluster, NodeClient, Session, Transaction]


async def text_of(client: Commands[str]) -> str | None:
    """Uses what every client has, typed as its text."""
    assert_type(await client.get("k"), str | None)
    assert_type(await client.hgetall("{k}h"), dict[str, str])
    assert_type(client.scan_iter(), ScanIterator[str])
    assert_type(await client.execute_command("PING"), Any)
    async with client.pipeline(transaction=False) as pipe:
        stored = assert_type(pipe.set("k", "v"), Result[bool])
    assert stored.value
    return await client.get("k")


async def bytes_of(client: Commands[bytes]) -> bytes | None:
    """The same for clients that do not decode."""
    assert_type(await client.mget("k"), list[bytes | None])
    assert_type(await client.blpop("{k}l", timeout=0.001), tuple[bytes, bytes] | None)
    return assert_type(await client.get("k"), bytes | None)


async def test_a_helper_takes_a_client_of_each_kind() -> None:
    """A client of a server, of a cluster and of a node, a session and a transaction."""
    server, cluster = FakeServer(), FakeCluster()
    async with server.client(decode_responses=True) as client:
        assert await text_of(client) == "v"
        async with client.session() as session:
            assert await text_of(session) == "v"
        async with client.watch("k") as tx:
            assert await text_of(tx) == "v"
    async with cluster.client(decode_responses=True) as clustered:
        assert await text_of(clustered) == "v"
        assert await text_of(clustered.node_for("k")) == "v"
    async with server.client() as raw, cluster.client() as clustered_raw:
        assert await bytes_of(raw) == b"v"
        assert await bytes_of(clustered_raw) == b"v"


def test_isinstance() -> None:
    """It is true for what awaits its commands, and false for a pipeline, which queues them."""
    assert [kind for kind in ACCEPTED if not issubclass(kind, Commands)] == []
    assert isinstance(Redis(), Commands)
    assert not isinstance(Redis().pipeline(), Commands)
    assert not issubclass(Pipeline, Commands)
    assert issubclass(Commands, Executor)
    with pytest.raises(TypeError):
        isinstance(Redis(), Commands[str])  # type: ignore[misc]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", ACCEPTED)
def test_each_class_has_methods_of_its_own_for_what_is_declared_there(kind: type[Any]) -> None:
    """No class inherits a method of `Commands` that only declares it."""
    declared = [name for name, each in vars(Commands).items() if inspect.isfunction(each)]
    assert {"execute_command", "pipeline"} <= set(declared)
    own = ("execute_command", "pipeline", "submit")
    assert [name for name in own if getattr(kind, name) is getattr(Commands, name)] == []
