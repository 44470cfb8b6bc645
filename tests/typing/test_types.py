"""What type checkers infer: each `assert_type` is proved by mypy and pyright, strict both.

Run by pytest, these make sure that what is asserted also exists: nothing here is sent anywhere.
"""

from __future__ import annotations

import datetime
import inspect
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Unpack, assert_type

from anyredis import (
    AutoClaim,
    AutoClaimIds,
    BitField,
    BlockingClusterConnectionPool,
    BlockingConnectionPool,
    ClaimedEntry,
    ClusterConnection,
    ClusterConnectionPool,
    Command,
    Connection,
    ConnectionOptions,
    ConnectionPool,
    Dropped,
    FullStreamGroup,
    Gap,
    GeoPlace,
    GeoPosition,
    KeyEvent,
    Message,
    NodeClient,
    PendingEntry,
    PendingSummary,
    Pipeline,
    PubSub,
    ReadFrom,
    Redis,
    RedisCluster,
    RedisError,
    Result,
    Sentinel,
    Session,
    StreamEntry,
    SubscriptionChange,
    TCPAddress,
)
from anyredis.client.scans import ScanIterator
from anyredis.command import Blueprint
from anyredis.commands.core import CoreCommands
from anyredis.replies import TextReaders
from anyredis.reports.sentinel_reports import WatchedPrimary
from anyredis.sentinel.sentinel_node import SentinelNode
from tests.test_namespaces import (
    App,
    AppCluster,
    AppPipeline,
    ClientCounters,
    PipelineCounters,
    Plan,
    PlannedCounters,
)


class TextPlan(Blueprint, CoreCommands[str]):
    """Commands as values, of a client that decodes."""

    read = TextReaders(str)


def test_a_client_is_of_bytes_or_of_text() -> None:
    """`decode_responses` decides, and where it is not a literal, anything may come."""
    assert_type(Redis(), Redis[bytes])
    assert_type(Redis("host", 6380, 1, client_name="me"), Redis[bytes])
    assert_type(Redis(decode_responses=False), Redis[bytes])
    assert_type(Redis(decode_responses=True), Redis[str])
    assert_type(Redis("host", decode_responses=True, max_connections=3), Redis[str])
    for either in (False, True):
        assert_type(Redis(decode_responses=either), Redis[Any])


def test_a_client_of_a_url_is_of_bytes_or_of_text() -> None:
    """The same goes for `from_url`."""
    assert_type(Redis.from_url("redis://host"), Redis[bytes])
    assert_type(Redis.from_url("redis://host", decode_responses=False), Redis[bytes])
    assert_type(Redis.from_url("redis://host", decode_responses=True), Redis[str])


class TappedConnection(Connection):
    """A connection class of a user's own, with a keyword of its own."""

    def __init__(self, *, tap: list[str], **options: Unpack[ConnectionOptions]) -> None:
        super().__init__(**options)
        self.tap = tap


class TappedClusterConnection(ClusterConnection):
    """The same for a cluster, which gives host, port and whether to say READONLY."""

    def __init__(
        self, *, tap: list[str], host: str, port: int, readonly: bool, client_name: str
    ) -> None:
        super().__init__(host=host, port=port, readonly=readonly, client_name=client_name)
        self.tap = tap


def test_a_pool_takes_its_options() -> None:
    """Those of connections and its own, all of them typed, on the pool and in `from_url`."""
    assert_type(ConnectionPool(host="h", port=1, db=2, max_connections=3), ConnectionPool)
    assert_type(
        BlockingConnectionPool(timeout=None, ssl_check_hostname=False, ssl=True),
        BlockingConnectionPool,
    )
    assert_type(
        ClusterConnectionPool(host=None, startup_nodes=["h:1"], readonly=True, noevict=True),
        ClusterConnectionPool,
    )
    assert_type(
        BlockingClusterConnectionPool(timeout=3, max_connections_per_node=True),
        BlockingClusterConnectionPool,
    )
    assert_type(ConnectionPool.from_url("redis://h", db=1), ConnectionPool)
    assert_type(BlockingConnectionPool.from_url("redis://h", timeout=1), BlockingConnectionPool)
    assert_type(
        BlockingClusterConnectionPool.from_url(
            "redis://h", timeout=1, read_from=ReadFrom.ANY, readonly=True
        ),
        BlockingClusterConnectionPool,
    )


