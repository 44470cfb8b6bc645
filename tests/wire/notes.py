"""A session of the wire, and waiters without a task, for its tests."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from anyredis.exceptions import ConnectionError, Outcome, RedisError
from anyredis.wire.decode import Decoder
from anyredis.wire.request import Request
from anyredis.wire.request_queue import RequestQueue


class Note:
    """A waiter without a task."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.given_up = False

    def done(self) -> bool:
        """Whether it has its answer, or was cancelled."""
        return self.given_up or bool(self.answers)

    def cancelled(self) -> bool:
        """Whether it was cancelled before the answer came."""
        return self.given_up

    def set_result(self, result: Any, /) -> None:
        """Take the answer, once."""
        assert not self.done()
        self.answers.append(result)

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError


def session(
    encoding: str | None = None, reply_timeout: float | None = None, pushes: list[Any] | None = None
) -> RequestQueue:
    """A session with nothing in flight."""
    on_push = None if pushes is None else pushes.append
    return RequestQueue(Decoder(encoding), reply_timeout=reply_timeout, on_push=on_push)


def ask(wire: RequestQueue, payload: bytes, expected: int | None = None) -> tuple[Request, Note]:
    """A request in line."""
    note = Note()
    if expected is None:
        request = Request.of(payload, note)
    else:
        request = Request.of_many(payload, note, expected, expected)
    wire.submit(request)
    return request, note


def lost(outcome: Outcome) -> RedisError:
    """The error of a connection that is gone."""
    return ConnectionError("gone", outcome=outcome)
