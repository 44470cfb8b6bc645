"""The lane of a connection: it moves the bytes of one stream in both directions.

Law: a lane calls its connection, synchronously, with received bytes, with capacity and with its
end; these calls do not raise.  Bytes are delivered in order, each once, and none while the reading
is paused.  The end is told once, behind the bytes that were received before it.  `write` never
waits, and nothing is delivered before `run`.

Every `ByteStream` has a lane of two tasks, `StreamLane`.  A `LaneStream` brings a direct one, for
which an ordinary command wakes no task but the caller's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import anyio
from anyio.abc import ByteStream, TaskGroup

from anyredis.connection.handshake_io import CHUNK
from anyredis.waiter import Waiter, waiter_factory


class LaneEvents(Protocol):
    """A connection, as far as its lane knows it; none of these methods raises."""

    def received(self, data: bytes | memoryview, /) -> None:
        """Take *data*, the next bytes; a view is valid during this call only."""
        ...

    def writable(self) -> None:
        """Write again, now that the lane is not `full` any more."""
        ...

    def sending_failed(self, error: Exception, /) -> float:
        """Enqueue no more, because *error* broke the sending; gives the seconds left to read."""
        ...

    def ended(self, error: BaseException, /) -> None:
        """Close: *error* is `anyio.EndOfStream`, or what broke the stream."""
        ...


class Lane(Protocol):
    """The way of the bytes of one connection, from `run` to `stop`."""

    @property
    def full(self) -> bool:
        """Whether nothing may be written before `LaneEvents.writable`."""
        ...

    @property
    def write(self) -> Callable[[bytes], object]:
        """Sends bytes, in a positional argument; look at `full` afterwards."""
        ...

    def soon(self, call: Callable[[], None], /) -> object:
        """Call *call* once, after the steps of the tasks that are ready.

        If this is called in such a call, *call* comes behind one pass of the event loop over its
        sockets.
        """
        ...

    def now_or_soon(self, call: Callable[[], None], /) -> object:
        """Like `soon`, for a connection that carries nothing but one request of the current task.

        The call may be made at once if that task is not about to be cancelled.
        """
        ...

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`."""
        ...

    def resume_reading(self) -> None:
        """Undo `pause_reading`; the delivery goes on later than in this call."""
        ...

    async def run(self) -> None:
        """Move bytes until the end was told or `stop` is called; raises only a cancellation."""
        ...

    def stop(self) -> None:
        """End `run`; nothing that has not been delivered is."""
        ...


class LaneStream(ByteStream):
    """A byte stream with a direct lane."""

    @property
    @abstractmethod
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of `anyio.abc.SocketAttribute`, at least."""

    @abstractmethod
    def attach(self, events: LaneEvents) -> Lane:
        """Its lane, which takes over the receiving, with all bytes that were not read yet."""


def lane_of(stream: ByteStream, events: LaneEvents) -> Lane:
    """The lane of *stream*: its direct one if it has one, otherwise a lane of two tasks."""
    if isinstance(stream, LaneStream):
        return stream.attach(events)
    return StreamLane(stream, events)


class TaskLane:
    """What the lanes of two tasks share; a subclass has the steps of the reader and the writer."""

    def __init__(self, events: LaneEvents) -> None:
        self._events = events
        self._new_waiter = waiter_factory()
        self._scope: anyio.CancelScope | None = None
        self.full = False
        self._stopped = self._told_end = False
        self._call: Callable[[], None] | None = None
        """The call that the writer task makes next."""
        self._idle: Waiter | None = None
        """The writer task waits for it."""
        self._paused = False
        self._resumed: Waiter | None = None

    def soon(self, call: Callable[[], None], /) -> None:
        """Have the writer task make the call."""
        self._call = call
        self._wake_writer()

    def now_or_soon(self, call: Callable[[], None], /) -> None:
        """Have the writer task make the call."""
        self.soon(call)

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`; what is received once more is kept."""
        self._paused = True

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        self._paused = False
        resumed, self._resumed = self._resumed, None
        if resumed is not None and not resumed.done():
            resumed.set_result(None)

    async def run(self) -> None:
        """Run both tasks until one has told the end, or `stop` is called."""
        async with anyio.create_task_group() as tasks:
            self._scope = tasks.cancel_scope
            if not self._stopped:
                tasks.start_soon(self._write)
                await self._begin_to_read(tasks)

    def stop(self) -> None:
        """Cancel both tasks; the reader receives no more, even if it is running now."""
        self._stopped = self._told_end = True
        if self._scope is not None:
            self._scope.cancel()

    async def _begin_to_read(self, _tasks: TaskGroup) -> None:
        """Read in the task of `run`."""
        await self._read()

    async def _read(self) -> None:
        """Deliver received bytes, and tell the end."""
        raise NotImplementedError

    async def _write(self) -> None:
        """Send what is to be sent, and make the calls."""
        raise NotImplementedError

    def _wake_writer(self) -> None:
        idle, self._idle = self._idle, None
        if idle is not None and not idle.done():
            idle.set_result(None)

    async def _wait_for_work(self) -> None:
        """Wait until the writer task is woken."""
        self._idle = idle = self._new_waiter()
        await idle

    async def _wait_while_paused(self) -> None:
        while self._paused:
            self._resumed = resumed = self._new_waiter()
            await resumed

    def _end(self, error: BaseException) -> None:
        if not self._told_end:
            self._told_end = True
            self._events.ended(error)
        self.stop()


class StreamLane(TaskLane):
    """The lane of any byte stream: a reader task and a writer task."""

    def __init__(self, stream: ByteStream, events: LaneEvents) -> None:
        super().__init__(events)
        self._stream = stream
        self._data = b""
        """The bytes that the writer task sends next."""

    def write(self, data: bytes, /) -> None:
        """Hand *data* to the writer task."""
        self._data, self.full = data, True
        self._wake_writer()

    async def _read(self) -> None:
        receive, received = self._stream.receive, self._events.received
        try:
            # A stream whose `receive` always has bytes may never let a cancellation in.
            while not self._stopped:
                data = await receive(CHUNK)
                if self._paused:
                    await self._wait_while_paused()
                received(data)
        except BaseException as error:
            self._end(error)
            if not isinstance(error, Exception):
                raise

    async def _write(self) -> None:
        send, events = self._stream.send, self._events
        try:
            while True:
                if self._data:
                    data, self._data = self._data, b""
                    await send(data)
                    self.full = False
                    events.writable()
                elif self._call is not None:
                    call, self._call = self._call, None
                    call()
                    if self._call is not None:
                        await anyio.sleep(0)  # noqa: ASYNC115 - `anyio.lowlevel` takes long to import
                else:
                    await self._wait_for_work()
        except anyio.get_cancelled_exc_class() as error:
            self._end(error)
            raise
        except Exception as error:  # noqa: BLE001 - any failure ends it, and is told
            await anyio.sleep(events.sending_failed(error))
            self._end(error)
