"""The requests in flight on one connection: in order, with tombstones, pushes and deadlines.

Law: replies go to requests in the order of sending, so a request keeps its place until its reply
came, with or without a waiter.  A request abandoned before it was taken for sending is never sent;
one abandoned after is a tombstone that swallows its reply.  Nothing here waits: bytes and points in
time go in, bytes and answers come out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from anyredis.exceptions import Outcome, ProtocolError, RedisError
from anyredis.excerpt import excerpt
from anyredis.wire.decode import (
    MORE,
    UNDECODABLE,
    Decoder,
    NotRedisError,
    Push,
    Reply,
    types_in,
)
from anyredis.wire.lengths import LONG_DATA
from anyredis.wire.request import ABANDONED, Request

MAX_SEND = 256 * 1024
"""The most bytes that one send joins; a single larger request is sent alone."""

MAX_GIVEN_UP = 64
"""Abandoned requests that may be among the unsent ones, if they are fewer than half of these."""

MAX_TOMBSTONES = 1024
"""The most abandoned requests that may be waiting for their replies."""

MAX_UNASKED = 1024 * 1024
"""The most bytes of a push that is not complete, unless something listens."""

MAX_SWALLOWED = 16 * 1024 * 1024
"""The most bytes received for tombstones before the connection is given up."""


class RequestQueue:
    """Requests and replies of one connection.

    *reply_timeout* is the number of seconds that the oldest request in flight may wait for its reply
    (None: no limit).  *on_push* gets the RESP3 pushes, with their strings as bytes in any encoding;
    without it they are dropped.  It must not raise.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        reply_timeout: float | None = None,
        on_push: Callable[[list[Reply]], None] | None = None,
    ) -> None:
        self.unsent: deque[Request] = deque()
        self.unsent_bytes = 0
        self.inflight: deque[Request] = deque()
        self.tombstones = 0
        self.reply_timeout = reply_timeout
        self.sent = 0
        """The number of replies to everything sent so far."""
        self.answered = 0
        """The number of replies received."""
        self.max_unasked = MAX_UNASKED
        """The most bytes of a push that is not complete."""
        self.unasked = 0
        """Bytes of a message that began while nothing was in flight, and that is not complete."""
        self._has_uneven = False
        """True if an unsent payload brings more or fewer replies than one."""
        self._given_up = 0
        """About the number of abandoned requests in `unsent`."""
        self._swallowed = 0
        self.received = 0
        """The number of bytes received."""
        self._deadlines: deque[tuple[int, float, float]] = deque()
        """For counts of replies: the time they are due, with what `excuse` added and without."""
        self._decoder = decoder
        self._on_push = on_push

    def replace_reader(self, gets: Callable[..., Any]) -> Callable[..., Any]:
        """Read replies by *gets* from now on; gives the function that read them before."""
        before, self._decoder.gets = self._decoder.gets, gets
        return before

    def submit(self, request: Request) -> None:
        """Put *request* in the queue for sending."""
        if request.reply_count != 1 or not request.is_first:
            self._has_uneven = True
        self.unsent.append(request)
        self.unsent_bytes += len(request.payload or b"")

    def abandon(self, request: Request) -> None:
        """Take note that *request* has no waiter any more; safe at any time, and twice."""
        waiter = request.waiter
        answered = request.swallowed or (waiter.done() and not waiter.cancelled())
        if answered or request.abandoned:
            return
        request.abandoned = True
        request.waiter = ABANDONED  # also if it was abandoned without being cancelled
        if request.payload is None:
            self.tombstones += 1
        else:
            self._drop(request)
            self._given_up += 1
            if self._given_up > MAX_GIVEN_UP and self._given_up * 2 > len(self.unsent):
                self._forget_given_up()

    def _forget_given_up(self) -> None:
        """Remove the unsent requests that nobody waits for."""
        for request in self.unsent:
            if request.waiter.done():
                self._drop(request)
        wanted = [request for request in self.unsent if not request.waiter.done()]
        self.unsent.clear()
        self.unsent.extend(wanted)
        self._given_up = 0

    def _drop(self, request: Request) -> None:
        """Forget the bytes of an unsent request."""
        self.unsent_bytes -= len(request.payload or b"")
        request.payload = b""

    def take(self, now: float) -> bytes:
        """The bytes to send next, in flight from *now* on; empty if there are none."""
        unsent = self.unsent
        request = unsent[0] if len(unsent) == 1 and not self._has_uneven else None
        if request is not None and (data := request.payload) and not request.waiter.done():
            unsent.clear()  # saved frame: _take_several
            request.payload = None
            self.inflight.append(request)
            self.sent += 1
        elif not (data := self._take_several()):
            return b""
        self._given_up = 0
        self.unsent_bytes -= len(data)
        if self.reply_timeout is not None:
            deadline, deadlines, answered = now + self.reply_timeout, self._deadlines, self.answered
            while deadlines and deadlines[0][0] <= answered:
                deadlines.popleft()
            deadlines.append((self.sent, deadline, deadline))
        return data

    def _take_several(self) -> bytes:
        """The joined bytes of the first unsent requests, which are in flight now."""
        # An asyncio future is cancelled before its task has run and abandoned the request.
        wanted = [request for request in self.unsent if not request.waiter.done()]
        if len(wanted) < len(self.unsent):
            self._forget_given_up()
        self.unsent.clear()
        self._given_up = 0
        if self.unsent_bytes > MAX_SEND:
            wanted = self._first_chunk(wanted)
        payloads = [request.payload or b"" for request in wanted]
        for request in wanted:
            request.payload = None
        if self._has_uneven:
            self._count_uneven(wanted)
        else:
            self.inflight.extend(wanted)
            self.sent += len(wanted)
        return payloads[0] if len(payloads) == 1 else b"".join(payloads)

    def _first_chunk(self, wanted: list[Request]) -> list[Request]:
        """The first of *wanted* that one send may join, at least one; the rest waits."""
        size = 0
        for count, request in enumerate(wanted):
            size += len(request.payload or b"")
            if size > MAX_SEND and count:
                self.unsent.extend(wanted[count:])
                return wanted[:count]
        return wanted

    def _count_uneven(self, taken: list[Request]) -> None:
        self.inflight.extend(request for request in taken if request.is_first)
        self.sent += sum(request.reply_count for request in taken)
        self._has_uneven = any(each.reply_count != 1 or not each.is_first for each in self.unsent)

    def overdue(self, now: float, *, always_late: bool = False) -> bool:
        """True if the oldest request in flight has waited longer than *reply_timeout*.

        With *always_late*, what `excuse` added to its deadline does not count.
        """
        for sent, deadline, plain in self._deadlines:
            if sent > self.answered:
                return (plain if always_late else deadline) < now
        return False

    def postpone(self, seconds: float) -> None:
        """Add *seconds* to the deadlines of requests in flight: reading was paused for so long."""
        self._deadlines = deque(
            (sent, deadline + seconds, plain + seconds) for sent, deadline, plain in self._deadlines
        )

    def excuse(self, seconds: float) -> None:
        """Add *seconds* to the deadlines: the event loop stood still for so long."""
        self._deadlines = deque(
            (sent, deadline + seconds, plain) for sent, deadline, plain in self._deadlines
        )

    def feed(self, data: bytes | memoryview) -> None:  # noqa: C901, PLR0912 - each branch moved out costs a frame
        """Take received bytes and answer every request whose reply is complete.

        Raises `ProtocolError` if the stream cannot be read any further.
        """
        self.received += len(data)
        decoder, inflight = self._decoder, self.inflight
        # b"*>~|", as numbers five times as fast
        checked = len(data) >= LONG_DATA or 42 in data or 62 in data or 126 in data or 124 in data
        if checked or decoder.guard.busy or decoder.partly_undecodable:
            decoder.feed(data)
        else:
            decoder.feed_plain(data)  # saved frame: Decoder.feed
        gets = decoder.gets
        is_new = False
        try:
            while True:
                request = inflight[0] if inflight else None
                reply: Any = gets() if request is None or not request.binary else gets(False)
                if UNDECODABLE:
                    reply = decoder.checked(reply, request is not None and request.by_element)
                if reply is MORE:
                    if is_new:
                        self.unasked = 0
                    if not (decoder.guard.busy and decoder.feed_rest()):
                        break
                    is_new = False
                    continue
                is_new = True
                if type(reply) is Push:
                    self._pushed(reply)
                elif request is None:
                    raise ProtocolError(f"the server sent a reply to no request: {excerpt(reply)}")
                elif request.replies is not None:
                    self._collect(request, request.replies, reply)
                else:
                    inflight.popleft()
                    self.answered += 1
                    if request.waiter.done():
                        self._swallow(request)
                    else:
                        request.waiter.set_result(reply)
        except TypeError as error:  # a map with a key that no dict can have
            raise NotRedisError(str(error)) from error
        if decoder.has_data() if is_new and request is None else request is None or self.unasked:
            self._count_unasked(len(data))
        if self.tombstones:
            self._count_swallowed(len(data))

    def expect_monitor_lines(self, most: int) -> None:
        """Treat the lines of MONITOR as pushes from now on; each has at most *most* bytes."""
        self._decoder.push_monitor_lines()
        self.max_unasked = most

    def _count_unasked(self, received: int) -> None:
        """Take note of bytes that no request waits for, nor a push that is complete."""
        self.unasked += received
        if self.unasked > self.max_unasked:
            raise ProtocolError(
                f"the server sent {self.unasked} bytes that no request waits for and that are no "
                f"complete message; the most are {self.max_unasked}"
            )

    def _pushed(self, push: list[Reply]) -> None:
        if self._on_push is not None:
            self._on_push(self._decoder.raw(push))

    def _collect(self, request: Request, replies: list[Reply], first: Any) -> None:
        """Collect *first* and the replies behind it for a request that gets several."""
        gets = self._decoder.gets
        if request.binary:
            gets = partial(gets, False)
        run = [first]
        while True:
            wanted = request.missing - len(run)
            behind = list(islice(iter(gets, MORE), wanted))  # saved frames: a loop over `gets`
            run += behind
            is_cut = len(behind) < wanted
            if UNDECODABLE:
                run = self._decoder.checked_run(run, request.by_element, is_cut)
            if Push in types_in(run):
                run = self._without_pushes(run)
            self.answered += len(run)
            request.missing -= len(run)
            if not request.abandoned:
                replies += run
            if not request.missing:
                break
            if is_cut:
                return
            run = []
        self.inflight.popleft()
        if request.waiter.done():
            self._swallow(request)
        else:
            request.waiter.set_result(replies)

    def _without_pushes(self, run: list[Any]) -> list[Reply]:
        """The replies in *run*; the pushes among them are delivered."""
        for each in run:
            if type(each) is Push:
                self._pushed(each)
        return [each for each in run if type(each) is not Push]

    def _swallow(self, request: Request) -> None:
        request.swallowed = True
        if request.abandoned:
            self.tombstones -= 1

    def _count_swallowed(self, received: int) -> None:
        waiting = self.inflight and self.inflight[0].abandoned
        self._swallowed = self._swallowed + received if waiting else 0

    @property
    def exhausted(self) -> bool:
        """True if tombstones swallow so much that the connection should be replaced."""
        return self.tombstones > MAX_TOMBSTONES or self._swallowed > MAX_SWALLOWED

    @property
    def idle(self) -> bool:
        """True if nothing is unsent or in flight, tombstones included."""
        return not self.unsent and not self.inflight

    def fail(self, error: Callable[[Outcome], RedisError]) -> None:
        """Answer every request with its own error: the connection is gone."""
        for outcome, requests in (
            (Outcome.UNKNOWN, self.inflight),
            (Outcome.NOT_SENT, self.unsent),
        ):
            while requests:
                request = requests.popleft()
                request.swallowed = True
                if not request.waiter.done():
                    request.waiter.set_result(error(outcome))
        self.tombstones = self.unsent_bytes = 0
        self._deadlines.clear()
        self._on_push = None
