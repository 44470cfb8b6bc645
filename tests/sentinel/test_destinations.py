"""The sentinels that each command of SENTINEL goes to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Command
from anyredis.commands.sentinels import SentinelCommands
from anyredis.sentinel.destinations import (
    ALL,
    FIRST,
    ITSELF,
    ONE,
    Destination,
    destination_of,
    refuse_own,
)
from tests.commands.test_sentinels import SENT, plan

EXPECTED: dict[Destination, set[str]] = {
    FIRST: {
        *("ckquorum", "get_master_addr_by_name", "info_cache", "is_master_down_by_addr"),
        *("master", "masters", "replicas", "sentinels", "slaves"),
    },
    ALL: {"config_set", "debug_set", "flushconfig", "monitor", "remove", "reset", "set"},
    ONE: {"failover"},
    ITSELF: {"config_get", "debug", "myid", "pending_scripts", "simulate_failure"},
}


def test_each_method_has_a_destination() -> None:
    """No method is forgotten, and none is in two lists."""
    methods = {name for name in vars(SentinelCommands) if name.startswith("sentinel_")}
    listed = [f"sentinel_{name}" for names in EXPECTED.values() for name in names]
    assert sorted(listed) == sorted(methods)


CALLS: dict[str, Callable[[], Command[object]]] = {
    "config_get": plan.sentinel_config_get,
    "debug": plan.sentinel_debug,
    "myid": plan.sentinel_myid,
    "pending_scripts": plan.sentinel_pending_scripts,
    "simulate_failure": lambda: plan.sentinel_simulate_failure("crash-after-election"),
    "config_set": lambda: plan.sentinel_config_set("a", "b"),
    "debug_set": lambda: plan.sentinel_debug_set({"a": 1}),
    "flushconfig": plan.sentinel_flushconfig,
    "monitor": lambda: plan.sentinel_monitor("m", "h", 1, 1),
    "remove": lambda: plan.sentinel_remove("m"),
    "reset": lambda: plan.sentinel_reset("m"),
    "set": lambda: plan.sentinel_set("m", "a", "b"),
    "failover": lambda: plan.sentinel_failover("m"),
    "ckquorum": lambda: plan.sentinel_ckquorum("m"),
    "get_master_addr_by_name": lambda: plan.sentinel_get_master_addr_by_name("m"),
    "info_cache": lambda: plan.sentinel_info_cache("m"),
    "is_master_down_by_addr": lambda: plan.sentinel_is_master_down_by_addr("h", 1),
    "master": lambda: plan.sentinel_master("m"),
    "masters": plan.sentinel_masters,
    "replicas": lambda: plan.sentinel_replicas("m"),
    "sentinels": lambda: plan.sentinel_sentinels("m"),
    "slaves": lambda: plan.sentinel_slaves("m"),
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_destinations(name: str) -> None:
    """Questions go to the first that answers, changes to all, a failover to one."""
    [expected] = [each for each, names in EXPECTED.items() if name in names]
    assert destination_of(CALLS[name]().args) == expected


def test_the_destination_does_not_depend_on_the_spelling() -> None:
    """A name is compared as the servers compare it; an unknown one belongs to one sentinel."""
    assert {destination_of(command.args) for _, command in SENT} == set(EXPECTED)
    assert destination_of(("sentinel", "config", "set", "a", "b")) == ALL
    assert destination_of(("sentinel", "config", "get", "set")) == ITSELF
    assert destination_of(("SENTINEL", "NEWS")) == ITSELF
    assert destination_of(("PING",)) == ITSELF


def test_the_refusal_names_the_command_and_the_remedy() -> None:
    """It says how to ask one sentinel, and how to ask each."""
    message = str(refuse_own((b"SENTINEL", b"MYID")))
    assert message.startswith("SENTINEL MYID is about one sentinel")
    assert "sentinel.node(address)" in message
    assert "sentinel.each(" in message
