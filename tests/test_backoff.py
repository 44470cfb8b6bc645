"""Tests of `anyredis.backoff`: delays, and the commands that are sent again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyredis.backoff import FAILOVER_RETRY, REPLICA_RETRY, Backoff, Retry, RetryState
from anyredis.connection.errors import cannot_connect
from anyredis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    ConnectTimeoutError,
    DataError,
    DataValueError,
    MaxConnectionsError,
    Outcome,
    OutOfMemoryError,
    PoolTimeoutError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
    WrongTypeError,
    from_server,
)

LOST = ConnectionError("lost", outcome=Outcome.UNKNOWN)
NOT_SENT = ConnectionError("not sent", outcome=Outcome.NOT_SENT)


def test_delays_double_up_to_the_cap() -> None:
    """Without jitter, delays double from base and stay at cap."""
    backoff = Backoff(base=0.1, cap=0.5, random=lambda: 0.0)
    assert [backoff.delay(n) for n in range(6)] == [0.0, 0.1, 0.2, 0.4, 0.5, 0.5]


def test_jitter_takes_up_to_half() -> None:
    """A delay is shortened by half at most."""
    backoff = Backoff(base=0.1, cap=0.5, random=lambda: 1.0)
    assert backoff.delay(1) == pytest.approx(0.05)
    assert backoff.delay(9) == pytest.approx(0.25)


@settings(deadline=None)
@given(st.integers(min_value=-10, max_value=10**9))
def test_a_delay_is_never_longer_than_the_cap(failures: int) -> None:
    """After any number of failures, a delay is from 0 to cap."""
    assert 0 <= Backoff(base=0.01, cap=0.4).delay(failures) <= 0.4


@pytest.mark.parametrize(("base", "cap"), [(-1, 1), (2, 1), (-2, -1), (float("nan"), 1)])
def test_delays_that_make_no_sense_are_refused(base: float, cap: float) -> None:
    """A base is from 0 to cap."""
    with pytest.raises(DataValueError, match="0 <= base <= cap"):
        Backoff(base=base, cap=cap)


def test_a_negative_number_of_repeats_is_refused() -> None:
    """The number of repeats is 0 or more."""
    with pytest.raises(DataValueError, match="attempts=-1"):
        Retry(attempts=-1)
    assert Retry(attempts=0).attempts == 0


def test_a_command_that_was_not_sent_is_sent_again() -> None:
    """A write that provably was not written may be repeated."""
    assert Retry().allows(NOT_SENT, only_reads=False)


def test_a_write_whose_reply_was_lost_is_not_sent_again() -> None:
    """G11: a write with an unknown outcome is repeated only with `repeat_writes`."""
    assert not Retry().allows(LOST, only_reads=False)
    assert Retry(repeat_writes=True).allows(LOST, only_reads=False)


def test_a_read_whose_reply_was_lost_is_sent_again() -> None:
    """G11: a command that only reads may be repeated."""
    assert Retry().allows(LOST, only_reads=True)


def test_the_server_that_is_loading_is_asked_again() -> None:
    """A server that replies LOADING did not run the command."""
    assert Retry().allows(BusyLoadingError("LOADING"), only_reads=False)


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("late"),
        ConnectTimeoutError("late"),
        PoolTimeoutError("full"),
        MaxConnectionsError("full"),
        AuthenticationError("WRONGPASS"),
        ResponseError("ERR syntax error"),
    ],
)
def test_an_error_that_a_repeat_does_not_fix_is_not_repeated(error: RedisError) -> None:
    """A retry does not bring back time, connections or credentials, nor change a refusal."""
    assert not Retry().allows(error, only_reads=True)
    assert not Retry(repeat_writes=True).allows(error, only_reads=False)


def test_errors_named_exactly_are_repeated() -> None:
    """An error whose exact class is in `errors` is repeated."""
    retry = Retry(errors=(MaxConnectionsError, TryAgainError))
    assert retry.allows(MaxConnectionsError("full"), only_reads=True)
    assert retry.allows(TryAgainError("TRYAGAIN"), only_reads=True)
    assert not retry.allows(NOT_SENT, only_reads=True)


def test_a_timeout_named_exactly_is_repeated_for_reads_only() -> None:
    """G11 holds for errors that a user adds, too."""
    retry = Retry(errors=(TimeoutError,))
    assert retry.allows(TimeoutError("late"), only_reads=True)
    assert not retry.allows(TimeoutError("late"), only_reads=False)


REFUSING = (
    "LOADING x",
    "TRYAGAIN x",
    "NOREPLICAS x",
    "READONLY x",
    "MASTERDOWN x",
    "CLUSTERDOWN x",
)


@pytest.mark.parametrize("text", REFUSING)
def test_a_refusal_proves_that_a_command_was_not_run(text: str) -> None:
    """G11: the closed table of error replies after which a write is repeated, by default."""
    refusal = from_server(text)
    assert Retry().allows(refusal, only_reads=False)
    assert Retry(errors=(type(refusal),)).allows(refusal, only_reads=False)
    assert not Retry(errors=(WrongTypeError,)).allows(refusal, only_reads=True)


@pytest.mark.parametrize("text", [*REFUSING, "ERR max number of clients reached", "DENIED x"])
def test_the_refusal_of_a_script_proves_nothing(text: str) -> None:
    """G11: a script may have written before it gave the error of one of its commands."""
    refusal = from_server(text)
    assert refusal.answered
    for retry in (Retry(), Retry(errors=(type(refusal),))):
        assert not retry.allows(refusal, only_reads=False, runs_commands=True)
        assert retry.allows(refusal, only_reads=True, runs_commands=True)
    assert Retry(repeat_writes=True).allows(refusal, only_reads=False, runs_commands=True)


def test_a_script_that_was_not_sent_is_repeated() -> None:
    """A connection that could not be made is no reply to the script, also if the server is loading."""
    assert Retry().allows(NOT_SENT, only_reads=False, runs_commands=True)
    loading = cannot_connect("h:1", from_server("LOADING x"), 1)
    assert Retry().allows(loading, only_reads=False, runs_commands=True)


def test_another_error_reply_is_repeated_for_writes_if_it_is_named_exactly() -> None:
    """OOM is in no table: a write is repeated only after its exact class was named."""
    full = from_server("OOM command not allowed")
    assert not Retry().allows(full, only_reads=True)
    assert Retry(errors=(OutOfMemoryError,)).allows(full, only_reads=False)
    assert Retry(errors=(ResponseError,)).allows(full, only_reads=True)
    assert not Retry(errors=(ResponseError,)).allows(full, only_reads=False)


def test_the_default() -> None:
    """Any number of repeats within 1.5 s, with pauses of up to 0.25 s; 20 s after a failover."""
    retry = Retry()
    assert (retry.attempts, retry.deadline, retry.backoff.cap) == (None, 1.5, 0.25)
    assert retry.joins_dials
    assert FAILOVER_RETRY.deadline == REPLICA_RETRY.deadline == 20.0
    late = ConnectTimeoutError("no answer")
    assert not FAILOVER_RETRY.allows(late, only_reads=False)
    assert not retry.allows(late, only_reads=False)
    refused = from_server("READONLY x")
    assert FAILOVER_RETRY.allows(refused, only_reads=False)
    assert not REPLICA_RETRY.allows(refused, only_reads=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deadline": -1}, "deadline=-1"),
        ({"deadline": float("nan")}, "deadline=nan"),
        ({"deadline": float("inf")}, "deadline=inf"),
        ({"deadline": None}, "give attempts=, deadline=, or both"),
        ({"errors": [ConnectionError]}, "a tuple of anyredis error classes"),
        ({"errors": (OSError,)}, "a tuple of anyredis error classes"),
    ],
)
def test_policies_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    """G13: repeats have a bound, and errors are those of this library."""
    with pytest.raises(DataError, match=message):
        Retry(**options)


def states(state: RetryState, *moments: float) -> list[float | None]:
    """The decisions of *state* after failures at *moments*."""
    return [state.delay(now) for now in moments]


STEADY = Backoff(base=1.0, cap=4.0, random=lambda: 0.0)


def test_tries_are_counted() -> None:
    """That many attempts, each after a longer delay, and then no more."""
    state = RetryState(STEADY, attempts=3)
    assert not state.exhausted
    assert states(state, 0.0, 0.0, 0.0) == [1.0, 2.0, 4.0]
    assert state.exhausted
    assert states(state, 0.0, 99.0) == [None, None]


def test_any_number_of_tries() -> None:
    """Without a number and a deadline the repeats are unlimited."""
    assert states(RetryState(STEADY), *range(100))[-1] == 4.0


def test_no_try_begins_after_the_deadline() -> None:
    """It counts from the first failure, at any time of the clock."""
    assert states(RetryState(STEADY, deadline=3.0), -3.0, -0.5) == [1.0, None]
    assert states(RetryState(STEADY, deadline=3.0), 0.0, 1.0, 3.0) == [1.0, 2.0, None]
    assert states(RetryState(STEADY, deadline=3.0), 7.0, 8.5) == [1.0, None]


def test_a_try_may_overrun_the_deadline() -> None:
    """If that is allowed, the repeat has to be decided before the deadline."""
    state = RetryState(STEADY, deadline=3.0, overrun=True)
    assert states(state, 7.0, 9.9, 10.0) == [1.0, 2.0, None]


def test_the_first_tries_may_come_at_once() -> None:
    """Delays begin after these attempts."""
    assert states(RetryState(STEADY, at_once=2), 0.0, 0.0, 0.0, 0.0) == [0.0, 0.0, 1.0, 2.0]


def test_a_deadline_of_nothing_repeats_nothing() -> None:
    """`Retry(deadline=0)` fails at once, and so does one whose dial would begin too late."""
    assert states(Retry(deadline=0).state(), 0.0) == [None]
    state = RetryState(STEADY, deadline=3.0)
    assert states(state, 1.0) == [1.0]
    assert state.lasts(4.0)
    assert not state.lasts(4.1)
    assert state.exhausted


def test_the_state_of_a_policy() -> None:
    """It has the attempts, the deadline and the delays of the policy."""
    retry = Retry(attempts=2, backoff=STEADY, deadline=5.0)
    assert states(retry.state(), 0.0, 1.0, 2.0) == [1.0, 2.0, None]
    assert states(retry.state(), 0.0, 4.0) == [1.0, None]
    assert Retry(attempts=0).state().exhausted
