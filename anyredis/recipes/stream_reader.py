"""A reader of streams without a group: it gets every entry, from a position on.

Law: the position of a stream moves when an entry is handed out, so a reader that begins there again
loses none and gets none twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from types import TracebackType
from typing import Final, Generic, NamedTuple, Self

import anyio
import anyio.lowlevel

from anyredis.connection.options import check_count
from anyredis.exceptions import DataTypeError, DataValueError, RedisError
from anyredis.excerpt import excerpt
from anyredis.recipes.block_tasks import BlockTasks
from anyredis.recipes.entry_queue import HANDED_OUT_AT_ONCE, EntryQueue, Share
from anyredis.recipes.stream_errors import BACKOFF, passes
from anyredis.recipes.stream_names import StreamClient, names_of, read_together, shown_name
from anyredis.replies import S
from anyredis.stream_entries import StreamEntry
from anyredis.wire.encode import Key

BLOCK: Final = 5000
"""Milliseconds of one blocking read: a dead connection is noticed after them, and a margin."""


class ReaderEntry(NamedTuple, Generic[S]):
    """An entry of one of a reader's streams."""

    stream: S
    """The key of the stream."""

    id: str
    """`milliseconds-number`, always text."""

    fields: dict[S, S]
    """The last value of each field."""


class StreamReader(Generic[S]):
    """Every entry of *streams* from *start* on, for an `async with` block.

        async with recipes.StreamReader(client, "orders", start="0") as reader:
            async for entry in reader:
                ...

    *streams* is a key or several.  *start* is an ID, behind which it begins: `0` is the beginning,
    `$` the end at the time of entering; or a mapping of keys to IDs, such as the `position` of an
    earlier reader.  A stream that is missing counts as empty.

    At most *prefetch* entries wait here to be taken, at least one of each stream.  A lost
    connection or a failover is no error: the reader goes on at its position.  An error that does
    not pass, such as a missing permission, is raised by the iteration.  If several tasks iterate,
    each entry goes to one of them.  Each server or slot that it reads needs a lease and a
    connection while it waits.
    """

    def __init__(
        self,
        client: StreamClient[S],
        streams: Key | Collection[Key],
        *,
        start: Key | Mapping[S, str] = "$",
        prefetch: int = 100,
    ) -> None:
        self._names = names_of(streams)
        check_count("prefetch", prefetch, least=1)
        self._client = client
        self._shown = {name: shown_name(client, name) for name in self._names}
        self.position: dict[S, str] = {
            shown: _start_of(start, shown) for shown in self._shown.values()
        }
        """The ID of the last entry that was handed out, by stream; or the start."""
        self._prefetch = prefetch
        self._given = 0
        self._task: BlockTasks | None = None
        self._queue: EntryQueue[ReaderEntry[S]] | None = None

    def __repr__(self) -> str:
        names = ", ".join(map(excerpt, self._names))
        return f"<{type(self).__name__} {names}>"

    # -- scope ----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("this reader is in use: make another one")
        self._client.scope.check()
        queue = EntryQueue[ReaderEntry[S]]()
        together = read_together(self._client, self._names)
        limit = max(1, self._prefetch // len(together))
        steps = [partial(self._read, names, queue, Share(limit)) for names in together]
        task = BlockTasks(self._client.scope, steps, _nothing, queue.fail)
        await task.hold()
        try:
            for name in self._names:
                await self._settle(name)
        except BaseException:
            await task.release()
            raise
        task.start()
        self._task, self._queue = task, queue
        return self

    async def _settle(self, name: Key) -> None:
        """Make `$` the ID that it stands for now."""
        shown = self._shown[name]
        if self.position[shown] == "$":
            last = await self._client.xrevrange(name, count=1)
            self.position[shown] = last[0].id if last else "0-0"

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        if self._queue is not None:
            self._queue.close()
        await task.stop()

    # -- entries --------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        """The reader itself."""
        return self

    async def __anext__(self) -> ReaderEntry[S]:
        """The next entry of any of the streams; a cancelled call loses none.

        Raises `RuntimeError` outside the block, and the error that ended the reading.
        """
        queue = self._queue
        if queue is None:
            raise RuntimeError("this reader is not open: write `async with reader:` around it")
        self._given += 1
        if not self._given % HANDED_OUT_AT_ONCE:
            await anyio.lowlevel.checkpoint()
        if not queue.ready or queue.closed:
            await queue.wait()
        # No await from here on: the position moves with the entry.
        entry = queue.take()
        self.position[entry.stream] = entry.id
        return entry

    async def _read(
        self, names: list[Key], queue: EntryQueue[ReaderEntry[S]], share: Share
    ) -> None:
        """Read *names* until cancelled; raises an error that does not pass."""
        after = {name: self.position[self._shown[name]] for name in names}
        by_shown = {self._shown[name]: name for name in names}
        failures, block = 0, None
        while True:
            await share.wait_for_room()
            count = max(1, share.room // len(names))
            try:
                found = await self._client.xread(after, count, block)
            except RedisError as error:
                if not (passes(error) and self._client.scope.entered):
                    raise
                failures += 1
                await anyio.sleep(BACKOFF.delay(failures))
                continue
            failures, block = 0, None if found else BLOCK
            for shown, entries in found.items():
                queue.add(share, [_entry(shown, each) for each in entries])
                after[by_shown[shown]] = entries[-1].id


def _entry(stream: S, content: StreamEntry[S]) -> ReaderEntry[S]:
    return ReaderEntry(stream, content.id, content.fields)


def _start_of(start: Key | Mapping[S, str], stream: S) -> str:
    """The ID in *start* for *stream*; raises `DataError` if there is none."""
    found = start
    if isinstance(start, Mapping):
        if stream not in start:
            raise DataValueError(f"start has no ID for the stream {excerpt(stream)}")
        found = start[stream]
    if isinstance(found, bytes):
        found = found.decode("ascii", "replace")
    if not isinstance(found, str):
        raise DataTypeError(f"start is {excerpt(found)}: give an ID as text, or a mapping of them")
    return found


async def _nothing() -> None:
    """Nothing is left to do when a reader's block ends."""
