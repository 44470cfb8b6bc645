"""Each command method ran on each server that has its command; `nox -s ran_on` makes the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TypedDict

import pytest

from anyredis.command import Command
from anyredis.facts import table
from tests.commands import ran_on
from tests.commands.rows import methods_of, sent_rows
from tests.commands.test_every_command import TABLES

SERVERS: Final = {
    "valkey-9.1.2": "Valkey 9.1",
    "redis-8.2.3": "Redis 8.2",
    "redis-8.10.2": "Redis 8.10",
}
"""The servers that have to run all methods whose command they have, as `commands.json` calls them."""

ALSO: Final = {"Redis 7.4"}
"""A server with modules and TLS, which runs what it is needed for."""

NEEDS: Final[dict[str, str]] = {
    "ft.hybrid": "FT.HYBRID: Redis 8.4 with the search module",
    "ft.aliaslist": "Redis 8.10 with its search module: FT.ALIASLIST",
}
"""The methods that no server of these tests can run, each with the server that it would need."""

NEWER: Final = {
    "bgsave_cancel": (("Redis 8.2", "Redis 8.10"), "BGSAVE CANCEL: Valkey 8.1"),
    "cluster_replicate_no_one": (
        ("Redis 8.2", "Redis 8.10"),
        "CLUSTER REPLICATE NO ONE: Valkey 9.0",
    ),
    "module_load": (
        ("Valkey 9.1", "Redis 8.2", "Redis 8.10"),
        "the modules are those of Redis 7.4",
    ),
    "module_loadex": (
        ("Valkey 9.1", "Redis 8.2", "Redis 8.10"),
        "the modules are those of Redis 7.4",
    ),
    "module_unload": (("Redis 8.2", "Redis 8.10"), "every module that they have keeps data types"),
    "sentinel_simulate_failure": (
        ("Redis 8.2", "Redis 8.10"),
        "a sentinel that ends takes a deployment: one kind is enough",
    ),
    "xreadgroup_claim": (("Valkey 9.1", "Redis 8.2"), "XREADGROUP CLAIM: Redis 8.4"),
    "zscan_no_scores": (("Redis 8.2", "Redis 8.10"), "ZSCAN NOSCORES: Valkey 9.1"),
}
"""Servers that have the command but cannot run the method, and the option that they lack."""


class Facts(TypedDict):
    """The entry of `commands.json` that is used here."""

    servers: list[str]


COMMANDS: Final[dict[str, Facts]] = json.loads(
    (Path(__file__).parents[1] / "commands.json").read_text()
)


OF_SENTINELS: Final = Facts(servers=["valkey-9.1.2", "redis-8.2.3", "redis-8.10.2"])
"""The entry of a command of sentinels: `commands.json` has none of them, all servers know them."""


def servers_of(group: type[object], method: str) -> set[str]:
    """The servers that have the command of *method*, by the table of its group."""
    commands = [row.command for row in sent_rows(group) if row.method == method]
    return {
        SERVERS[server]
        for command in commands
        for server in COMMANDS.get(table.full_name(command.args).decode(), OF_SENTINELS)["servers"]
        if server in SERVERS
    }


def test_every_method_ran() -> None:
    """Each ran on a real server, or stands in the list of those that need another one."""
    record = ran_on.read()
    assert ran_on.methods() - record.keys() == NEEDS.keys()
    assert record.keys() <= ran_on.methods()
    assert {server for each in record.values() for server in each} == {*SERVERS.values(), *ALSO}


def test_on_every_server() -> None:
    """Each ran on all servers that have its command, but for a list of those that lack an option."""
    record = ran_on.read()
    missing: dict[str, set[str]] = {}
    for group in TABLES:
        for method in methods_of(group):
            lacking = servers_of(group, method) - set(record.get(method, ()))
            if lacking:
                missing[method] = lacking
    assert missing == {method: set(servers) for method, (servers, _) in NEWER.items()}


def test_a_run_replaces_what_it_covers() -> None:
    """The servers of a run are replaced, those of other runs are kept, unknown methods dropped."""
    old = {"get": ["Redis 8.2", "Valkey 9.1"], "set": ["Redis 8.2"], "gone": ["Valkey 9.1"]}
    new = ran_on.merged(old, {"get": {"Valkey 9.1"}, "del": {"Redis 8.10"}}, ["get", "set", "del"])
    assert new == {"del": ["Redis 8.10"], "get": ["Redis 8.2", "Valkey 9.1"], "set": ["Redis 8.2"]}
    assert ran_on.merged(old, {"set": {"Valkey 9.1"}}, ["get", "set"]) == {
        "get": ["Redis 8.2"],
        "set": ["Redis 8.2", "Valkey 9.1"],
    }


def test_differences() -> None:
    """A difference names the method and both sides."""
    assert ran_on.differences({"get": ["Valkey 9.1"]}, {"get": ["Valkey 9.1"]}) == []
    [line] = ran_on.differences({"get": ["Valkey 9.1"]}, {})
    assert line == "get: the file has ['Valkey 9.1'], this run makes it []"


def test_a_server_is_found_by_its_address() -> None:
    """The server of a client is that of the port in its address; a stranger's is unknown."""
    assert ran_on.server_of(object()) is None
    ran_on.SERVERS["4"] = "Redis 0.0"
    try:
        assert ran_on.server_of("<Redis 127.0.0.1:4 …>") == "Redis 0.0"
        assert ran_on.server_of("<Redis 127.0.0.1:44 …>") is None
    finally:
        del ran_on.SERVERS["4"]


def test_noting() -> None:
    """Only a reply that its reader takes is a run; the reader stays equal to the one inside."""

    def read(reply: object) -> object:
        return 1 // int(reply == b"good")

    noting = ran_on.Noting(read, "a method", "Redis 0.0")
    assert noting == read
    assert Command((b"GET",), noting) == Command((b"GET",), read)
    with pytest.raises(ZeroDivisionError):
        noting(b"bad")
    assert "a method" not in ran_on.RAN
    try:
        assert noting(b"good") == 1
        assert ran_on.RAN["a method"] == {"Redis 0.0"}
    finally:
        ran_on.RAN.pop("a method", None)
