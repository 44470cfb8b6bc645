"""A consumer of streams, in a group: each entry is processed at least once, by one consumer.

Law: all tasks of a consumer run among those of the client's pool, and end with its block.  Nothing
is lost: an entry is pending on the server until it is acknowledged.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from types import TracebackType
from typing import Generic, Self

from anyredis.connection.options import check_count, check_seconds_or_none
from anyredis.exceptions import DataValueError, RedisError
from anyredis.excerpt import excerpt
from anyredis.recipes.acknowledging import Acknowledger
from anyredis.recipes.block_tasks import BlockTasks, Step
from anyredis.recipes.consumer_entry import EntryIterator, InHand
from anyredis.recipes.consumer_settings import ConsumerSettings
from anyredis.recipes.fetching import Fetcher
from anyredis.recipes.keeping import Keeper
from anyredis.recipes.stream_names import StreamClient, check_name, names_of, read_together
from anyredis.replies import S
from anyredis.wire.encode import Key

LOGGER = logging.getLogger("anyredis")


class Consumer(Generic[S]):
    """The entries of *streams* for the consumer *name* of *group*, for an `async with` block.

        async with recipes.Consumer(client, "orders", group="billing", name="c1") as consumer:
            async for entry in consumer:
                await charge(entry.fields)

    An entry is acknowledged when its iterator is asked for the next one.  After `break`, an
    exception or a cancellation it stays pending, unless `await entry.ack()` was called or
    `async with entry:` ended well.  Several tasks may iterate, each with its own `async for`; each
    entry goes to one of them.

    *streams* is a key or several.  A group or stream that is missing is created; the group then
    reads from *start*: `0` is all that the stream has, `$` what is added from now on.  *name* is
    different for each consumer of the group that runs at the same time.

    At most *prefetch* entries wait here to be taken, at least one of each stream.  Entries that are
    pending for *claim_idle* seconds are claimed from whichever consumer has them; those in hand
    here are kept from that, for as long as it takes.  None: nothing is claimed.  An entry that was
    delivered *max_deliveries* times without success goes to the stream *dead_letter*.

    Entering raises the server's error if the group cannot be created; iterating raises an error
    that does not pass, such as a missing permission.  A lost connection or a failover is none: the
    consumer goes on.  Each server or slot that it reads needs a lease and a connection.
    """

    def __init__(
        self,
        client: StreamClient[S],
        streams: Key | Collection[Key],
        *,
        group: Key,
        name: Key,
        start: Key | int = "0",
        prefetch: int = 100,
        claim_idle: float | None = 60.0,
        dead_letter: Key | None = None,
        max_deliveries: int | None = None,
    ) -> None:
        self._names = names_of(streams)
        check_name("group", group)
        check_name("name", name)
        check_count("prefetch", prefetch, least=1)
        check_seconds_or_none("claim_idle", claim_idle)
        if (dead_letter is None) != (max_deliveries is None):
            raise DataValueError("dead_letter and max_deliveries belong together: give both")
        if max_deliveries is not None:
            check_count("max_deliveries", max_deliveries, least=1)
        if dead_letter is not None:
            check_name("dead_letter", dead_letter)
        self._settings = ConsumerSettings(
            *(client, group, name, start, claim_idle, dead_letter, max_deliveries)
        )
        self._prefetch = prefetch
        self._task: BlockTasks | None = None
        self._in_hand: InHand[S] | None = None

    def __repr__(self) -> str:
        settings = self._settings
        names = ", ".join(map(excerpt, self._names))
        return f"<{type(self).__name__} {excerpt(settings.name)} of {excerpt(settings.group)}: {names}>"

    # -- scope ----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("this consumer is in use: make another one, with its own name")
        client = self._settings.client
        client.scope.check()
        acknowledger = Acknowledger(client, self._settings.group)
        in_hand = InHand[S](acknowledger, 10 * self._prefetch)
        together = read_together(client, self._names)
        limit = max(1, self._prefetch // len(together))
        fetchers = [Fetcher(self._settings, each, in_hand, limit) for each in together]
        keeper = Keeper(self._settings, in_hand, fetchers)
        steps: list[Step] = [acknowledger.run, *(each.run for each in fetchers)]
        if self._settings.claim_idle is not None:
            steps.append(keeper.run)

        def failed(error: Exception) -> None:
            in_hand.queue.fail(error)
            acknowledger.fail(error)

        async def close() -> None:
            try:
                await acknowledger.flush()
                await keeper.hand_back()
            except RedisError as error:
                LOGGER.warning(
                    "%r could not hand back its entries, which stay pending: %s", self, error
                )

        task = BlockTasks(client.scope, steps, close, failed)
        await task.hold()
        try:
            for fetcher in fetchers:
                await fetcher.prepare()
        except BaseException:
            await task.release()
            raise
        task.start()
        self._task, self._in_hand = task, in_hand
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        if self._in_hand is not None:
            self._in_hand.queue.close()
        await task.stop()

    # -- entries --------------------------------------------------------------------------------

    def __aiter__(self) -> EntryIterator[S]:
        """A new iterator, for one task; it ends when the consumer's block does.

        Raises `RuntimeError` outside the block.
        """
        if self._in_hand is None:
            raise RuntimeError("this consumer is not open: write `async with consumer:` around it")
        return EntryIterator(self._in_hand)