def test_a_pool_of_ones_own_connections_takes_their_keywords() -> None:
    """A connection class may have any keywords, and the pool's own stay typed beside them."""
    tap: list[str] = []
    for pool in (
        ConnectionPool(connection_class=TappedConnection, tap=tap, client_name="me"),
        BlockingConnectionPool(connection_class=TappedConnection, tap=tap, timeout=1, db=1),
        ConnectionPool.from_url("redis://h/1", connection_class=TappedConnection, tap=tap),
    ):
        connection = pool._construct()
        assert isinstance(connection, TappedConnection)
        assert connection.tap is tap
    assert_type(
        ClusterConnectionPool(
            connection_class=TappedClusterConnection, tap=tap, client_name="me", host="h"
        ),
        ClusterConnectionPool,
    )
    assert_type(
        BlockingClusterConnectionPool.from_url(
            "redis://h", connection_class=TappedClusterConnection, tap=tap, client_name="me"
        ),
        BlockingClusterConnectionPool,
    )


async def what_a_client_gives(text: Redis[str], raw: Redis[bytes]) -> None:
    """A call is a coroutine, and awaited the parsed reply."""
    pending = assert_type(text.get("k"), Coroutine[Any, Any, str | None])
    assert_type(await pending, str | None)
    assert_type(await text.get("k"), str | None)
    assert_type(await raw.get("k"), bytes | None)
    assert_type(await text.mget("a", "b"), list[str | None])
    assert_type(await raw.mget("a", "b"), list[bytes | None])
    assert_type(await text.set("k", "v"), bool)
    assert_type(await text.incr("n"), int)
    assert_type(await text.exists("k"), int)
    assert_type(await text.hgetall("h"), dict[str, str])
    assert_type(await raw.hgetall("h"), dict[bytes, bytes])
    assert_type(await raw.type("k"), str)
    assert_type(await text.dump("k"), bytes | None)
    assert_type(await text.blpop("l", timeout=1), tuple[str, str] | None)
    assert_type(await raw.blpop("l"), tuple[bytes, bytes] | None)
    assert_type(await text.bitfield("k", BitField().get("u8", 0)), list[int | None])
    assert_type(await raw.geosearch("k", member="a", radius=1), list[bytes])
    assert_type(await raw.geosearch_places("k", member="a", radius=1), list[GeoPlace[bytes]])
    assert_type(await text.geopos("k", "a"), list[GeoPosition | None])
    assert_type(await text.pfadd("k", "a"), bool)
    assert_type(await text.execute_command("ANY"), Any)
    assert_type(text.scan_iter(), ScanIterator[str])
    async with text as entered:
        assert_type(entered, Redis[str])


async def what_subscriptions_give(
    text: Redis[str], raw: Redis[bytes], cluster: RedisCluster[str]
) -> None:
    """Messages and keys are text, or bytes; events are str."""
    assert_type(await text.publish("c", "m"), int)
    assert_type(await raw.pubsub_numsub("c"), list[tuple[bytes, int]])
    assert_type(await cluster.pubsub_channels(), list[str])
    async with cluster.subscribe(shard_channels="c") as messages:
        assert_type(await anext(messages), Message[str] | Gap[str] | Dropped)
    async with cluster.keyspace_events("k*") as events:
        assert_type(await anext(events), KeyEvent[str] | Gap[str] | Dropped)
    async with raw.keyspace_events(events=["set"]) as raw_events:
        assert_type(await anext(raw_events), KeyEvent[bytes] | Gap[bytes] | Dropped)


async def what_a_pipeline_gives(text: Redis[str], raw: Redis[bytes]) -> None:
    """A call is a `Result` of the type that the client's would give."""
    assert_type(text.pipeline(), Pipeline[str])
    assert_type(raw.pipeline(transaction=False), Pipeline[bytes])
    async with text.pipeline() as pipe:
        assert_type(pipe, Pipeline[str])
        got, count = pipe.get("k"), pipe.incr("n")
        assert_type(got, Result[str | None])
        assert_type(count, Result[int])
        assert_type(pipe.hgetall("h"), Result[dict[str, str]])
        assert_type(pipe.dump("k"), Result[bytes | None])
        assert_type(pipe.execute_command("ANY"), Result[Any])
    assert_type(got.value, str | None)
    assert_type(count.value, int)
    assert_type(await pipe.execute(), list[Any])
    assert_type(raw.pipeline().get("k").value, bytes | None)


