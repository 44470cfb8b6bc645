"""The next step after an error of a cluster: values in, a step out."""

from __future__ import annotations

import pytest

from anyredis import (
    AuthenticationError,
    Backoff,
    BusyLoadingError,
    MaxConnectionsError,
    Outcome,
    PoolTimeoutError,
    RedisError,
    Retry,
)
from anyredis.cluster.routing.redirect_policy import (
    MAX_REDIRECTS,
    PATIENCE,
    NextAttempt,
    RedirectPolicy,
    marks_unhealthy,
    suggests_refresh,
)
from anyredis.exceptions import ConnectionError, TimeoutError, from_server

MOVED, ASK = from_server("MOVED 1 h:1"), from_server("ASK 1 h:1")
LOST = ConnectionError("lost", outcome=Outcome.UNKNOWN)
NOT_SENT = ConnectionError("no", outcome=Outcome.NOT_SENT)


def step(
    failed: RedisError, *, retry: Retry | None = None, only_reads: bool = False
) -> NextAttempt | None:
    """The first step after *failed*."""
    return RedirectPolicy(retry).decide(failed, only_reads=only_reads, now=0.0)


@pytest.mark.parametrize("redirection", [MOVED, ASK])
def test_a_redirection_is_followed_at_once(redirection: RedisError) -> None:
    """No redirected command was run, so any is followed, with any `retry`; ASK needs ASKING."""
    assert step(redirection) == NextAttempt(0.0, to=redirection)  # type: ignore[arg-type]
    found = step(redirection)
    assert found is not None
    assert found.asking is (redirection is ASK)


def test_redirections_end() -> None:
    """Two nodes that point at each other get time to agree, but not for ever."""
    policy = RedirectPolicy(None)
    steps = [policy.decide(MOVED, only_reads=True, now=0.0) for _ in range(MAX_REDIRECTS)]
    delays = [each.delay for each in steps if each is not None]
    assert len(delays) == MAX_REDIRECTS
    assert delays[:3] == [0.0, 0.0, 0.0]
    assert 0 < delays[3] < delays[-1]
    assert 1.0 < sum(delays) < 5.0
    assert policy.decide(ASK, only_reads=True, now=0.0) is None


@pytest.mark.parametrize(
    ("text", "refresh"),
    [
        ("TRYAGAIN x", False),
        ("CLUSTERDOWN x", True),
        ("MASTERDOWN x", True),
        ("READONLY x", True),
    ],
)
def test_a_refusal_is_repeated_for_a_while(text: str, refresh: bool) -> None:
    """A write too, because it was not run; the slot map is refreshed if it may be the reason."""
    policy, failed = RedirectPolicy(None), from_server(text)
    first = policy.decide(failed, only_reads=False, now=10.0)
    assert first is not None
    assert (first.refresh, first.to) == (refresh, None)
    assert 0 < first.delay <= 0.01
    later = policy.decide(failed, only_reads=False, now=10.0 + PATIENCE - 0.001)
    assert later is not None
    assert later.delay > 0
    assert policy.decide(failed, only_reads=False, now=10.0 + PATIENCE) is None


@pytest.mark.parametrize(
    ("retry", "seconds"),
    [
        (None, PATIENCE),
        (Retry(attempts=1, deadline=None), PATIENCE),
        (Retry(deadline=0), 0.0),
        (Retry(deadline=0.5), PATIENCE),
        (Retry(deadline=30), 30.0),
    ],
)
def test_how_long_refusals_are_repeated(retry: Retry | None, seconds: float) -> None:
    """As long as `retry` says, but two seconds at least, unless its deadline is 0."""
    policy, failed = RedirectPolicy(retry), from_server("CLUSTERDOWN x")
    first = policy.decide(failed, only_reads=False, now=5.0)
    assert (first is None) is (seconds == 0)
    if seconds:
        assert policy.decide(failed, only_reads=False, now=4.9 + seconds) is not None
    assert policy.decide(failed, only_reads=False, now=5.0 + seconds) is None


@pytest.mark.parametrize("text", ["TRYAGAIN x", "CLUSTERDOWN x", "READONLY x", "LOADING x"])
def test_the_refusal_of_a_script_is_final(text: str) -> None:
    """G11: it may be the error of a command in it; a redirect is followed, as always."""
    policy, failed = RedirectPolicy(Retry()), from_server(text)
    assert policy.decide(failed, only_reads=False, runs_commands=True, now=0.0) is None
    assert policy.decide(failed, only_reads=True, runs_commands=True, now=0.0) is not None
    assert policy.decide(MOVED, only_reads=False, runs_commands=True, now=0.0) is not None


