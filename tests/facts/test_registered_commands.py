"""Tests of `anyredis.facts.lookup`: commands that users register."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from anyredis import ConnectionError, DataError, DataValueError
from anyredis.cluster.routing.routes import AllNodes, AnyNode, ToSlot, route
from anyredis.facts import lookup
from anyredis.facts.lookup import Facts, facts_of, register_command
from anyredis.facts.policies import RequestPolicy, ResponsePolicy
from anyredis.testing import FakeCluster, FakeServer, run_then_reset
from anyredis.wire.encode import Value
from anyredis.wire.slots import slot_of


@pytest.fixture(autouse=True)
def registrations_of_one_test() -> Iterator[None]:
    """A registration lasts for its test only; those of other files stay."""
    before = set(lookup._registered)
    yield
    for name in lookup._registered.keys() - before:
        del lookup._known[name]
        del lookup._registered[name]
        lookup.ORDINARY.discard(name)


KEYS: list[tuple[dict[str, Any], tuple[Value, ...], Sequence[int]]] = [
    ({}, ("a", "b"), []),
    ({"first_key": 1}, ("a", "b"), [1]),
    ({"first_key": 2}, ("a", "b", "c"), [2]),
    ({"first_key": 1, "last_key": 2}, ("a", "b", "c"), [1, 2]),
    ({"first_key": 1, "last_key": -1}, ("a", "b", "c"), [1, 2, 3]),
    ({"first_key": 1, "last_key": -2}, ("a", "b", "c"), [1, 2]),
    ({"first_key": 1, "last_key": -1, "key_step": 2}, ("a", 1, "b", 2), [1, 3]),
    ({"first_key": 1, "last_key": -3, "key_step": 2}, ("a", 1, "b", 2, "nx"), [1, 3]),
]


@pytest.mark.parametrize(("numbers", "rest", "keys"), KEYS, ids=str)
def test_the_keys_of_a_registered_command(
    numbers: dict[str, Any], rest: tuple[Value, ...], keys: Sequence[int]
) -> None:
    """Keys are at the positions given by the numbers of COMMAND INFO."""
    register_command("my.cmd", **numbers)
    args = (b"MY.CMD", *rest)
    assert list(facts_of(args).key_positions(args) or ()) == keys


@pytest.mark.parametrize(
    ("numbers", "rest", "message"),
    [
        ({"first_key": 1}, (), "MY.CMD needs a key"),
        ({"first_key": 1, "last_key": 2}, ("a",), "MY.CMD needs 2 keys"),
        ({"first_key": 1, "last_key": -2}, ("a",), "MY.CMD needs a key"),
        ({"first_key": 2, "last_key": -1}, ("a",), "MY.CMD needs a key"),
    ],
)
def test_a_call_without_its_keys_is_refused(
    numbers: dict[str, Any], rest: tuple[Value, ...], message: str
) -> None:
    """A registered command is not sent without the keys that it needs."""
    register_command("MY.CMD", **numbers)
    with pytest.raises(DataValueError, match=f"^{re.escape(message)}$"):
        route((b"MY.CMD", *rest))


def test_a_registered_command_has_its_route() -> None:
    """It goes to the slot of its keys, to any node, to several, or has to be called on a node."""
    register_command("MY.GET", first_key=1, read_only=True)
    register_command("MY.SET", first_key=1)
    register_command("MY.INFO", read_only=True)
    register_command("MY.RELOAD")
    register_command("MY.COUNT", request_policy="all_shards", response_policy="agg_sum")
    register_command("MY.FLUSH", request_policy="all_nodes")
    assert route((b"MY.GET", "k")) == ToSlot(slot_of(b"k"), reads=True)
    assert route((b"MY.SET", "k", 1)) == ToSlot(slot_of(b"k"), reads=False)
    assert route((b"MY.INFO",)) == AnyNode()
    assert route((b"MY.COUNT",)) == AllNodes(replicas=False)
    assert route((b"MY.FLUSH",)) == AllNodes(replicas=True)
    facts = facts_of((b"MY.COUNT",))
    assert (facts.request, facts.response) == (RequestPolicy.ALL_SHARDS, ResponsePolicy.AGG_SUM)
    with pytest.raises(DataValueError, match=r"MY\.RELOAD concerns one node"):
        route((b"MY.RELOAD",))


async def test_a_registered_command_in_a_cluster() -> None:
    """It is sent to the node of its key, or to every primary with that policy."""
    cluster = FakeCluster(3, 0)
    for node in cluster.nodes:
        node.server.on("MY.GET", node.port)
        node.server.on("MY.COUNT", 5)
    async with cluster.client() as client:
        with pytest.raises(DataValueError, match=r"MY\.GET is not known here"):
            await client.execute_command("MY.GET", "k")
        register_command("MY.GET", first_key=1, read_only=True)
        register_command("MY.COUNT", request_policy="all_shards", response_policy="agg_sum")
        assert await client.execute_command("MY.GET", "k") == cluster.node_of(b"k").port
        assert await client.execute_command("my.get", "a") == cluster.node_of(b"a").port
        assert await client.execute_command("MY.COUNT") == 15
        async with client.pipeline() as pipe:
            one, other = (pipe.execute_command("MY.GET", key) for key in "ka")
            total = pipe.execute_command("MY.COUNT")
        assert one.value == cluster.node_of(b"k").port
        assert other.value == cluster.node_of(b"a").port
        assert total.value == 15


@pytest.mark.parametrize(("reads", "tries"), [(True, 2), (False, 1)])
async def test_a_registered_command_that_only_reads_is_sent_again(reads: bool, tries: int) -> None:
    """G11: a command registered as reading is repeated if its reply was lost; no other is."""
    register_command("MY.CMD", first_key=1, read_only=reads)
    server = FakeServer()
    server.on("MY.CMD", b"x")
    server.on("MY.CMD", run_then_reset, times=1)
    async with server.client() as client:
        if reads:
            assert await client.execute_command("MY.CMD", "k") == b"x"
        else:
            with pytest.raises(ConnectionError):
                await client.execute_command("MY.CMD", "k")
    assert [words[0] for words in server.received].count(b"MY.CMD") == tries


async def test_a_registered_command_that_blocks_has_an_exclusive_connection() -> None:
    """It delays no other command, ends at its timeout, and is refused in a pipeline."""
    register_command("MY.POP", first_key=1, timeout_position=-1)
    facts, args = facts_of((b"MY.POP", "k", 3)), (b"MY.POP", "k", 3)
    assert facts.blocks(args)
    assert facts.blocking_seconds(args) == 3.0
    assert facts.blocking_seconds((b"MY.POP", "k", 0)) is None
    server = FakeServer()
    server.on("MY.POP", b"x")
    async with server.client() as client:
        await client.ping()
        assert await client.execute_command("MY.POP", "k", 3) == b"x"
        assert "exclusive=0 idle=1" in repr(client.connection_pool)
        with pytest.raises(DataValueError, match=r"MY\.POP blocks"):
            client.pipeline().execute_command("MY.POP", "k", 3)


@pytest.mark.parametrize("name", ["GET", "get", b"BLPOP", "CLIENT", "HELLO", "MIGRATE", "XREAD"])
def test_names_of_the_servers_are_taken(name: str | bytes) -> None:
    """A command of a table cannot be registered: wrong facts would misroute it."""
    with pytest.raises(DataValueError, match="is a command of the servers"):
        register_command(name, first_key=1)


@pytest.mark.parametrize("name", ["", " ", "MY CMD", "MY.CMD\n", "MY.ÄÖ", 5, None])
def test_invalid_names(name: Any) -> None:
    """A name is one word of printable ASCII."""
    with pytest.raises(DataError, match="a command's name has to be"):
        register_command(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first_key": -1}, "first_key has to be 0"),
        ({"first_key": "1"}, "first_key has to be an int"),
        ({"first_key": True}, "first_key has to be an int"),
        ({"first_key": 2, "last_key": 1}, "last_key has to be first_key or more"),
        ({"last_key": 1}, "last_key needs first_key"),
        ({"numkeys": 0}, "numkeys is the position"),
        ({"numkeys": 1, "first_key": 1}, "numkeys is the position"),
        ({"first_key": 1, "key_step": 0}, "key_step has to be 1"),
        ({"timeout_position": 0}, "timeout_position 0 is the name"),
        ({"timeout_position": 1.5}, "timeout_position has to be an int"),
        ({"first_key": 1, "request_policy": "all_nodes"}, "request_policy or first_key, not both"),
        (
            {"request_policy": "multi_shard"},
            "request_policy has to be one of all_nodes, all_shards",
        ),
        ({"request_policy": "all_nodes", "response_policy": "special"}, "one of all_succeeded"),
        ({"response_policy": "agg_sum"}, "response_policy needs request_policy"),
    ],
)
def test_invalid_facts(arguments: dict[str, Any], message: str) -> None:
    """They are refused with the argument named, and nothing is registered."""
    with pytest.raises(DataError, match=message):
        register_command("MY.CMD", **arguments)
    assert facts_of((b"MY.CMD",)) == Facts(b"MY.CMD")


@pytest.mark.parametrize(
    ("numkeys", "rest", "keys"),
    [(1, (2, "k", "l", "v"), [2, 3]), (2, ("o", 0, "v"), [])],
)
def test_keys_that_an_argument_counts(
    numkeys: int, rest: tuple[Value, ...], keys: Sequence[int]
) -> None:
    """The argument at *numkeys* is the number of keys after it."""
    register_command("MY.CMD", numkeys=numkeys)
    args = (b"MY.CMD", *rest)
    assert list(facts_of(args).key_positions(args) or ()) == keys


def test_registering_twice() -> None:
    """Registering the same facts again does nothing; others are refused, and the first stay."""
    register_command("MY.CMD", first_key=1)
    register_command(b"my.cmd", first_key=1, last_key=1)
    with pytest.raises(DataValueError, match=r"MY\.CMD is registered already"):
        register_command("MY.CMD", first_key=2)
    assert facts_of((b"MY.CMD", "a", "b")).key_positions((b"MY.CMD", "a", "b")) == range(1, 2)
