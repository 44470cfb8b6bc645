"""The pause of a subscribed connection whose messages nobody takes.

Law: while it lasts, nothing is read, so the server may disconnect a subscriber of whom it has to
keep too much.  If the connection is lost before the server has answered again, this is the likely
reason.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final

from anyredis.connection.base import BaseConnection
from anyredis.exceptions import RedisError
from anyredis.wire.decode import Reply

OVERFLOW: Final = (
    "the reading had been paused because a buffer was full, so the server has probably disconnected "
    "a subscriber whose output exceeds its client-output-buffer-limit"
)


class AnswerAfterPause:
    """The `ReplyWaiter` of the PING after a pause; *heard* is called if it is answered."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._done = False

    def done(self) -> bool:
        """Whether it is answered."""
        return self._done

    def cancelled(self) -> bool:
        """False."""
        return False

    def __await__(self) -> Generator[Any, Any, Reply]:
        raise NotImplementedError

    def set_result(self, result: Reply, /) -> None:
        """Take the answer."""
        self._done = True
        if not isinstance(result, RedisError):
            self._heard()


class ReadingPause:
    """Whether the reading of one connection is paused, or was and the server is unheard of since."""

    def __init__(self) -> None:
        self.is_paused = False
        self.unheard_of_since = False
        """Whether the reading was paused, and the server has not answered since."""

    def set(self, connection: BaseConnection, paused: bool) -> None:
        """Pause the reading of *connection*, or resume it and send a PING."""
        if paused and not self.is_paused:
            self.is_paused = self.unheard_of_since = True
            connection.pause_reading()
        elif self.is_paused and not paused:
            self.is_paused = False
            connection.resume_reading()
            connection.enqueue_for((b"PING",), AnswerAfterPause(self._heard_again))

    def _heard_again(self) -> None:
        """The server has answered after a pause, so it has not disconnected this subscriber."""
        self.unheard_of_since = self.is_paused
