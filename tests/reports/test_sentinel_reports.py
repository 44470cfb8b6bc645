"""The reports of sentinels, from RESP2 and RESP3 shapes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis.exceptions import ProtocolError
from anyredis.reports.sentinel_reports import (
    CachedInfo,
    LinkState,
    OtherSentinel,
    PendingScript,
    PrimaryDown,
    WatchedPrimary,
    WatchedReplica,
    cached_infos,
    host_and_port,
    pending_scripts,
    primaries,
    primary,
    primary_down,
    replicas,
    sentinels,
)

LINK: dict[Any, Any] = {
    "link-pending-commands": "0",
    "link-refcount": "1",
    "last-ping-sent": "3",
    "last-ok-ping-reply": "4",
    "last-ping-reply": "5",
    "down-after-milliseconds": "1000",
}
ABOUT_IT: dict[Any, Any] = {"name": "m", "ip": "10.0.0.1", "port": "6379", "runid": "r", **LINK}
PRIMARY: dict[Any, Any] = {
    **ABOUT_IT,
    "flags": "master,s_down",
    "s-down-time": "7",
    "o-down-time": "6",
    "info-refresh": "8",
    "role-reported": "master",
    "role-reported-time": "9",
    "config-epoch": "2",
    "num-slaves": "1",
    "num-other-sentinels": "2",
    "quorum": "2",
    "failover-timeout": "3000",
    "parallel-syncs": "1",
    "failover-state": "wait_promotion",
    "news": "x",
}
REPLICA: dict[Any, Any] = {
    **ABOUT_IT,
    "flags": "slave",
    "info-refresh": "8",
    "role-reported": "slave",
    "role-reported-time": "9",
    "master-link-down-time": "-1000",
    "master-link-status": "err",
    "master-host": "10.0.0.2",
    "master-port": "6380",
    "slave-priority": "100",
    "slave-repl-offset": "50",
    "replica-announced": "0",
}
SENTINEL: dict[Any, Any] = {
    **ABOUT_IT,
    "flags": "sentinel",
    "last-hello-message": "11",
    "voted-leader": "?",
    "voted-leader-epoch": "0",
}

UP = LinkState(0, 1, 3, 4, 5, 1000, None, None)


def flat(fields: dict[str, Any]) -> list[Any]:
    """A map as RESP2 has it, not decoded."""
    return [each.encode() for pair in fields.items() for each in pair]


@pytest.mark.parametrize("reply", [PRIMARY, flat(PRIMARY)], ids=["RESP3", "RESP2"])
def test_primary(reply: Any) -> None:
    """Numbers are int, flags a set; a field that is not known is kept with all others."""
    expected = WatchedPrimary(
        name="m",
        ip="10.0.0.1",
        port=6379,
        runid="r",
        flags=frozenset({"master", "s_down"}),
        link=LinkState(0, 1, 3, 4, 5, 1000, 7, 6),
        info_refresh=8,
        role_reported="master",
        role_reported_time=9,
        config_epoch=2,
        num_slaves=1,
        num_other_sentinels=2,
        quorum=2,
        failover_timeout=3000,
        parallel_syncs=1,
        failover_state="wait_promotion",
        fields=PRIMARY,
    )
    assert primary(reply) == expected
    assert primaries([reply]) == {"m": expected}


@pytest.mark.parametrize("reply", [REPLICA, flat(REPLICA)], ids=["RESP3", "RESP2"])
def test_replicas(reply: Any) -> None:
    """A replica has its own view of its primary."""
    assert replicas([reply]) == [
        WatchedReplica(
            *("m", "10.0.0.1", 6379, "r", frozenset({"slave"}), UP, 8, "slave", 9),
            *("err", -1000, "10.0.0.2", 6380, 100, 50, False, REPLICA),
        )
    ]


def test_a_replica_of_an_old_sentinel() -> None:
    """A field that the sentinel does not have is None."""
    old: dict[Any, Any] = {
        name: value for name, value in REPLICA.items() if name != "replica-announced"
    }
    assert replicas([old])[0].replica_announced is None


@pytest.mark.parametrize("reply", [SENTINEL, flat(SENTINEL)], ids=["RESP3", "RESP2"])
def test_sentinels(reply: Any) -> None:
    """A sentinel that has not voted has no leader."""
    [one] = sentinels([reply])
    assert one == OtherSentinel(
        *("m", "10.0.0.1", 6379, "r", frozenset({"sentinel"}), UP, 11, None, 0, SENTINEL)
    )
    assert sentinels([{**SENTINEL, "voted-leader": "abc"}])[0].voted_leader == "abc"


def test_short_answers() -> None:
    """The answers that are no reports."""
    assert primary_down([1, b"*", 0]) == PrimaryDown(True, None, 0)
    assert primary_down([0, "abc", 4]) == PrimaryDown(False, "abc", 4)
    assert host_and_port([b"10.0.0.1", b"6379"]) == ("10.0.0.1", 6379)
    assert host_and_port(None) is None


def test_cached_infos() -> None:
    """A list of reports for each primary; None where there is none yet."""
    reply: Any = [b"m", [[5, b"# Server\r\nredis_version:7.2.4\r\ntcp_port:1\r\n"], [7, None]]]
    assert cached_infos(reply) == {
        "m": [CachedInfo(5, {"redis_version": "7.2.4", "tcp_port": 1}), CachedInfo(7, None)]
    }


@pytest.mark.parametrize("resp3", [False, True])
def test_pending_scripts(resp3: bool) -> None:
    """A script runs, or will run."""
    running: dict[Any, Any] = {b"argv": [b"/a", b"b"], b"flags": b"running", b"pid": b"7"}
    running |= {b"run-time": b"8", b"retry-num": b"0"}
    planned: dict[Any, Any] = {b"argv": [b"/a"], b"flags": b"scheduled", b"pid": b"0"}
    planned |= {b"run-delay": b"9", b"retry-num": b"2"}
    reply: Any = [running, planned]
    if not resp3:
        reply = [[each for pair in script.items() for each in pair] for script in reply]
    assert pending_scripts(reply) == [
        PendingScript(["/a", "b"], "running", 7, 8, None, 0),
        PendingScript(["/a"], "scheduled", 0, None, 9, 2),
    ]


@pytest.mark.parametrize("lacking", sorted(PRIMARY.keys() - {"news", "failover-state"}))
def test_a_report_that_lacks_a_field(lacking: str) -> None:
    """A field that each report has is never guessed."""
    rest: dict[Any, Any] = {name: value for name, value in PRIMARY.items() if name != lacking}
    if lacking in {"s-down-time", "o-down-time"}:
        assert None in primary(rest).link
    else:
        with pytest.raises(ProtocolError, match=f"a report with {lacking}"):
            primary(rest)


@pytest.mark.parametrize(
    "reply", [None, 7, [b"name"], {**PRIMARY, "port": "x"}, {**PRIMARY, "quorum": "1.5"}], ids=str
)
def test_what_is_no_report(reply: Any) -> None:
    """A reply of another shape is a `ProtocolError`."""
    with pytest.raises(ProtocolError):
        primary(reply)
