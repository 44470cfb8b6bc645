"""Tests of `anyredis.commands.modules.json_namespace`."""

from __future__ import annotations

from anyredis import Redis
from anyredis.commands.modules.json_namespace import ClientJson, JsonCommands, PipelineJson
from tests.commands.modules.plans import TextPlan


def test_each_life_has_its_class() -> None:
    """A client, a pipeline and a blueprint; all have the same commands."""
    client = Redis()
    assert type(client.json) is ClientJson
    assert type(client.pipeline().json) is PipelineJson
    assert isinstance(TextPlan().json, JsonCommands)


def test_equal_calls_make_equal_commands() -> None:
    """A command is a value."""
    json = TextPlan().json
    assert json.get("k", "$.a") == json.get("k", "$.a")
    assert json.get("k", type=int) == json.get("k", type=int)
    assert json.get("k", type=int) != json.get("k", type=str)
    assert json.numincrby("k", "$.a", 1) == json.numincrby("k", "$.a", 1)
    assert json.numincrby("k", ".a", 1) != json.numincrby("k", "$.a", 1)
