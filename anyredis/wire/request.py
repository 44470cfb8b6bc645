"""A request: the payload to send, the waiter for its answer, and its state in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol, Self

from anyredis.wire.decode import Reply


class ReplyWaiter(Protocol):
    """A waiter for a reply: an `asyncio.Future` or an object with the same methods."""

    def done(self) -> bool:
        """True once it has its answer, or was cancelled."""
        ...

    def cancelled(self) -> bool:
        """True once it was cancelled."""
        ...

    def __await__(self) -> Generator[Any, Any, Reply]:
        """Wait for the answer."""
        ...

    def set_result(self, result: Reply, /) -> None:
        """Give the answer; only while not `done`."""
        ...


class Abandoned:
    """In place of the waiter of an abandoned request."""

    def done(self) -> bool:
        """True: no answer is wanted."""
        return True

    def cancelled(self) -> bool:
        """True: the waiter is gone."""
        return True

    def __await__(self) -> Generator[Any, Any, Reply]:
        raise NotImplementedError

    def set_result(self, result: Reply, /) -> None:
        """Nothing: it is `done`."""


ABANDONED = Abandoned()


class Request:
    """One command, or several that are written and answered as one.

    Neither `__slots__` nor `__init__`: the defaults below are read from the class, so an ordinary
    request, of which there are a hundred thousand a second, is made without a frame, and stores
    two attributes only.
    """

    payload: bytes | None
    """The bytes to send; None once they were taken for sending."""
    waiter: ReplyWaiter
    """Gets the answer."""
    binary = False
    """True if strings in the reply stay bytes, independent of the decoder's encoding."""
    abandoned = False
    swallowed = False
    """True if the reply came while its waiter, already cancelled, was about to `abandon` it."""
    replies: list[Reply] | None = None
    """The list in which several replies are collected."""
    by_element = False
    """Whether each element of a list in `replies` is the reply to one command, as EXEC's are."""
    missing = 1
    """The number of replies that are still to come."""
    reply_count = 1
    """The number of replies that this payload brings."""
    is_first = True
    """False for the rest of a request that is sent in several payloads."""

    @classmethod
    def of(cls, payload: bytes, waiter: ReplyWaiter) -> Self:
        """A request for one reply."""
        request = cls()
        request.payload = payload
        request.waiter = waiter
        return request

    @classmethod
    def of_many(cls, payload: bytes, waiter: ReplyWaiter, reply_count: int, expected: int) -> Self:
        """A request for *expected* replies, given as a list; *payload* brings some of them."""
        request = cls.of(payload, waiter)
        request.replies = []
        request.reply_count = reply_count
        request.missing = expected
        return request

    def continued(self, payload: bytes, reply_count: int) -> Request:
        """One more payload of this request: sent only while the whole request has a waiter."""
        rest = Request.of(payload, self.waiter)
        rest.reply_count = reply_count
        rest.is_first = False
        return rest
