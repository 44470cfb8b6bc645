"""Tests of `anyredis.testing.fake_commands`: random conversations, a fake and real ones beside."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from anyredis.server import Server
from anyredis.testing.fake_commands import COMMANDS, GROUPS
from anyredis.testing.fake_pubsub import KNOWN
from anyredis.testing.memory import Memory
from tests.servers import ROOT
from tests.testing.differential import both
from tests.testing.plausible import TEMPLATES, conversation

EXAMPLES: Final = 200
"""Conversations for each server and protocol."""

SEEDS: Final = st.integers(0, (1 << 32) - 1)
"""Each gives one conversation; a failure shows its commands."""

BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("protocol", [2, 3])
@BOUNDED
@given(seed=SEEDS)
def test_random_conversations_with_valkey(valkey: Server, protocol: int, seed: int) -> None:
    """Replies and their types are those of Valkey 9.1."""
    with both(valkey, protocol) as servers:
        servers.assert_same(conversation(seed))


@pytest.mark.parametrize("protocol", [2, 3])
@BOUNDED
@given(seed=SEEDS)
def test_random_conversations_with_redis(redis82: Server, protocol: int, seed: int) -> None:
    """Replies and their types are those of Redis 8.2."""
    with both(redis82, protocol) as servers:
        servers.assert_same(conversation(seed))


def test_every_command_is_tried() -> None:
    """Each command that the fake knows stands in the templates of the random conversations."""
    tried = {line.split()[0].encode() for line in TEMPLATES}
    # What a real server picks at random cannot be compared.
    assert COMMANDS.keys() - tried == {b"RANDOMKEY"}


def test_each_command_stands_in_one_group() -> None:
    """No name has two meanings."""
    assert len(COMMANDS) == sum(len(table) for table in GROUPS.values())


def test_the_page_lists_what_the_fake_knows() -> None:
    """docs/testing.md has each command that it runs, and no other, in the right line."""
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    [listed] = re.findall(r"<!-- known:.*?-->(.*?)<!-- end -->", text, flags=re.DOTALL)
    lines = dict(re.findall(r"- ([^:]+): (.*?)\.(?=\n)", listed, flags=re.DOTALL))
    groups = {title: [name.decode() for name in table] for title, table in GROUPS.items()}
    groups["Pub/sub"] = [name.decode() for name in KNOWN]
    scripts = [name.decode() for name in Memory().scripts.commands]
    others = Memory().known.difference(scripts, *groups.values())
    expected = {
        "Connections and transactions": others,
        "Scripts and functions": scripts,
        **groups,
    }
    assert {title: re.findall(r"`(\w+)`", names) for title, names in lines.items()} == {
        title: sorted(names) for title, names in expected.items()
    }
