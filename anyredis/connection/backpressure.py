"""Backpressure: the queue of callers that wait while the server does not read.

Law: callers continue in the order in which they came.  A caller that is cancelled after its turn
came passes the turn on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from anyredis.exceptions import Outcome, RedisError
from anyredis.waiter import Waiter


class Backpressure:
    """The callers that wait for capacity to send, with the size of each request."""

    def __init__(self, new_waiter: Callable[[], Waiter]) -> None:
        self.waiting: deque[tuple[int, Waiter]] = deque()
        self._new_waiter = new_waiter

    async def wait(self, size: int) -> None:
        """Wait until *size* bytes may be enqueued; raises the error of a lost connection."""
        waiter = self._new_waiter()
        self.waiting.append((size, waiter))
        try:
            error = await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.grant(size)  # the turn of this caller had come: the next caller gets it
            raise
        if error is not None:
            raise error

    def grant(self, capacity: int) -> None:
        """Let the first callers continue, up to *capacity* bytes; the last may exceed it."""
        while self.waiting and capacity > 0:
            size, waiter = self.waiting.popleft()
            if not waiter.done():
                capacity -= size
                waiter.set_result(None)

    def close(self, error: Callable[[Outcome], RedisError]) -> None:
        """Fail all waiting callers, whose requests were not sent."""
        while self.waiting:
            _, waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(error(Outcome.NOT_SENT))
