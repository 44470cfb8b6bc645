"""The buffer that direct lanes receive into: one for each thread, whatever the number of connections.

Law: what was received is taken, synchronously, before the next bytes are.  So a receive allocates
nothing of the size that it could have: a fresh `bytes` of `CHUNK` would be mapped, moved and
unmapped by the operating system for each reply, which costs more than the rest of a small command.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from anyredis.connection.handshake_io import CHUNK
from anyredis.wire.lengths import LONG_DATA

SMALL: Final = LONG_DATA
"""Bytes up to which a copy is delivered: the decoder searches what is shorter, which views are slow at."""


class _ThreadBuffer(threading.local):
    """Makes the buffer of a thread when it is first asked for."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(CHUNK))


_BUFFER: Final = _ThreadBuffer()


receive_buffer: Final[Callable[..., memoryview]] = partial(getattr, _BUFFER, "view")
"""Gives the buffer of the current thread, without a frame; an argument is not needed."""
