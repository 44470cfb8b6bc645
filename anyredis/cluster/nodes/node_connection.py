"""Connections to the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from anyredis.address import DEFAULT_PORT
from anyredis.connection.handshake import HandshakeStep
from anyredis.connection.options import TCPOptions, check_flags
from anyredis.connection.tcp import Connection
from anyredis.exceptions import RedisError, from_server

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
