"""Commands and pipelines that a cluster client sends the short way, compared with the plain way.

`ANYREDIS_FUZZ_SEED` repeats a run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import anyio
import pytest

from anyredis import (
    Backoff,
    BlockingClusterConnectionPool,
    RedisCluster,
    RedisError,
    Retry,
    TCPAddress,
)
from anyredis.cluster import executor
from anyredis.cluster.nodes import topology
from anyredis.cluster.routing import redirect_policy
from anyredis.cluster.routing.fan_out import CommandPart
from anyredis.cluster.routing.routes import (
    AnyNode,
    ToSlot,
    route,
    slot_of_key,
    slots_of_ordinary,
)
from anyredis.command import Command, raw_command
from anyredis.exceptions import CrossSlotError, DataError, from_server
from anyredis.facts.lookup import ORDINARY, facts_of
from anyredis.facts.policies import BY_SLOT
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.testing import Answer, FakeCluster, FakePeer, Words, run_then_reset
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value, encoder
from anyredis.wire.slots import slot_of
from tests.cluster.commands import COMMANDS, call

Row: TypeAlias = tuple[Value, ...]
"""The arguments of a command, its name first."""

# -- the route of one command -------------------------------------------------------------------

ATOMS: list[Value] = [
    *("a", "{a}1", "{a}2", "x{a}", "b", "{b}", "{}", "{}a", "{", "a{b", "}{", "é", "{é}x", ""),
    *(b"a", b"{a}3", b"{b}{a}", b"\xff\x00", bytearray(b"{a}4"), memoryview(b"a")),
    *(0, 1, 2, 3, -1, 1.5, 10**30, "1", "2"),
    *(b"STREAMS", b"STORE", b"KEYS", b"BLOCK", "NX", b"LIMIT", b"ENCODING", b"MEMORY"),
    "\ud800",
]
"""Keys in the same slot and in others, numbers, and words that commands look for."""


def some_calls(dice: random.Random, name: str, cases: int) -> list[Row]:
    """Calls of *name*: one that is complete, and others with too few, too many and odd arguments."""
    complete: Row = call(name)
    head: Row = tuple(name.encode().split())
    found: list[Row] = [complete]
    for _ in range(cases):
        if dice.random() < 0.5:
            words: list[Value] = [*complete]
            for place in range(len(head), len(words)):
                if dice.random() < 0.5:
                    words[place] = dice.choice(ATOMS)
            found.append(tuple(words))
        else:
            found.append((*head, *dice.choices(ATOMS, k=dice.randrange(7))))
    return found


def outcome(work: Callable[[], object]) -> Any:
    """What *work* gives, or the type of the error that refuses it."""
    try:
        return work()
    except (DataError, CrossSlotError) as error:
        return type(error)


def made(args: Row) -> Command[Reply]:
    """The command of these arguments, whatever they are."""

    def same(reply: Reply) -> Reply:
        return reply

    return Command(args, same)


def test_the_slot_of_a_key(dice: random.Random, cases: int) -> None:
    """It is that of the bytes which are sent, by the specification's own words on hash tags."""
    for _ in range(10 * cases):
        key = "".join(dice.choices("{}ab é", k=dice.randrange(9)))
        for encoding in ("utf-8", "latin-1", "utf-16", "cp500"):
            sent = encoder(encoding)((key,)).split(b"\r\n", 2)[2].removesuffix(b"\r\n")
            wanted = slot_of(sent)
            assert slot_of_key(key, encoding) == slot_of_key(sent, encoding) == wanted, (key, sent)
            for each in (key, sent):
                assert slots_of_ordinary([raw_command(b"GET", each)], encoding) == [wanted]
                assert slots_of_ordinary([raw_command(b"DEL", each)], encoding) == [wanted]


