"""Tests of `anyredis.server.sentinel_views`: tables of replies, and the problems found in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyredis.server.sentinel_views import (
    Replication,
    SentinelView,
    find_problems,
    newest_primary,
    parse_replication,
    parse_sentinel_view,
)

WATCH = SentinelView(
    epoch=1,
    primary=1,
    primary_flags="master",
    replicas={2: "slave"},
    sentinels={11: "sentinel", 12: "sentinel"},
)
SENTINEL_VIEWS = {11: WATCH, 12: WATCH}
ROLES = {1: Replication(primary=None, link=""), 2: Replication(primary=1, link="up")}


def test_a_view_is_read() -> None:
    """Names and values come in turn, in any order."""
    assert parse_sentinel_view(
        ["name", "m", "port", "1", "flags", "master", "config-epoch", "7"],
        [["flags", "slave,s_down", "port", "2"]],
        [["port", "12", "flags", "sentinel"]],
    ) == SentinelView(
        epoch=7,
        primary=1,
        primary_flags="master",
        replicas={2: "slave,s_down"},
        sentinels={12: "sentinel"},
    )


def test_a_role_is_read() -> None:
    """A replica tells its primary and whether it is linked to it."""
    assert parse_replication("role:master\r\nconnected_slaves:0\r\n") == ROLES[1]
    assert parse_replication("role:slave\r\nmaster_port:1\r\nmaster_link_status:up\r\n") == ROLES[2]


def test_all_well_is_no_problem() -> None:
    """Without problems the result is empty; an old vote does not count."""
    voted = replace(WATCH, sentinels={11: "sentinel,master_down", 12: "sentinel"})
    assert find_problems({11: WATCH, 12: voted}, ROLES) == {}


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        ("cannot be asked: why", "cannot be asked: why"),
        (replace(WATCH, epoch=0, primary=3), "takes :3 for the primary, and it does not run"),
        (replace(WATCH, primary_flags="master,o_down"), "sees the primary :1 as master,o_down"),
        (replace(WATCH, replicas={}), "sees the replica :2 as unknown"),
        (replace(WATCH, replicas={2: "slave,s_down"}), "sees the replica :2 as slave,s_down"),
        (replace(WATCH, sentinels={}), "sees the sentinel :12 as unknown"),
        (replace(WATCH, epoch=0, primary=2), "does not know yet that :1 is the primary"),
    ],
)
def test_each_problem_of_a_sentinel_is_told(seen: SentinelView | str, problem: str) -> None:
    """One sentinel with another view is enough, and the problem is its own."""
    found = find_problems({**SENTINEL_VIEWS, 11: seen}, ROLES)
    assert problem in found[11]
    assert found.keys() == {11}


@pytest.mark.parametrize(
    ("port", "role", "problem"),
    [
        (1, "cannot be asked: why", "cannot be asked: why"),
        (1, Replication(primary=2, link="up"), "is still a replica of :2"),
        (2, Replication(primary=None, link=""), "is not yet a replica of the primary :1"),
        (2, Replication(primary=1, link="down"), "has no link to its primary :1"),
    ],
)
def test_each_problem_of_a_server_is_told(port: int, role: Replication | str, problem: str) -> None:
    """A server's own report counts, against any view of the sentinels."""
    assert find_problems(SENTINEL_VIEWS, {**ROLES, port: role}) == {port: [problem]}


def test_a_stopped_server_is_not_missed() -> None:
    """A replica that was stopped, or a sentinel, is no problem."""
    alone = {11: replace(WATCH, replicas={2: "s_down,slave"}, sentinels={12: "s_down,sentinel"})}
    assert find_problems(alone, {1: ROLES[1]}) == {}


def test_the_newest_decision_counts() -> None:
    """A sentinel that was away does not tell who the primary is."""
    assert newest_primary({11: replace(WATCH, epoch=3, primary=2), 12: WATCH, 13: "away"}) == 2
    assert newest_primary({13: "away"}) is None
