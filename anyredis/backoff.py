"""How long to wait after failures, and what may be repeated: values in and out, no clock, no I/O."""

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
    """Delays that double from *base* up to *cap* seconds, each cut by up to half at random."""

    base: float = 0.008
    cap: float = 0.5
    random: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        """Refuse delays that make no sense."""
        if not 0 <= self.base <= self.cap:
            msg = f"Backoff needs 0 <= base <= cap (seconds), not base={self.base}, cap={self.cap}"
            raise DataValueError(msg)

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row; 0 after none."""
        if failures <= 0:
            return 0.0
        longest = min(self.cap, self.base * 2.0 ** min(failures - 1, 60))
        return longest * (1 - self.random() / 2)


@dataclass(frozen=True)
class Retry:
    """Which failed commands are sent again, how often and when.

    Sent again are commands that the server cannot have run, and commands that only read.  A write
    whose reply was lost is not, unless *repeat_writes* says so: it can then run more than once.

    *attempts* is the number of repeats after the first try.  *deadline* bounds the whole, in
    seconds from the first failure.  *errors* are the errors that are worth a repeat; running out
    of time or of connections and wrong credentials never are, unless they are named here exactly.
    """

    attempts: int = 3
    backoff: Backoff = Backoff()
    deadline: float | None = None
    errors: tuple[type[RedisError], ...] = (ConnectionError,)
    repeat_writes: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        if self.attempts < 0:
            msg = f"Retry(attempts={self.attempts}): the number of repeats cannot be negative"
            raise DataValueError(msg)

    def state(self) -> RetryState:
        """What counts the repeats of one command."""
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
    """One command's tries so far, of which there may be *attempts* more (None: any number).

    *deadline* seconds after its first failure none begins any more. *at_once* of the tries are not
    waited for. With *overrun* a try that was decided on before the deadline may begin after it.
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
        """Whether there are no attempts left, whenever the next failure comes."""
        return self._attempts is not None and self._tries >= self._attempts

    def delay(self, now: float) -> float | None:
        """Seconds to wait before the next try, after a failure that came at *now*; None: give up."""
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
