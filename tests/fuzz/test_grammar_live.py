"""The committed grammar is that of the servers."""

from __future__ import annotations

import json

import pytest

from anyredis.server import Server
from tests.fuzz.collect_grammar import arguments_of, title
from tests.fuzz.grammar import FILE


@pytest.mark.parametrize("name", ["valkey", "redis8"])
def test_the_grammar_is_current(name: str, request: pytest.FixtureRequest) -> None:
    """Each command of the server is in the file with its arguments, and no other command.

    `python -m tests.fuzz.collect_grammar` writes the file anew.
    """
    server: Server = request.getfixturevalue(name)
    rows = [json.loads(line) for line in FILE.read_text().splitlines()]
    written = {row["name"]: row["arguments"] for row in rows if title(server) in row["servers"]}
    assert written == arguments_of(server)
