"""`command_docs.jsonl` says what real servers say about their commands."""

from __future__ import annotations

import pytest

from anyredis.server import Server
from tests.commands.collect_docs import documented_by, versions_of
from tests.commands.documented import documented, shortened

DOCUMENTED = documented()

DIFFERENT = {"CLUSTER SYNCSLOTS"}
"""Servers use it among themselves, each kind in its own way."""


@pytest.mark.parametrize("fixture", ["valkey", "redis8"])
def test_the_file_is_what_the_servers_say(fixture: str, request: pytest.FixtureRequest) -> None:
    """Each command has the server's versions, and the complexity if the server tells one."""
    server: Server = request.getfixturevalue(fixture)
    differences: dict[str, object] = {}
    for name, about in documented_by(server).items():
        told, versions = DOCUMENTED.get(name), versions_of(about)
        if told is None:
            differences[name] = "not in the file"
            continue
        ours = told.valkey if fixture == "valkey" else told.redis
        if not versions.items() <= ours.items():
            differences[name] = (versions, ours)
        complexity = about.get("complexity")
        short = complexity and shortened(complexity.decode(), name)
        if complexity and short != told.short_complexity and name not in DIFFERENT:
            differences[name] = (complexity, told.complexity)
    assert len(DOCUMENTED) > 400
    assert differences == {}
