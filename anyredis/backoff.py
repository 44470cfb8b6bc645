"""Delays after failures and the choice of commands to repeat.

Law: values in, values out; no clock and no I/O.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final

from anyredis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    DataTypeError,
    DataValueError,
    MaxConnectionsError,
    NoReplicasError,
    Outcome,
    PrimaryDownError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen

REFUSALS: Final = (
    BusyLoadingError,
    ClusterDownError,
    NoReplicasError,
    PrimaryDownError,
    ReadOnlyError,
    TryAgainError,
)
"""The error replies that prove that the server did not run the command, and that pass."""

FAILOVER_DEADLINE: Final = 20.0
"""Seconds for which clients of a cluster and of sentinels repeat commands by default."""


_RANDOM: Final = random.random


class Backoff(Frozen, unshown=("random",)):
    """Delays that double from *base* up to *cap* seconds, each at random shorter by up to half.

    *random* gives numbers from 0 to 1.  Raises `DataValueError` for delays that are negative or
    contradict each other.
    """

    __slots__ = ("base", "cap", "random")

    def __init__(
        self,
        base: float = 0.008,
        cap: float = 0.5,
        random: Callable[[], float] = _RANDOM,
    ) -> None:
        if not 0 <= base <= cap:
            msg = f"Backoff needs 0 <= base <= cap (seconds), not base={base}, cap={cap}"
            raise DataValueError(msg)
        self.base: Final = base
        self.cap: Final = cap
        self.random: Final = random

    def delay(self, failures: int) -> float:
        """Seconds to wait after that many *failures* in a row; 0 after none."""
        if failures <= 0:
            return 0.0
        longest = min(self.cap, self.base * 2.0 ** min(failures - 1, 60))
        return longest * (1 - self.random() / 2)


class Retry(Frozen):
    """The commands that are sent again after a failure, how often and when.

    Commands that the server cannot have run and commands that only read are sent again.  A write
    whose reply was lost is not, unless *repeat_writes* is true: it can then run more than once.

    *attempts* is the number of repeats after the first try (None: any number), *backoff* gives the
    pauses.  No repeat begins later than *deadline* seconds after the first failure (None: no
    bound; 0: nothing is repeated).  A command is repeated after one of *errors*; a timeout, a lack
    of connections and wrong credentials count only if their exact class is among them.

    The error replies LOADING, TRYAGAIN, NOREPLICAS, READONLY, MASTERDOWN and CLUSTERDOWN mean that
    the command was not run, except as the reply to a script, a function or EXEC, which run other
    commands.  After any other error reply a write is repeated only if its exact class is among
    *errors*.

    Raises `DataError` for values that make no sense, and if neither *attempts* nor *deadline* is a
    bound.
    """

    __slots__ = ("attempts", "backoff", "deadline", "errors", "repeat_writes")

    def __init__(
        self,
        attempts: int | None = None,
        backoff: Backoff = Backoff(cap=0.25),  # noqa: B008 - it does not change
        deadline: float | None = 1.5,
        errors: tuple[type[RedisError], ...] = (ConnectionError, *REFUSALS),
        repeat_writes: bool = False,
    ) -> None:
        if attempts is not None and attempts < 0:
            msg = f"Retry(attempts={attempts}): the number of repeats cannot be negative"
            raise DataValueError(msg)
        if deadline is not None and not 0 <= deadline < math.inf:
            msg = f"Retry(deadline={deadline}): use 0 or more seconds, or None for no bound"
            raise DataValueError(msg)
        if attempts is None and deadline is None:
            raise DataValueError("Retry needs a bound: give attempts=, deadline=, or both")
        if not isinstance(errors, tuple) or not all(map(_is_error_class, errors)):
            given = excerpt(errors, 80)
            msg = f"Retry(errors=...) takes a tuple of anyredis error classes, not {given}"
            raise DataTypeError(msg)
        self.attempts: Final = attempts
        self.backoff: Final = backoff
        self.deadline: Final = deadline
        self.errors: Final = errors
        self.repeat_writes: Final = repeat_writes

    @property
    def joins_dials(self) -> bool:
        """Whether commands may wait for one connection attempt after the other: none is counted."""
        return self.attempts is None

    def waits_for_dial(self, state: RetryState, failed: RedisError, next_dial: float) -> bool:
        """Whether a command waits for the dial at *next_dial*, unsent, after one *failed*.

        *state* is that of its repeats.
        """
        return self.joins_dials and self.allows(failed, only_reads=False) and state.lasts(next_dial)

    def state(self) -> RetryState:
        """A counter of the repeats of one command."""
        return RetryState(self.backoff, attempts=self.attempts, deadline=self.deadline)

    def allows(self, error: RedisError, *, only_reads: bool, runs_commands: bool = False) -> bool:
        """Whether a command that failed with *error* may be sent again.

        *runs_commands*: it is a script or a function, or EXEC, whose error reply proves nothing.
        """
        named = type(error) in self.errors
        if not named and (
            not isinstance(error, self.errors)
            or isinstance(error, (TimeoutError, MaxConnectionsError, AuthenticationError))
        ):
            return False
        if only_reads or self.repeat_writes:
            return True
        if error.answered or isinstance(error, ResponseError):
            return not runs_commands and (named or not_run(error))
        return not_run(error)


def not_run(error: RedisError) -> bool:
    """Whether *error* proves that the server has not run a command that runs no other commands."""
    outcome = getattr(error, "outcome", Outcome.UNKNOWN)
    return isinstance(error, REFUSALS) or outcome is Outcome.NOT_SENT


def _is_error_class(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, RedisError)


FAILOVER_RETRY: Final = Retry(deadline=FAILOVER_DEADLINE)
"""The default of clients that find another primary after a failover."""

REPLICA_RETRY: Final = Retry(
    deadline=FAILOVER_DEADLINE,
    errors=tuple(each for each in FAILOVER_RETRY.errors if each is not ReadOnlyError),
)
"""The default of clients that read from replicas, where no repeat changes a READONLY."""


class RetryState:
    """The repeats of one command so far, of at most *attempts* (None: any number).

    No repeat begins later than *deadline* seconds after the first failure.  The first *at_once*
    repeats begin without a delay.  With *overrun*, a repeat that was decided before the deadline
    may begin after it.
    """

    __slots__ = (
        *("_at_once", "_attempts", "_backoff", "_deadline"),
        *("_ended", "_overrun", "_tries", "_until"),
    )

    def __init__(
        self,
        backoff: Backoff,
        *,
        attempts: int | None = None,
        deadline: float | None = None,
        at_once: int = 0,
        overrun: bool = False,
    ) -> None:
        self._backoff = backoff
        self._attempts = attempts
        self._deadline = deadline
        self._at_once = at_once
        self._overrun = overrun
        self._tries = 0
        self._ended = False
        self._until: float | None = None

    @property
    def exhausted(self) -> bool:
        """Whether there are no attempts left, independent of time."""
        return self._ended or (self._attempts is not None and self._tries >= self._attempts)

    def lasts(self, at: float) -> bool:
        """Whether a repeat may begin at the time *at*; if not, no other one begins before it."""
        self._ended = self._until is not None and at > self._until
        return not self._ended

    def delay(self, now: float) -> float | None:
        """Seconds to wait before the next try, after a failure at the time *now*; None: give up."""
        if self.exhausted:
            return None
        self._tries += 1
        delay = self._backoff.delay(self._tries - self._at_once)
        if self._deadline is None:
            return delay
        if self._until is None:
            self._until = now + self._deadline
        if now >= self._until or (now + delay > self._until and not self._overrun):
            return None
        return delay
