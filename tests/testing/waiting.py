"""One client of a fake server's memory that waits in a blocking command, and one that does not."""

from __future__ import annotations

import hiredis

from anyredis.testing.clock import VirtualClock
from anyredis.testing.memory import Memory
from anyredis.testing.resp import NOTHING, Answer, encode


class Waiting:
    """The two clients, at the second 1 of 1970."""

    def __init__(self) -> None:
        self.clock = VirtualClock(1.0)
        self._memory = Memory(clock=self.clock)
        self._waiting, self._other = self._memory.new_client(), self._memory.new_client()
        self._waiting.deliver = self._deliver
        self._waiting.call_later = self.clock.call_later
        self.delivered: list[Answer] = []
        """The late answers."""

    def _deliver(self, answer: Answer) -> None:
        self.delivered.append(answer)

    def begin(self, line: str) -> None:
        """Send a blocking command that has to wait."""
        assert self._memory.run(self._waiting, tuple(line.encode().split())) is NOTHING

    def ask(self, line: str) -> Answer:
        """The answer to a command of the other client."""
        return self._memory.run(self._other, tuple(line.encode().split()))

    def shown(self) -> object:
        """The only late answer, as a client of RESP2 reads it."""
        [answer] = self.delivered
        reader = hiredis.Reader()
        reader.feed(encode(answer, 2))
        return reader.gets()
