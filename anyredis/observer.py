"""Events of a client for an observer: commands, retries, redirects, connections, waits for a lease.

Law: an observer is called synchronously, in the task in which the event happened, after the state
of the client has changed.  An exception in it is logged and reaches no request.  A client without
an observer runs the same code for a command as if observers did not exist.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec, Protocol

from anyredis.exceptions import DataTypeError, RedisError

P = ParamSpec("P")

LOGGER = logging.getLogger("anyredis")


class CommandEvent:
    """One call on a client, from its start to its end; compared and hashed by identity.

    Arguments and replies are not part of it: they may be secrets.
    """

    # Plain classes: a dataclass adds half a millisecond to every import.
    __slots__ = ("address", "name", "size")

    def __init__(self, name: str, address: str, size: int = 1) -> None:
        self.name = name
        """The command's name, with its subcommand: `GET`, `CLIENT LIST`; `PIPELINE` or `MULTI`."""
        self.address = address
        """The endpoint that the call first goes to: `host:port`, or a path; empty if several."""
        self.size = size
        """The number of commands that the call sends: more than 1 for a pipeline."""

    def __repr__(self) -> str:
        return f"<CommandEvent {self.name} {self.address}>"


class CommandEnd:
    """The duration and the error of a call that ended."""

    __slots__ = ("duration", "error")

    def __init__(self, duration: float, error: BaseException | None = None) -> None:
        self.duration = duration
        """Seconds from the start of the call to its end, retries and waits included."""
        self.error = error
        """The exception that the call raised, a cancellation included; None if it gave a value."""


class RetryEvent:
    """A call that failed and is made again."""

    __slots__ = ("address", "delay", "error", "name")

    def __init__(self, name: str, address: str, error: RedisError, delay: float) -> None:
        self.name = name
        self.address = address
        """The endpoint that failed."""
        self.error = error
        """The error of the last attempt."""
        self.delay = delay
        """Seconds until the next attempt."""


class RedirectEvent:
    """A reply of a cluster's node that names another node for a command."""

    __slots__ = ("address", "error", "name")

    def __init__(self, name: str, address: str, error: RedisError) -> None:
        self.name = name
        self.address = address
        """The endpoint that redirected."""
        self.error = error
        """The MOVED or ASK error."""


class Observer(Protocol):
    """The methods of an object for `observer=`; `BaseObserver` has all of them, doing nothing."""

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
        """A connection to *address* is ready, *duration* seconds after its start."""
        ...

    def connect_failed(self, address: str, duration: float, error: BaseException, /) -> None:
        """A connection to *address* failed with *error*, *duration* seconds after its start."""
        ...

    def disconnected(self, address: str, reason: str, /) -> None:
        """A connection to *address*, which was `connected` before, is closed for *reason*."""
        ...

    def lease_waited(self, duration: float, error: BaseException | None, /) -> None:
        """A call waited *duration* seconds for a lease of a blocking pool.

        *error* is why it did not get one: the timeout, or a cancellation.
        """
        ...


class BaseObserver:
    """An `Observer` that does nothing: override the methods that you need."""

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
    """Call *method* of an observer and log the exception if it raises one."""
    try:
        method(*args, **kwargs)
    except Exception:
        LOGGER.exception("an observer raised an exception, which is ignored")
