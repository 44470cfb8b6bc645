"""The line in which callers wait while the server does not read (backpressure)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from anyredis.exceptions import Outcome, RedisError
from anyredis.waiter import Waiter


class Backpressure:
    """Callers with more to send than there is room for, first come, first served."""

    def __init__(self, new_waiter: Callable[[], Waiter]) -> None:
        self.line: deque[tuple[int, Waiter]] = deque()
        self._new_waiter = new_waiter

    async def wait(self, size: int) -> None:
        """Wait until there is room for *size* bytes; raises the error of a lost connection."""
        waiter = self._new_waiter()
        self.line.append((size, waiter))
        try:
            error = await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.grant(size)  # it was our turn: let the next one have it
            raise
        if error is not None:
            raise error

    def grant(self, capacity: int) -> None:
        """Let callers go on whose bytes fit into *capacity*; the last may overshoot."""
        while self.line and capacity > 0:
            size, waiter = self.line.popleft()
            if not waiter.done():
                capacity -= size
                waiter.set_result(None)

    def close(self, error: Callable[[Outcome], RedisError]) -> None:
        """Fail all who wait: nothing of theirs was sent."""
        while self.line:
            _, waiter = self.line.popleft()
            if not waiter.done():
                waiter.set_result(error(Outcome.NOT_SENT))
