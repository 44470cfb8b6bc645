"""Decides how a command goes on that a cluster did not answer: follow, wait, retry or give up.

Law: a redirection and a refusal mean that the command was not run, so it is sent again, within
bounds, whatever it is; a failure is repeated only as the client's `Retry` allows (G11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anyredis.backoff import Backoff, Retry, RetryState
from anyredis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MaxConnectionsError,
    PoolTimeoutError,
    PrimaryDownError,
    ReadOnlyError,
    RedirectError,
    RedisError,
    TimeoutError,
    TryAgainError,
    UnblockedError,
)

MAX_REDIRECTIONS = 16
"""How often one command follows MOVED and ASK."""

PATIENCE = 2.0
"""Seconds for which a command goes on after TRYAGAIN, CLUSTERDOWN and the like."""

REFUSAL_BACKOFF: Final = Backoff(base=0.01, cap=0.25)
"""Waits between two attempts of a refused command."""

TEMPORARY_REFUSALS: Final = (TryAgainError, ClusterDownError, PrimaryDownError, ReadOnlyError)
"""Answers that will change, once the cluster has sorted itself out."""


@dataclass(frozen=True)
class NextAttempt:
    """The next attempt: wait *delay* seconds, with *refresh* for a new slot map, and send again.

    It goes to the node that the redirection *to* names; otherwise to the node that serves the slot.
    """

    delay: float = 0.0
    refresh: bool = False
    to: RedirectError | None = None

    @property
    def asking(self) -> bool:
        """Whether ASKING has to be said first."""
        return isinstance(self.to, AskError)


class RedirectPolicy:
    """One command's way through the cluster."""

    def __init__(self, retry: Retry | None) -> None:
        self._retry = retry
        # Made when they are needed: nearly every command does without.
        self._redirections: RetryState | None = None
        self._refusals: RetryState | None = None
        self._failures: RetryState | None = None

    def decide(self, failed: RedisError, *, only_reads: bool, now: float) -> NextAttempt | None:
        """The next attempt after *failed*, which came at *now*; None: the error is the caller's."""
        if isinstance(failed, RedirectError):
            if self._redirections is None:
                # Two nodes that point at each other will agree in time.
                self._redirections = RetryState(
                    REFUSAL_BACKOFF, attempts=MAX_REDIRECTIONS, at_once=3
                )
            return _step(self._redirections.delay(now), to=failed)
        if isinstance(failed, TEMPORARY_REFUSALS) or was_demoted(failed):
            if self._refusals is None:
                self._refusals = RetryState(REFUSAL_BACKOFF, deadline=PATIENCE, overrun=True)
            refresh = not isinstance(failed, TryAgainError)
            return _step(self._refusals.delay(now), refresh=refresh)
        if self._retry is None or not self._retry.allows(failed, only_reads=only_reads):
            return None
        self._failures = self._failures or self._retry.state()
        return _step(self._failures.delay(now), refresh=True)


def _step(
    delay: float | None, *, refresh: bool = False, to: RedirectError | None = None
) -> NextAttempt | None:
    return None if delay is None else NextAttempt(delay, refresh, to)


def was_demoted(failed: RedisError) -> bool:
    """Whether a command that blocked was sent away because its node is a primary no more."""
    return isinstance(failed, UnblockedError) and "instance state changed" in str(failed)


def suggests_refresh(failed: RedisError) -> bool:
    """Whether *failed* suggests that the slot map is out of date."""
    if isinstance(failed, (MaxConnectionsError, PoolTimeoutError)):
        return False
    return isinstance(failed, (*TOPOLOGY_ERRORS, ConnectionError, TimeoutError)) or was_demoted(
        failed
    )


TOPOLOGY_ERRORS: Final = (RedirectError, ClusterDownError, ReadOnlyError)


def marks_unhealthy(failed: RedisError) -> bool:
    """Whether a node that fails so is unhealthy: commands that may go to another node do so."""
    if isinstance(failed, (MaxConnectionsError, PoolTimeoutError)):
        return False
    return isinstance(failed, (ConnectionError, TimeoutError, BusyLoadingError, PrimaryDownError))
