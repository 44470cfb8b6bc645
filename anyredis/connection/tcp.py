"""Connections over TCP, with or without TLS."""

from __future__ import annotations

import socket
from typing import Any, Unpack

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

from anyredis.address import DEFAULT_PORT, TCPAddress, check_no_url
from anyredis.connection.base import BaseConnection
from anyredis.connection.options import TCPOptions, check_int
from anyredis.connection.tls import RenewableContext, take_context
from anyredis.credentials import hidden_addresses, hide
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt


class Connection(BaseConnection):
    """A TCP connection; with *ssl* or an *ssl_context* it is TLS, verified against *host*.

    The other `ssl_*` arguments are those of `anyredis.connection.tls.tls_context`; files that have
    changed are read again for the next connection.  All further arguments are
    those of `BaseConnection`.
    """

    def __init__(
        self, *, host: str = "localhost", port: int = DEFAULT_PORT, **options: Unpack[TCPOptions]
    ) -> None:
        host = hidden_addresses(host)
        hide(options)
        arguments: dict[str, Any] = dict(options)
        source = take_context(arguments)
        self._renewable = source if isinstance(source, RenewableContext) else None
        self._ssl_context = source.made if isinstance(source, RenewableContext) else source
        super().__init__(**arguments)
        if not isinstance(host, str) or not host:
            raise DataTypeError(
                f"host has to be a host name or IP address, not a {type(host).__name__}"
            )
        check_no_url("host", host, "use from_url for a URL, username= and password= for a login")
        check_int("port", port)
        if not 0 < port < 65536:
            raise DataValueError(f"port has to be from 1 to 65535, not {excerpt(port)}")
        self._tcp_address = TCPAddress(host, port)

    @property
    def address(self) -> str:
        """`host:port`."""
        return str(self._tcp_address)

    async def open_stream(self) -> ByteStream:
        """A TCP stream, wrapped in TLS if TLS is on."""
        host, port = self._tcp_address.host, self._tcp_address.port
        if self._renewable is not None:
            self._ssl_context = await self._renewable.current()
        stream = await anyio.connect_tcp(host, port)
        try:
            raw: Any = stream.extra(SocketAttribute.raw_socket)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._ssl_context is None:
                return stream
            # RESP has its own framing, so a missing close_notify cannot hide a truncated reply.
            return await TLSStream.wrap(
                stream,
                hostname=host,
                ssl_context=self._ssl_context,
                standard_compatible=False,
            )
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
