"""Tests of `anyredis.testing.stream`: a byte stream that can fail in any way."""

from __future__ import annotations

import anyio
import pytest

from anyredis.testing import FakeStream
from tests.blocked_tasks import all_tasks_blocked


def ignore(_: bytes = b"") -> None:
    """Take no notice."""


class Ends:
    """A stream, and the events at its other end."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closes = 0
        self.stream = FakeStream(self.sent.append, self.close)

    def close(self) -> None:
        """The client closed it."""
        self.closes += 1


async def test_bytes_go_both_ways() -> None:
    """Sent bytes are there at once; delivered bytes can be received in pieces."""
    ends = Ends()
    await ends.stream.send(b"hello")
    assert ends.sent == [b"hello"]
    ends.stream.deliver(b"abcdef")
    assert await ends.stream.receive(4) == b"abcd"
    assert await ends.stream.receive() == b"ef"


async def test_receiving_waits() -> None:
    """Until something is delivered."""
    ends = Ends()
    found: list[bytes] = []

    async def receive() -> None:
        found.append(await ends.stream.receive())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        await all_tasks_blocked()
        assert found == []
        ends.stream.deliver(b"late")
    assert found == [b"late"]


async def test_it_stops_at_any_byte() -> None:
    """Bytes held back come in full, and in order, when released."""
    for after in range(7):
        stream = Ends().stream
        stream.hold(after)
        stream.deliver(b"abc")
        stream.deliver(b"def")
        assert stream.held == 6 - after
        found = await stream.receive() if after else b""
        assert found == b"abcdef"[:after]
        if stream.held:
            stream.release(1)
            assert await stream.receive() == b"abcdef"[after : after + 1]
        stream.release()
        stream.deliver(b"!")
        rest = await stream.receive()
        assert rest == b"abcdef"[after + 1 :] + b"!"


@pytest.mark.parametrize(
    ("failure", "error"),
    [("half_close", anyio.EndOfStream), ("reset", anyio.BrokenResourceError)],
)
async def test_it_ends(failure: str, error: type[Exception]) -> None:
    """Bytes that had arrived are read first; bytes held back are lost."""
    stream = Ends().stream
    stream.hold(2)
    stream.deliver(b"abc")
    getattr(stream, failure)()
    stream.deliver(b"too late")
    assert await stream.receive() == b"ab"
    for _ in range(2):
        with pytest.raises(error):
            await stream.receive()


@pytest.mark.parametrize(
    ("failure", "error"),
    [("half_close", anyio.EndOfStream), ("reset", anyio.BrokenResourceError)],
)
async def test_a_waiting_reader_is_woken_by_the_end(failure: str, error: type[Exception]) -> None:
    """A reader that waits learns of it at once."""
    stream = Ends().stream

    async def receive() -> None:
        with pytest.raises(error):
            await stream.receive()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        await all_tasks_blocked()
        getattr(stream, failure)()


async def test_sending_after_the_end() -> None:
    """A half-closed stream still takes sent bytes, a broken one does not."""
    ends = Ends()
    ends.stream.half_close()
    await ends.stream.send(b"a")
    assert ends.sent == [b"a"]
    ends.stream.reset()
    with pytest.raises(anyio.BrokenResourceError):
        await ends.stream.send(b"b")


async def test_sending_waits_while_nobody_reads() -> None:
    """And learns of a reset meanwhile."""
    ends = Ends()
    ends.stream.stop_reading()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ends.stream.send, b"a")
        await all_tasks_blocked()
        assert ends.sent == []
        ends.stream.start_reading()
    assert ends.sent == [b"a"]

    async def send() -> None:
        with pytest.raises(anyio.BrokenResourceError):
            await ends.stream.send(b"b")

    ends.stream.stop_reading()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        await all_tasks_blocked()
        ends.stream.reset()


async def test_closing() -> None:
    """The other end learns of it once; afterwards nothing works any more."""
    ends = Ends()
    ends.stream.deliver(b"unread")
    await ends.stream.aclose()
    await ends.stream.aclose()
    assert ends.closes == 1
    with pytest.raises(anyio.ClosedResourceError):
        await ends.stream.receive()
    with pytest.raises(anyio.ClosedResourceError):
        await ends.stream.send(b"x")


async def test_closing_while_another_task_receives() -> None:
    """That task gets ClosedResourceError."""
    stream = FakeStream(ignore, ignore)

    async def receive() -> None:
        with pytest.raises(anyio.ClosedResourceError):
            await stream.receive()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        await all_tasks_blocked()
        await stream.aclose()


async def test_an_alarm() -> None:
    """It goes off inside the `receive` that waits; what it delivers is received."""
    ends = Ends()
    ends.stream.call_later(0.001, lambda: ends.stream.deliver(b"late"))
    with anyio.fail_after(20):
        assert await ends.stream.receive() == b"late"


async def test_bytes_before_an_alarm() -> None:
    """They are received at once, and the alarm stays set; a cancelled one never goes off."""
    ends, found = Ends(), list[str]()
    cancel = ends.stream.call_later(3600, lambda: found.append("alarm"))
    ends.stream.deliver(b"early")
    assert await ends.stream.receive() == b"early"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ends.stream.receive)
        await all_tasks_blocked()
        cancel()
        ends.stream.deliver(b"more")
    assert found == []
