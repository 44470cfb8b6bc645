"""What a client tells an observer: commands, retries, redirects, connections, waits for a lease.

Law: an observer is called synchronously, in the task that did the thing, after the state of the
client has changed.  An exception in it is logged and reaches no request.  A client without an
observer runs the same code as before there were observers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol

from anyredis.exceptions import DataTypeError, RedisError

P = ParamSpec("P")

LOGGER = logging.getLogger("anyredis")


@dataclass(frozen=True, eq=False)
class CommandEvent:
    """One call on a client, from its start to its end; compared and hashed by identity.

    Arguments and replies are not part of it: they may be secrets.
    """

    name: str
    """The command's name, with its subcommand: `GET`, `CLIENT LIST`; `PIPELINE` or `MULTI`."""
    address: str
    """The endpoint that the call was first meant for: `host:port`, or a path; empty if several."""
    size: int = 1
    """How many commands the call sends: more than 1 for a pipeline."""


@dataclass(frozen=True)
class CommandEnd:
    """How a call ended."""

    duration: float
    """Seconds from the start of the call to its end, retries and waits included."""
    error: BaseException | None = None
    """What the call raised, a cancellation included; None if it gave a value."""


@dataclass(frozen=True)
class RetryEvent:
    """A call failed and is made again."""

    name: str
    address: str
    """The endpoint that failed."""
    error: RedisError
    """Why the last attempt failed."""
    delay: float
    """Seconds until the next attempt."""


@dataclass(frozen=True)
class RedirectEvent:
    """A node of a cluster named another one for a command."""

    name: str
    address: str
    """The endpoint that redirected."""
    error: RedisError
    """The MOVED or ASK error."""


class Observer(Protocol):
    """What is told to the user of `observer=`; derive from `BaseObserver` to write only some."""

    def command_started(self, event: CommandEvent, /) -> None:
        """A call began."""
        ...

    def command_ended(self, event: CommandEvent, end: CommandEnd, /) -> None:
        """The call of *event* ended; *event* is the object that `command_started` got."""
        ...

    def command_retried(self, retry: RetryEvent, /) -> None:
        """A call is made again after a failure."""
        ...

    def command_redirected(self, redirect: RedirectEvent, /) -> None:
        """A call goes on at another node."""
        ...

    def connected(self, address: str, duration: float, /) -> None:
        """A connection to *address* is ready, *duration* seconds after it was begun."""
        ...

    def connect_failed(self, address: str, duration: float, error: BaseException, /) -> None:
        """A connection to *address* did not become ready."""
        ...

    def disconnected(self, address: str, reason: str, /) -> None:
        """A connection to *address*, which was `connected` before, is closed."""
        ...

    def lease_waited(self, duration: float, error: BaseException | None, /) -> None:
        """A call waited *duration* seconds for a lease of a blocking pool.

        *error* is why it did not get one: the timeout, or a cancellation.
        """
        ...


class BaseObserver:
    """An `Observer` that does nothing: override what you want to hear of."""

    def command_started(self, event: CommandEvent, /) -> None:
        """Nothing."""

    def command_ended(self, event: CommandEvent, end: CommandEnd, /) -> None:
        """Nothing."""

    def command_retried(self, retry: RetryEvent, /) -> None:
        """Nothing."""

    def command_redirected(self, redirect: RedirectEvent, /) -> None:
        """Nothing."""

    def connected(self, address: str, duration: float, /) -> None:
        """Nothing."""

    def connect_failed(self, address: str, duration: float, error: BaseException, /) -> None:
        """Nothing."""

    def disconnected(self, address: str, reason: str, /) -> None:
        """Nothing."""

    def lease_waited(self, duration: float, error: BaseException | None, /) -> None:
        """Nothing."""


METHODS = tuple(name for name in vars(BaseObserver) if not name.startswith("_"))


def check_observer(observer: object) -> None:
    """Raise `DataTypeError` unless *observer* is None or has all methods of an `Observer`."""
    missing = [name for name in METHODS if not callable(getattr(observer, name, None))]
    if observer is not None and missing:
        raise DataTypeError(
            f"observer has to have the method {missing[0]}: derive it from anyredis.BaseObserver"
        )


def notify(method: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call *method* of an observer; an exception that it raises is logged."""
    try:
        method(*args, **kwargs)
    except Exception:
        LOGGER.exception("an observer raised an exception, which is ignored")
