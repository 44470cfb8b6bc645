"""Tests of `anyredis.testing.nodes`: one node of a fake cluster answers as the specification says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import hiredis
import pytest

from anyredis import RedisError, TCPAddress
from anyredis.testing import Answer, FakeCluster, FakeNode
from anyredis.testing.resp import encode
from anyredis.wire.slots import slot_of

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves; `bar` is the first's."""

Tell: TypeAlias = Callable[[str], Answer]


def client_of(node: FakeNode) -> Tell:
    """A client that takes commands as text and gives replies, errors as text."""
    memory = node.server.memory
    state = memory.new_client()

    def tell(line: str) -> Answer:
        answer = memory.run(state, tuple(line.encode().split()))
        return f"-{answer}" if isinstance(answer, RedisError) else answer

    return tell


def answers_to(node: FakeNode, *lines: str) -> list[Answer]:
    """All answers to one new client."""
    return list(map(client_of(node), lines))


def moving(*, migrated: Sequence[str] = ()) -> tuple[FakeCluster, Tell, Tell]:
    """A cluster that moves the slot of foo, with clients of the source and of the target.

    The source had `{foo}1` and `{foo}2`.
    """
    cluster = FakeCluster()
    source, target = cluster.node_of(FOO), cluster.nodes[0]
    answers_to(source, "MSET {foo}1 one {foo}2 two")
    cluster.start_migration(FOO, target)
    for key in migrated:
        cluster.migrate_key(key)
    return cluster, client_of(source), client_of(target)


@pytest.mark.parametrize("protocol", [2, 3])
def test_cluster_slots(protocol: int) -> None:
    """Ranges, each with its primary and then the replicas: host, port, id and metadata."""
    cluster = FakeCluster(replicas=1)
    cluster.move(0, cluster.nodes[1])
    reader = hiredis.Reader()
    [answer] = answers_to(cluster.nodes[3], "CLUSTER SLOTS")
    reader.feed(encode(answer, protocol))
    nothing: object = {} if protocol == 3 else []
    entries = [
        [b"fake", node.port, b"%040x" % node.port, nothing]
        for node in (*cluster.nodes[:3], *cluster.nodes[3:])
    ]
    assert reader.gets() == [
        [0, 0, entries[1], entries[4]],
        [1, 5460, entries[0], entries[3]],
        [5461, 10922, entries[1], entries[4]],
        [10923, 16383, entries[2], entries[5]],
    ]


def test_who_a_node_is() -> None:
    """MYID is its id in CLUSTER SLOTS, and HELLO gives its mode and role."""
    cluster = FakeCluster(1, 1)
    primary, replica = cluster.nodes
    assert answers_to(replica, "CLUSTER MYID") == [replica.id.encode()]
    assert (replica.address, primary.primary, replica.primary) == (
        TCPAddress("fake", 7001),
        None,
        primary,
    )
    for node, role in ((primary, b"master"), (replica, b"replica")):
        match answers_to(node, "HELLO 3"):
            case [{b"mode": b"cluster", b"role": found}]:
                assert found == role
            case other:
                raise AssertionError(other)
    assert answers_to(primary, "HELLO 4") == ["-NOPROTO unsupported protocol version"]
    assert repr(replica) == "<FakeNode fake:7001 replica of fake:7000>"
    assert "primary" in repr(primary)


def test_cluster_nodes() -> None:
    """Each node is listed with its slots; a node lists only its own migrating slots."""
    cluster = FakeCluster(2, 1)
    first, last, replica, _ = cluster.nodes
    cluster.start_migration(0, last)
    [answer] = answers_to(first, "CLUSTER NODES")
    assert isinstance(answer, bytes)
    mine, other, copy, _ = answer.decode().splitlines()
    head = f"{first.id} fake:7000@17000, myself,master - 0 0 0 connected"
    assert mine == f"{head} 0-8191 [0->-{last.id}]"
    assert other == f"{last.id} fake:7001@17001, master - 0 0 0 connected 8192-16383"
    assert copy == f"{replica.id} fake:7002@17002, slave {first.id} 0 0 0 connected"
    [answer] = answers_to(last, "CLUSTER NODES")
    assert isinstance(answer, bytes)
    assert answer.decode().splitlines()[1].endswith(f" 8192-16383 [0-<-{first.id}]")


