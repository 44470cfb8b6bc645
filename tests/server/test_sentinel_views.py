"""Tests of `anyredis.server.sentinel_views`: tables of what is said, and what is made of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyredis.server.sentinel_views import (
    Role,
    Watch,
    newest,
    parse_role,
    parse_watch,
    troubles,
)

WATCH = Watch(
    epoch=1,
    primary=1,
    primary_flags="master",
    replicas={2: "slave"},
    sentinels={11: "sentinel", 12: "sentinel"},
)
WATCHES = {11: WATCH, 12: WATCH}
ROLES = {1: Role(primary=None, link=""), 2: Role(primary=1, link="up")}


def test_a_watch_is_read() -> None:
    """Names and values come in turn, in any order."""
    assert parse_watch(
        ["name", "m", "port", "1", "flags", "master", "config-epoch", "7"],
        [["flags", "slave,s_down", "port", "2"]],
        [["port", "12", "flags", "sentinel"]],
    ) == Watch(
        epoch=7,
        primary=1,
        primary_flags="master",
        replicas={2: "slave,s_down"},
        sentinels={12: "sentinel"},
    )


def test_a_role_is_read() -> None:
    """A replica tells its primary and whether it is linked to it."""
    assert parse_role("role:master\r\nconnected_slaves:0\r\n") == ROLES[1]
    assert parse_role("role:slave\r\nmaster_port:1\r\nmaster_link_status:up\r\n") == ROLES[2]


def test_all_well_is_no_trouble() -> None:
    """Nothing to complain of is an empty answer; a vote of old is nothing."""
    voted = replace(WATCH, sentinels={11: "sentinel,master_down", 12: "sentinel"})
    assert troubles({11: WATCH, 12: voted}, ROLES) == {}


@pytest.mark.parametrize(
    ("seen", "complaint"),
    [
        ("cannot be asked: why", "cannot be asked: why"),
        (replace(WATCH, epoch=0, primary=3), "takes :3 for the primary, and it does not run"),
        (replace(WATCH, primary_flags="master,o_down"), "sees the primary :1 as master,o_down"),
        (replace(WATCH, replicas={}), "sees the replica :2 as unknown"),
        (replace(WATCH, replicas={2: "slave,s_down"}), "sees the replica :2 as slave,s_down"),
        (replace(WATCH, sentinels={}), "sees the sentinel :12 as unknown"),
        (replace(WATCH, epoch=0, primary=2), "has not heard that :1 is the primary"),
    ],
)
def test_each_trouble_of_a_sentinel_is_told(seen: Watch | str, complaint: str) -> None:
    """One sentinel that sees it otherwise is enough, and the complaint is its own."""
    found = troubles({**WATCHES, 11: seen}, ROLES)
    assert complaint in found[11]
    assert found.keys() == {11}


@pytest.mark.parametrize(
    ("port", "role", "complaint"),
    [
        (1, "cannot be asked: why", "cannot be asked: why"),
        (1, Role(primary=2, link="up"), "is a replica of :2 still"),
        (2, Role(primary=None, link=""), "is no replica of the primary :1 yet"),
        (2, Role(primary=1, link="down"), "has no link to its primary :1"),
    ],
)
def test_each_trouble_of_a_server_is_told(port: int, role: Role | str, complaint: str) -> None:
    """What a server says of itself counts, whatever the sentinels think."""
    assert troubles(WATCHES, {**ROLES, port: role}) == {port: [complaint]}


def test_who_does_not_run_is_not_missed() -> None:
    """A replica that was stopped, or a sentinel, is no trouble."""
    alone = {11: replace(WATCH, replicas={2: "s_down,slave"}, sentinels={12: "s_down,sentinel"})}
    assert troubles(alone, {1: ROLES[1]}) == {}


def test_the_newest_decision_counts() -> None:
    """A sentinel that was away does not tell who the primary is."""
    assert newest({11: replace(WATCH, epoch=3, primary=2), 12: WATCH, 13: "away"}) == 2
    assert newest({13: "away"}) is None
