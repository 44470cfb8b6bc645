"""Delays after failures and the choice of commands to repeat.

Law: values in, values out; no clock and no I/O.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from anyredis.exceptions import (
    AuthenticationError,
    ConnectionError,
    DataValueError,
    MaxConnectionsError,
    Outcome,
    RedisError,
    TimeoutError,
)


@dataclass(frozen=True)
class Backoff:
    """Delays that double from *base* up to *cap* seconds, each at random shorter by up to half."""

    base: float = 0.008
    cap: float = 0.5
    random: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        """Raise `DataValueError` for delays that are negative or contradict each other."""
        if not 0 <= self.base <= self.cap:
            msg = f"Backoff needs 0 <= base <= cap (seconds), not base={self.base}, cap={self.cap}"
            raise DataValueError(msg)

    def delay(self, failures: int) -> float:
        """Seconds to wait after that many *failures* in a row; 0 after none."""
        if failures <= 0:
            return 0.0
        longest = min(self.cap, self.base * 2.0 ** min(failures - 1, 60))
        return longest * (1 - self.random() / 2)


@dataclass(frozen=True)
class Retry:
    """The commands that are sent again after a failure, how often and when.

    Commands that the server cannot have run and commands that only read are sent again.  A write
    whose reply was lost is not, unless *repeat_writes* is true: it can then run more than once.

    *attempts* is the number of repeats after the first try.  *deadline* bounds the whole, in
    seconds from the first failure.  A command is repeated after one of *errors*; a timeout, a lack
    of connections and wrong credentials count only if their exact class is among them.
    """

    attempts: int = 3
    backoff: Backoff = Backoff()
    deadline: float | None = None
    errors: tuple[type[RedisError], ...] = (ConnectionError,)
    repeat_writes: bool = False

    def __post_init__(self) -> None:
        """Raise `DataValueError` for a negative number of repeats."""
        if self.attempts < 0:
            msg = f"Retry(attempts={self.attempts}): the number of repeats cannot be negative"
            raise DataValueError(msg)

    def state(self) -> RetryState:
        """A counter of the repeats of one command."""
        return RetryState(self.backoff, attempts=self.attempts, deadline=self.deadline)

    def allows(self, error: RedisError, *, only_reads: bool) -> bool:
        """Whether a command that failed with *error* may be sent again."""
        if type(error) not in self.errors and (
            not isinstance(error, self.errors)
            or isinstance(error, (TimeoutError, MaxConnectionsError, AuthenticationError))
        ):
            return False
        if only_reads or self.repeat_writes:
            return True
        outcome = getattr(error, "outcome", Outcome.UNKNOWN)
        return outcome is Outcome.NOT_SENT


class RetryState:
    """The repeats of one command so far, of at most *attempts* (None: any number).

    No repeat begins later than *deadline* seconds after the first failure.  The first *at_once*
    repeats begin without a delay.  With *overrun*, a repeat that was decided before the deadline
    may begin after it.
    """

    __slots__ = ("_at_once", "_attempts", "_backoff", "_deadline", "_overrun", "_tries", "_until")

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
        self._until: float | None = None

    @property
    def exhausted(self) -> bool:
        """Whether there are no attempts left, independent of time."""
        return self._attempts is not None and self._tries >= self._attempts

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
