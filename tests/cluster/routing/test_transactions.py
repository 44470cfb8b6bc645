"""Transactions in a cluster: on one slot, and sent again as a whole if redirected."""

from __future__ import annotations

import anyio
import pytest

from anyredis import (
    CrossSlotError,
    DataValueError,
    ExecAbortError,
    MovedError,
    Outcome,
    RedisCluster,
    Retry,
    TryAgainError,
    WatchError,
    WrongTypeError,
)
from anyredis.cluster.routing.transactions import (
    check_slot,
    refusal,
    refusal_of_reads,
    slot_of_all,
    slot_of_keys,
)
from anyredis.command import raw_command
from anyredis.exceptions import ConnectionError, from_server
from anyredis.testing import Answer, FakeCluster, FakeNode, FakePeer, Words, run_then_reset
from anyredis.wire.decode import Reply
from tests.blocked_tasks import all_tasks_blocked

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves."""


def names(node: FakeNode) -> list[bytes]:
    """The names of the commands that *node* got, handshake left out."""
    own = {b"HELLO", b"CLIENT", b"CLUSTER"}
    return [words[0] for words in node.server.received if words[0] not in own]


async def transact(client: RedisCluster[str]) -> tuple[bool, str | None]:
    """A transaction of two commands on the slot of `foo`."""
    async with client.pipeline(transaction=True) as pipe:
        stored, got = pipe.set("foo", "v"), pipe.get("{foo}2")
    return stored.value, got.value


async def test_it_is_one_piece() -> None:
    """MULTI and EXEC around it, on the node of its slot."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        assert await transact(client) == (True, None)
        assert names(cluster.nodes[2]) == [b"MULTI", b"SET", b"GET", b"EXEC"]


