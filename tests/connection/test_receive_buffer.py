"""Tests of `anyredis.connection.receive_buffer`: one buffer for all connections of a thread."""

from __future__ import annotations

import threading
from functools import partial

import anyio
import pytest

from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.receive_buffer import SMALL, receive_buffer
from tests.connection.lanes import running, until


def test_each_thread_has_its_own() -> None:
    """The same in each call, whatever hint an event loop gives."""
    views = [receive_buffer(), receive_buffer(-1), receive_buffer(65536)]
    other = threading.Thread(target=lambda: views.append(receive_buffer()))
    other.start()
    other.join()
    assert [view is views[0] for view in views] == [True, True, True, False]
    assert [len(view) for view in views] == [CHUNK] * 4


@pytest.mark.parametrize("size", [1, SMALL, SMALL + 1, CHUNK, 5 * CHUNK + 1])
async def test_connections_that_receive_at_once(size: int) -> None:
    """G1: each gets its own bytes, in order, however they are cut."""
    async with running("direct") as one, running("direct") as other:
        expected = [(bytes(range(each)) * (size // each + 1))[:size] for each in (256, 251)]
        sizes = [size, size]
        for _ in range(3):
            for run in (one, other):
                run.events.data = b""
            async with anyio.create_task_group() as tasks:
                for run, data in zip((one, other), expected, strict=True):
                    tasks.start_soon(anyio.to_thread.run_sync, partial(run.peer.sendall, data))
            await until(lambda: [len(each.events.data) for each in (one, other)] == sizes)
            assert [each.events.data for each in (one, other)] == expected
