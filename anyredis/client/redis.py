"""The client for one server."""

from __future__ import annotations

from typing import Any, Generic, Literal, Unpack, overload

from anyredis.address import DEFAULT_PORT
from anyredis.backoff import Retry
from anyredis.client.node_client import NodeClient, readers
from anyredis.client.options import (
    RedisOptions,
    URLOptions,
    checked_retry,
    options_of_url,
    pool_for,
)
from anyredis.pool.scope import Holder, PoolScope
from anyredis.replies import S


class Redis(NodeClient[S], Holder, Generic[S]):
    """A client for one Redis or Valkey server, for use as an `async with` block.

    *host*, *port*, or *unix_socket_path*; *db*; *username* and *password*, or
    *credential_provider*, a callable asked at each connect.  *decode_responses* makes it a
    `Redis[str]` whose text is in *encoding*; without it, it is a `Redis[bytes]`.

    *ssl* turns on TLS, verified with the host name unless `ssl_cert_reqs` or `ssl_check_hostname`
    say otherwise; or give an *ssl_context*.  *protocol* 3 falls back to 2 where it has to.
    *stream_timeout*: seconds that a reply may take before its connection is given up (None: for
    ever; blocking commands have their own timeout besides).  *connect_timeout*: seconds until a
    connection has to be ready.

    *max_connections* commands at most are at work at once: one too many raises
    `MaxConnectionsError`, or waits with `connection_pool_cls=BlockingConnectionPool`.  Ordinary
    commands share *shared_connections* connections (0: each has its own).  *connection_pool* is a
    pool to use instead of an own one.  *retry* says what is sent again after a failure (None:
    nothing).  Raises `DataError` at once for arguments that make no sense.
    """

    @overload
    def __init__(
        self: Redis[bytes],
        host: str = ...,
        port: int = ...,
        db: int = ...,
        *,
        decode_responses: Literal[False] = ...,
        **options: Unpack[RedisOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Redis[str],
        host: str = ...,
        port: int = ...,
        db: int = ...,
        *,
        decode_responses: Literal[True],
        **options: Unpack[RedisOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Redis[Any],
        host: str = ...,
        port: int = ...,
        db: int = ...,
        *,
        decode_responses: bool,
        **options: Unpack[RedisOptions],
    ) -> None: ...
    def __init__(
        self: Redis[Any],
        host: str = "localhost",
        port: int = DEFAULT_PORT,
        db: int = 0,
        *,
        decode_responses: bool = False,
        **options: Unpack[RedisOptions],
    ) -> None:
        retry = checked_retry(options.pop("retry", Retry()))
        pool = pool_for(host, port, db, decode_responses=decode_responses, options=options)
        super().__init__(pool, pool.endpoint, readers(decode_responses=decode_responses), retry)
        self.connection_pool = pool

    @overload
    @classmethod
    def from_url(
        cls, url: str, *, decode_responses: Literal[True], **options: Unpack[URLOptions]
    ) -> Redis[str]: ...
    @overload
    @classmethod
    def from_url(
        cls, url: str, *, decode_responses: Literal[False] = ..., **options: Unpack[URLOptions]
    ) -> Redis[bytes]: ...
    @classmethod
    def from_url(
        cls, url: str, *, decode_responses: bool = False, **options: Unpack[URLOptions]
    ) -> Redis[Any]:
        """A client for the server that *url* names; *options* go before those of the URL.

        `redis://`, `valkey://`, with TLS `rediss://`, `valkeys://`, or `unix://`; the client's
        keyword arguments are its query parameters.  `redis+sentinel://host,host/name/db` and its
        like are for the primary that those sentinels know, see `Sentinel.from_url`.
        *decode_responses* has to be said here, where type checkers see it.  Raises `DataValueError` that names what is wrong with the URL.
        """
        arguments = options_of_url(url, decode_responses=decode_responses, beside=options)
        client: Redis[Any] = cls(decode_responses=decode_responses, **arguments)
        return client

    @property
    def scope(self) -> PoolScope:
        """The scope of its pool."""
        return self.connection_pool.scope

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.connection_pool.address} {self.connection_pool!r}>"
