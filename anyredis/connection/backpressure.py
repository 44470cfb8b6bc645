"""Backpressure: the requests that wait in line until they may be enqueued on one connection.

Law: requests are enqueued in the order in which they came, each at the moment at which its turn
comes.  A request waits for capacity; an owner waits until the connection carries nothing, and no
other request is enqueued before it lets go.  One that is given up leaves the line at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from anyredis.exceptions import Outcome, RedisError
from anyredis.waiter import Waiter
from anyredis.wire.request import Request


class WaitingRequest:
    """What is kept of a request in the line; *pack* gives its *size* bytes when its turn comes.

    They are not kept, so the line costs no memory that grows with the requests in it.
    """

    __slots__ = ("pack", "size")

    def __init__(self, size: int, pack: Callable[[], bytes]) -> None:
        self.size = size
        self.pack = pack


class Backpressure:
    """The line; *enqueue* takes each request in its turn, and *resume* calls `grant`."""

    def __init__(
        self,
        new_waiter: Callable[[], Waiter],
        enqueue: Callable[[Request], object],
        resume: Callable[[], None],
    ) -> None:
        self.waiting: OrderedDict[Request | Waiter, WaitingRequest | None] = OrderedDict()
        """Requests, and the waiters of owners to be."""
        self.owned = False
        """Whether one caller has the connection for itself."""
        self._owner: Waiter | None = None
        """The owner's waiter, while it waits for capacity."""
        self._new_waiter = new_waiter
        self._enqueue = enqueue
        self._resume = resume

    @property
    def busy(self) -> bool:
        """Whether a new request has to wait in line."""
        return self.owned or bool(self.waiting)

    def add(self, request: Request, size: int, pack: Callable[[], bytes]) -> None:
        """Put *request* in the line; *pack* gives its *size* bytes."""
        request.payload = b""
        self.waiting[request] = WaitingRequest(size, pack)

    def remove(self, request: Request) -> bool:
        """Whether *request* was in the line; it is not any more."""
        return self.waiting.pop(request, None) is not None

    async def own(self) -> None:
        """Wait until the connection is the caller's own; raises the error of a lost connection."""
        waiter = self._new_waiter()
        self.waiting[waiter] = None
        try:
            error = await waiter
        except BaseException:
            self.waiting.pop(waiter, None)
            if waiter.done() and not waiter.cancelled() and waiter.result() is None:
                self.owned = False  # its turn came as it was cancelled
            self._resume()
            raise
        if error is not None:
            raise error

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
        """Enqueue the first requests, up to *capacity* bytes; the last may exceed it.

        *idle* says whether the connection carries nothing.
        """
        if self.owned and capacity > 0:
            self._wake_owner(None)
        while self.waiting and capacity > 0 and not self.owned:
            first = next(iter(self.waiting))
            if isinstance(first, Request):
                waiting = self.waiting.pop(first)
                if waiting is not None and not first.waiter.done():
                    capacity -= waiting.size
                    idle = False
                    first.payload = waiting.pack()
                    self._enqueue(first)
            elif first.done():  # cancelled, and its task has not run since
                del self.waiting[first]
            elif idle:
                del self.waiting[first]
                self.owned = True
                first.set_result(None)
            else:
                return

    def _wake_owner(self, error: RedisError | None) -> None:
        owner, self._owner = self._owner, None
        if owner is not None and not owner.done():
            owner.set_result(error)

    def close(self, error: Callable[[Outcome], RedisError]) -> None:
        """Fail all that wait, which were not sent."""
        self._wake_owner(error(Outcome.NOT_SENT))
        while self.waiting:
            first, _ = self.waiting.popitem(last=False)
            waiter = first.waiter if isinstance(first, Request) else first
            if not waiter.done():
                waiter.set_result(error(Outcome.NOT_SENT))
