"""The namespaces of modules: `client.cms`, `client.json` and the others.

Law: a namespace is imported when it is first used, so those who use none pay for none.  The imports
below exist for type checkers, which read the classes of a namespace from them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any  # noqa: TID251 - the one file that may, see the law

from anyredis.commands.group import Group
from anyredis.namespaces import namespace
from anyredis.replies import S

if TYPE_CHECKING:
    from anyredis.client.modules import bf as _bf
    from anyredis.client.modules import cf as _cf
    from anyredis.commands.modules import cms as _cms
    from anyredis.commands.modules import ft as _ft
    from anyredis.commands.modules import json_namespace as _json
    from anyredis.commands.modules import tdigest as _tdigest
    from anyredis.commands.modules import topk as _topk
    from anyredis.commands.modules import ts as _ts


def _classes(module: str) -> Any:
    """The classes of the namespace in *module*: on a client, in a pipeline and on a blueprint."""
    return import_module(f"anyredis.{module}").NAMESPACE


class ModuleNamespaces(Group[S]):
    """The namespaces of Redis modules, on clients, sessions, pipelines and blueprints alike."""

    @namespace
    def bf(
        self,
    ) -> tuple[
        type[_bf.ClientBloomFilters[S]],
        type[_bf.PipelineBloomFilters[S]],
        type[_bf.BlueprintBloomFilters[S]],
    ]:
        """Bloom filters: whether an item was added, without false negatives.

        The server needs the module RedisBloom, which Redis 8 and Redis Stack have.
        """
        return _classes("client.modules.bf")  # type: ignore[no-any-return]

    @namespace
    def cf(
        self,
    ) -> tuple[
        type[_cf.ClientCuckooFilters[S]],
        type[_cf.PipelineCuckooFilters[S]],
        type[_cf.BlueprintCuckooFilters[S]],
    ]:
        """Cuckoo filters: whether an item was added; items can be deleted.

        The server needs the module RedisBloom, which Redis 8 and Redis Stack have.
        """
        return _classes("client.modules.cf")  # type: ignore[no-any-return]

    @namespace
    def cms(
        self,
    ) -> tuple[
        type[_cms.ClientCountMinSketches[S]],
        type[_cms.PipelineCountMinSketches[S]],
        type[_cms.BlueprintCountMinSketches[S]],
    ]:
        """Count-min sketches: how often each of many items was counted, estimated.

        The server needs the module RedisBloom, which Redis 8 and Redis Stack have.
        """
        return _classes("commands.modules.cms")  # type: ignore[no-any-return]

    @namespace
    def ft(
        self,
    ) -> tuple[
        type[_ft.ClientSearch[S]],
        type[_ft.PipelineSearch[S]],
        type[_ft.BlueprintSearch[S]],
    ]:
        """Search: indexes over hashes and JSON documents, and queries.

        The server needs the module RediSearch, which Redis 8 and Redis Stack have.
        """
        return _classes("commands.modules.ft")  # type: ignore[no-any-return]

    @namespace
    def json(
        self,
    ) -> tuple[
        type[_json.ClientJson[S]],
        type[_json.PipelineJson[S]],
        type[_json.BlueprintJson[S]],
    ]:
        """JSON documents: written and read whole or in part, as dicts and lists or as your types.

        The server needs the module RedisJSON, which Redis 8 and Redis Stack have.
        """
        return _classes("commands.modules.json_namespace")  # type: ignore[no-any-return]

    @namespace
    def tdigest(
        self,
    ) -> tuple[
        type[_tdigest.ClientTDigests[S]],
        type[_tdigest.PipelineTDigests[S]],
        type[_tdigest.BlueprintTDigests[S]],
    ]:
        """t-digests: quantiles and ranks of many numbers, estimated.

        The server needs the module RedisBloom, which Redis 8 and Redis Stack have.
        """
        return _classes("commands.modules.tdigest")  # type: ignore[no-any-return]

    @namespace
    def topk(
        self,
    ) -> tuple[
        type[_topk.ClientTopKLists[S]],
        type[_topk.PipelineTopKLists[S]],
        type[_topk.BlueprintTopKLists[S]],
    ]:
        """Top-k lists: the most frequent of many items, estimated.

        The server needs the module RedisBloom, which Redis 8 and Redis Stack have.
        """
        return _classes("commands.modules.topk")  # type: ignore[no-any-return]

    @namespace
    def ts(
        self,
    ) -> tuple[
        type[_ts.ClientTimeSeries[S]],
        type[_ts.PipelineTimeSeries[S]],
        type[_ts.BlueprintTimeSeries[S]],
    ]:
        """Time series: samples of numbers by time, found by labels, in ranges, buckets and groups.

        The server needs the module RedisTimeSeries, which Redis 8 and Redis Stack have.
        """
        return _classes("commands.modules.ts")  # type: ignore[no-any-return]