def test_what_a_node_does_not_have() -> None:
    """Other subcommands of CLUSTER, and databases but the first."""
    tell = client_of(FakeCluster().nodes[0])
    for line in ("CLUSTER NONESUCH", "CLUSTER SLOTS x"):
        refusal = f"-ERR unknown subcommand '{line.split()[1]}': the fake does not know {line[:9]}"
        assert str(tell(line)).startswith(refusal)
    assert tell("SELECT 1") == "-ERR DB index is out of range"
    assert tell("SELECT 0") == "OK"
    assert str(tell("NONESUCH foo")).startswith("-ERR unknown command 'NONESUCH': the fake does")


def test_keys_of_others() -> None:
    """MOVED has the slot and the address of its node, which accepts the commands."""
    cluster = FakeCluster()
    assert answers_to(cluster.nodes[0], "SET foo v") == ["-MOVED 12182 fake:7002"]
    assert answers_to(cluster.nodes[2], "SET foo v", "GET foo") == ["OK", b"v"]
    assert cluster.nodes[2].database == {b"foo": b"v"}


def test_commands_without_keys_run_anywhere() -> None:
    """Malformed commands run anywhere too, and get their error."""
    tell = client_of(FakeCluster().nodes[1])
    assert tell("PING") == "PONG"
    assert tell("DBSIZE") == 0
    assert tell("GET") == "-ERR wrong number of arguments for 'get' command"
    assert tell("EXEC") == "-ERR EXEC without MULTI"


def test_keys_of_two_slots() -> None:
    """The answer is CROSSSLOT, even if one node has both; a hash tag brings them together."""
    tell = client_of(FakeCluster(1).nodes[0])
    assert tell("MGET foo bar") == "-CROSSSLOT Keys in request don't hash to the same slot"
    assert tell("MSET {foo}1 one foo two") == "OK"
    assert tell("MGET foo {foo}1 {foo}2") == [b"two", b"one", None]


def test_a_slot_of_no_node() -> None:
    """CLUSTERDOWN, and CLUSTER SLOTS leaves it out."""
    cluster = FakeCluster(1)
    cluster.unassign(FOO)
    tell = client_of(cluster.nodes[0])
    assert tell("GET foo") == "-CLUSTERDOWN Hash slot not served"
    assert tell("GET bar") is None
    match tell("CLUSTER SLOTS"):
        case [[0, 12181, _], [12183, 16383, _]]:
            pass
        case other:
            raise AssertionError(other)


# -- migrations ---------------------------------------------------------------------------------


def test_a_slot_that_moves_away() -> None:
    """Its node serves the keys that it still has, and asks elsewhere for those that it has not."""
    _, source, _ = moving(migrated=["{foo}1"])
    assert source("GET {foo}2") == b"two"
    assert source("GET {foo}1") == "-ASK 12182 fake:7000"
    assert source("SET foo new") == "-ASK 12182 fake:7000"
    assert source("MGET {foo}1 foo") == "-ASK 12182 fake:7000"


def test_a_slot_that_is_being_imported() -> None:
    """Another node owns it still, except for a client that says ASKING."""
    _, _, target = moving(migrated=["{foo}1"])
    assert target("GET {foo}1") == "-MOVED 12182 fake:7002"
    assert target("ASKING") == "OK"
    assert target("GET {foo}1") == b"one"


def test_a_bystander_of_a_migration() -> None:
    """It sends to the owner, ASKING or not."""
    cluster, *_ = moving()
    answers = answers_to(cluster.nodes[1], "GET {foo}1", "ASKING", "GET {foo}1")
    assert answers == ["-MOVED 12182 fake:7002", "OK", "-MOVED 12182 fake:7002"]


def test_asking_is_for_one_command() -> None:
    """It holds for any next command, and for that connection alone."""
    cluster, _, target = moving(migrated=["{foo}1"])
    target("ASKING")
    assert answers_to(cluster.nodes[0], "GET {foo}1") == ["-MOVED 12182 fake:7002"]
    assert target("GET {foo}1") == b"one"
    assert target("GET {foo}1") == "-MOVED 12182 fake:7002"
    target("ASKING")
    target("PING")
    assert target("GET {foo}1") == "-MOVED 12182 fake:7002"


def test_asking_is_for_one_transaction() -> None:
    """From MULTI to EXEC."""
    _, _, target = moving(migrated=["{foo}1"])
    lines = ("ASKING", "MULTI", "GET {foo}1", "SET {foo}1 v", "EXEC", "GET foo")
    assert [target(line) for line in lines] == [
        *("OK", "OK", "QUEUED", "QUEUED"),
        [b"one", "OK"],
        "-MOVED 12182 fake:7002",
    ]


