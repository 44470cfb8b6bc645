"""One lookup gives all facts of a command, and users register their commands."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from anyredis import ConnectionError, DataError, DataValueError
from anyredis.cluster.routing.routes import AllNodes, AnyNode, ToSlot, route
from anyredis.facts import lookup
from anyredis.facts.key_positions import finder_of
from anyredis.facts.lookup import ORDINARY, Facts, facts_of, register_command
from anyredis.facts.policies import (
    ANY_NODE,
    AS_IN_CORE,
    OF_MODULES,
    REQUEST,
    RESPONSE,
    SUBSCRIPTION_REPORTS,
    RequestPolicy,
    ResponsePolicy,
)
from anyredis.facts.table import (
    BLOCKING,
    CHANGES_CONNECTION,
    CONTAINERS,
    FORBIDDEN,
    READ_ONLY,
)
from anyredis.testing import FakeCluster, FakeServer, run_then_reset
from anyredis.wire.encode import Value
from anyredis.wire.slots import slot_of

READS: list[tuple[tuple[Value, ...], bool]] = [
    ((b"GET", "k"), True),
    ((b"get", "k"), True),
    ((b"OBJECT", "freq", "k"), True),
    ((b"OBJECT", "forget", "k"), False),
    ((b"PING",), True),
    ((b"CONFIG", b"GET", b"*"), True),
    ((b"CONFIG", b"SET", b"a", b"b"), False),
    ((b"SORT", "k"), False),
    ((b"SORT_RO", "k"), True),
    ((b"XREAD", b"STREAMS", "k", "0"), True),
    ((b"XREADGROUP", b"GROUP", "g", "c", b"STREAMS", "k", ">"), False),
    ((b"INCRBY", "k", 1), False),
    ((b"MY.CMD",), False),
]


@pytest.mark.parametrize(("args", "reads"), READS)
def test_only_reads(args: tuple[Value, ...], reads: bool) -> None:
    """G11: only a command that is known to only read may be sent again by default."""
    assert facts_of(args).read_only is reads


BLOCKS: list[tuple[tuple[Value, ...], float | None]] = [
    ((b"BLPOP", "a", "b", 2), 2.0),
    ((b"BLPOP", "a", 0), None),
    ((b"blpop", "a", b"0.25"), 0.25),
    ((b"BRPOP", "a", 1.5), 1.5),
    ((b"BRPOPLPUSH", "a", "b", 3), 3.0),
    ((b"BLMOVE", "a", "b", b"LEFT", b"RIGHT", 4), 4.0),
    ((b"BLMOVEM", "a", "b", b"LEFT", b"RIGHT", 5, b"COUNT", 9, b"BULK"), 5.0),
    ((b"BLMPOP", 6, 1, "a", b"LEFT", b"COUNT", 9), 6.0),
    ((b"BZMPOP", 7, 1, "a", b"MIN"), 7.0),
    ((b"BZPOPMIN", "a", 8), 8.0),
    ((b"BZPOPMAX", "a", 9), 9.0),
    ((b"WAIT", 1, 1500), 1.5),
    ((b"WAIT", 1, 0), None),
    ((b"WAITAOF", 0, 1, 2500), 2.5),
    ((b"XREAD", b"COUNT", 1, b"BLOCK", 250, b"STREAMS", "k", "$"), 0.25),
    ((b"XREAD", b"block", 0, b"streams", "k", "$"), None),
    ((b"XREADGROUP", b"GROUP", "BLOCK", "BLOCK", b"BLOCK", 100, b"STREAMS", "k", ">"), 0.1),
    ((b"BLPOP", "a", "soon"), None),
    ((b"BLPOP", "a", -1), None),
    ((b"BLPOP", "a", "inf"), None),
    ((b"BLPOP",), None),
    ((b"WAIT", 1), None),
    ((b"SHUTDOWN",), None),
    ((b"shutdown", b"nosave", b"now"), None),
]


@pytest.mark.parametrize(("args", "seconds"), BLOCKS)
def test_blocking_seconds(args: tuple[Value, ...], seconds: float | None) -> None:
    """A blocking call has its time limit; a timeout that is not a number has none."""
    assert args[0] not in ORDINARY
    assert facts_of(args).blocking_seconds(args) == seconds
    assert len(args) < 3 or facts_of(args).blocks(args)


@pytest.mark.parametrize(
    "args",
    [
        (b"GET", "BLOCK"),
        (b"XREAD", b"STREAMS", "BLOCK", "0"),
        (b"XREAD", b"COUNT", 5, b"STREAMS", "k", "0"),
        (b"XREADGROUP", b"GROUP", "BLOCK", "BLOCK", b"NOACK", b"STREAMS", "BLOCK", ">"),
        (b"XREADGROUP",),
        (b"XREAD", b"BLOCK"),
        (b"CLIENT", b"PAUSE", 1000),
        (b"SHUTDOWN", b"abort"),
    ],
)
def test_calls_that_do_not_block(args: tuple[Value, ...]) -> None:
    """A stream is read without waiting unless BLOCK is an option, not a group or a key."""
    assert facts_of(args).blocks(args) is False
    assert facts_of(args).blocking_seconds(args) == 0.0


CHANGES: list[tuple[tuple[Value, ...], bool]] = [
    ((b"SELECT", 1), True),
    ((b"WATCH", "k"), True),
    ((b"CLIENT", b"SETNAME", "me"), True),
    ((b"client", "reply", "off"), True),
    ((b"CLIENT", b"LIST"), False),
    ((b"SCRIPT", b"DEBUG", b"YES"), True),
    ((b"SCRIPT", b"LOAD", b"return 1"), False),
    ((b"SUBSCRIBE", "c"), True),
    ((b"GET", "k"), False),
    ((b"MY.CMD",), False),
]


@pytest.mark.parametrize(("args", "changes"), CHANGES)
def test_changes_connection(args: tuple[Value, ...], changes: bool) -> None:
    """G9: a command that changes its connection is known, and its first word is special."""
    assert facts_of(args).changes_connection is changes
    assert not changes or args[0] not in ORDINARY


def test_forbidden_calls() -> None:
    """A call that cannot be sent on any connection has its reason; any other has none."""
    assert "subscription" in (facts_of((b"SUBSCRIBE", "c")).forbidden or "")
    assert "replies" in (facts_of(("client", "Reply", "OFF")).forbidden or "")
    assert facts_of((b"CLIENT", b"LIST")).forbidden is None
    assert facts_of((b"SELECT", 1)).forbidden is None


# -- the lookup ---------------------------------------------------------------------------------

EVERY_NAME = sorted(
    READ_ONLY | BLOCKING | CHANGES_CONNECTION | REQUEST.keys() | OF_MODULES.keys() | ANY_NODE
)


@pytest.mark.parametrize("name", EVERY_NAME, ids=bytes.decode)
def test_a_lookup_agrees_with_the_tables(name: bytes) -> None:
    """The facts of a command are those of all tables, before and after the first lookup."""
    for _ in range(2):
        facts = facts_of(tuple(name.split()))
        assert facts.name == name
        assert facts.read_only is (name in READ_ONLY)
        assert facts.changes_connection is (name in CHANGES_CONNECTION)
        assert facts.forbidden == FORBIDDEN.get(name)
        assert facts.container is (name in CONTAINERS)
        if name in SUBSCRIPTION_REPORTS:
            assert facts.request is RequestPolicy.ALL_NODES
            assert facts.response is SUBSCRIPTION_REPORTS[name]
        elif name in OF_MODULES:
            assert (facts.request, facts.response) == OF_MODULES[name]
            if name.startswith(b"TS."):
                assert facts.request is RequestPolicy.ALL_SHARDS
        else:
            alike = AS_IN_CORE.get(name, name)
            assert (facts.request, facts.response) == (REQUEST.get(alike), RESPONSE.get(alike))
        assert facts.any_node is (name in ANY_NODE)
        assert facts.find_keys is finder_of(name)


def test_the_facts_of_a_command_are_one_value() -> None:
    """They are made once, for any spelling of the name, and cannot be changed."""
    facts = facts_of((b"GETRANGE", "k", 0, 1))
    assert facts_of(("getrange", "other", 0, 1)) is facts
    assert facts_of((bytearray(b"GetRange"), "k", 0, 1)) is facts
    with pytest.raises(AttributeError):
        facts.read_only = False  # type: ignore[misc]


def test_a_container_has_separate_facts() -> None:
    """The facts of a container alone are not those of its subcommands."""
    assert facts_of((b"COMMAND",)).name == b"COMMAND"
    assert facts_of((b"COMMAND", b"DOCS")).name == b"COMMAND DOCS"
    assert facts_of((b"SCRIPT",)).changes_connection is False
    assert facts_of((b"SCRIPT", b"DEBUG", b"YES")).changes_connection is True
    assert facts_of((b"SCRIPT",)).changes_connection is False


def test_unknown_names_are_not_kept() -> None:
    """G13: any number of commands that no table has leave nothing behind."""
    facts_of((b"UNHEARD.OF",))
    before = len(lookup._known)
    for number in range(100):
        args: tuple[Value, ...] = (f"UNHEARD.OF{number}", "k")
        assert facts_of(args) == Facts(b"UNHEARD.OF%d" % number)
        assert facts_of(args).key_positions(args) is None
        facts_of((b"CLIENT", number))
    assert len(lookup._known) == before


@pytest.mark.parametrize("clustered", [False, True], ids=["server", "cluster"])
async def test_a_command_is_looked_up_once(clustered: bool) -> None:
    """The value is passed on; an ordinary command of one server needs no lookup."""
    fake = FakeCluster(3, 0) if clustered else FakeServer()
    for server in [node.server for node in fake.nodes] if isinstance(fake, FakeCluster) else [fake]:
        server.on("BLPOP", [b"l", b"x"])
    lookups: list[str] = []

    def note(frame: FrameType, event: str, _arg: object) -> None:
        caller = frame.f_back
        if event != "call" or frame.f_code is not facts_of.__code__ or caller is None:
            return
        if "testing" not in Path(caller.f_code.co_filename).parts:  # the fakes look up, too
            lookups.append(caller.f_code.co_name)

    async def counted(call: Callable[[], Awaitable[object]]) -> int:
        lookups.clear()
        sys.setprofile(note)
        try:
            await call()
        finally:
            sys.setprofile(None)
        return len(lookups)

    async with fake.client() as client:
        await client.get("k")
        pipe = client.pipeline(transaction=False)
        for _ in range(100):
            pipe.get("k")
        assert await counted(lambda: client.get("k")) == 0
        assert await counted(pipe.execute) == 0
        assert await counted(lambda: client.blpop("l", timeout=1)) == 1
        assert await counted(lambda: client.execute_command("blpop", "l", 1)) == 1
        assert await counted(lambda: client.exists("k")) == clustered
        assert await counted(lambda: client.mget("a", "b", "c")) == clustered
        assert await counted(client.ping) == clustered


@pytest.mark.parametrize(
    "args",
    [
        (b"CLIENT", b"REPLY\0", b"OFF"),
        (b"CLIENT", b" REPLY"),
        (b"CLIENT REPLY OFF",),
        (b"GET k",),
        (b"MONITOR\0",),
        (b"MY.CMD\n",),
        (b"\xff",),
        ("",),
    ],
)
def test_what_no_name_can_be(args: tuple[Value, ...]) -> None:
    """G9: a name with a space or a control character is refused: a server may read another one."""
    assert args[0] not in ORDINARY or args[0] == b"CLIENT"
    with pytest.raises(DataValueError, match="the name of a command or subcommand has a space"):
        facts_of(args)


def test_names_that_need_no_lookup() -> None:
    """A name that is ordinary in one spelling only is looked up in all others."""
    assert {b"GET", b"OBJECT", b"EVAL"} <= ORDINARY
    assert not {b"get", "GET", b"CLIENT", b"Client", b"MONITOR", b"MY.CMD"} & ORDINARY


# -- commands of users --------------------------------------------------------------------------


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
