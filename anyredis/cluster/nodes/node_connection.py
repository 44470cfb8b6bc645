"""Connections to the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Unpack

from anyredis.address import DEFAULT_PORT
from anyredis.connection.handshake import HandshakeStep
from anyredis.connection.options import TCPOptions, check_flags, refuse_unknown
from anyredis.connection.tcp import Connection
from anyredis.connection.tls import take_context
from anyredis.credentials import hide
from anyredis.exceptions import DataTypeError, RedisError, from_server

READONLY = HandshakeStep((b"READONLY",))


class ClusterConnection(Connection):
    """A `Connection` to one node of a cluster; subclass it for a cluster pool's `connection_class`.

    With *readonly* its handshake sends READONLY, so that a replica answers reads itself: a cluster
    pool passes it for replicas if the client reads from them.  The other arguments are those of
    `Connection`.
    """

    read_error: Callable[[str], RedisError] = staticmethod(from_server)

    def __init__(
        self,
        *,
        host: str = "localhost",
        port: int = DEFAULT_PORT,
        readonly: bool = False,
        **options: Unpack[TCPOptions],
    ) -> None:
        super().__init__(host=host, port=port, **options)
        check_flags(readonly=readonly)
        self.readonly = readonly

    def extra_steps(self) -> tuple[HandshakeStep, ...]:
        """READONLY, if the connection was made with *readonly*."""
        return (*super().extra_steps(), *((READONLY,) if self.readonly else ()))


def for_connections(
    kind: object, arguments: dict[str, Any], known: Collection[str]
) -> tuple[type[ClusterConnection], dict[str, Any]]:
    """The class of the connections, and their arguments with the SSL context that these ask for.

    All connections have one context, because making one reads files.
    """
    hide(arguments)
    if not (isinstance(kind, type) and issubclass(kind, ClusterConnection)):
        raise DataTypeError(
            f"connection_class has to be a subclass of ClusterConnection, not {kind!r}"
        )
    if kind is ClusterConnection:
        refuse_unknown(arguments, known, by=kind.__name__)
    context = take_context(arguments)
    return kind, arguments if context is None else {**arguments, "ssl_context": context}