async def what_streams_give(text: Redis[str], raw: Redis[bytes]) -> None:
    """IDs are text for every client; fields and names are what the client decodes to."""
    assert_type(await text.xadd("s", {"a": 1}), str)
    assert_type(await raw.xadd("s", [("a", 1), (b"b", 2.5)], maxlen=9), str)
    assert_type(await text.xadd_nomkstream("s", {"a": 1}), str | None)
    assert_type(await text.xrange("s"), list[StreamEntry[str]])
    assert_type(await raw.xread({"s": "$", "t": 0}), dict[bytes, list[StreamEntry[bytes]]])
    read = await text.xreadgroup("g", "c", {b"s": ">"}, 10, block=datetime.timedelta(seconds=1))
    assert_type(read, dict[str, list[StreamEntry[str]]])
    for entry_id, fields in read["s"]:
        assert_type(entry_id, str)
        assert_type(fields, dict[str, str])
        assert_type(await text.xack("s", "g", entry_id), int)
    entry = read["s"][0]
    assert_type(entry.pairs, list[tuple[str, str]])
    assert_type(await text.xadd("dead", entry.pairs), str)
    claimed = await raw.xreadgroup_claim("g", "c", 5, {"s": ">"})
    assert_type(claimed, dict[bytes, list[ClaimedEntry[bytes]]])
    assert_type(await text.xpending("s", "g"), PendingSummary[str])
    assert_type(await raw.xpending_range("s", "g", "-", "+", 9), list[PendingEntry[bytes]])
    assert_type(await raw.xclaim("s", "g", "c", 0, "1-0"), list[StreamEntry[bytes]])
    assert_type(await raw.xclaim_ids("s", "g", "c", 0, ["1-0"]), list[str])
    assert_type(await text.xautoclaim("s", "g", "c", 0), AutoClaim[str])
    assert_type(await text.xautoclaim_ids("s", "g", "c", 0), AutoClaimIds)
    assert_type((await text.xinfo_stream("s")).first_entry, StreamEntry[str] | None)
    assert_type((await raw.xinfo_stream_full("s")).groups, list[FullStreamGroup[bytes]])
    assert_type(text.pipeline().xadd("s", {"a": 1}), Result[str])


async def what_a_session_gives(text: Redis[str], raw: Redis[bytes]) -> None:
    """It is a client of one connection, and knows what changes that."""
    async with text.session() as session:
        assert_type(session, Session[str])
        assert_type(await session.get("k"), str | None)
        assert_type(await session.watch("k"), bool)
        assert_type(await session.select(1), bool)
        assert_type(await session.wait(1, 100), int)
        assert_type(await session.blpop("l"), tuple[str, str] | None)
        assert_type(session.pipeline(), Pipeline[str])
    async with raw.session() as plain:
        assert_type(plain, Session[bytes])
        assert_type(await plain.get("k"), bytes | None)


def test_a_cluster_client_is_of_bytes_or_of_text() -> None:
    """As a client of one server is."""
    assert_type(RedisCluster(), RedisCluster[bytes])
    assert_type(RedisCluster("host", 7000, readonly=True), RedisCluster[bytes])
    assert_type(RedisCluster(decode_responses=False), RedisCluster[bytes])
    assert_type(RedisCluster("host", decode_responses=True), RedisCluster[str])
    assert_type(RedisCluster(startup_nodes=["a:1", ("b", 2)]), RedisCluster[bytes])
    for either in (False, True):
        assert_type(RedisCluster(decode_responses=either), RedisCluster[Any])
    assert_type(RedisCluster.from_url("redis://a,b"), RedisCluster[bytes])
    assert_type(RedisCluster.from_url("redis://a", decode_responses=True), RedisCluster[str])


async def what_a_cluster_gives(text: RedisCluster[str], raw: RedisCluster[bytes]) -> None:
    """Replies, pipelines, sessions and clients of nodes, all of the same kind of text."""
    pending = assert_type(text.get("k"), Coroutine[Any, Any, str | None])
    assert_type(await pending, str | None)
    assert_type(await raw.get("k"), bytes | None)
    assert_type(await text.mget("a", "b"), list[str | None])
    assert_type(await text.mset({"a": 1}), bool)
    assert_type(await text.delete("a", "b"), int)
    assert_type(await text.blpop("l"), tuple[str, str] | None)
    assert_type(await text.execute_command("ANY", node="h:1"), Any)
    assert_type(text.scan_iter(), ScanIterator[str])
    assert_type(text.pipeline().get("k"), Result[str | None])
    assert_type(raw.pipeline(transaction=True), Pipeline[bytes])
    assert_type(text.node(("h", 1)), NodeClient[str])
    assert_type(text.nodes(), list[NodeClient[str]])
    assert_type(raw.primaries(), list[NodeClient[bytes]])
    assert_type(await text.node_for("k").get("k"), str | None)
    assert_type(await raw.node("h:1").dbsize(), int)
    async with text as entered, entered.session("k") as session:
        assert_type(entered, RedisCluster[str])
        assert_type(session, Session[str])


