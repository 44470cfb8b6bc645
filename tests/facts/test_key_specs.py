"""Tests of `anyredis.facts.key_positions`: compared with the key specifications of four servers."""

from __future__ import annotations

import pytest

from anyredis.facts.key_positions import FIRST_KEY
from anyredis.facts.table import CONTAINERS
from anyredis.wire.encode import Value
from tests.facts.key_specs import (
    ALIASED,
    COMMANDS,
    INCOMPLETE_SPECS,
    KEYED,
    SPECS_WITH_EXTRA_KEYS,
    WITH_KEYWORDS,
    calls,
    found,
    specified,
)


def test_corrections_are_of_commands() -> None:
    """A server still has each specification that is corrected here."""
    assert set(KEYED) >= {*INCOMPLETE_SPECS, *SPECS_WITH_EXTRA_KEYS, *WITH_KEYWORDS}
    keywords = {
        name
        for name, specs in KEYED.items()
        if any(spec["begin_search"]["type"] == "keyword" for spec in specs)
    }
    assert keywords == set(WITH_KEYWORDS)


def test_key_specs() -> None:
    """Keys are at the positions that the servers report, for every command."""
    examples = {
        name: list(calls(name)) for name in KEYED.keys() - INCOMPLETE_SPECS.keys() - ALIASED
    }
    assert [name for name, calls_of in examples.items() if len(calls_of) < 2] == []
    wrong = [
        args
        for name, calls_of in examples.items()
        for args in calls_of
        if found(*args) != specified(name, args)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", INCOMPLETE_SPECS)
def test_keys_that_the_servers_leave_out(name: str) -> None:
    """The positions of the servers are keys here, and there are more."""
    more = {
        "CMS.MERGE": "d 2 a b WEIGHTS 1 1",
        "JSON.MGET": "a b $",
        "SORT": "a STORE d",
        "TDIGEST.MERGE": "d 1 a OVERRIDE",
        "TS.CREATERULE": "a b AGGREGATION avg 5",
        "TS.DELETERULE": "a b",
    }
    expected = {"CMS.MERGE": [1, 3, 4], "SORT": [1, 3], "TDIGEST.MERGE": [1, 3]}
    args = (name, *more[name].split())
    assert found(*args) == expected.get(name, [1, 2])
    assert set(specified(name, args)) < set(found(*args) or ())


def test_an_alias_is_no_key() -> None:
    """The node is that of the index: the server itself refuses an alias that it cannot have."""
    for name in ALIASED:
        assert specified(name, (name, "alias", "index")) == [1, 2]
        assert found(name, "alias", "index") == [2]
    assert found("FT.ALIASLIST", "index") == [1]


def test_positions_of_the_servers_without_a_key() -> None:
    """A word that is not a key in this call is not reported as one."""
    migrate = ("MIGRATE", "h", "1", "", "0", "9", "COPY", "KEYS", "a", "b")
    assert found(*migrate) == specified("MIGRATE", migrate)[1:] == [8, 9]
    assert found("JSON.DEBUG", "HELP") == []
    assert specified("JSON.DEBUG", ("JSON.DEBUG", "HELP")) == [2]


def test_without_keys() -> None:
    """A command without key specifications has no keys, with any arguments."""
    keyless = [name for name in COMMANDS if name not in KEYED]
    assert len(keyless) > 200
    assert [name for name in keyless if found(*name.split()) != []] == []
    # With a word after it, a container is another command.
    longer: list[tuple[Value, ...]] = [
        (*name.lower().encode().split(), b"a", "b", 1)
        for name in keyless
        if name.encode() not in CONTAINERS
    ]
    assert [args for args in longer if found(*args) != []] == []


def test_unknown_commands() -> None:
    """The keys of a command that no server has are unknown."""
    assert found(b"MY.CMD", "k") is None
    assert found(b"OBJECT", "COLOUR", "k") is None
    assert found(b"~") is None


def test_first_key() -> None:
    """The fast path is for all that have exactly one key at a fixed position, and no tip."""
    expected: dict[bytes, int] = {}
    for name, specs in KEYED.items():
        slow = name in INCOMPLETE_SPECS or name in SPECS_WITH_EXTRA_KEYS or " " in name
        tipped = any(tip.startswith("request_policy:") for tip in COMMANDS[name].get("tips", []))
        keys = [spec for spec in specs if spec["begin_search"]["type"] != "unknown"]
        spread = any(spec["find_keys"]["spec"].get("lastkey") != 0 for spec in keys)
        if not (slow or tipped or spread or len(keys) != 1):
            expected[name.encode()] = keys[0]["begin_search"]["spec"]["index"]
    assert expected == FIRST_KEY
    assert FIRST_KEY.keys().isdisjoint(CONTAINERS)
    assert len(FIRST_KEY) > 240
