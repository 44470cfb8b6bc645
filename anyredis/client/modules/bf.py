"""The namespace of Bloom filters: `client.bf`, `pipe.bf`."""

from __future__ import annotations

from anyredis.client.modules.filter_dumps import DumpedFilters
from anyredis.client.unavailable import Unavailable
from anyredis.commands.modules.bf import BloomFilters
from anyredis.namespaces import BlueprintNamespace, PipelineNamespace
from anyredis.replies import S


class ClientBloomFilters(BloomFilters[S], DumpedFilters[S]):
    """`client.bf`: each call is awaited."""

    create = Unavailable("it is reserve(...) here")
    loading = "BF.LOADCHUNK"


class PipelineBloomFilters(PipelineNamespace[S], BloomFilters[S]):
    """`pipe.bf`: each call gives a `Result`."""

    create = Unavailable("it is reserve(...) here")


class BlueprintBloomFilters(BlueprintNamespace[S], BloomFilters[S]):
    """`bf` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientBloomFilters, PipelineBloomFilters, BlueprintBloomFilters)
