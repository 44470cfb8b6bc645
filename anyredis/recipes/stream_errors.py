"""Failures of reading streams: those that pass, and those that end the reading.

Law: a lost connection, a failover, a lack of connections or memory, and a script that takes too long
pass, however long they last; wrong credentials, missing permissions and a key of another type do not.
"""

from __future__ import annotations

from typing import Final

from anyredis.backoff import REFUSALS, Backoff
from anyredis.exceptions import (
    AuthenticationError,
    BusyScriptError,
    ConnectionError,
    OutOfMemoryError,
    PersistenceError,
    RedirectError,
    RedisError,
    TimeoutError,
    UnblockedError,
    fresh,
)

PASSING: Final = (
    ConnectionError,
    TimeoutError,
    RedirectError,
    BusyScriptError,
    OutOfMemoryError,
    PersistenceError,
    UnblockedError,
    *REFUSALS,
)

BACKOFF: Final = Backoff(base=0.02, cap=1.0)
"""The pauses of a reader between its tries."""


def passes(error: RedisError) -> bool:
    """Whether *error* may be over when the command is sent again."""
    return isinstance(error, PASSING) and not isinstance(error, AuthenticationError)


def raised(failure: Exception) -> Exception:
    """*failure* of the task that reads, to be raised in one more task."""
    if isinstance(failure, RedisError):
        return fresh(failure)
    error = RuntimeError("the task that reads the streams has failed")
    error.__cause__ = failure
    return error
