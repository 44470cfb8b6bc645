"""A request: what is sent, who waits for the answer, and what is known of it in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol, Self

from anyredis.wire.decode import Reply


class ReplyWaiter(Protocol):
    """Whoever waits for a reply: an `asyncio.Future`, or its like."""

    def done(self) -> bool:
        """Whether it has its answer, or has been cancelled."""
        ...

    def cancelled(self) -> bool:
        """Whether it has been cancelled."""
        ...

    def __await__(self) -> Generator[Any, Any, Reply]:
        """Wait for the answer."""
        ...

    def set_result(self, result: Reply, /) -> None:
        """Give the answer; only while not `done`."""
        ...


class Abandoned:
    """In place of who waited for an abandoned request."""

    def done(self) -> bool:
        """True: no answer is wanted."""
        return True

    def cancelled(self) -> bool:
        """True: there was none."""
        return True

    def __await__(self) -> Generator[Any, Any, Reply]:
        raise NotImplementedError

    def set_result(self, result: Reply, /) -> None:
        """Nothing: it is `done`."""


ABANDONED = Abandoned()


class Request:
    """One command, or several that are written and answered as one.

    No `__slots__`: the defaults below are read off the class, so that the ordinary request, of
    which there are a hundred thousand a second, stores two things.
    """

    binary = False
    """Whether strings in the reply stay bytes, whatever the decoder's encoding."""
    abandoned = False
    swallowed = False
    """Whether the reply came while the one who waited was on the way to `abandon` it."""
    replies: list[Reply] | None = None
    """Where several replies are collected."""
    missing = 1
    """How many replies are still to come."""
    reply_count = 1
    """How many replies this payload brings."""
    is_first = True
    """False for the rest of a request that is sent in several payloads."""

    def __init__(self, payload: bytes, waiter: ReplyWaiter) -> None:
        self.payload: bytes | None = payload
        """What to send; None once it was taken for sending."""
        self.waiter = waiter

    @classmethod
    def of_many(cls, payload: bytes, waiter: ReplyWaiter, reply_count: int, expected: int) -> Self:
        """A request for *expected* replies, given as a list; *payload* brings some of them."""
        request = cls(payload, waiter)
        request.replies = []
        request.reply_count = reply_count
        request.missing = expected
        return request

    def continued(self, payload: bytes, reply_count: int) -> Request:
        """One more payload of this request: it is sent only while somebody waits for the whole."""
        rest = Request(payload, self.waiter)
        rest.reply_count = reply_count
        rest.is_first = False
        return rest
