"""Changes of a cluster: its nodes, its slots, and the primary that each replica has.

Law: each command is about the node that gets it, so `RedisCluster` refuses it: send it with a client
of that node, `RedisCluster.node(address)` or a `Redis`.  The other nodes learn of a change later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, TypeAlias, cast

from anyredis.command import Command, command
from anyredis.commands.checks import Count, whole
from anyredis.commands.cluster_reports import check_slot
from anyredis.commands.group import MILLISECOND, Group, Milliseconds, choice, duration, only_one
from anyredis.commands.several import all_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, array, integer, ok, record, unexpected, word, word_or_integer
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

SlotSpan: TypeAlias = tuple[int, int]
"""The first and the last slot of a range."""

SomeSlots: TypeAlias = int | Collection[int]
"""One slot, or a collection of slots."""

Migration: TypeAlias = dict[str, str | int]
"""A migration of slots as the server describes it, by the server's names."""


class ClusterAdmin(Group[S]):
    """The commands that change a cluster."""

    @command
    def cluster_addslots(self, *slots: SomeSlots) -> Command[bool]:
        """True once the node serves *slots* too, which nobody served before.

        CLUSTER ADDSLOTS slot [slot …]. Server 3.0. O(N).
        """
        return Command((b"CLUSTER", b"ADDSLOTS", *_slots("CLUSTER ADDSLOTS", slots)), ok)

    @command
    def cluster_addslotsrange(self, *ranges: SlotSpan) -> Command[bool]:
        """The same for *ranges*, each a pair of the first and the last slot.

        CLUSTER ADDSLOTSRANGE start end [start end …]. Server 7.0. O(N).
        """
        words = _spans("CLUSTER ADDSLOTSRANGE", ranges)
        return Command((b"CLUSTER", b"ADDSLOTSRANGE", *words), ok)

    @command
    def cluster_bumpepoch(self) -> Command[tuple[bool, int]]:
        """True if the epoch of the node was raised, False if it was the highest; and that epoch.

        CLUSTER BUMPEPOCH. Server 3.0. O(1).
        """
        return Command((b"CLUSTER", b"BUMPEPOCH"), _bumped)

    @command
    def cluster_cancelslotmigrations(self) -> Command[bool]:
        """True once all migrations that the node runs are cancelled.

        Raises `ResponseError` if there are none.
        CLUSTER CANCELSLOTMIGRATIONS. Valkey 9.0. O(N).
        """
        return Command((b"CLUSTER", b"CANCELSLOTMIGRATIONS"), ok)

    @command
    def cluster_delslots(self, *slots: SomeSlots) -> Command[bool]:
        """True once the node knows no server of *slots*.

        CLUSTER DELSLOTS slot [slot …]. Server 3.0. O(N).
        """
        return Command((b"CLUSTER", b"DELSLOTS", *_slots("CLUSTER DELSLOTS", slots)), ok)

    @command
    def cluster_delslotsrange(self, *ranges: SlotSpan) -> Command[bool]:
        """The same for *ranges*, each a pair of the first and the last slot.

        CLUSTER DELSLOTSRANGE start end [start end …]. Server 7.0. O(N).
        """
        words = _spans("CLUSTER DELSLOTSRANGE", ranges)
        return Command((b"CLUSTER", b"DELSLOTSRANGE", *words), ok)

    @command
    def cluster_failover(
        self, *, option: Literal["FORCE", "TAKEOVER"] | None = None
    ) -> Command[bool]:
        """True once the failover is under way by which this replica becomes the primary.

        With `"FORCE"` without its primary, with `"TAKEOVER"` without the consent of the others too.
        CLUSTER FAILOVER [FORCE | TAKEOVER]. Server 3.0. O(1).
        """
        name = "CLUSTER FAILOVER"
        how = () if option is None else (choice(name, "option", option, "FORCE", "TAKEOVER"),)
        return Command((b"CLUSTER", b"FAILOVER", *how), ok)

    @command
    def cluster_flushslot(self, slot: int, *, asynchronous: bool | None = None) -> Command[bool]:
        """True once the node has no keys in *slot*; *asynchronous* as for `flushall`.

        CLUSTER FLUSHSLOT slot [ASYNC | SYNC]. Valkey 9.0. O(N).
        """
        how = () if asynchronous is None else ((b"ASYNC",) if asynchronous else (b"SYNC",))
        number = check_slot("CLUSTER FLUSHSLOT", slot)
        return Command((b"CLUSTER", b"FLUSHSLOT", number, *how), ok)

    @command
    def cluster_flushslots(self) -> Command[bool]:
        """True once the node, which has to be empty, serves no slots.

        CLUSTER FLUSHSLOTS. Server 3.0. O(1).
        """
        return Command((b"CLUSTER", b"FLUSHSLOTS"), ok)

    @command
    def cluster_forget(self, node_id: Key) -> Command[bool]:
        """True once the node has forgotten the node *node_id*, and ignores it for a minute.

        CLUSTER FORGET node_id. Server 3.0. O(1).
        """
        return Command((b"CLUSTER", b"FORGET", node_id), ok)

    @command
    def cluster_getslotmigrations(self) -> Command[list[Migration]]:
        """The migrations of slots that the node takes or took part in, the latest first.

        CLUSTER GETSLOTMIGRATIONS. Valkey 9.0. O(N).
        """
        return Command((b"CLUSTER", b"GETSLOTMIGRATIONS"), _migrations)

    @command
    def cluster_meet(self, ip: Key, port: Count, *, bus_port: Count | None = None) -> Command[bool]:
        """True once the node tries to meet the node at *ip* and *port*, to form one cluster.

        *bus_port*, if it is not *port* + 10000 (server 4.0).
        CLUSTER MEET ip port [bus_port]. Server 3.0. O(1).
        """
        bus = () if bus_port is None else (bus_port,)
        return Command((b"CLUSTER", b"MEET", ip, port, *bus), ok)

    @command
    def cluster_migrateslots(self, migrations: Mapping[str, Collection[SlotSpan]]) -> Command[bool]:
        """True once the node has begun to migrate ranges of slots to other nodes.

        *migrations*: for the id of each node, pairs of the first and the last slot.
        CLUSTER MIGRATESLOTS SLOTSRANGE start end [start end …] NODE id. Valkey 9.0. O(N).
        """
        name = "CLUSTER MIGRATESLOTS"
        if not isinstance(migrations, Mapping):
            raise DataTypeError(f"{name}: migrations has to be a mapping: {{node_id: [(0, 99)]}}")
        words: list[Value] = []
        for node_id, ranges in migrations.items():
            words += [b"SLOTSRANGE", *_spans(name, tuple(ranges)), b"NODE", node_id]
        if not words:
            raise DataValueError(f"{name}: migrations is empty: give at least one node")
        return Command((b"CLUSTER", b"MIGRATESLOTS", *words), ok)

    @command
    def cluster_migration_cancel(self, task_id: Key | None = None) -> Command[int]:
        """The number of migrations that were cancelled: that of *task_id*, or all.

        CLUSTER MIGRATION CANCEL ID|ALL …. Redis 8.4. O(N).
        """
        return Command((b"CLUSTER", b"MIGRATION", b"CANCEL", *_tasks(task_id)), integer)

    @command
    def cluster_migration_import(self, *ranges: SlotSpan) -> Command[str]:
        """The id of the task by which the node gets *ranges* from the nodes that have them.

        CLUSTER MIGRATION IMPORT start end [start end …]. Redis 8.4. O(N).
        """
        words = _spans("CLUSTER MIGRATION", ranges)
        return Command((b"CLUSTER", b"MIGRATION", b"IMPORT", *words), word)

    @command
    def cluster_migration_status(self, task_id: Key | None = None) -> Command[list[Migration]]:
        """The state of the migration of *task_id*, or of all that the node knows.

        CLUSTER MIGRATION STATUS ID|ALL …. Redis 8.4. O(N).
        """
        return Command((b"CLUSTER", b"MIGRATION", b"STATUS", *_tasks(task_id)), _migrations)

    @command
    def cluster_replicate(self, node_id: Key) -> Command[bool]:
        """True once the node is a replica of the primary *node_id*.

        CLUSTER REPLICATE node_id. Server 3.0. O(1).
        """
        return Command((b"CLUSTER", b"REPLICATE", node_id), ok)

    @command
    def cluster_replicate_no_one(self) -> Command[bool]:
        """True once the node, a replica, is an empty primary without slots.

        CLUSTER REPLICATE NO ONE. Valkey 9.0. O(1).
        """
        return Command((b"CLUSTER", b"REPLICATE", b"NO", b"ONE"), ok)

    @command
    def cluster_reset(self, *, soft: bool = True) -> Command[bool]:
        """True once the node has forgotten the other nodes and its slots.

        A replica becomes an empty primary; a primary has to be empty.  With `soft=False` the node
        gets a new id and epoch, too.
        CLUSTER RESET [SOFT | HARD]. Server 3.0. O(N).
        """
        return Command((b"CLUSTER", b"RESET", b"SOFT" if soft else b"HARD"), ok)

    @command
    def cluster_saveconfig(self) -> Command[bool]:
        """True once the node has written its view of the cluster to its file.

        CLUSTER SAVECONFIG. Server 3.0. O(1).
        """
        return Command((b"CLUSTER", b"SAVECONFIG"), ok)

    @command
    def cluster_set_config_epoch(self, epoch: Count) -> Command[bool]:
        """True once the node, which has to be new, has the configuration *epoch*.

        CLUSTER SET-CONFIG-EPOCH epoch. Server 3.0. O(1).
        """
        return Command((b"CLUSTER", b"SET-CONFIG-EPOCH", epoch), ok)

    @command
    def cluster_setslot(
        self,
        slot: int,
        *,
        importing: Key | None = None,
        migrating: Key | None = None,
        node: Key | None = None,
        stable: bool = False,
        timeout: Milliseconds | None = None,
    ) -> Command[bool]:
        """True once the node knows the state of *slot*.

        It is *importing* it from a node, *migrating* it to one, *node* serves it, or with *stable*
        neither is under way; nodes are given by id.  *timeout* bounds the wait for the node's
        replicas, in milliseconds (Valkey 8.0).
        CLUSTER SETSLOT slot IMPORTING|MIGRATING|NODE|STABLE …. Server 3.0. O(1).
        """
        name = "CLUSTER SETSLOT"
        only_one(name, importing=importing, migrating=migrating, node=node, stable=stable)
        given = ((b"IMPORTING", importing), (b"MIGRATING", migrating), (b"NODE", node))
        states = [(state, other) for state, other in given if other is not None]
        if not states and not stable:
            raise DataValueError(f"{name}: give importing, migrating, node or stable")
        limit = () if timeout is None else (b"TIMEOUT", duration(timeout, MILLISECOND))
        number = check_slot(name, slot)
        state: tuple[Value, ...] = states[0] if states else (b"STABLE",)
        return Command((b"CLUSTER", b"SETSLOT", number, *state, *limit), ok)


