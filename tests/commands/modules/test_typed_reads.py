"""Tests of `anyredis.commands.modules.typed_reads`: `tests/typing/test_json_types.py` has the types."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest

from anyredis import Redis
from anyredis.commands.modules import typed_reads
from anyredis.commands.modules.json_documents import JsonDocuments


def parameters(method: Any) -> list[tuple[str, Any]]:
    """The names and kinds of parameters, without the first, which is the object."""
    return [(each.name, each.kind) for each in inspect.signature(method).parameters.values()][1:]


@pytest.mark.parametrize(
    ("name", "protocols"),
    [
        ("get", ("AwaitedGet", "QueuedGet", "PlannedGet")),
        ("mget", ("AwaitedGetMany", "QueuedGetMany", "PlannedGetMany")),
    ],
)
def test_checkers_see_the_parameters_of_the_method(name: str, protocols: tuple[str, ...]) -> None:
    """Each overload has them all."""
    from_source = vars(JsonDocuments)[name].__wrapped__
    for protocol in protocols:
        source = inspect.getsource(getattr(typed_reads, protocol))
        for parameter, kind in parameters(from_source):
            star = "*" if kind is inspect.Parameter.VAR_POSITIONAL else ""
            assert source.count(f"{star}{parameter}: ") >= 2, (protocol, parameter)


def test_they_are_methods_as_all_others() -> None:
    """Coroutine functions, with the signature of their builder."""
    assert inspect.signature(Redis().json.get).parameters.keys() == {
        *("key", "paths", "no_escape", "type")
    }
    assert inspect.iscoroutinefunction(Redis().json.mget) or sys.version_info < (3, 12)
