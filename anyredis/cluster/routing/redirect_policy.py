"""What to do when a cluster did not answer a command: follow, wait, try again or give up.

Law: a redirection and a refusal mean that the command was not run, so it is sent again, within
bounds, whatever it is; a failure is repeated only as the client's `Retry` allows (G11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anyredis.backoff import Backoff, Retry
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
"""Waits between two tries of what was refused."""

TEMPORARY_REFUSALS: Final = (TryAgainError, ClusterDownError, PrimaryDownError, ReadOnlyError)
"""Answers that will change, once the cluster has sorted itself out."""


@dataclass(frozen=True)
class NextAttempt:
    """What comes next: wait *delay* seconds, know the slot map as it is by then, and go on.

    To where a redirection points, or else to who serves the slot now.
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
        self._redirections = 0
        self._refusals = 0
        self._failures = 0
        self._patient_until: float | None = None
        self._retry_until: float | None = None

    def decide(self, failed: RedisError, *, only_reads: bool, now: float) -> NextAttempt | None:
        """What to do after *failed*, which came at *now*; None: tell the caller."""
        if isinstance(failed, RedirectError):
            self._redirections += 1
            if self._redirections > MAX_REDIRECTIONS:
                return None
            # Two nodes that point at each other will agree in time.
            return NextAttempt(REFUSAL_BACKOFF.delay(self._redirections - 3), to=failed)
        if isinstance(failed, TEMPORARY_REFUSALS) or was_demoted(failed):
            self._refusals += 1
            self._patient_until = self._patient_until or now + PATIENCE
            if now >= self._patient_until:
                return None
            refresh = not isinstance(failed, TryAgainError)
            return NextAttempt(REFUSAL_BACKOFF.delay(self._refusals), refresh=refresh)
        return self._after_failure(failed, only_reads=only_reads, now=now)

    def _after_failure(
        self, failed: RedisError, *, only_reads: bool, now: float
    ) -> NextAttempt | None:
        retry = self._retry
        if retry is None or self._failures >= retry.attempts:
            return None
        if not retry.allows(failed, only_reads=only_reads):
            return None
        self._failures += 1
        delay = retry.backoff.delay(self._failures)
        if retry.deadline is not None:
            self._retry_until = self._retry_until or now + retry.deadline
            if now + delay > self._retry_until:
                return None
        return NextAttempt(delay, refresh=True)


def was_demoted(failed: RedisError) -> bool:
    """Whether a command that blocked was sent away because its node is a primary no more."""
    return isinstance(failed, UnblockedError) and "instance state changed" in str(failed)


def suggests_refresh(failed: RedisError) -> bool:
    """Whether *failed* says that the slot map may not be what it was."""
    if isinstance(failed, (MaxConnectionsError, PoolTimeoutError)):
        return False
    return isinstance(failed, (*TOPOLOGY_ERRORS, ConnectionError, TimeoutError)) or was_demoted(
        failed
    )


TOPOLOGY_ERRORS: Final = (RedirectError, ClusterDownError, ReadOnlyError)


def marks_unhealthy(failed: RedisError) -> bool:
    """Whether a node that answers so should not be asked by who may ask another."""
    if isinstance(failed, (MaxConnectionsError, PoolTimeoutError)):
        return False
    return isinstance(failed, (ConnectionError, TimeoutError, BusyLoadingError, PrimaryDownError))
