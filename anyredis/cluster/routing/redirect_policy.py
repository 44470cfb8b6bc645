"""Decides the next attempt of a command that failed in a cluster: redirect, delay, retry or none.

Law: a redirect and a refusal mean that the command was not run, so any command is sent again,
within bounds.  After a failure a command is sent again only as the client's `Retry` allows (G11).
"""

from typing import Final, NamedTuple

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

MAX_REDIRECTS = 16
"""The most MOVED and ASK redirects that one command follows."""

PATIENCE = 2.0
"""Seconds for which at least a command is sent again after TRYAGAIN, CLUSTERDOWN and similar."""

REFUSAL_BACKOFF: Final = Backoff(base=0.01, cap=0.25)
"""Delays between two attempts of a command that was refused."""

TEMPORARY_REFUSALS: Final = (TryAgainError, ClusterDownError, PrimaryDownError, ReadOnlyError)
"""Refusals that end once a failover or the move of a slot is complete."""


class NextAttempt(NamedTuple):
    """The next attempt: after *delay* seconds and, if *refresh*, after a refresh of the slot map.

    It goes to the node that the redirect *to* names; without one, to the node that the slot map
    names by then.
    """

    delay: float = 0.0
    refresh: bool = False
    to: RedirectError | None = None

    @property
    def asking(self) -> bool:
        """Whether ASKING has to be sent first."""
        return isinstance(self.to, AskError)


class RedirectPolicy:
    """Counts the redirects, refusals and failures of one command, and decides on the next attempt."""

    def __init__(self, retry: Retry | None) -> None:
        self._retry = retry
        # Made when they are needed: nearly every command needs none.
        self._redirects: RetryState | None = None
        self._refusals: RetryState | None = None
        self._failures: RetryState | None = None

    def decide(
        self, failed: RedisError, *, only_reads: bool, now: float, runs_commands: bool = False
    ) -> NextAttempt | None:
        """The next attempt after *failed*, which came at *now*; None: the caller gets *failed*.

        *runs_commands*: see `Retry.allows`.
        """
        if isinstance(failed, RedirectError):
            if self._redirects is None:
                # Two nodes may redirect to each other for a short time: hence the delays.
                self._redirects = RetryState(REFUSAL_BACKOFF, attempts=MAX_REDIRECTS, at_once=3)
            return _step(self._redirects.delay(now), to=failed)
        if isinstance(failed, TEMPORARY_REFUSALS) or was_demoted(failed):
            if runs_commands and not only_reads:
                return None
            if self._refusals is None:
                deadline = refusal_deadline(self._retry)
                self._refusals = RetryState(REFUSAL_BACKOFF, deadline=deadline, overrun=True)
            refresh = not isinstance(failed, TryAgainError)
            return _step(self._refusals.delay(now), refresh=refresh)
        if self._retry is None or not self._retry.allows(
            failed, only_reads=only_reads, runs_commands=runs_commands
        ):
            return None
        self._failures = self._failures or self._retry.state()
        return _step(self._failures.delay(now), refresh=True)

    def lasts(self, failed: RedisError, next_dial: float) -> bool:
        """Whether the command waits for *next_dial* after a dial *failed*, without an attempt."""
        retry, failures = self._retry, self._failures
        if retry is None or failures is None:
            return False
        return retry.waits_for_dial(failures, failed, next_dial)


def refusal_deadline(retry: Retry | None) -> float:
    """Seconds for which refusals are repeated: at least `PATIENCE`, unless *retry* has none."""
    if retry is None or retry.deadline is None:
        return PATIENCE
    return max(PATIENCE, retry.deadline) if retry.deadline else 0.0


def _step(
    delay: float | None, *, refresh: bool = False, to: RedirectError | None = None
) -> NextAttempt | None:
    return None if delay is None else NextAttempt(delay, refresh, to)


def was_demoted(failed: RedisError) -> bool:
    """Whether a blocking command was ended because its node is no longer a primary."""
    return isinstance(failed, UnblockedError) and "instance state changed" in str(failed)


def suggests_refresh(failed: RedisError) -> bool:
    """Whether *failed* means that the slot map may be out of date."""
    if isinstance(failed, (MaxConnectionsError, PoolTimeoutError)):
        return False
    return isinstance(failed, (*TOPOLOGY_ERRORS, ConnectionError, TimeoutError)) or was_demoted(
        failed
    )


TOPOLOGY_ERRORS: Final = (RedirectError, ClusterDownError, ReadOnlyError)


def marks_unhealthy(failed: RedisError) -> bool:
    """Whether a node that failed so should be avoided by commands that another node can answer."""
    if isinstance(failed, (MaxConnectionsError, PoolTimeoutError)):
        return False
    return isinstance(failed, (ConnectionError, TimeoutError, BusyLoadingError, PrimaryDownError))
