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
    client_of_url,
    options_of_url,
    pool_for,
)
from anyredis.credentials import hidden, hidden_addresses, hide
from anyredis.excerpt import unmade
from anyredis.json_codec import checked_codec
from anyredis.pool.scope import Holder, PoolScope
from anyredis.replies import S


class Redis(NodeClient[S], Holder, Generic[S]):
    """A client for one Redis or Valkey server, for use as an `async with` block.

    The server is at *host* and *port*, or at *unix_socket_path*; *db* is the database.  Credentials
    are *username* and *password*, or the result of *credential_provider*, called at each connect; a
    *username* alone is that of a user without a password.  *decode_responses* makes it a
    `Redis[str]` whose text is in *encoding*, with *encoding_errors* as the error handler of Python's
    codecs; otherwise it is a `Redis[bytes]`.

    *ssl* turns on TLS, verified with the host name unless `ssl_cert_reqs` or `ssl_check_hostname`
    say otherwise; or give an *ssl_context*.  *protocol* 3 falls back to 2 if the server has no
    RESP3.  *stream_timeout*: seconds until a connection without the expected reply is closed (None:
    no limit; a blocking command has its own timeout in addition).  *connect_timeout*: seconds until
    a connection has to be ready.

    At most *max_connections* commands are in progress at once: one more raises
    `MaxConnectionsError`, or with `connection_pool_cls=BlockingConnectionPool` waits, at most
    *timeout* seconds.  Ordinary commands share *shared_connections* multiplexed connections (0: each
    has an exclusive one).  *connection_pool* is a pool to use instead of a new one.  *retry* decides
    which commands are sent again after a failure (None: no command).  *json_codec* writes and
    reads JSON documents, those of searches too: an `anyredis.json.JsonCodec`, by default that of the
    standard library.
    *listeners*, *observer* and *task_group* are those of `ConnectionPool`.  Raises `DataError` for
    invalid arguments.
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
        host = hidden_addresses(host)
        hide(options)
        retry = checked_retry(options.pop("retry", Retry()))
        codec = checked_codec(options.pop("json_codec", None))
        pool = pool_for(host, port, db, decode_responses=decode_responses, options=options)
        read = readers(
            decode_responses=decode_responses,
            encoding=pool.encoding,
            errors=pool.encoding_errors,
            json_codec=codec,
        )
        super().__init__(pool, pool.endpoint, read, retry)
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
        """A client for the server that *url* names; *options* override those of the URL.

        `redis://`, `valkey://`, with TLS `rediss://`, `valkeys://`, or `unix://`; query parameters
        are the client's keyword arguments.  `redis+sentinel://host,host/name/db` and the other
        sentinel schemes give a client for the primary that those sentinels know, see
        `Sentinel.from_url`.  *decode_responses* has to be given in the call, for type checkers.
        Raises a `DataValueError` that names the wrong part of the URL.
        """
        url = hidden(url)
        return client_of_url(cls, options_of_url, url, options, decode_responses=decode_responses)

    @property
    def scope(self) -> PoolScope:
        """The scope of its pool."""
        return self.connection_pool.scope

    def __repr__(self) -> str:
        if "connection_pool" not in vars(self):
            return unmade(self)
        return f"<{type(self).__name__} {self.connection_pool.address} {self.connection_pool!r}>"
