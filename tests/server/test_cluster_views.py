"""Tests of `anyredis.server.cluster_views`: tables of replies, and the problems found in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyredis.server.cluster_views import (
    ClusterView,
    NodeEntry,
    find_problems,
    membership_problems,
    owner_of,
    parse_view,
    problems_of_new_node,
)

NODES = """\
aaaa 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-99 200 [7->-bbbb]
bbbb 127.0.0.1:7002@17002,host.example master - 0 1426238317239 2 connected 100-199 201-16383
cccc 127.0.0.1:0@17003,,tls-port=7003,shard-id=dddd slave,fail? bbbb 1 2 2 disconnected
"""


def node(port: int, *slots: range, flags: str = "master", of: str | None = None) -> NodeEntry:
    """A node whose name is its port."""
    return NodeEntry(
        id=str(port),
        port=port,
        flags=frozenset(flags.split(",")),
        primary_id=of,
        epoch=port,
        slots=slots,
    )


def view(*nodes: NodeEntry, state: str = "ok", link: str = "") -> ClusterView:
    """A view of some nodes."""
    return ClusterView(state=state, nodes=nodes, link=link)


FIRST, SECOND = node(1, range(8192)), node(2, range(8192, 16384))
REPLICA = node(3, flags="slave", of="1")
GOOD = view(FIRST, SECOND, REPLICA)
ALL_GOOD = {1: GOOD, 2: GOOD, 3: replace(GOOD, link="up")}


def test_a_view_is_read() -> None:
    """Names, roles, slots (migrating ones left out), and the port from that of the bus."""
    seen = parse_view("cluster_enabled:1\r\ncluster_state:fail\r\n", NODES, "role:master\r\n")
    assert (seen.state, seen.link) == ("fail", "")
    first, second, third = seen.nodes
    assert first == NodeEntry(
        id="aaaa",
        port=7001,
        flags=frozenset({"myself", "master"}),
        primary_id=None,
        epoch=1,
        slots=(range(100), range(200, 201)),
    )
    assert (second.port, second.size) == (7002, 100 + 16183)
    assert (third.port, third.primary_id, third.slots) == (7003, "bbbb", ())


def test_a_replica_tells_of_its_link() -> None:
    """The link to the primary is in INFO replication alone."""
    assert parse_view("", "", "role:slave\r\nmaster_link_status:down\r\n").link == "down"


def test_a_good_cluster_has_no_problems() -> None:
    """Without problems the result is empty."""
    assert find_problems(ALL_GOOD, frozenset()) == {}


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        ("cannot be asked: why", "cannot be asked: why"),
        (replace(GOOD, state="fail"), "says cluster_state:fail"),
        (view(FIRST, SECOND), "does not know :3"),
        (view(FIRST, replace(SECOND, flags=frozenset({"fail?"})), REPLICA), "sees :2 as fail?"),
        (view(FIRST, replace(SECOND, slots=()), REPLICA), "knows the owners of 8192 of the 16384"),
        (replace(GOOD, link="down"), "has no link to its primary"),
        (view(FIRST, SECOND, node(3)), "does not agree with the others"),
    ],
)
def test_each_problem_is_told(seen: ClusterView | str, problem: str) -> None:
    """One server with another view is enough, and the problem is its own."""
    found = find_problems({**ALL_GOOD, 3: seen}, frozenset())
    assert problem in "; ".join(found[3])


def test_slots_of_a_stopped_server_are_a_problem_before_it_counts_as_failed() -> None:
    """A cluster that has not noticed yet is not ok."""
    found = find_problems({1: GOOD, 3: GOOD}, frozenset({2}))
    assert found[1] == ["takes :2 for the owner of 8192 slots, and it does not run"]


def test_a_stopped_replica_is_no_problem() -> None:
    """A server that is stopped and not needed may be unknown or failed."""
    lost = view(FIRST, SECOND, replace(REPLICA, flags=frozenset({"slave", "fail"})))
    assert find_problems({1: lost, 2: view(FIRST, SECOND)}, frozenset({3})) == {}


def test_servers_tell_which_others_are_missing() -> None:
    """Membership is checked without regard to slots and state."""
    fresh = view(node(1), replace(node(2), flags=frozenset({"handshake"})), state="fail")
    assert membership_problems({1: fresh, 2: view(node(1), node(2), state="fail")}) == {
        1: ["sees :2 as handshake"]
    }


def test_a_newcomer_is_to_see_the_state_of_the_others() -> None:
    """It has joined when it reports the state that the others report, good or bad."""
    bad = replace(GOOD, state="fail")
    assert problems_of_new_node({1: GOOD, 2: GOOD, 3: bad}, 3) == {3: ["says cluster_state:fail"]}
    assert problems_of_new_node({1: bad, 2: bad, 3: bad}, 3) == {}


def test_the_newest_claim_on_a_slot_counts() -> None:
    """A server that was away still claims slots that others have now."""
    old, new = view(node(1, range(10))), view(node(1), node(2, range(5)))
    assert owner_of(4, {1: old, 2: new, 3: "cannot be asked"}) == 2
    assert owner_of(5, {1: old, 2: new}) == 1
    assert owner_of(10, {1: old, 2: new}) is None
