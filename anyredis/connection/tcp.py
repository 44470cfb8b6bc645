"""Connections over TCP, with or without TLS."""

from __future__ import annotations

import builtins
import ssl
from typing import Any, Unpack

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from anyredis.address import DEFAULT_PORT, TCPAddress, check_no_url
from anyredis.connection.base import BaseConnection
from anyredis.connection.direct_streams import open_tcp
from anyredis.connection.lane import LaneStream
from anyredis.connection.options import HostOptions, TCPOptions, check_port, refuse_unknown
from anyredis.connection.tls import RenewableContext, take_context
from anyredis.connection.tls_lane import EncryptedStream
from anyredis.credentials import hidden_addresses, hide
from anyredis.exceptions import DataTypeError, ProtocolError

KNOWN = frozenset(TCPOptions.__annotations__ | HostOptions.__annotations__)

NO_TLS_THERE = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
"""The reasons of OpenSSL for an answer that is not TLS."""

ALERT = r"\x15"
"""The first byte of the answer of a server that speaks TLS, as the error of hiredis shows it."""


class Connection(BaseConnection):
    """A TCP connection; with *ssl* or an *ssl_context* it is TLS, verified against *host*.

    The other `ssl_*` arguments are those of `anyredis.connection.tls.tls_context`; files that have
    changed are read again for the next connection.  All further arguments are
    those of `BaseConnection`.
    """

    option_prefix = ""
    """The beginning of the names of its options in the calls of users, for messages."""
    _in_tls_handshake = False

    def __init__(
        self, *, host: str = "localhost", port: int = DEFAULT_PORT, **options: Unpack[TCPOptions]
    ) -> None:
        host = hidden_addresses(host)
        hide(options)
        arguments: dict[str, Any] = dict(options)
        refuse_unknown(arguments, KNOWN, by=type(self).__name__)
        source = take_context(arguments)
        self._renewable = source if isinstance(source, RenewableContext) else None
        self._ssl_context = source.made if isinstance(source, RenewableContext) else source
        super().__init__(**arguments)
        if not isinstance(host, str) or not host:
            raise DataTypeError(
                f"host has to be a host name or IP address, not a {type(host).__name__}"
            )
        check_no_url("host", host, "use from_url for a URL, username= and password= for a login")
        check_port(port)
        self._tcp_address = TCPAddress(host, port)

    @property
    def address(self) -> str:
        """`host:port`."""
        return str(self._tcp_address)

    async def open_stream(self) -> ByteStream:
        """A TCP stream, wrapped in TLS if TLS is on."""
        host, port = self._tcp_address.host, self._tcp_address.port
        self._in_tls_handshake = False
        if self._renewable is not None:
            self._ssl_context = await self._renewable.current()
        stream = await open_tcp(host, port)
        try:
            context = self._ssl_context
            return stream if context is None else await self._encrypted(stream, context)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise

    async def _encrypted(self, stream: LaneStream, context: ssl.SSLContext) -> ByteStream:
        self._in_tls_handshake = True
        host = self._tcp_address.host
        encrypted: ByteStream
        if host.isascii():
            encrypted = await EncryptedStream.over(stream, context, host)
        else:
            # anyio encodes such a name as for its look-up, which Python's own codec does not.
            encrypted = await TLSStream.wrap(
                stream, hostname=host, ssl_context=context, standard_compatible=False
            )
        self._in_tls_handshake = False
        return encrypted

    def hint(self, error: Exception) -> str:
        """The advice about TLS, if one side seems to speak it and the other does not."""
        ours = f"{self.option_prefix}ssl"
        if self._ssl_context is not None:
            refused = (
                isinstance(error, ssl.SSLError) and getattr(error, "reason", "") in NO_TLS_THERE
            )
            silent = isinstance(error, builtins.TimeoutError) and self._in_tls_handshake
            if refused or silent:
                return (
                    f"the server does not answer in TLS: if that port has none, leave out {ours}=True "
                    "and write redis://, not rediss://"
                )
            return ""
        in_tls = isinstance(error, ProtocolError) and ALERT in str(error)
        if in_tls or isinstance(error, (anyio.EndOfStream, anyio.BrokenResourceError)):
            return f"if that port speaks TLS, give {ours}=True, or write rediss://, not redis://"
        return ""