async def test_several_slots_are_refused() -> None:
    """Before anything is sent; the error names the command that leaves the slot."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        for keys, wanted in (
            (
                ("foo", "bar"),
                r"SET \(command 2 of 2\) leaves it. Give the keys the same \{hash tag\}",
            ),
            (("bar", "{bar}1", "foo"), r"SET \(command 3 of 3\)"),
        ):
            pipe = client.pipeline(transaction=True)
            for key in keys:
                pipe.set(key, "v")
            with pytest.raises(CrossSlotError, match=wanted):
                await pipe.execute()
        pipe = client.pipeline(transaction=True)
        pipe.mget("foo", "bar")
        with pytest.raises(CrossSlotError, match=r"MGET \(command 1 of 1\) leaves it"):
            await pipe.execute()
        pipe.set("foo", "v")
        pipe.dbsize()
        with pytest.raises(
            CrossSlotError, match=r"DBSIZE \(command 2 of 2\) goes to several nodes"
        ):
            await pipe.execute()
        pipe.execute_command("MY.CMD", "foo")
        with pytest.raises(DataValueError, match="not known here"):
            await pipe.execute()
        assert all(names(node) == [] for node in cluster.nodes)


def test_the_slot_of_all() -> None:
    """None if no command has keys; commands with and without keys may be mixed."""
    publish, one, two = (
        raw_command("PUBLISH", "c", "m"),
        raw_command("GET", "foo"),
        raw_command("SET", "{foo}1", "v"),
    )
    assert slot_of_all([publish, publish], "utf-8") is None
    assert slot_of_all([publish, one, two, publish], "utf-8") == FOO
    assert slot_of_all([], "utf-8") is None


ABORT = from_server("EXECABORT Transaction discarded because of previous errors.")


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        ([b"OK", b"QUEUED", [b"v"]], None),
        ([b"OK", b"QUEUED", None], None),
        ([b"OK", from_server("ERR no"), ABORT], None),
        ([b"OK", from_server("MOVED 1 h:1"), ABORT], "MOVED 1 h:1"),
        ([b"OK", b"QUEUED", from_server("MOVED 1 h:1")], "MOVED 1 h:1"),
        ([b"OK", b"QUEUED", from_server("ASK 1 h:1"), ABORT], "ASK 1 h:1"),
        ([b"OK", b"QUEUED", from_server("TRYAGAIN x")], "TRYAGAIN x"),
        ([b"OK", from_server("CLUSTERDOWN x"), ABORT], "CLUSTERDOWN x"),
        ([b"OK", from_server("NOREPLICAS x"), ABORT], "NOREPLICAS x"),
        ([b"OK", b"QUEUED", from_server("LOADING x")], None),
        ([b"OK", b"QUEUED", from_server("READONLY x")], None),
        ([b"OK", from_server("LOADING x"), from_server("ERR EXEC without MULTI")], None),
        ([b"OK", from_server("LOADING x"), ABORT], "LOADING x"),
        ([b"OK", b"QUEUED", from_server("WRONGTYPE x")], None),
        ([b"OK", b"QUEUED", [from_server("MOVED 1 h:1")]], None),
    ],
)
def test_the_error_of_a_refused_transaction(replies: list[Reply], told: str | None) -> None:
    """A redirect or refusal of one of its commands, or of EXEC; None if EXEC ran."""
    found = refusal(replies)
    assert (None if found is None else str(found)) == told


async def test_moved_while_it_is_queued() -> None:
    """The whole transaction goes to the present node of its slot."""
    cluster = FakeCluster()
    first = cluster.nodes[0]
    async with cluster.client(decode_responses=True) as client:
        cluster.move(FOO, first)
        assert await transact(client) == (True, None)
        assert names(first) == [b"MULTI", b"SET", b"GET", b"EXEC"]
        assert not cluster.nodes[2].server.peers[0].state.queue
        assert await client.get("foo") == "v"


async def test_moved_between_two_of_its_commands_and_at_exec() -> None:
    """Nothing of it has run on the old node, all of it does on the new one, once."""
    for moving in ("GET", "EXEC"):
        cluster = FakeCluster()
        first, _, last = cluster.nodes

        def move(peer: FakePeer, words: Words, cluster: FakeCluster = cluster) -> Answer:
            cluster.move(FOO, cluster.nodes[0])
            return peer.run(words)

        last.server.on(moving, move, times=1)
        async with cluster.client(decode_responses=True) as client:
            assert await transact(client) == (True, None)
            assert (last.server.memory.ran[b"SET"], first.server.memory.ran[b"SET"]) == (0, 1)
            assert cluster.nodes[2].database == {}


async def test_ask() -> None:
    """ASKING goes before MULTI, and holds for all of it; no other command is in between."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        cluster.start_migration(FOO, first)

        async def transact_on_one_key() -> None:
            async with client.pipeline(transaction=True) as pipe:
                pipe.set("foo", "v")
                pipe.get("foo")

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(client.get, "bar")
                tasks.start_soon(transact_on_one_key)
        for peer in first.server.peers:
            got = [words[0] for words in peer.received]
            for at, name in enumerate(got):
                if name == b"ASKING":
                    assert got[at : at + 5] == [b"ASKING", b"MULTI", b"SET", b"GET", b"EXEC"]
        assert first.database[b"foo"] == b"v"
        assert last.server.memory.ran[b"SET"] == 0


async def test_tryagain() -> None:
    """It is tried again until its keys are on one side, or for as long as is reasonable."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        await client.mset({"{foo}1": "1", "{foo}2": "2"})
        cluster.start_migration(FOO, first)
        cluster.migrate_key("{foo}1")

        def finish(peer: FakePeer, words: Words) -> Answer:
            answer = peer.run(words)
            cluster.finish_migration(FOO)
            return answer

        last.server.on("MGET", finish, times=1)
        async with client.pipeline(transaction=True) as pipe:
            both = pipe.mget("{foo}1", "{foo}2")
        assert both.value == ["1", "2"]


async def test_tryagain_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised, and nothing has run."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.05)
    cluster = FakeCluster()
    cluster.nodes[2].server.on("GET", from_server("TRYAGAIN x"))
    async with cluster.client(decode_responses=True, retry=Retry(deadline=0.05)) as client:
        cluster.nodes[2].server.on("EXEC", from_server("TRYAGAIN x"))
        with anyio.fail_after(5), pytest.raises(TryAgainError):
            await transact(client)
        assert cluster.nodes[2].database == {}


async def test_what_the_server_does_not_accept() -> None:
    """A command that is refused for good aborts all, and is the error."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        pipe = client.pipeline(transaction=True)
        before = pipe.set("foo", "v")
        pipe.execute_command("GEOADD", "foo")
        with pytest.raises(Exception, match=r"unknown command.*command 2 of 2"):
            await pipe.execute()
        assert isinstance(before.error, ExecAbortError)
        assert cluster.nodes[2].database == {}
        await client.rpush("foo", "x")
        pipe.get("foo")
        good = pipe.set("{foo}1", "v")
        with pytest.raises(WrongTypeError):
            await pipe.execute()
        assert good.value is True


