"""Every command of four servers has a method here, or a reason why not.

The commands with a method are read from the tables of the groups' tests, so each also has a test of
its words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict

from anyio.lowlevel import checkpoint

from anyredis.command import Command
from anyredis.commands.acl import Acl
from anyredis.commands.arrays import Arrays
from anyredis.commands.backups import Backups
from anyredis.commands.bitmaps import Bitmaps
from anyredis.commands.blocking_lists import BlockingLists
from anyredis.commands.cluster_admin import ClusterAdmin
from anyredis.commands.cluster_reports import ClusterReports
from anyredis.commands.command_facts import CommandFacts
from anyredis.commands.connection import ConnectionCommands
from anyredis.commands.counters import Counters
from anyredis.commands.functions import Functions
from anyredis.commands.geo import Geo
from anyredis.commands.hash_expiry import HashExpiry
from anyredis.commands.hash_import import HashImport
from anyredis.commands.hashes import Hashes
from anyredis.commands.hotkeys import HotKeyTracking
from anyredis.commands.hyperloglogs import HyperLogLogs
from anyredis.commands.key_expiry import KeyExpiry
from anyredis.commands.keys import Keys
from anyredis.commands.latency import Latency
from anyredis.commands.lists import Lists
from anyredis.commands.module_loading import ModuleLoading
from anyredis.commands.persistence import Persistence
from anyredis.commands.pubsub import PubSubCommands
from anyredis.commands.replication import ReplicationCommands
from anyredis.commands.scripting import Scripting
from anyredis.commands.sentinels import SentinelCommands
from anyredis.commands.server import ServerCommands
from anyredis.commands.session import SessionCommands
from anyredis.commands.sets import Sets
from anyredis.commands.shutdown import ShutdownCommands
from anyredis.commands.sorted_set_combinations import SortedSetCombinations
from anyredis.commands.sorted_set_ranges import SortedSetRanges
from anyredis.commands.sorted_sets import SortedSets
from anyredis.commands.sorting import Sorting
from anyredis.commands.stream_groups import StreamGroups
from anyredis.commands.stream_info import StreamReports
from anyredis.commands.streams import Streams
from anyredis.commands.strings import Strings
from anyredis.commands.vector_sets import VectorSets
from anyredis.exceptions import DataError, RedisError, ResponseError
from anyredis.facts import table
from anyredis.testing import FakeServer
from tests.commands import (
    test_acl,
    test_arrays,
    test_backups,
    test_bitmaps,
    test_blocking_lists,
    test_cluster_admin,
    test_cluster_reports,
    test_command_facts,
    test_connection,
    test_counters,
    test_functions,
    test_geo,
    test_hash_expiry,
    test_hash_import,
    test_hashes,
    test_hotkeys,
    test_hyperloglogs,
    test_key_expiry,
    test_keys,
    test_latency,
    test_lists,
    test_module_loading,
    test_persistence,
    test_pubsub,
    test_replication,
    test_scripting,
    test_sentinels,
    test_server,
    test_session,
    test_sets,
    test_shutdown,
    test_sorted_set_combinations,
    test_sorted_set_ranges,
    test_sorted_sets,
    test_sorting,
    test_stream_groups,
    test_stream_info,
    test_streams,
    test_strings,
    test_vector_sets,
)

HERE = Path(__file__).parent

TABLES: dict[type[object], Iterable[tuple[object, ...]]] = {
    Arrays: test_arrays.SENT,
    Acl: test_acl.SENT,
    Backups: test_backups.SENT,
    Bitmaps: test_bitmaps.SENT,
    BlockingLists: test_blocking_lists.SENT,
    ClusterAdmin: test_cluster_admin.SENT,
    ClusterReports: test_cluster_reports.SENT,
    CommandFacts: test_command_facts.SENT,
    ConnectionCommands: test_connection.SENT,
    Counters: test_counters.SENT,
    Functions: test_functions.SENT,
    Geo: test_geo.SENT,
    HashExpiry: test_hash_expiry.SENT,
    HashImport: test_hash_import.SENT,
    HotKeyTracking: test_hotkeys.SENT,
    Hashes: test_hashes.SENT,
    HyperLogLogs: test_hyperloglogs.SENT,
    KeyExpiry: test_key_expiry.SENT,
    Keys: test_keys.SENT,
    Latency: test_latency.SENT,
    Lists: test_lists.SENT,
    ModuleLoading: test_module_loading.SENT,
    Persistence: test_persistence.SENT,
    ReplicationCommands: test_replication.SENT,
    PubSubCommands: test_pubsub.SENT,
    Scripting: test_scripting.SENT,
    SentinelCommands: test_sentinels.SENT,
    ServerCommands: test_server.SENT,
    SessionCommands: test_session.SENT,
    Sets: test_sets.SENT,
    ShutdownCommands: test_shutdown.SENT,
    SortedSetCombinations: test_sorted_set_combinations.SENT,
    SortedSetRanges: test_sorted_set_ranges.SENT,
    SortedSets: test_sorted_sets.SENT,
    Sorting: test_sorting.SENT,
    StreamGroups: test_stream_groups.SENT,
    StreamReports: test_stream_info.SENT,
    Streams: test_streams.SENT,
    Strings: test_strings.SENT,
    VectorSets: test_vector_sets.SENT,
}


class Facts(TypedDict):
    """The facts in `commands.json` about each command, as far as these tests need them."""

    group: str
    since: str


SENTINELS: dict[str, Facts] = json.loads((HERE.parent / "sentinel_commands.json").read_text())
"""The commands that sentinels have beside those of servers."""

COMMANDS: dict[str, Facts] = SENTINELS | {
    name: facts
    for name, facts in json.loads((HERE.parent / "commands.json").read_text()).items()
    if "." not in name
}
"""All commands but those of modules, see `tests.commands.modules.test_every_module_command`."""

ELSEWHERE = {
    "EXEC": "pipeline",
    "MONITOR": "monitor",
    "MULTI": "pipeline",
    **dict.fromkeys(("PSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE"), "pubsub"),
    **dict.fromkeys(("PUNSUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE"), "pubsub"),
}
"""Commands that a method of the clients sends which is no command method."""

NEVER = {
    "DEBUG": "for those who debug a server; `execute_command` sends it",
    "DISCARD": "a pipeline that is not sent does the same",
    **dict.fromkeys(
        ("GEORADIUS", "GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO"),
        "deprecated: `geosearch` and `geosearchstore`",
    ),
    "GETSET": "deprecated: `getset` sends SET with GET",
    "INCR": "`incr` sends INCRBY",
    "CLUSTER SLAVES": "deprecated: `cluster_replicas`",
    "CLUSTERSCAN": "`RedisCluster.scan_iter` scans all nodes, of every server",
    "DECR": "`decr` sends DECRBY",
    "PFDEBUG": "for those who debug a server; `execute_command` sends it",
    "PFSELFTEST": "for those who debug a server; `execute_command` sends it",
    "RESTORE-ASKING": "for servers among themselves",
    "SCRIPT DEBUG": "a debugger at a prompt: `valkey-cli --ldb`; a session's `execute_command` sends it",
    "SENTINEL GET-PRIMARY-ADDR-BY-NAME": "a second name: `sentinel_get_master_addr_by_name`",
    "SENTINEL IS-PRIMARY-DOWN-BY-ADDR": "a second name: `sentinel_is_master_down_by_addr`",
    "SENTINEL PRIMARIES": "a second name: `sentinel_masters`",
    "SENTINEL PRIMARY": "a second name: `sentinel_master`",
    "SLAVEOF": "deprecated: `replicaof`",
    "TRIMSLOTS": "for servers among themselves",
    "XIDMPRECORD": "for servers among themselves",
}


def names_in(rows: Iterable[tuple[object, ...]]) -> set[str]:
    """The names of the commands in a table, in either order of its columns."""
    cells = [cell for row in rows for cell in row]
    return {table.full_name(cell.args).decode() for cell in cells if isinstance(cell, Command)}


MADE = set[str]().union(*map(names_in, TABLES.values())) | ELSEWHERE.keys()

REASONS = NEVER | {
    name.decode(): reason
    for name, reason in table.FORBIDDEN.items()
    if name.decode() not in ELSEWHERE
}
"""All commands without a method, each with the reason, beside those of modules and HELP."""

MOST_REASONS = 30


def reason_against(name: str) -> str | None:
    """Why there is no method for the command, or None."""
    if name.endswith(" HELP"):
        return "prose for people at a prompt"
    if name.encode() in table.CONTAINERS and name != "COMMAND":
        return "only its subcommands are commands"
    return REASONS.get(name)


def test_every_command() -> None:
    """Each has a method, or a reason why not, never both."""
    reasons = {name: reason_against(name) for name in COMMANDS}
    neither = [name for name in COMMANDS if name not in MADE and reasons[name] is None]
    both = [name for name in COMMANDS if name in MADE and reasons[name] is not None]
    assert (neither, both) == ([], [])


def test_reasons_are_about_commands() -> None:
    """No list of reasons holds a name that no server knows, and no name stands in two."""
    assert (REASONS.keys() | ELSEWHERE.keys()) - COMMANDS.keys() == set()
    assert NEVER.keys() & {name.decode() for name in table.FORBIDDEN} == set()


def test_the_list_of_reasons_does_not_grow() -> None:
    """A new command gets a method, not a reason."""
    assert len(REASONS) <= MOST_REASONS


async def test_what_is_sent_elsewhere() -> None:
    """Each command without a command method is sent by the method that is named beside it."""
    server = FakeServer()
    async with server.client() as client:
        async with client.pipeline() as pipe:
            pipe.get("k")
        async with client.monitor():
            pass
        async with client.pubsub() as pubsub:
            await pubsub.subscribe("a")
            await pubsub.psubscribe("b*")
            await pubsub.ssubscribe("c")
            await pubsub.unsubscribe("a")
            await pubsub.punsubscribe("b*")
            await pubsub.sunsubscribe("c")
            while server.count("SUNSUBSCRIBE") == 0:
                await checkpoint()
    assert [name for name in ELSEWHERE if server.count(name) == 0] == []
    assert [name for name in ELSEWHERE.values() if not callable(getattr(client, name))] == []


def uncalled(group: type[object], names: Iterable[str]) -> list[str]:
    """The methods of *group* that its tests do not call, or those on real servers do not.

    `test_ran_on` says on which servers each ran.
    """
    file = HERE / f"test_{group.__module__.rpartition('.')[2]}.py"
    live = file.with_stem(f"{file.stem}_live")
    words, tried = file.read_text(), live.read_text() if live.exists() else None
    missing: list[str] = []
    for name in names:
        call = re.compile(rf"\.{name}\b")
        if not call.search(words):
            missing.append(f"{file.name}: {group.__name__}.{name}")
        if tried is not None and not call.search(tried):
            missing.append(f"{live.name}: {group.__name__}.{name}")
    return missing


def test_every_method() -> None:
    """Each is called by the tests of its group, and by those on real servers."""
    methods = {
        group: [name for name in vars(group) if not name.startswith("_")] for group in TABLES
    }
    assert sum(map(len, methods.values())) > 200
    assert [miss for group, names in methods.items() for miss in uncalled(group, names)] == []


ODD_REPLIES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, float("nan"), b"x", "x", b"", b"1:2", b"\xff"),
    *([], [None], [b"a"], [b"a", b"b"], ["a", "b", "c"], [1, 2], [[b"a", b"b"]], [[[]]]),
    *({}, {b"a": b"b"}, {"a": 1}, {b"a": {b"b": None}}, [ResponseError("ERR no")]),
]


def data_error(command: Command[object], reply: Any) -> DataError | None:
    """The `DataError` that *command* raises for *reply*."""
    try:
        command.parse(reply)
    except RedisError as error:
        return error if isinstance(error, DataError) else None
    return None


def test_no_reply_is_a_data_error() -> None:
    """A `DataError` says that nothing was sent: whatever the server answers, no command raises it."""
    cells: list[Any] = [each for rows in TABLES.values() for row in rows for each in row]
    commands: list[Command[Any]] = [each for each in cells if isinstance(each, Command)]
    assert len(commands) > 400
    assert [
        (command, reply)
        for command in commands
        for reply in ODD_REPLIES
        if data_error(command, reply) is not None
    ] == []