def test_waiting_for_the_next_dial() -> None:
    """A command that failed to connect waits for dials until its deadline, if they are not counted."""
    policy = RedirectPolicy(Retry(deadline=5.0))
    assert not policy.lasts(NOT_SENT, 1.0), "no failure yet"
    assert policy.decide(NOT_SENT, only_reads=False, now=1.0) is not None
    assert policy.lasts(NOT_SENT, 6.0)
    assert not policy.lasts(AuthenticationError("no"), 2.0)
    assert not policy.lasts(NOT_SENT, 6.1)
    assert policy.decide(NOT_SENT, only_reads=False, now=1.1) is None
    counted = RedirectPolicy(Retry(attempts=3))
    assert counted.decide(NOT_SENT, only_reads=False, now=1.0) is not None
    assert not counted.lasts(NOT_SENT, 1.1)


def test_a_lost_reply() -> None:
    """A read is repeated, a write only if the client allows it, and the slot map is refreshed."""
    retry = Retry(backoff=Backoff(base=0, cap=0))
    assert step(LOST, retry=retry, only_reads=True) == NextAttempt(0.0, refresh=True)
    assert step(LOST, retry=retry) is None
    assert step(LOST, retry=Retry(repeat_writes=True)) is not None
    assert step(NOT_SENT, retry=retry) == NextAttempt(0.0, refresh=True)
    assert step(NOT_SENT, only_reads=True) is None, "without a retry nothing is repeated"


def test_failures_are_counted() -> None:
    """Up to `attempts` failures, also with redirects in between; the deadline holds as well."""
    policy = RedirectPolicy(Retry(attempts=2))
    for failed in (LOST, MOVED, LOST, ASK):
        assert policy.decide(failed, only_reads=True, now=0.0) is not None
    assert policy.decide(LOST, only_reads=True, now=0.0) is None
    timed = RedirectPolicy(Retry(attempts=9, deadline=1.0))
    assert timed.decide(LOST, only_reads=True, now=5.0) is not None
    assert timed.decide(LOST, only_reads=True, now=5.9) is not None
    assert timed.decide(LOST, only_reads=True, now=6.0) is None


@pytest.mark.parametrize(
    "failed",
    [
        from_server("ERR no"),
        from_server("WRONGTYPE x"),
        from_server("NOPERM x"),
        from_server("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        MaxConnectionsError("full"),
        PoolTimeoutError("full"),
        AuthenticationError("no"),
        TimeoutError("late"),
    ],
)
def test_what_is_told_at_once(failed: RedisError) -> None:
    """Errors of the server, of the pool, and timeouts are raised at once."""
    assert step(failed, retry=Retry(), only_reads=True) is None


def test_a_blocked_command_that_a_demoted_node_sends_away() -> None:
    """It was not run: it continues at the new primary, which a refreshed slot map has."""
    demoted = from_server(
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
    )
    found = step(demoted, retry=None, only_reads=False)
    assert found is not None
    assert found.refresh
    assert suggests_refresh(demoted)


def test_errors_that_suggest_a_refresh() -> None:
    """Redirections, failures of nodes; no verdicts, no pool that is full."""
    news = [MOVED, ASK, LOST, NOT_SENT, TimeoutError("x"), BusyLoadingError("x")]
    news += [from_server("CLUSTERDOWN x"), from_server("READONLY x")]
    assert all(map(suggests_refresh, news))
    old = [MaxConnectionsError("x"), PoolTimeoutError("x"), from_server("TRYAGAIN x")]
    assert not any(map(suggests_refresh, [*old, from_server("ERR x")]))


def test_which_nodes_are_left_alone() -> None:
    """Those that fail, load or have lost their primary; not those that answer otherwise."""
    unfit = [LOST, TimeoutError("x"), BusyLoadingError("x"), from_server("MASTERDOWN x")]
    assert all(map(marks_unhealthy, unfit))
    fit = [MOVED, ASK, MaxConnectionsError("x"), PoolTimeoutError("x"), from_server("ERR x")]
    assert not any(map(marks_unhealthy, fit))