async def test_a_lost_reply() -> None:
    """It may have run: it is not sent again, unless it only reads."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        last = cluster.nodes[2].server
        last.on("EXEC", run_then_reset, times=1)
        with pytest.raises(ConnectionError) as caught:
            await transact(client)
        assert caught.value.outcome is Outcome.UNKNOWN
        assert last.memory.ran[b"SET"] == 1
        last.on("EXEC", run_then_reset, times=1)
        async with client.pipeline(transaction=True) as pipe:
            got = pipe.get("foo")
        assert got.value == "v"
        pool = client.connection_pool
        assert (pool.free, pool.leased) == (pool.capacity, 0)


async def test_without_keys_it_goes_anywhere() -> None:
    """To one primary."""
    cluster = FakeCluster()
    for node in cluster.nodes:
        node.server.on("PUBLISH", 3)
        node.server.on("EXEC", [3])
    async with cluster.client() as client:
        async with client.pipeline(transaction=True) as pipe:
            told = pipe.execute_command("PUBLISH", "c", "m")
        assert told.value == 3
        assert sum(node.server.count("MULTI") for node in cluster.nodes) == 1


async def test_a_watched_key() -> None:
    """In a session of its slot: `WatchError` if it changed, and nothing has run."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        async with client.session("foo") as session:
            await session.watch("foo")
            await client.set("foo", "other")
            pipe = session.pipeline()
            pipe.set("foo", "mine")
            with pytest.raises(WatchError):
                await pipe.execute()
            await session.watch("foo")
            async with session.pipeline() as pipe:
                stored = pipe.set("foo", "mine")
            assert stored.value
        assert await client.get("foo") == "mine"
        await all_tasks_blocked()
        assert all(not peer.state.watched for peer in cluster.nodes[2].server.peers)


async def test_a_session_whose_slot_moves() -> None:
    """It says MOVED, and the next session finds the new node."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        cluster.move(FOO, cluster.nodes[0])
        with pytest.raises(MovedError):
            async with client.session("foo") as session:
                await session.watch("foo")
        with anyio.fail_after(5):
            while client.node_for("foo").address != "fake:7000":
                await anyio.sleep(0.001)
        async with client.session("foo") as session:
            assert await session.watch("foo")
            assert await session.get("foo") is None


# -- transactions that watch keys ---------------------------------------------------------------


def test_the_slot_of_keys() -> None:
    """One for all of them; otherwise an error that names the method."""
    assert slot_of_keys("watch", ["foo", b"{foo}2"], "utf-8") == FOO
    with pytest.raises(CrossSlotError, match="watch: the keys are in 3 hash slots"):
        slot_of_keys("watch", ["foo", "bar", "baz", "{bar}"], "utf-8")


def test_commands_have_to_stay_on_the_slot() -> None:
    """Commands on its keys do, and those that any node answers; no other does."""
    stays = [("GET", "foo"), ("MGET", "foo", "{foo}2"), ("ECHO", "x")]
    check_slot([raw_command(*words) for words in stays], FOO, "utf-8")
    for words in (("GET", "bar"), ("MGET", "foo", "bar"), ("DBSIZE",), ("FLUSHALL",)):
        with pytest.raises(CrossSlotError, match=f"{words[0]} was not sent"):
            check_slot([raw_command(*words)], FOO, "utf-8")


def test_a_refusal_beside_reads_proves_that_nothing_was_written() -> None:
    """Beside a write that ran it proves nothing, and without one there is none."""
    get, write = raw_command("GET", "foo"), raw_command("SET", "foo", 1)
    moved, wrong = from_server("MOVED 1 a:1"), from_server("WRONGTYPE no")
    assert refusal_of_reads([get, write], [b"v", moved]) is moved
    assert refusal_of_reads([write, get], ["OK", moved]) is None
    assert refusal_of_reads([write, get], [wrong, moved]) is None
    assert refusal_of_reads([get, get], [b"v", wrong]) is None
