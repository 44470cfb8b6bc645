"""Reports of sentinels on the servers that they watch and on each other, as values.

Law: nothing that the sentinel wrote is lost.  A field that is absent, because the server is well or
the sentinel is too old, is None; all fields are in `fields` too, under the sentinel's names.
"""

from typing import NamedTuple

from anyredis.replies import (
    array,
    boolean,
    integer,
    pair,
    pairs,
    record,
    triple,
    unexpected,
    whole,
    word,
)
from anyredis.reports.info import InfoValue, info
from anyredis.wire.decode import Reply


class LinkState(NamedTuple):
    """The state of the sentinel's link with one server; durations are in milliseconds."""

    link_pending_commands: int
    """The number of commands that the server has not answered."""

    link_refcount: int
    """The number of watched services that share the link."""

    last_ping_sent: int
    """The time since the oldest ping without an answer was sent; 0 if there is none."""

    last_ok_ping_reply: int
    """The time since the last good answer."""

    last_ping_reply: int
    """The time since the last answer."""

    down_after_milliseconds: int
    """The time without a good answer after which the sentinel takes the server for down."""

    s_down_time: int | None
    """The time for which this sentinel takes the server for down; None if it does not."""

    o_down_time: int | None
    """The time for which enough sentinels take the server for down; None if they do not."""


class WatchedPrimary(NamedTuple):
    """A primary, as a sentinel sees it; durations are in milliseconds."""

    name: str
    """The sentinels' name for it."""

    ip: str
    """Its IP address or host name."""

    port: int
    runid: str
    """The id of its process; empty if the sentinel has not reached it yet."""

    flags: frozenset[str]
    """Such as `master`, `s_down`, `o_down`, `disconnected`, `failover_in_progress`."""

    link: LinkState
    info_refresh: int
    """The time since its last report."""

    role_reported: str
    """`master` or `slave`, as it says itself."""

    role_reported_time: int
    """The time for which it has said so."""

    config_epoch: int
    """The number of the decision that made it the primary."""

    num_slaves: int
    num_other_sentinels: int
    quorum: int
    """The number of sentinels that have to take it for down before one begins a failover."""

    failover_timeout: int
    parallel_syncs: int
    """The number of replicas that follow a new primary at the same time."""

    failover_state: str | None
    """The step of the failover that is in progress, such as `wait_promotion`."""

    fields: dict[str, str]
    """All fields as the sentinel sent them, by its names."""


class WatchedReplica(NamedTuple):
    """A replica, as a sentinel sees it; durations are in milliseconds."""

    name: str
    """Its address, `host:port`."""

    ip: str
    """Its IP address or host name."""

    port: int
    runid: str
    """The id of its process; empty if the sentinel has not reached it yet."""

    flags: frozenset[str]
    """Such as `slave`, `s_down`, `disconnected`, `promoted`, `reconf_inprog`."""

    link: LinkState
    info_refresh: int
    """The time since its last report."""

    role_reported: str
    """`slave` or `master`, as it says itself."""

    role_reported_time: int
    """The time for which it has said so."""

    master_link_status: str
    """`ok` or `err`: its own link with its primary."""

    master_link_down_time: int
    """The time since that link was lost; 0 if it works, negative if it never did."""

    master_host: str
    """The host of its primary, as it says itself; `?` if that is not known."""

    master_port: int
    slave_priority: int
    """0: it is never promoted; otherwise the least one is promoted first."""

    slave_repl_offset: int
    replica_announced: bool | None
    """Whether it may be told to clients (server 6.2)."""

    fields: dict[str, str]
    """All fields as the sentinel sent them, by its names."""


class OtherSentinel(NamedTuple):
    """Another sentinel that watches the same primary; durations are in milliseconds."""

    name: str
    """Its id, or its address while that is not known."""

    ip: str
    """Its IP address or host name."""

    port: int
    runid: str
    """Its id."""

    flags: frozenset[str]
    """Such as `sentinel`, `s_down`, `disconnected`, `master_down`."""

    link: LinkState
    last_hello_message: int
    """The time since it last told of itself."""

    voted_leader: str | None
    """The id of the sentinel that it last voted for; None if it has not voted."""

    voted_leader_epoch: int
    """The number of that vote."""

    fields: dict[str, str]
    """All fields as the sentinel sent them, by its names."""


class PrimaryDown(NamedTuple):
    """Whether a sentinel takes a primary for down."""

    down: bool
    leader: str | None
    """The id of the sentinel that it voted for; None without a vote."""

    leader_epoch: int
    """The number of that vote."""


class CachedInfo(NamedTuple):
    """The last report of a server that a sentinel has."""

    age: int
    """The milliseconds since it came."""

    info: dict[str, InfoValue] | None
    """The report, as `info` gives it; None if there was none yet."""


class PendingScript(NamedTuple):
    """A script that the sentinel runs, or will run."""

    argv: list[str]
    """Its path and its arguments."""

    flags: str
    """`running` or `scheduled`."""

    pid: int
    """The id of its process; 0 if it does not run."""

    run_time: int | None
    """The milliseconds for which it has run."""

    run_delay: int | None
    """The milliseconds until it is run."""

    retry_num: int
    """The number of its runs that have failed."""