def test_keys_on_both_sides_of_a_migration() -> None:
    """TRYAGAIN, from either side, until all of them are on one."""
    cluster, source, target = moving(migrated=["{foo}1"])
    divided = "-TRYAGAIN Multiple keys request during rehashing of slot"
    assert source("MGET {foo}1 {foo}2") == divided
    target("ASKING")
    assert target("MGET {foo}1 {foo}2") == divided
    target("ASKING")
    assert target("EXISTS foo foo") == 0
    cluster.migrate_key("{foo}2")
    target("ASKING")
    assert target("MGET {foo}1 {foo}2") == [b"one", b"two"]
    assert source("MGET {foo}1 {foo}2") == "-ASK 12182 fake:7000"


# -- transactions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("SET bar v", "-MOVED 5061 fake:7000"),
        ("MGET foo bar", "-CROSSSLOT Keys in request don't hash to the same slot"),
        ("SET {gone} v", "-CLUSTERDOWN Hash slot not served"),
        ("GET {asked}", "-ASK 6467 fake:7001"),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
    ],
)
def test_a_command_that_is_refused_while_queued(line: str, refusal: str) -> None:
    """EXEC is refused with EXECABORT, and runs nothing; the next transaction is a new one."""
    cluster = FakeCluster()
    cluster.unassign(slot_of(b"gone"))
    cluster.move(slot_of(b"asked"), cluster.nodes[2])
    cluster.start_migration(slot_of(b"asked"), cluster.nodes[1])
    answers = answers_to(cluster.nodes[2], "MULTI", "SET foo v", line, "EXEC", "GET foo", "EXEC")
    assert answers == [
        *("OK", "QUEUED", refusal),
        "-EXECABORT Transaction discarded because of previous errors.",
        *(None, "-ERR EXEC without MULTI"),
    ]
    assert answers_to(cluster.nodes[2], "MULTI", "SET foo v", "EXEC")[-1] == ["OK"]


def test_a_slot_that_moves_between_queueing_and_exec() -> None:
    """EXEC itself is redirected, and the transaction over."""
    cluster = FakeCluster()
    tell = client_of(cluster.nodes[2])
    assert [tell("WATCH foo"), tell("MULTI"), tell("SET foo v")] == ["OK", "OK", "QUEUED"]
    cluster.move(FOO, cluster.nodes[0])
    assert tell("EXEC") == "-MOVED 12182 fake:7000"
    assert tell("EXEC") == "-ERR EXEC without MULTI"
    cluster.move(FOO, cluster.nodes[2])
    assert [tell("MULTI"), tell("GET foo"), tell("EXEC")] == ["OK", "QUEUED", [None]]


def test_a_key_that_migrates_between_queueing_and_exec() -> None:
    """EXEC gets ASK, or TRYAGAIN if some of its keys are still there."""
    cluster, source, target = moving()
    for line in ("MULTI", "GET {foo}1", "GET {foo}2"):
        source(line)
    cluster.migrate_key("{foo}1")
    assert source("EXEC") == "-TRYAGAIN Multiple keys request during rehashing of slot"
    assert [source("MULTI"), source("SET {foo}2 v")] == ["OK", "QUEUED"]
    cluster.migrate_key("{foo}2")
    assert source("EXEC") == "-ASK 12182 fake:7000"
    asked = ("ASKING", "MULTI", "GET {foo}1", "GET {foo}2", "EXEC")
    assert [target(line) for line in asked][-1] == [b"one", b"two"]


def test_a_refused_transaction_is_aborted_wherever_its_slots_are() -> None:
    """EXECABORT comes before the redirection that EXEC would get otherwise."""
    cluster = FakeCluster()
    tell = client_of(cluster.nodes[2])
    for line in ("MULTI", "SET foo v", "SET bar v"):
        tell(line)
    cluster.move(FOO, cluster.nodes[0])
    assert tell("EXEC") == "-EXECABORT Transaction discarded because of previous errors."


def test_a_transaction_has_one_slot() -> None:
    """Each command may be at home here: EXEC is not, on keys of two slots."""
    answers = answers_to(
        FakeCluster(1).nodes[0], "MULTI", "SET foo v", "SET bar v", "EXEC", "GET foo"
    )
    assert answers[-2:] == ["-CROSSSLOT Keys in request don't hash to the same slot", None]


def test_what_a_transaction_does_is_not_redirected() -> None:
    """EXEC was let in, so all of it runs, though its first command takes the keys away."""
    _, source, _ = moving()
    answers = [source(line) for line in ("MULTI", "DEL {foo}1", "GET {foo}1", "EXEC")]
    assert answers[-1] == [1, None]


