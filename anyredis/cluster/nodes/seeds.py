"""The nodes of a cluster that the user names: from these the client learns the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from anyredis.address import TCPAddress, check_no_url, port_number
from anyredis.connection.options import check_iterable, named_address
from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt

NodeName: TypeAlias = TCPAddress | tuple[str, int] | str
"""A node: its address, as a `TCPAddress`, a pair or `"host:port"`."""


LOGIN = "write host:port, and give username= and password= for a login; from_url takes a URL"


def seeds_of(
    host: str | None, port: int, startup_nodes: Iterable[NodeName]
) -> tuple[TCPAddress, ...]:
    """All nodes that the user names, each once; if there is none, the default host."""
    check_iterable("startup_nodes", startup_nodes, "nodes")
    named = [node_address(name) for name in startup_nodes]
    if host is not None or not named:
        named.insert(0, node_address((host or "localhost", port)))
    return tuple(dict.fromkeys(named))


def _shown(name: str) -> str:
    """A text that has no colon; one that has may be a login."""
    return "" if ":" in name else f", not {excerpt(name)}"


def node_address(name: NodeName) -> TCPAddress:
    """The address that *name* means; raises `DataError` if it is none."""
    if isinstance(name, str):
        check_no_url("a node", name, LOGIN)
        host, colon, port = name.rpartition(":")
        number = port_number(port)
        if not colon or not host or not number:
            raise DataValueError(
                f"a node is written host:port, with a port from 1 to 65535{_shown(name)}"
            )
        return TCPAddress(host.removeprefix("[").removesuffix("]"), number)
    return named_address(name, "node", LOGIN)
