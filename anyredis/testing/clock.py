"""A clock that a test moves: keys expire and blocked commands give up when the test says so.

Law: nothing happens between two calls of `advance`; inside it, alarms go off in order of time, and
each sees the time for which it was set.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable


class VirtualClock:
    """The time of fake servers, which only `advance` moves; *start* is in seconds since 1970.

        clock = VirtualClock()
        server = FakeServer(clock=clock)
        ...
        clock.advance(60)               # keys with 60 s or less to live are gone

    Without *start* it begins at the present time.  Several servers may share it.
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else start
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._cancelled: set[int] = set()

    def __repr__(self) -> str:
        waiting = len(self._alarms) - len(self._cancelled)
        return f"<{type(self).__name__} {self._now}, {waiting} blocked commands>"

    def now(self) -> float:
        """The time, in seconds since 1970."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass at once: what is due answers; raises `ValueError` below 0."""
        if not seconds >= 0:
            raise ValueError(f"time only goes forward: {seconds!r} seconds is below 0")
        end = self._now + seconds
        while self._alarms and self._alarms[0][0] <= end:
            when, number, callback = heapq.heappop(self._alarms)
            if number in self._cancelled:
                self._cancelled.remove(number)
                continue
            self._now = max(self._now, when)
            callback()
        self._now = end

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* after *seconds*; the result cancels that, before it happens."""
        number = next(self._numbers)
        heapq.heappush(self._alarms, (self._now + seconds, number, callback))

        def cancel() -> None:
            if any(each == number for _, each, _ in self._alarms):
                self._cancelled.add(number)

        return cancel
