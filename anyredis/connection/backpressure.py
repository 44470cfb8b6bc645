"""Backpressure: the line of callers that wait until they may send on one connection.

Law: callers continue in the order in which they came.  A caller waits for capacity, or for the
connection to itself; while one owns the connection, no other continues.  A caller that is cancelled
after its turn came passes the turn on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from anyredis.exceptions import Outcome, RedisError
from anyredis.waiter import Waiter


class WaitingCaller:
    """A caller in the line; *size* is the number of bytes that it will enqueue.

    If it waits *alone*, its turn comes when the connection carries nothing, and it is the owner
    then.
    """

    __slots__ = ("alone", "granted", "size", "waiter")

    def __init__(self, waiter: Waiter, size: int, *, alone: bool) -> None:
        self.waiter = waiter
        self.size = size
        self.alone = alone
        self.granted = False


class Backpressure:
    """The callers that wait to send; *resume* lets those continue that may, by calling `grant`."""

    def __init__(self, new_waiter: Callable[[], Waiter], resume: Callable[[], None]) -> None:
        self.waiting: OrderedDict[WaitingCaller, None] = OrderedDict()
        self.owned = False
        """Whether one caller has the connection for itself."""
        self._owner: Waiter | None = None
        """The owner's waiter, while it waits for capacity."""
        self._granted = 0
        """Callers without ownership whose turn has come, and whose tasks have not run since."""
        self._new_waiter = new_waiter
        self._resume = resume

    @property
    def busy(self) -> bool:
        """Whether a new caller has to wait in line."""
        return self.owned or self._granted > 0 or bool(self.waiting)

    async def wait(self, size: int, *, alone: bool = False) -> None:
        """Wait until *size* bytes may be enqueued, or until the caller owns the connection.

        Raises the error of a lost connection.
        """
        caller = WaitingCaller(self._new_waiter(), size, alone=alone)
        self.waiting[caller] = None
        try:
            error = await caller.waiter
        except BaseException:
            self.waiting.pop(caller, None)
            self._arrived(caller)
            if caller.granted and alone:
                self.owned = False
            self._resume()  # the turn, or the place in the line, is the next caller's
            raise
        if error is not None:
            raise error
        self._arrived(caller)

    def _arrived(self, caller: WaitingCaller) -> None:
        self._granted -= caller.granted and not caller.alone

    async def wait_as_owner(self) -> None:
        """Wait until the owner may enqueue more; raises the error of a lost connection."""
        self._owner = owner = self._new_waiter()
        try:
            error = await owner
        finally:
            self._owner = None
        if error is not None:
            raise error

    def grant(self, capacity: int, *, idle: bool) -> None:
        """Let the first callers continue, up to *capacity* bytes; the last may exceed it.

        *idle* says whether the connection carries nothing.
        """
        if self.owned:
            if capacity > 0:
                self._wake_owner(None)
            return
        while self.waiting and capacity > 0:
            caller = next(iter(self.waiting))
            if caller.alone and not caller.waiter.done() and (self._granted or not idle):
                return
            del self.waiting[caller]
            if caller.waiter.done():  # cancelled, and its task has not run since
                continue
            caller.granted = True
            caller.waiter.set_result(None)
            if caller.alone:
                self.owned = True
                return
            self._granted += 1
            capacity -= caller.size

    def _wake_owner(self, error: RedisError | None) -> None:
        owner, self._owner = self._owner, None
        if owner is not None and not owner.done():
            owner.set_result(error)

    def close(self, error: Callable[[Outcome], RedisError]) -> None:
        """Fail all waiting callers, whose requests were not sent."""
        self._wake_owner(error(Outcome.NOT_SENT))
        while self.waiting:
            caller, _ = self.waiting.popitem(last=False)
            if not caller.waiter.done():
                caller.waiter.set_result(error(Outcome.NOT_SENT))