def test_the_slots_of_all_commands(dice: random.Random, cases: int) -> None:
    """`slots_of_ordinary` gives what `route` gives, or leaves it to `route`."""
    short: set[str] = set()
    for name in COMMANDS:
        for args in some_calls(dice, name, cases // 10):
            plain = outcome(partial(route, args))
            found = outcome(partial(slots_of_ordinary, [made(args)], "utf-8"))
            if isinstance(found, list):
                assert isinstance(plain, (ToSlot, AnyNode)), args
                assert found == [plain.slot], args
                if isinstance(plain, ToSlot):
                    assert plain.reads is facts_of(args).read_only, args
                short.add(name)
            elif found is not None:
                assert found is plain, args
            elif isinstance(plain, ToSlot) and args[0] in ORDINARY:
                assert facts_of(args).name in BY_SLOT | {b"CLUSTERSCAN"}, args
    assert len(short) > 300


async def test_the_endpoints_of_all_commands(
    dice: random.Random, cases: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`submit` passes a command to a node of its slot, to a replica only if it reads."""
    asked: list[ClusterEndpoint] = []

    async def run(endpoint: ClusterEndpoint, _command: object, _slow_path: object) -> None:
        asked.append(endpoint)

    cluster = FakeCluster(3, 1)
    taken: dict[bool, int] = {}
    for readonly in (False, True):
        async with cluster.client(readonly=readonly) as client:
            with monkeypatch.context() as patch:
                patch.setattr(ClusterEndpoint, "run", run)
                taken[readonly] = 0
                for name in COMMANDS:
                    for args in some_calls(dice, name, cases // 50):
                        asked.clear()
                        awaitable = outcome(partial(client.submit, made(args)))
                        if isinstance(awaitable, type):
                            assert outcome(partial(route, args)) is awaitable, args
                        elif awaitable.cr_code is not run.__code__:
                            awaitable.close()
                        else:
                            await awaitable
                            assert asked[0].address in nodes_for(cluster, args, readonly), args
                            taken[readonly] += 1
    assert min(taken.values()) > 300


def nodes_for(cluster: FakeCluster, args: Row, readonly: bool) -> set[TCPAddress]:
    """The addresses of the nodes to which *args* may go."""
    way = route(args)
    assert isinstance(way, (ToSlot, AnyNode))
    assert way.slot is not None
    primary = cluster.node_of(way.slot)
    if not (readonly and isinstance(way, ToSlot) and way.reads):
        return {primary.address}
    return {node.address for node in cluster.nodes if node.primary is primary}


# -- pipelines ----------------------------------------------------------------------------------

KEYS = ["foo", "{foo}1", "{foo}2", "bar", "{bar}1", "c", "{c}1", "hello", "k1", "k2", "k3"]

Commands: TypeAlias = Sequence[Command[Any]]

Fault: TypeAlias = Callable[[FakeCluster, random.Random], None]


def some_rows(dice: random.Random) -> list[Row]:
    """Up to 30 commands; each RPUSH has a value of its own, so that the lists show the order."""
    one_slot = dice.random() < 0.4
    keys = [key for key in KEYS if "foo" in key] if one_slot else KEYS

    def row(number: int) -> Row:
        key, tag = dice.choice(keys), dice.choice(["{bar}", "{c}"])  # slots that are on one node
        return dice.choice(
            [
                (b"RPUSH", f"{key}:list", number),
                (b"RPUSH", f"{key}:list", number),
                (b"SET", key, number),
                (b"GET", key),
                (b"INCRBY", f"{key}:list", 1),  # a wrong type, once there is a list
                (b"LRANGE", f"{key}:list", 0, -1),
                (b"DEL", key),
                (b"EXISTS", key) if one_slot else (b"MGET", f"{tag}1", f"{tag}2"),
                (b"DUMP", key),
            ]
        )

    return [row(number) for number in range(dice.randrange(1, 30))]


def moved(cluster: FakeCluster, dice: random.Random) -> None:
    """Slots have another node than the client believes."""
    for key in dice.sample(KEYS, 2):
        cluster.move(slot_of(key.encode()), dice.choice(cluster.nodes))


def migrating(cluster: FakeCluster, dice: random.Random) -> None:
    """A slot is on its way, and some of its keys are on the other node."""
    slot = cluster.slot_of("foo")
    owner = cluster.node_of(slot)
    cluster.start_migration(slot, next(node for node in cluster.nodes if node is not owner))
    for key in ("foo", "{foo}1", "{foo}2"):
        if dice.random() < 0.5:
            cluster.migrate_key(key)


def refusing(cluster: FakeCluster, dice: random.Random) -> None:
    """A node refuses a few commands for now."""
    text = dice.choice(["TRYAGAIN later", "CLUSTERDOWN soon up", "LOADING soon", "READONLY soon"])
    name = dice.choice(["RPUSH", "GET", "SET"])
    dice.choice(cluster.nodes).server.on(name, from_server(text), times=dice.randrange(1, 4))


def broken(cluster: FakeCluster, dice: random.Random) -> None:
    """A node runs a command and then loses its connection."""
    dice.choice(cluster.nodes).server.on(dice.choice(["SET", "GET"]), run_then_reset, times=1)


def spoiled(cluster: FakeCluster, _dice: random.Random) -> None:
    """A node gives text that cannot be decoded."""
    cluster.nodes[2].server.on("GET", b"\xff\xfe", times=3)


def moving_meanwhile(cluster: FakeCluster, dice: random.Random) -> None:
    """A slot moves while its node runs the pipeline."""
    slot = cluster.slot_of("foo")
    to = dice.choice(cluster.nodes)

    def move(peer: FakePeer, words: Words) -> Answer:
        cluster.move(slot, to)
        return peer.run(words)

    cluster.node_of(slot).server.on("RPUSH", move, times=1)


def whole(_cluster: FakeCluster, _dice: random.Random) -> None:
    """Nothing is wrong."""


RETRY = Retry(attempts=50, backoff=Backoff(0, 0), deadline=None)
"""Bounded by attempts: the clock would make the two ways differ."""

FAULTS: list[Fault] = [whole, moved, migrating, refusing, broken, spoiled, moving_meanwhile]


async def run_one(seed: str, options: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The values of the pipeline of *seed*, and the data of each node afterwards."""
    dice = random.Random(seed)
    cluster = FakeCluster(3)
    pool = cluster.pool(**options)
    decodes = pool.decodes is not None
    client = RedisCluster(connection_pool=pool, decode_responses=decodes, retry=RETRY)
    async with client:
        for number, key in enumerate(KEYS):
            await client.set(key, number)
        rows = some_rows(dice)
        for fault in dice.sample(FAULTS, dice.randrange(1, 3)):
            fault(cluster, dice)
        pipe = client.pipeline(raise_on_error=False)
        for row in rows:
            pipe.execute_command(*row)
        values = await pipe.execute()
        assert (pool.leased, pool.connecting, pool.free) == (0, 0, pool.capacity)
    data = [sorted(map(repr, node.database.items())) for node in cluster.nodes]
    return [told(value) for value in values], data


def told(value: object) -> str:
    """A value, or an error with all that its caller sees."""
    if isinstance(value, RedisError):
        return f"{type(value).__name__}: {value} {getattr(value, 'outcome', None)}"
    return repr(value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"decode_responses": True},
        {"max_connections": 3},
        {"pool_class": BlockingClusterConnectionPool, "max_connections": 1},
    ],
    ids=["default", "text", "strict", "waiting"],
)
async def test_pipelines_with_faults(
    dice: random.Random, cases: int, options: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They give the same values and errors, and leave the same data, in the same order."""
    monkeypatch.setattr(redirect_policy, "REFUSAL_BACKOFF", Backoff(0, 0))
    monkeypatch.setattr(redirect_policy, "PATIENCE", 60.0)
    monkeypatch.setattr(topology, "PAUSE", 0)
    ways: list[bool] = []

    def noted(commands: Commands, encoding: str) -> list[int] | None:
        found = slots_of_ordinary(commands, encoding)
        ways.append(found is not None)
        return found

    def never(_commands: Commands, _encoding: str) -> None:
        return None

    for _ in range(max(cases // 20, 1)):
        seed = str(dice.random())
        with anyio.fail_after(20):
            monkeypatch.setattr(executor, "slots_of_ordinary", noted)
            short = await run_one(seed, options)
            monkeypatch.setattr(executor, "slots_of_ordinary", never)
            plain = await run_one(seed, options)
        assert short == plain, seed
    assert any(ways)


async def test_a_client_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes no part for a command, unless that has several."""
    made: list[CommandPart] = []
    make = CommandPart.__init__

    def note(part: CommandPart, *arguments: Any, **named: Any) -> None:
        made.append(part)
        make(part, *arguments, **named)

    monkeypatch.setattr(CommandPart, "__init__", note)
    async with FakeCluster(3).client() as client:
        async with client.pipeline() as pipe:
            for key in KEYS:
                pipe.set(key, "v")
                pipe.delete(key)
        assert made == []
        async with client.pipeline() as pipe:
            pipe.mget("foo", "bar")
        assert len(made) == 2
