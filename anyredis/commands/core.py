"""The command groups that every executor has."""

from __future__ import annotations

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
from anyredis.commands.server import ServerCommands
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
from anyredis.replies import S


class CoreCommands(
    Keys[S],
    KeyExpiry[S],
    Strings[S],
    Counters[S],
    Hashes[S],
    HashExpiry[S],
    Lists[S],
    BlockingLists[S],
    Sets[S],
    SortedSets[S],
    SortedSetRanges[S],
    SortedSetCombinations[S],
    Sorting[S],
    Streams[S],
    StreamGroups[S],
    StreamReports[S],
    Bitmaps[S],
    HyperLogLogs[S],
    Geo[S],
    Acl[S],
    CommandFacts[S],
    Latency[S],
    VectorSets[S],
    Arrays[S],
    ClusterReports[S],
    ClusterAdmin[S],
    ConnectionCommands[S],
    ServerCommands[S],
    Persistence[S],
    ShutdownCommands[S],
    ReplicationCommands[S],
    ModuleLoading[S],
    HotKeyTracking[S],
    Backups[S],
    PubSubCommands[S],
    Scripting[S],
    Functions[S],
):
    """All commands that leave the state of their connection unchanged."""
