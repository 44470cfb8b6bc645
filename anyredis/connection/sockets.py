"""Sockets: looked up, connected, read without waiting, described.

Law: a socket that is being connected is closed by whatever keeps it from being handed over: an
error, a cancellation, or another address that answered first.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any, Final, TypeAlias

import anyio
from anyio.abc import SocketAttribute

NEXT_ADDRESS_AFTER: Final = 0.25
"""Seconds after which the next address is tried beside those before; RFC 8305."""

RETRY_UNIX_AFTER: Final = 0.01
"""Seconds until a Unix socket whose backlog is full is tried again."""

IN_PROGRESS: Final = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR})

PIECE: Final = 256 * 1024

MOST_PIECES: Final = 64

Address: TypeAlias = tuple[int, Any]
"""The family of a socket, and where to connect it."""


# -- connecting ---------------------------------------------------------------------------------


async def connected_tcp(host: str, port: int) -> socket.socket:
    """A socket, not blocking, that is connected to *host*, a name or an IP address.

    Small packets are sent at once, and the system looks after a peer that says nothing.
    If a name has several addresses, they are tried one after another, each without waiting long
    for those before.  Raises `OSError`.
    """
    addresses = in_turn(await _addresses(host, port))
    if len(addresses) == 1:
        return await _connected(addresses[0])
    return await _first_connected(addresses)


async def _addresses(host: str, port: int) -> list[Address]:
    try:  # an IP address needs no thread
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        named = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, where) for family, *_, where in named]
    return [(family, where) for family, *_, where in found]


def in_turn(addresses: list[Address]) -> list[Address]:
    """*addresses* in the order of the resolver, but its families take turns."""
    families: dict[int, list[Address]] = {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address[0], []).append(address)
    turns = zip_longest(*families.values())
    return [address for turn in turns for address in turn if address is not None]


async def _first_connected(addresses: list[Address]) -> socket.socket:
    """The socket that is connected first; all others are closed."""
    winners: list[socket.socket] = []
    errors: list[OSError] = []

    async def attempt(address: Address, failed: anyio.Event) -> None:
        try:
            winners.append(await _connected(address))
            tasks.cancel_scope.cancel()
        except OSError as error:
            errors.append(error)
            failed.set()

    try:
        async with anyio.create_task_group() as tasks:
            for address in addresses:
                failed = anyio.Event()
                tasks.start_soon(attempt, address, failed)
                with anyio.move_on_after(NEXT_ADDRESS_AFTER):
                    await failed.wait()
    except BaseException:
        close_all(winners)
        raise
    if not winners:
        group = ExceptionGroup("every address failed", errors)
        raise OSError("every address failed") from group
    close_all(winners[1:])
    return winners[0]


def close_all(sockets: list[socket.socket]) -> None:
    """Close *sockets*."""
    for each in sockets:
        each.close()


async def _connected(address: Address) -> socket.socket:
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Now: a socket that the peer has closed takes no options on some systems.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        error = sock.connect_ex(where)
        if error in IN_PROGRESS:
            await anyio.wait_writable(sock)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error == errno.ECONNRESET:  # it was connected, and may have been told the reason
                error = 0
    except BaseException:
        sock.close()
        raise
    return _checked(sock, error)


async def connected_unix(path: str) -> socket.socket:
    """A socket, not blocking, that is connected to the Unix socket at *path*.

    While the backlog of the server is full, it is tried again.  Raises `OSError`.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        while (error := sock.connect_ex(path)) in IN_PROGRESS:  # noqa: ASYNC110 - no event
            await anyio.sleep(RETRY_UNIX_AFTER)
    except BaseException:
        sock.close()
        raise
    return _checked(sock, error)


def _checked(sock: socket.socket, error: int) -> socket.socket:
    """*sock*, if connecting it gave no *error*."""
    if error:
        sock.close()
        raise OSError(error, os.strerror(error))
    return sock


# -- connected ----------------------------------------------------------------------------------


def read_now(sock: socket.socket) -> bytes:
    """The bytes that have arrived at *sock*, read without waiting; errors end them."""
    pieces: list[bytes] = []
    try:
        while len(pieces) < MOST_PIECES and (piece := sock.recv(PIECE)):
            pieces.append(piece)
    except OSError:
        pass
    return b"".join(pieces)


def broken(error: Exception | None) -> anyio.BrokenResourceError | anyio.ClosedResourceError:
    """The error of anyio for a socket that failed with *error*; None: it was closed."""
    if error is None:
        return anyio.ClosedResourceError()
    found = anyio.BrokenResourceError()
    found.__cause__ = error
    return found


def socket_attributes(sock: socket.socket) -> Mapping[Any, Callable[[], Any]]:
    """The extra attributes of a stream over *sock*, as those of anyio have them."""
    attributes: dict[Any, Callable[[], Any]] = {
        SocketAttribute.family: lambda: sock.family,
        SocketAttribute.local_address: lambda: _name(sock.getsockname()),
        SocketAttribute.raw_socket: lambda: sock,
        SocketAttribute.remote_address: lambda: _name(sock.getpeername()),
    }
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        attributes[SocketAttribute.local_port] = lambda: sock.getsockname()[1]
        attributes[SocketAttribute.remote_port] = lambda: sock.getpeername()[1]
    return attributes


def _name(address: Any) -> Any:
    """The address as anyio gives it: a pair of host and port, or a path."""
    return address if isinstance(address, (str, bytes)) else tuple(address[:2])
