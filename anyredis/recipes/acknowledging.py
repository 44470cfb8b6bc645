"""Acknowledgements of a consumer: many entries in one XACK, sent while others are collected.

Law: an acknowledgement is repeated until the server has confirmed it, because a second one changes
nothing.  One batch is in flight at a time.
"""

from __future__ import annotations

import anyio

from anyredis.exceptions import RedisError
from anyredis.recipes.stream_errors import BACKOFF, passes, raised
from anyredis.recipes.stream_names import StreamClient
from anyredis.replies import S
from anyredis.wire.encode import Key

LARGEST_BATCH = 1000
"""IDs in one XACK."""


class AcknowledgementBatch:
    """IDs to acknowledge, by stream."""

    __slots__ = ("confirmed", "failure", "ids", "size")

    def __init__(self) -> None:
        self.ids: dict[Key, list[str]] = {}
        self.size = 0
        self.confirmed = anyio.Event()
        """Set once the server has confirmed all of it, or `failure` is set."""
        self.failure: Exception | None = None

    async def wait_confirmed(self) -> None:
        """Wait until the server has confirmed all of it; raises the error that prevents that."""
        await self.confirmed.wait()
        if self.failure is not None:
            raise raised(self.failure)


class Acknowledger:
    """Sends the acknowledgements of one consumer of *group*."""

    def __init__(self, client: StreamClient[S], group: Key) -> None:
        self._client = client
        self._group = group
        self._collected = AcknowledgementBatch()
        self._in_flight: AcknowledgementBatch | None = None
        self._wanted = anyio.Event()

    @property
    def unconfirmed(self) -> int:
        """The number of acknowledgements that the server has not confirmed."""
        return self._collected.size + (0 if self._in_flight is None else self._in_flight.size)

    def add(self, stream: Key, entry_id: str) -> AcknowledgementBatch:
        """Acknowledge an entry soon; gives the batch in which it will be."""
        batch = self._collected
        ids = batch.ids.get(stream)
        if ids is None:
            batch.ids[stream] = [entry_id]
        else:
            ids.append(entry_id)
        batch.size += 1
        if batch.size == 1:
            self._wanted.set()
        return batch

    async def run(self) -> None:
        """Send batches until cancelled; raises an error that does not pass."""
        while True:
            await self._wanted.wait()
            await self.flush()

    async def wait_until_fewer(self, count: int) -> None:
        """Wait until less than *count* acknowledgements are unconfirmed."""
        while self.unconfirmed >= count:
            batch = self._in_flight or self._collected
            await batch.wait_confirmed()

    async def flush(self) -> None:
        """Send what is collected, and what a cancelled call has not confirmed."""
        failures = 0
        while self.unconfirmed:
            if self._in_flight is None:
                self._in_flight, self._collected = self._collected, AcknowledgementBatch()
                self._wanted = anyio.Event()
            try:
                await self._send_batch(self._in_flight)
            except RedisError as error:
                if not (passes(error) and self._client.scope.entered):
                    raise
                failures += 1
                await anyio.sleep(BACKOFF.delay(failures))
                continue
            self._in_flight.confirmed.set()
            self._in_flight, failures = None, 0

    async def _send_batch(self, batch: AcknowledgementBatch) -> None:
        for stream, ids in batch.ids.items():
            while ids:
                await self._client.xack(stream, self._group, ids[:LARGEST_BATCH])
                batch.size -= len(ids[:LARGEST_BATCH])
                del ids[:LARGEST_BATCH]

    def fail(self, error: Exception) -> None:
        """Tell those who wait for a confirmation that none will come."""
        for batch in (self._in_flight, self._collected):
            if batch is not None:
                batch.failure = error
                batch.confirmed.set()
