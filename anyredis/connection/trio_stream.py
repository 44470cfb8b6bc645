"""Streams over trio's event loop: ordinary ones, until a connection attaches to them.

Law: a request is sent in the step of its caller only if nothing else is carried and the caller is
not about to be cancelled.  All else is sent by the writer task, and a failure is told by it.  The
reader task receives once each time that the socket is readable.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from socket import socket
from typing import Any

import anyio
from anyio.abc import TaskGroup

from anyredis.connection.lane import Lane, LaneEvents, LaneStream, TaskLane
from anyredis.connection.receive_buffer import SMALL, receive_buffer
from anyredis.connection.sockets import broken, socket_attributes


class TrioStream(LaneStream):
    """A stream over the connected socket *sock*, under trio."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        # trio is running, so it is installed; programs on asyncio do not need it.
        self._trio = importlib.import_module("trio")
        self._lowlevel = self._trio.lowlevel
        self._receiving = anyio.ResourceGuard("reading from")
        self._sending = anyio.ResourceGuard("writing to")

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of `anyio.abc.SocketAttribute`."""
        return socket_attributes(self._sock)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Bytes that have arrived; raises as all byte streams do."""
        with self._receiving:
            data: bytes = await self._do(partial(self._sock.recv, max_bytes), self.wait_readable)
        if not data:
            raise anyio.EndOfStream
        return data

    async def send(self, item: bytes) -> None:
        """Send *item*."""
        with self._sending:
            rest = memoryview(item)
            while rest:
                sent = await self._do(partial(self._sock.send, rest), self.wait_writable)
                rest = rest[sent:]

    async def _do(self, operation: Callable[[], Any], wait: Callable[[], Any]) -> Any:
        """The result of *operation*, which raises `BlockingIOError` if it has to wait."""
        await self._lowlevel.checkpoint()
        while True:
            try:
                return operation()
            except (BlockingIOError, InterruptedError):
                await wait()
            except OSError as error:
                raise self.error(error) from error

    async def wait_readable(self) -> None:
        """Wait until bytes or the end have arrived."""
        await self._wait(self._lowlevel.wait_readable)

    async def wait_writable(self) -> None:
        """Wait until the socket takes bytes."""
        await self._wait(self._lowlevel.wait_writable)

    async def _wait(self, wait: Any) -> None:
        try:
            await wait(self._sock)
        except (self._trio.ClosedResourceError, OSError, ValueError) as error:
            raise self.error(error) from error

    def error(self, error: Exception) -> Exception:
        """The error of anyio for *error* of the socket."""
        return broken(error if self._sock.fileno() >= 0 else None)

    async def send_eof(self) -> None:
        """Half-close."""
        await self._lowlevel.checkpoint()
        try:
            self._sock.shutdown(1)
        except OSError as error:
            raise self.error(error) from error

    async def aclose(self) -> None:
        """Close it at once."""
        if self._sock.fileno() >= 0:
            self._lowlevel.notify_closing(self._sock)
            self._sock.close()
        await self._lowlevel.checkpoint()

    def attach(self, events: LaneEvents) -> Lane:
        """The lane that takes over; afterwards nobody else may receive."""
        return TrioLane(self, self._sock, events, self._trio)


class TrioLane(TaskLane):
    """The direct lane: it sends at once what it can, and has two tasks for all else."""

    def __init__(self, stream: TrioStream, sock: socket, events: LaneEvents, trio: Any) -> None:
        super().__init__(events)
        self._stream = stream
        self._sock = sock
        self._deadline = trio.current_effective_deadline
        self._now = trio.current_time
        self._checkpoint = trio.lowlevel.checkpoint
        self._wait_readable = trio.lowlevel.wait_readable
        self._delivering = False
        """Whether the connection is taking received bytes."""
        self._rest = memoryview(b"")
        """The bytes that the writer task sends next."""
        self._failure: OSError | None = None

    # -- for the connection ---------------------------------------------------------------------

    def write(self, data: bytes | memoryview, /) -> None:
        """Send *data*, as much as the socket takes, and let the writer task send the rest."""
        sent = 0
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._failure = error
        self.full = sent < len(data)
        if self.full:
            self._rest = memoryview(data)[sent:]
            self._wake_writer()

    def now_or_soon(self, call: Callable[[], None], /) -> None:
        """Make the call at once, unless the current task is about to be cancelled."""
        try:
            may_be_now = not self._delivering and self._deadline() > self._now()
        except RuntimeError:  # no task is running: it is a callback of trio's
            may_be_now = False
        if may_be_now:
            call()
        else:
            self.soon(call)

    # -- the tasks ------------------------------------------------------------------------------

    async def _begin_to_read(self, tasks: TaskGroup) -> None:
        """Read in a task of its own, which wakes without the frames of those that wait for it."""
        tasks.start_soon(self._read)

    async def _read(self) -> None:
        sock, wait, received = self._sock, self._wait_readable, self._events.received
        receive_into, buffer = sock.recv_into, receive_buffer()
        try:
            while not self._stopped:
                await wait(sock)
                if self._paused:
                    await self._wait_while_paused()
                try:
                    size = receive_into(buffer)
                except (BlockingIOError, InterruptedError):
                    continue
                if not size:
                    self._end(anyio.EndOfStream())
                    return
                self._delivering = True
                received(bytes(buffer[:size]) if size <= SMALL else buffer[:size])
                self._delivering = False
        except Exception as error:  # noqa: BLE001 - any failure ends it, and is told
            self._end(self._stream.error(error))
        except BaseException as error:
            self._end(error)
            raise

    async def _write(self) -> None:
        events = self._events
        try:
            while self._failure is None:
                if self._rest:
                    await self._stream.wait_writable()
                    rest, self._rest = self._rest, memoryview(b"")
                    self.write(rest)
                    if not self.full:
                        events.writable()
                elif self._call is not None:
                    call, self._call = self._call, None
                    call()
                    if self._call is not None:
                        await self._checkpoint()
                else:
                    await self._wait_for_work()
        except anyio.get_cancelled_exc_class() as error:
            self._end(error)
            raise
        except Exception as error:  # noqa: BLE001 - any failure ends it, and is told
            failure = error
        else:
            failure = self._stream.error(self._failure)
        await anyio.sleep(events.sending_failed(failure))
        self._end(failure)