class _Fields:
    """The fields of a report on one server, as *texts* by name."""

    def __init__(self, reply: Reply) -> None:
        self.texts = {name: word(value) for name, value in record(reply).items()}

    def text(self, name: str) -> str:
        """A field that each report has."""
        if name not in self.texts:
            unexpected(list(self.texts), f"a report with {name}")
        return self.texts[name]

    def number(self, name: str) -> int:
        """The same as a number."""
        return whole(self.text(name))

    def number_or_none(self, name: str) -> int | None:
        """A number that some reports have."""
        return whole(self.texts[name]) if name in self.texts else None

    def flags(self) -> frozenset[str]:
        """The flags."""
        return frozenset(filter(None, self.text("flags").split(",")))

    def link(self) -> LinkState:
        """The state of the link."""
        return LinkState(
            link_pending_commands=self.number("link-pending-commands"),
            link_refcount=self.number("link-refcount"),
            last_ping_sent=self.number("last-ping-sent"),
            last_ok_ping_reply=self.number("last-ok-ping-reply"),
            last_ping_reply=self.number("last-ping-reply"),
            down_after_milliseconds=self.number("down-after-milliseconds"),
            s_down_time=self.number_or_none("s-down-time"),
            o_down_time=self.number_or_none("o-down-time"),
        )


def primaries(reply: Reply) -> dict[str, WatchedPrimary]:
    """The primaries of SENTINEL MASTERS, by name."""
    watched = [primary(each) for each in array(reply)]
    return {each.name: each for each in watched}


def primary(reply: Reply) -> WatchedPrimary:
    """The primary of SENTINEL MASTER."""
    fields = _Fields(reply)
    return WatchedPrimary(
        name=fields.text("name"),
        ip=fields.text("ip"),
        port=fields.number("port"),
        runid=fields.text("runid"),
        flags=fields.flags(),
        link=fields.link(),
        info_refresh=fields.number("info-refresh"),
        role_reported=fields.text("role-reported"),
        role_reported_time=fields.number("role-reported-time"),
        config_epoch=fields.number("config-epoch"),
        num_slaves=fields.number("num-slaves"),
        num_other_sentinels=fields.number("num-other-sentinels"),
        quorum=fields.number("quorum"),
        failover_timeout=fields.number("failover-timeout"),
        parallel_syncs=fields.number("parallel-syncs"),
        failover_state=fields.texts.get("failover-state"),
        fields=fields.texts,
    )


def replicas(reply: Reply) -> list[WatchedReplica]:
    """The replicas of SENTINEL REPLICAS."""
    return [_replica(_Fields(each)) for each in array(reply)]


def _replica(fields: _Fields) -> WatchedReplica:
    announced = fields.number_or_none("replica-announced")
    return WatchedReplica(
        name=fields.text("name"),
        ip=fields.text("ip"),
        port=fields.number("port"),
        runid=fields.text("runid"),
        flags=fields.flags(),
        link=fields.link(),
        info_refresh=fields.number("info-refresh"),
        role_reported=fields.text("role-reported"),
        role_reported_time=fields.number("role-reported-time"),
        master_link_status=fields.text("master-link-status"),
        master_link_down_time=fields.number("master-link-down-time"),
        master_host=fields.text("master-host"),
        master_port=fields.number("master-port"),
        slave_priority=fields.number("slave-priority"),
        slave_repl_offset=fields.number("slave-repl-offset"),
        replica_announced=None if announced is None else boolean(announced),
        fields=fields.texts,
    )


def sentinels(reply: Reply) -> list[OtherSentinel]:
    """The sentinels of SENTINEL SENTINELS."""
    return [_sentinel(_Fields(each)) for each in array(reply)]


def _sentinel(fields: _Fields) -> OtherSentinel:
    leader = fields.text("voted-leader")
    return OtherSentinel(
        name=fields.text("name"),
        ip=fields.text("ip"),
        port=fields.number("port"),
        runid=fields.text("runid"),
        flags=fields.flags(),
        link=fields.link(),
        last_hello_message=fields.number("last-hello-message"),
        voted_leader=None if leader == "?" else leader,
        voted_leader_epoch=fields.number("voted-leader-epoch"),
        fields=fields.texts,
    )


def primary_down(reply: Reply) -> PrimaryDown:
    """The answer of SENTINEL IS-MASTER-DOWN-BY-ADDR."""
    down, leader, epoch = triple(reply)
    voted = word(leader)
    return PrimaryDown(boolean(down), None if voted == "*" else voted, integer(epoch))


def cached_infos(reply: Reply) -> dict[str, list[CachedInfo]]:
    """The reports of SENTINEL INFO-CACHE, by the name of the primary."""
    return {word(name): [_cached(each) for each in array(some)] for name, some in pairs(reply)}


def _cached(reply: Reply) -> CachedInfo:
    age, report = pair(reply)
    return CachedInfo(integer(age), None if report is None else info(word(report)))


def pending_scripts(reply: Reply) -> list[PendingScript]:
    """The scripts of SENTINEL PENDING-SCRIPTS."""
    return [_script(record(each)) for each in array(reply)]


def _script(fields: dict[str, Reply]) -> PendingScript:
    def given(name: str) -> int | None:
        return whole(fields[name]) if name in fields else None

    return PendingScript(
        argv=[word(each) for each in array(fields.get("argv"))],
        flags=word(fields.get("flags")),
        pid=whole(fields.get("pid")),
        run_time=given("run-time"),
        run_delay=given("run-delay"),
        retry_num=whole(fields.get("retry-num")),
    )


def host_and_port(reply: Reply) -> tuple[str, int] | None:
    """The address of SENTINEL GET-MASTER-ADDR-BY-NAME, or None for a null."""
    if reply is None:
        return None
    host, port = pair(reply)
    return word(host), whole(port)
