"""What one connection has in flight: requests in order, tombstones, pushes, deadlines.

Law: replies go to requests first come, first served, so a request keeps its place until its reply
came, whether or not somebody still waits for it.  A request abandoned before it was taken for
sending is never sent; one abandoned after is a tombstone that swallows its reply.  Nothing here
waits: bytes and moments in, bytes and answers out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from anyredis.exceptions import Outcome, ProtocolError, RedisError
from anyredis.wire.decode import MORE, Decoder, Push, Reply, spoiled

PIECE = 256 * 1024
"""Bytes that one send joins at most; a single larger request goes alone."""

MAX_TOMBSTONES = 1024
"""Abandoned requests that may be waiting for their replies."""

MAX_SWALLOWED = 16 * 1024 * 1024
"""Bytes received for a tombstone before the connection is given up."""


class Waits(Protocol):
    """Whoever waits for a reply: an `asyncio.Future`, or its like."""

    def done(self) -> bool:
        """Whether it has its answer, or has been cancelled."""
        ...

    def set_result(self, result: Any, /) -> None:
        """Give the answer; only while not `done`."""
        ...


class Request:
    """One command, or several that are written and answered as one."""

    __slots__ = (
        "abandoned",
        "answered",
        "binary",
        "missing",
        "payload",
        "replies",
        "sent",
        "waiter",
    )

    def __init__(
        self, payload: bytes, waiter: Any, expected: int | None = None, binary: bool = False
    ) -> None:
        self.payload = payload
        self.waiter = waiter
        self.binary = binary
        self.sent = self.answered = self.abandoned = False
        self.replies: list[Reply] | None = None if expected is None else []
        self.missing = expected or 1


class WireSession:
    """Requests and replies of one connection.

    *patience* is how many seconds the oldest request in flight may wait for its reply (None: for
    ever).  *on_push* gets the RESP3 pushes; without it they are dropped.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        patience: float | None = None,
        on_push: Callable[[list[Reply]], None] | None = None,
    ) -> None:
        self.unsent: deque[Request] = deque()
        self.unsent_bytes = 0
        self.inflight: deque[Request] = deque()
        self.tombstones = 0
        self.patience = patience
        self.sent = 0
        self.answered = 0
        self._swallowed = 0
        self._deadlines: deque[tuple[int, float]] = deque()
        self._decoder = decoder
        self._on_push = on_push

    def submit(self, request: Request) -> None:
        """Put *request* in line for sending."""
        self.unsent.append(request)
        self.unsent_bytes += len(request.payload)

    def abandon(self, request: Request) -> None:
        """Nobody waits for *request* any more; safe at any time, and twice."""
        if request.answered or request.abandoned:
            return
        request.abandoned = True
        if request.sent:
            self.tombstones += 1
        else:
            self._drop(request)

    def _drop(self, request: Request) -> None:
        self.unsent_bytes -= len(request.payload)
        request.payload = b""

    def take(self, now: float) -> bytes:
        """The bytes to send next, now in flight since *now*; empty where there are none."""
        unsent, inflight = self.unsent, self.inflight
        pieces: list[bytes] = []
        size = 0
        while unsent:
            request = unsent[0]
            # An asyncio future is cancelled before its task has run to abandon the request.
            if request.abandoned or request.waiter.done():
                self._drop(unsent.popleft())
                continue
            length = len(request.payload)
            if size and size + length > PIECE:
                break
            pieces.append(request.payload)
            size += length
            request.payload = b""
            request.sent = True
            inflight.append(unsent.popleft())
        self.unsent_bytes -= size
        self.sent += len(pieces)
        if self.patience is not None and pieces:
            self._note_deadline(now + self.patience)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _note_deadline(self, deadline: float) -> None:
        deadlines, answered = self._deadlines, self.answered
        while deadlines and deadlines[0][0] <= answered:
            deadlines.popleft()
        deadlines.append((self.sent, deadline))

    def overdue(self, now: float) -> bool:
        """Whether the oldest request in flight has waited longer than it may."""
        for sent, deadline in self._deadlines:
            if sent > self.answered:
                return deadline < now
        return False

    def feed(self, data: bytes) -> None:
        """Take received bytes and answer every request whose reply is complete.

        Raises `ProtocolError` where the stream cannot be read any further.
        """
        self._decoder.feed(data)
        gets, inflight = self._decoder.gets, self.inflight
        while True:
            request = inflight[0] if inflight else None
            try:
                reply = gets(request is None or not request.binary)
            except Exception as error:  # noqa: BLE001 - spoiled() raises on all but bad text
                reply = spoiled(error)
            if reply is MORE:
                break
            if type(reply) is Push:
                self._pushed(reply)
            elif request is None:
                raise ProtocolError(
                    f"the server sent a reply that nobody asked for: {reply!r:.100}"
                )
            elif request.replies is None:
                inflight.popleft()
                self._answer(request, reply)
            else:
                self._collect(request, request.replies, reply)
        if self.tombstones:
            self._count_swallowed(len(data))

    def _pushed(self, push: list[Reply]) -> None:
        if self._on_push is not None:
            self._on_push(push)

    def _collect(self, request: Request, replies: list[Reply], reply: Reply) -> None:
        if not request.abandoned:
            replies.append(reply)
        request.missing -= 1
        if not request.missing:
            self.inflight.popleft()
            self._answer(request, replies)

    def _answer(self, request: Request, reply: object) -> None:
        self.answered += 1
        request.answered = True
        if request.abandoned:
            self.tombstones -= 1
        elif not request.waiter.done():
            request.waiter.set_result(reply)

    def _count_swallowed(self, received: int) -> None:
        waiting = self.inflight and self.inflight[0].abandoned
        self._swallowed = self._swallowed + received if waiting else 0

    @property
    def exhausted(self) -> bool:
        """Whether so much is being swallowed that a new connection is the better way."""
        return self.tombstones > MAX_TOMBSTONES or self._swallowed > MAX_SWALLOWED

    @property
    def idle(self) -> bool:
        """Whether nothing is unsent or in flight, tombstones included."""
        return not self.unsent and not self.inflight

    def fail(self, error: Callable[[Outcome], RedisError]) -> None:
        """Answer everything with an error of its own: the connection is gone."""
        for outcome, requests in (
            (Outcome.UNKNOWN, self.inflight),
            (Outcome.NOT_SENT, self.unsent),
        ):
            while requests:
                request = requests.popleft()
                request.answered = True
                if not request.waiter.done():
                    request.waiter.set_result(error(outcome))
        self.tombstones = self.unsent_bytes = 0
        self._deadlines.clear()
