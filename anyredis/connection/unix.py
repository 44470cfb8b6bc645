"""Connections over a Unix socket."""

from __future__ import annotations

from typing import Unpack

from anyio.abc import ByteStream

from anyredis.address import UnixAddress, check_no_url
from anyredis.connection.base import BaseConnection
from anyredis.connection.direct_streams import open_unix
from anyredis.connection.options import ConnectionOptions, refuse_unknown
from anyredis.credentials import hidden_addresses, hide
from anyredis.exceptions import DataTypeError


class UnixDomainSocketConnection(BaseConnection):
    """A connection over the Unix socket at *path*; other arguments as for `BaseConnection`."""

    def __init__(self, *, path: str, **options: Unpack[ConnectionOptions]) -> None:
        path = hidden_addresses(path)
        hide(options)
        known = {"path", *ConnectionOptions.__annotations__}
        refuse_unknown(options, known, by=type(self).__name__)
        super().__init__(**options)
        if not isinstance(path, str) or not path:
            raise DataTypeError(
                f"path has to be the path of a Unix socket, not a {type(path).__name__}"
            )
        check_no_url("path", path, "use from_url for a URL, or write ./ before a relative path")
        self._unix_address = UnixAddress(path)

    @property
    def address(self) -> str:
        """The path."""
        return str(self._unix_address)

    async def open_stream(self) -> ByteStream:
        """A stream over the Unix socket."""
        return await open_unix(self._unix_address.path)
