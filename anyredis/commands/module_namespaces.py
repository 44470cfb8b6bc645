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
    from anyredis.commands.modules import cms as _cms
    from anyredis.commands.modules import json_namespace as _json


def _classes(module: str) -> Any:
    """The classes of the namespace in *module*: on a client, in a pipeline and on a blueprint."""
    return import_module(f"anyredis.commands.modules.{module}").NAMESPACE


class ModuleNamespaces(Group[S]):
    """The namespaces of Redis modules, on clients, sessions, pipelines and blueprints alike."""

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
        return _classes("cms")  # type: ignore[no-any-return]

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
        return _classes("json_namespace")  # type: ignore[no-any-return]