# -- words --------------------------------------------------------------------------------------


def _slots(command: str, slots: tuple[SomeSlots, ...]) -> tuple[Value, ...]:
    found = all_values(command, "slots", slots)
    for index, slot in enumerate(found):
        whole(f"{command}: slots[{index}]", slot)
        check_slot(command, int(slot))
    return found


def _spans(command: str, ranges: tuple[object, ...]) -> tuple[Value, ...]:
    """The bounds of all *ranges*."""
    words: list[Value] = []
    for index, each in enumerate(ranges):
        shown = excerpt(each, 80)
        bounds = cast("Sequence[int]", each) if isinstance(each, (tuple, list)) else ()
        if len(bounds) != 2:
            raise DataTypeError(
                f"{command}: ranges[{index}] is {shown}, which is no range: give (first slot, last slot)"
            )
        first, last = bounds
        for bound in bounds:
            whole(f"{command}: a bound of {shown}", bound)
            check_slot(command, bound)
        if first > last:
            raise DataValueError(f"{command}: {shown} ends before it begins")
        words += (first, last)
    if not words:
        raise DataValueError(f"{command}: ranges is empty: give at least one")
    return tuple(words)


def _tasks(task_id: Key | None) -> tuple[Value, ...]:
    return (b"ALL",) if task_id is None else (b"ID", task_id)


# -- replies ------------------------------------------------------------------------------------


def _bumped(reply: Reply) -> tuple[bool, int]:
    outcome, _, epoch = word(reply).partition(" ")
    if outcome not in ("BUMPED", "STILL") or not epoch.isdecimal():
        unexpected(reply, "BUMPED or STILL with an epoch")
    return outcome == "BUMPED", int(epoch)


def _migrations(reply: Reply) -> list[Migration]:
    return [_migration(each) for each in array(reply)]


def _migration(reply: Reply) -> Migration:
    fields = record(reply).items()
    return {name: word_or_integer(value) for name, value in fields}
