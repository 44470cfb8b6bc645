"""The namespace of Bloom filters: `client.bf`, `pipe.bf`."""

from __future__ import annotations

from anyredis.client.modules.filter_dumps import Chunks, DumpIterator, load_chunks
from anyredis.client.unavailable import Unavailable
from anyredis.commands.modules.bf import BloomFilters
from anyredis.namespaces import BlueprintNamespace, ClientNamespace, PipelineNamespace
from anyredis.replies import S
from anyredis.unfit_calls import coroutine_method, explained
from anyredis.wire.encode import Key


class ClientBloomFilters(ClientNamespace[S], BloomFilters[S]):
    """`client.bf`: each call is awaited."""

    create = Unavailable("it is reserve(...) here")

    @explained
    def scandump_iter(self, key: Key) -> DumpIterator:
        """All chunks of the filter at *key*, each an iterator and bytes, for `async for`.

        `loadchunks` takes them. The filter must not change in between.
        `ResponseError` if there is no filter.
        """
        return DumpIterator(lambda iterator: self.scandump(key, iterator))

    @coroutine_method
    async def loadchunks(self, key: Key, chunks: Chunks) -> int:
        """The number of *chunks*, all of which were written to *key*, which did not exist before.

        *chunks* is what `scandump_iter` gave: that iterator, or a list of pairs. If it fails or is
        cancelled, *key* may hold a part of the filter: delete it and begin anew.
        """
        return await load_chunks("BF.LOADCHUNK", key, chunks, self.loadchunk)


class PipelineBloomFilters(PipelineNamespace[S], BloomFilters[S]):
    """`pipe.bf`: each call gives a `Result`."""

    create = Unavailable("it is reserve(...) here")


class BlueprintBloomFilters(BlueprintNamespace[S], BloomFilters[S]):
    """`bf` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientBloomFilters, PipelineBloomFilters, BlueprintBloomFilters)
