"""The client for a cluster.

Law: a command goes to the node of its keys and follows redirects; `node()` and `session()` stay on
one node and follow none.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Generic, Literal, Never, Self, TypeVar, Unpack, overload

from anyredis.address import DEFAULT_PORT
from anyredis.backoff import FAILOVER_RETRY, Backoff
from anyredis.client.guarantees import WriteGuarantee
from anyredis.client.keyspace_events import KeyspaceSubscribing
from anyredis.client.node_client import NodeClient, readers
from anyredis.client.observed import event_of, told
from anyredis.client.optimistic import (
    ATTEMPTS,
    BACKOFF,
    TryLimit,
    open_transaction,
    transact,
    watched,
)
from anyredis.client.options import checked_retry, client_of_url
from anyredis.client.pipeline import Pipeline
from anyredis.client.scans import ScanIterator, check_scan
from anyredis.client.session import Session, session_on
from anyredis.client.transaction import Transaction
from anyredis.cluster.by_node import ReportsByNode
from anyredis.cluster.client_options import RedisClusterOptions, options_of_url, pool_for
from anyredis.cluster.nodes.seeds import NodeName
from anyredis.cluster.optimistic import SlotTries
from anyredis.cluster.primaries_placement import PrimariesPlacement
from anyredis.cluster.routing.redirects import RedirectFollower, Target
from anyredis.cluster.scanning import ClusterKeys
from anyredis.cluster.subscription_placement import ClusterPlacement
from anyredis.command import Command, command, raw_command
from anyredis.commands.group import Milliseconds, SupportsItems, flat
from anyredis.commands.several import SomeKeys
from anyredis.connection.base import BaseConnection
from anyredis.credentials import hidden, hidden_addresses, hide
from anyredis.exceptions import RedisError
from anyredis.excerpt import unmade
from anyredis.facts.lookup import KEY_POSITION
from anyredis.json_codec import checked_codec
from anyredis.pool.base import BasePool
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.lease import Lease
from anyredis.pool.scope import Holder, PoolScope
from anyredis.replies import S, ok
from anyredis.unfit_calls import coroutine_method, explained, refused
from anyredis.wire.encode import Key, Value

T = TypeVar("T")


class RedisCluster(KeyspaceSubscribing[S], ReportsByNode[S], Holder, Generic[S]):
    """A client for a Redis Cluster or Valkey Cluster, for use as an `async with` block.

    *host* and *port*, and *startup_nodes* (`"host:port"`, pairs or `TCPAddress`es), are nodes from
    which the client learns the others; one that answers is enough.  Entering the block asks them:
    if none answers, it raises a `ConnectionError` that names each with its failure.

    At most *max_connections* commands run at once in the whole cluster or, with
    *max_connections_per_node*, at each node: one more raises `MaxConnectionsError`, or waits with
    `connection_pool_cls=BlockingClusterConnectionPool`, at most *timeout* seconds.
    *connection_pool* is a pool to use instead of a new one.

    With *readonly* read-only commands go to replicas, as *read_from* says; replicas may lag behind.
    *availability_zone* is that of the client, for `ReadFrom.ZONE`.

    *retry* is by default `Retry` with a deadline of 20 s, which outlasts a failover.
    *address_remap* is for nodes behind NAT, see `ClusterConnectionPool`.

    The other arguments are those of `Redis`.  Raises `DataError` at once for invalid arguments.
    """

    @overload
    def __init__(
        self: RedisCluster[bytes],
        host: str | None = ...,
        port: int = ...,
        *,
        decode_responses: Literal[False] = ...,
        **options: Unpack[RedisClusterOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: RedisCluster[str],
        host: str | None = ...,
        port: int = ...,
        *,
        decode_responses: Literal[True],
        **options: Unpack[RedisClusterOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: RedisCluster[Any],
        host: str | None = ...,
        port: int = ...,
        *,
        decode_responses: bool,
        **options: Unpack[RedisClusterOptions],
    ) -> None: ...
    def __init__(
        self: RedisCluster[Any],
        host: str | None = None,
        port: int = DEFAULT_PORT,
        *,
        decode_responses: bool = False,
        **options: Unpack[RedisClusterOptions],
    ) -> None:
        host = hidden_addresses(host)
        hide(options)
        retry = checked_retry(options.pop("retry", FAILOVER_RETRY))
        codec = checked_codec(options.pop("json_codec", None))
        pool = pool_for(host, port, decode_responses=decode_responses, options=options)
        read = readers(
            decode_responses=decode_responses,
            encoding=pool.encoding,
            errors=pool.encoding_errors,
            json_codec=codec,
        )
        super().__init__(pool, read, retry)
        self.connection_pool = pool

    @overload
    @classmethod
    def from_url(
        cls, url: str, *, decode_responses: Literal[True], **options: Unpack[RedisClusterOptions]
    ) -> RedisCluster[str]: ...
    @overload
    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        decode_responses: Literal[False] = ...,
        **options: Unpack[RedisClusterOptions],
    ) -> RedisCluster[bytes]: ...
    @classmethod
    def from_url(
        cls, url: str, *, decode_responses: bool = False, **options: Unpack[RedisClusterOptions]
    ) -> RedisCluster[Any]:
        """A client for the cluster that *url* names; *options* override those of the URL.

        `redis://host:port,host:port?option=value` names one or several startup nodes; schemes and
        parameters are those of `Redis.from_url`.  Raises `DataValueError` that names the fault in
        the URL.
        """
        url = hidden(url)
        return client_of_url(cls, options_of_url, url, options, decode_responses=decode_responses)

    # -- scope ----------------------------------------------------------------------------------

    @property
    def scope(self) -> PoolScope:
        """The scope of the client's pool."""
        return self.connection_pool.scope

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        try:
            await self.connection_pool.ready()
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    def __repr__(self) -> str:
        if "connection_pool" not in vars(self):
            return unmade(self)
        return f"<{type(self).__name__} {self.connection_pool!r}>"

    # -- commands -------------------------------------------------------------------------------

    async def execute_command(self, *args: Value, node: NodeName | None = None) -> Any:
        """The raw reply to the command of these words.

        The command goes to the node of its keys, or as the servers' policies say; with *node*, to
        that node.  If each node reports on itself (INFO …), the reply is a dict by address.
        Raises `DataError` for a command that changes the state of its connection (use a session),
        and for an unknown command without *node*.
        """
        raw = raw_command(*args)
        if node is not None:
            return await self.node(node).submit(raw)
        if raw.args[0] in KEY_POSITION:
            return await self.submit(raw)
        run = self._submit_routed(raw, own_reports=True)
        observer = self.connection_pool.observer
        return await (run if observer is None else told(observer, event_of(raw), run))

    @command
    def mset(self, mapping: SupportsItems) -> Command[bool]:
        """True once all of *mapping* is stored; if its keys are in several slots, not atomically.

        The command is split by slot then: other clients may see a part of it stored, and it may
        fail in part (`PartialFailureError`).
        MSET key value [key value …]. Server 1.0.1. O(N).
        """
        return Command((b"MSET", *flat("MSET", "mapping", mapping)), ok)

    @explained
    def scan_iter(
        self, match: Key | None = None, count: int | None = None, type: Key | None = None
    ) -> ScanIterator[S]:
        """All keys of the cluster that match the glob *match* and hold the *type*.

        A key may come twice; a key that exists the whole time comes at least once, also through a
        failover and while slots move.  *count* is about how many keys a node examines for one
        page.  After a failure of a node the scan waits and tries again; after 30 s without a page
        it raises the error.
        """
        check_scan("scan_iter", count)

        async def page(endpoint: ClusterEndpoint, cursor: int) -> tuple[int, list[S]]:
            node = NodeClient(self.connection_pool, endpoint, self.read, None)
            return await node.scan(cursor, match, count, type)

        return ClusterKeys(self.connection_pool, page)

    # -- subscriptions --------------------------------------------------------------------------

    def new_placement(self) -> ClusterPlacement:
        """Sharded channels at the nodes of their slots, all others at one node."""
        return ClusterPlacement(self.connection_pool, self.retry)

    def new_keyspace_placement(self) -> PrimariesPlacement:
        """The channels of keyspace events, at all primaries."""
        return PrimariesPlacement(self.connection_pool, self.retry)

    async def notification_flags(self) -> list[tuple[str, str]]:
        """The addresses of all primaries, with their flags for keyspace events if they tell them."""
        self.connection_pool.require_open()
        return [flags for node in self.primaries() for flags in await node.notification_flags()]

    @property
    def _subscribing_pool(self) -> BasePool:
        return self.connection_pool

    # -- several commands -----------------------------------------------------------------------

    @explained
    def pipeline(self, transaction: bool = False, *, raise_on_error: bool = True) -> Pipeline[S]:
        """Commands to send together, as an `async with` block; see `Pipeline`.

        The keys may be in any slots: all nodes get their commands at the same time, and the
        results are in the order of the commands.  The keys of a *transaction* have to be in one
        slot; otherwise it is refused before anything is sent (`CrossSlotError`).
        """
        return Pipeline(
            self._run_batch, self.read, transaction=transaction, raise_on_error=raise_on_error
        )

    def session(
        self,
        key: Key,
        *,
        ensure_replication: int | None = None,
        ensure_persistence: tuple[int, int] | None = None,
        timeout: Milliseconds | None = None,
    ) -> AbstractAsyncContextManager[Session[S]]:
        """One connection for yourself to the node that serves *key*, as an `async with` block.

        For WAIT, SELECT and similar commands; see `Session`, and `Redis.session` for the guarantees.
        Its commands are not redirected: if the key moves meanwhile, they raise `MovedError`, and a
        new session finds the new node.
        """
        guarantee = WriteGuarantee.of(ensure_replication, ensure_persistence, timeout)
        return self._open_session(self.slot_of(key), guarantee)

    @asynccontextmanager
    async def _open_session(
        self, slot: int, guarantee: WriteGuarantee | None
    ) -> AsyncGenerator[Session[S]]:
        pool = self.connection_pool
        follower = RedirectFollower(pool, self.retry, Target(slot))
        endpoint = await follower.first_endpoint(only_reads=True)
        async with Lease(endpoint) as lease:
            connection = await follower.follow(
                partial(_attach, lease), lease=lease, endpoint=endpoint, only_reads=lambda: False
            )
            try:
                async with session_on(connection, self.read, pool.observer, guarantee) as session:
                    yield session
            except RedisError as error:
                if isinstance(lease.endpoint, ClusterEndpoint):
                    follower.note(lease.endpoint, error)
                raise

    @explained
    def watch(self, *keys: SomeKeys) -> AbstractAsyncContextManager[Transaction[S]]:
        """A `Transaction` that watches *keys*, for one try, as an `async with` block.

        Its pipeline raises `WatchError`, and was not executed, if one of the keys has changed.  All
        keys, also those of its commands, have to be in one slot: otherwise `CrossSlotError`, before
        anything is sent.
        """
        return open_transaction(self._tries("watch", keys))

    @coroutine_method
    async def transaction(
        self,
        func: Callable[[Transaction[S]], Awaitable[T]],
        *keys: SomeKeys,
        attempts: int = ATTEMPTS,
        backoff: Backoff = BACKOFF,
    ) -> T:
        """What the async function *func* returns, after a try in which none of *keys* changed.

        See `Redis.transaction`.  All keys, also those of the commands of *func*, have to be in one
        slot: otherwise `CrossSlotError`, before anything is sent.  If the slot moves to another
        node, the next try begins there.
        """
        limit = TryLimit.of(attempts, backoff)
        return await transact(self._tries("transaction", keys), func, limit)

    def _tries(self, method: str, keys: tuple[SomeKeys, ...]) -> SlotTries[S]:
        return SlotTries(self.connection_pool, method, watched(method, keys), self.read, self.retry)

    @refused(
        "each node has commands of its own: use `async with client.node(address).monitor()`, once "
        "for each node in client.nodes()"
    )
    def monitor(self, *, not_here: Never) -> None:
        """Raises `DataTypeError`: a monitor is of one node."""


async def _attach(lease: Lease, endpoint: ClusterEndpoint, _asking: bool) -> BaseConnection:
    """An exclusive connection to *endpoint* for *lease*."""
    await lease.move(endpoint)
    return await lease.attach(exclusive=True)
