"""The entries that a consumer hands out, and the iterators over them.

Law: an entry is acknowledged when its own iterator is asked for the next one.  An entry that its
`async with` block left by an exception, and one whose iterator is gone, stays pending.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Final, Generic, Self
from weakref import WeakSet

import anyio.lowlevel

from anyredis.recipes.acknowledging import AcknowledgementBatch, Acknowledger
from anyredis.recipes.entry_queue import HANDED_OUT_AT_ONCE, EntryQueue
from anyredis.replies import S
from anyredis.stream_entries import StreamEntry

LEFT: Final = "this consumer's block has ended: the entry stays pending, for another consumer"


class InHand(Generic[S]):
    """The entries of a consumer that were handed out, and the queue that they come from."""

    def __init__(self, acknowledger: Acknowledger, most_unconfirmed: int) -> None:
        self.queue: EntryQueue[ConsumerEntry[S]] = EntryQueue()
        self.acknowledger = acknowledger
        self.most_unconfirmed = most_unconfirmed
        """The number of unconfirmed acknowledgements at which iterators wait."""
        self.iterators: WeakSet[EntryIterator[S]] = WeakSet()
        self.entered: set[ConsumerEntry[S]] = set()
        """The entries whose `async with` blocks are open."""

    def entries(self) -> Iterator[ConsumerEntry[S]]:
        """The entries that are being processed now, as far as can be known."""
        yield from self.entered
        for iterator in self.iterators:
            entry = iterator.entry
            if entry is not None and not entry.settled and entry not in self.entered:
                yield entry


class ConsumerEntry(Generic[S]):
    """An entry of a stream, for one consumer of a group.

    async for entry in consumer:
        async with entry:           # acknowledged if this block ends well
            await handle(entry.fields)
    """

    __slots__ = ("_batch", "_content", "_in_hand", "deliveries", "settled", "stream")

    def __init__(
        self, in_hand: InHand[S], stream: S, content: StreamEntry[S], deliveries: int
    ) -> None:
        self._in_hand = in_hand
        self._content = content
        self._batch: AcknowledgementBatch | None = None
        self.stream = stream
        """The key of the stream."""
        self.deliveries = deliveries
        """The number of times that it was given to a consumer, this time included."""
        self.settled = False
        """Whether its iterator leaves it alone: it was acknowledged, or its block failed."""

    @property
    def id(self) -> str:
        """`milliseconds-number`, always text."""
        return self._content.id

    @property
    def fields(self) -> dict[S, S]:
        """The last value of each field."""
        return self._content.fields

    @property
    def pairs(self) -> list[tuple[S, S]]:
        """All fields with their values, in order; a field that repeats comes each time."""
        return self._content.pairs

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} of {self.stream!r}, delivery {self.deliveries}>"

    def acknowledge_soon(self) -> None:
        """Acknowledge it with the next batch, unless it is settled."""
        if not self.settled:
            self.settled = True
            self._batch = self._in_hand.acknowledger.add(self.stream, self.id)

    async def ack(self) -> None:
        """Acknowledge the entry, and wait until the server has confirmed that.

        A call that is cancelled while it waits has acknowledged all the same; a second call only
        waits.  A lost connection is no error: the acknowledgement is repeated.  Raises the server's
        error, and `RuntimeError` once the consumer's block has ended.
        """
        if self._batch is None:
            if self._in_hand.queue.closed:
                raise RuntimeError(LEFT)
            self.settled = False  # although its own block may have failed
            self.acknowledge_soon()
        if self._batch is not None:
            await self._batch.wait_confirmed()

    async def __aenter__(self) -> Self:
        self._in_hand.entered.add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._in_hand.entered.discard(self)
        if error is None:
            await self.ack()
        else:
            self.settled = True


class EntryIterator(Generic[S]):
    """An iterator over a consumer's entries, for one task; `async for` makes one."""

    __slots__ = ("__weakref__", "_given", "_in_hand", "entry")

    def __init__(self, in_hand: InHand[S]) -> None:
        self._in_hand = in_hand
        self._given = 0
        self.entry: ConsumerEntry[S] | None = None
        """The entry that it gave last."""
        in_hand.iterators.add(self)

    def __aiter__(self) -> Self:
        """The iterator itself."""
        return self

    async def __anext__(self) -> ConsumerEntry[S]:
        """The next entry; the one before is acknowledged, unless it is settled.

        A cancelled call loses no entry.  Raises the error that ended the reading.
        """
        entry, self.entry = self.entry, None
        if entry is not None:
            entry.acknowledge_soon()
        in_hand = self._in_hand
        queue = in_hand.queue
        self._given += 1
        if not self._given % HANDED_OUT_AT_ONCE:
            await anyio.lowlevel.checkpoint()
        if in_hand.acknowledger.unconfirmed >= in_hand.most_unconfirmed and not queue.closed:
            await in_hand.acknowledger.wait_until_fewer(in_hand.most_unconfirmed)
        if not queue.ready or queue.closed:
            await queue.wait()
        # No await from here on: what was taken is handed out.
        entry = self.entry = queue.take()
        return entry