async def what_a_namespace_gives(
    app: App[str], cluster: AppCluster[bytes], pipe: AppPipeline[str], plan: Plan
) -> None:
    """What the client gives, a pipeline, a blueprint, of the same kind of text."""
    assert_type(app.counters, ClientCounters[str])
    assert_type(cluster.counters, ClientCounters[bytes])
    assert_type(pipe.counters, PipelineCounters[str])
    assert_type(plan.counters, PlannedCounters[str])
    pending = assert_type(app.counters.text("k"), Coroutine[Any, Any, str | None])
    assert_type(await pending, str | None)
    assert_type(await cluster.counters.text("k"), bytes | None)
    assert_type(pipe.counters.text("k"), Result[str | None])
    assert_type(plan.counters.text("k"), Command[str | None])
    assert_type(app.counters.each("k"), AsyncIterator[int])


async def what_a_bound_namespace_gives(
    client: Redis[str], cluster: RedisCluster[bytes], node: NodeClient[str], plan: Plan
) -> None:
    """The text of what it is bound to."""
    assert_type(ClientCounters(client), ClientCounters[str])
    assert_type(ClientCounters(cluster), ClientCounters[bytes])
    assert_type(await ClientCounters(node).text("k"), str | None)
    async with client.session() as session:
        assert_type(await ClientCounters(session).text("k"), str | None)
    assert_type(PipelineCounters(client.pipeline()).text("k"), Result[str | None])
    assert_type(PlannedCounters(plan).text("k"), Command[str | None])


def test_an_unbound_method_is_typed() -> None:
    """That of a client is a coroutine function of the client and its arguments."""
    method = Redis[str].get
    pending = assert_type(
        method(Redis(decode_responses=True), "k"), Coroutine[Any, Any, str | None]
    )
    pending.close()


def test_a_blueprint_gives_commands() -> None:
    """What is called on it is a value, blocking commands too."""
    plan = TextPlan()
    assert_type(plan.get("k"), Command[str | None])
    assert_type(plan.incr("n"), Command[int])
    assert_type(plan.blpop("l"), Command[tuple[str, str] | None])
    assert plan.get("k").args == (b"GET", "k")


def test_a_pipeline_gives_results() -> None:
    """What is called on it is a Result of the type that the client's call would give."""
    pipe = Redis(decode_responses=True).pipeline()
    assert_type(pipe.get("k"), Result[str | None])
    assert isinstance(pipe.get("k"), Result)


def test_all_that_can_be_sent() -> None:
    """Keys are text or bytes of any kind; values are numbers, too."""
    plan = TextPlan()
    for key in ("k", b"k", bytearray(b"k"), memoryview(b"k")):
        assert_type(plan.get(key), Command[str | None])
    for value in ("v", b"v", bytearray(b"v"), memoryview(b"v"), 1, 1.5):
        assert_type(plan.set("k", value), Command[bool])


async def what_sentinels_give(sentinel: Sentinel, client: Redis[str]) -> None:
    """The same from all sentinels and from one; `each` has errors beside the answers."""
    assert_type(await sentinel.sentinel_masters(), dict[str, WatchedPrimary])
    assert_type(await sentinel.sentinel_reset("*"), int)
    assert_type(await sentinel.sentinel_failover("m", coordinated=True), bool)
    node = sentinel.node("h:26379")
    assert_type(node, SentinelNode)
    assert_type(await node.sentinel_get_master_addr_by_name("m"), tuple[str, int] | None)
    answers = await sentinel.each(lambda node: node.sentinel_ckquorum("m"))
    assert_type(answers, dict[TCPAddress, bool | RedisError])
    assert_type(await client.shutdown_abort(), bool)


async def subscribed(text: Redis[str], raw: Redis[bytes]) -> None:
    """Events have the client's type of text; `kind` tells them apart."""
    assert_type(text.pubsub(on_full="fail"), PubSub[str])
    async with raw.subscribe("a", patterns=["b.*"]) as messages:
        assert_type(messages, PubSub[bytes])
        async for message in messages:
            assert_type(message, Message[bytes] | Gap[bytes] | Dropped)
            if message.kind == "gap":
                assert_type(message.channels, frozenset[bytes])
            elif message.kind == "dropped":
                assert_type(message.count, int)
            else:
                assert_type(message.data, bytes)
                assert_type(message.pattern, bytes | None)
        event = await messages.get_message(timeout=None)
        assert_type(event, Message[bytes] | SubscriptionChange[bytes] | Gap[bytes] | Dropped | None)


def test_subscriptions_have_the_clients_type() -> None:
    """What `subscribed` asserts is asserted of a coroutine function that exists."""
    assert inspect.iscoroutinefunction(subscribed)
