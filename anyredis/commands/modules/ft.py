"""Search: indexes over hashes and JSON documents, queries by text, numbers, places and vectors."""

from __future__ import annotations

from anyredis.commands.modules.search_indexes import SearchIndexes
from anyredis.commands.modules.search_queries import SearchQueries
from anyredis.commands.modules.search_terms import SearchTerms
from anyredis.namespaces import BlueprintNamespace, ClientNamespace, PipelineNamespace
from anyredis.replies import S


class ClientSearch(ClientNamespace[S], SearchIndexes[S], SearchTerms[S], SearchQueries[S]):
    """`client.ft`: each call is awaited."""


class PipelineSearch(PipelineNamespace[S], SearchIndexes[S], SearchTerms[S], SearchQueries[S]):
    """`pipe.ft`: each call gives a `Result`."""


class BlueprintSearch(BlueprintNamespace[S], SearchIndexes[S], SearchTerms[S], SearchQueries[S]):
    """`ft` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientSearch, PipelineSearch, BlueprintSearch)
