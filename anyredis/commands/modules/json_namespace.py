"""JSON documents as a namespace: `client.json.get`."""

from __future__ import annotations

from anyredis.commands.modules.json_documents import JsonDocuments
from anyredis.commands.modules.json_parts import JsonParts
from anyredis.namespaces import BlueprintNamespace, ClientNamespace, PipelineNamespace
from anyredis.replies import S


class JsonCommands(JsonDocuments[S], JsonParts[S]):
    """The commands on JSON documents."""


class ClientJson(ClientNamespace[S], JsonCommands[S]):
    """`client.json`: each call is awaited."""


class PipelineJson(PipelineNamespace[S], JsonCommands[S]):
    """`pipe.json`: each call gives a `Result`."""


class BlueprintJson(BlueprintNamespace[S], JsonCommands[S]):
    """`json` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientJson, PipelineJson, BlueprintJson)
