"""The addresses at which a client reaches servers that tell it other ones, as behind NAT.

Law: each address that a server tells passes through here once, whatever told it; an address that
the user gave does not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeAlias

from anyredis.address import TCPAddress
from anyredis.exceptions import ConnectionError, DataTypeError
from anyredis.excerpt import excerpt

AddressRemap: TypeAlias = Callable[[tuple[str, int]], tuple[str, int]]
"""Gives the `(host, port)` to connect to for the `(host, port)` that a server told."""


def check_address_remap(remap: object) -> None:
    """Raise `DataTypeError` unless *remap* is None or an ordinary function."""
    if remap is not None and (not callable(remap) or inspect.iscoroutinefunction(remap)):
        raise DataTypeError(
            "address_remap has to be a function, not async, that takes (host, port) and returns "
            f"(host, port), not {excerpt(remap, 80)}"
        )


def reachable(told: TCPAddress, remap: AddressRemap | None) -> TCPAddress:
    """The address at which the server that is *told* as the one is reached.

    Raises `ConnectionError` if *remap* fails, or returns anything but a host and a port.
    """
    if remap is None:
        return told
    try:
        found: object = remap((told.host, told.port))
    except Exception as error:
        raise ConnectionError(f"address_remap failed for {told}: {excerpt(error, 200)}") from error
    match found:
        case (str(host), int(port)) if host and 0 < port < 65536 and port is not True:
            return TCPAddress(host, port)
        case _:
            raise ConnectionError(
                f"address_remap has to return (host, port), not {excerpt(found, 80)} (for {told})"
            )
