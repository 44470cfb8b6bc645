"""The namespace of cuckoo filters: `client.cf`, `pipe.cf`."""

from __future__ import annotations

from anyredis.client.modules.filter_dumps import DumpedFilters
from anyredis.client.unavailable import Unavailable
from anyredis.commands.modules.cf import CuckooFilters
from anyredis.namespaces import BlueprintNamespace, PipelineNamespace
from anyredis.replies import S


class ClientCuckooFilters(CuckooFilters[S], DumpedFilters[S]):
    """`client.cf`: each call is awaited."""

    create = Unavailable("it is reserve(...) here")
    loading = "CF.LOADCHUNK"


class PipelineCuckooFilters(PipelineNamespace[S], CuckooFilters[S]):
    """`pipe.cf`: each call gives a `Result`."""

    create = Unavailable("it is reserve(...) here")


class BlueprintCuckooFilters(BlueprintNamespace[S], CuckooFilters[S]):
    """`cf` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientCuckooFilters, PipelineCuckooFilters, BlueprintCuckooFilters)