# -- replicas -----------------------------------------------------------------------------------


def test_a_replica_redirects() -> None:
    """Reads too, unless the connection said READONLY; READWRITE and RESET take that back."""
    cluster = FakeCluster(1, 1)
    primary, replica = cluster.nodes
    answers_to(primary, "SET foo v")
    moved = "-MOVED 12182 fake:7000"
    tell = client_of(replica)
    assert tell("GET foo") == moved
    assert [tell("READONLY"), tell("GET foo"), tell("SET foo w")] == ["OK", b"v", moved]
    assert answers_to(replica, "GET foo") == [moved]
    assert [tell("READWRITE"), tell("GET foo")] == ["OK", moved]
    assert [tell("READONLY"), tell("RESET"), tell("GET foo")] == ["OK", "RESET", moved]


def test_a_replica_has_only_what_its_primary_serves() -> None:
    """Keys of other primaries are with these."""
    cluster = FakeCluster(3, 1)
    answers = answers_to(cluster.nodes[3], "READONLY", "GET bar", "GET foo")
    assert answers == ["OK", None, "-MOVED 12182 fake:7002"]


def test_transactions_on_a_replica() -> None:
    """They may read and WATCH; a command without keys is no write."""
    cluster = FakeCluster(1, 1)
    tell = client_of(cluster.nodes[1])
    reading = ("READONLY", "WATCH foo", "MULTI", "GET foo", "EXEC")
    assert [tell(line) for line in reading] == ["OK", "OK", "OK", "QUEUED", [None]]
    assert [tell(line) for line in ("MULTI", "GET foo", "ASKING", "EXEC")][-1] == [None, "OK"]
    assert [tell(line) for line in ("MULTI", "SET foo v", "EXEC")] == [
        "OK",
        "-MOVED 12182 fake:7000",
        "-EXECABORT Transaction discarded because of previous errors.",
    ]


def test_a_replica_has_the_data_of_its_primary() -> None:
    """At once; it can tell it, but not flush it."""
    cluster = FakeCluster(1, 1)
    primary, replica = cluster.nodes
    answers_to(primary, "SET foo v")
    assert replica.database is primary.database
    readonly = "-READONLY You can't write against a read only replica."
    answers = answers_to(replica, "DBSIZE", "KEYS *", "FLUSHDB", "FLUSHALL")
    assert answers == [1, [b"foo"], readonly, readonly]


def test_readonly_is_harmless_on_a_primary() -> None:
    """It writes all the same."""
    assert answers_to(FakeCluster(1).nodes[0], "READONLY", "SET foo v") == ["OK", "OK"]


# -- answers about the cluster -------------------------------------------------------------------


def test_a_node_with_a_view_of_its_own() -> None:
    """`sees`: a past that is over, or anything; its redirections stay true."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    past = cluster.slots()
    first.sees(past)
    cluster.move(FOO, cluster.nodes[1])
    assert answers_to(first, "CLUSTER SLOTS", "GET foo") == [past, "-MOVED 12182 fake:7001"]
    assert answers_to(last, "CLUSTER SLOTS") == [cluster.slots()]
    assert past != cluster.slots()
    first.sees([])
    assert answers_to(first, "CLUSTER SLOTS", "CLUSTER MYID") == [[], first.id.encode()]
    first.sees(None)
    assert answers_to(first, "CLUSTER SLOTS") == [cluster.slots()]


@pytest.mark.parametrize(
    ("announced", "host", "moved"),
    [
        ("", b"", ":7000"),
        (None, None, ":7000"),
        ("one.example", b"one.example", "one.example:7000"),
        ("2001:db8::1", b"2001:db8::1", "2001:db8::1:7000"),
    ],
)
def test_hosts_as_they_are_announced(announced: str | None, host: bytes | None, moved: str) -> None:
    """In CLUSTER SLOTS, in MOVED and in ASK; the metadata has the host itself."""
    cluster = FakeCluster()
    node = cluster.nodes[0]
    cluster.announce(node, announced)
    assert node.entry() == [host, 7000, node.id.encode(), {b"ip": b"fake"}]
    assert answers_to(cluster.nodes[1], "GET bar") == [f"-MOVED 5061 {moved}"]
    cluster.start_migration(FOO, node)
    assert answers_to(cluster.nodes[2], "GET foo") == [f"-ASK 12182 {moved}"]
