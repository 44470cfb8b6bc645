"""The nodes of a cluster that the user names: from these the client learns the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from anyredis.address import TCPAddress
from anyredis.connection.options import check_iterable, check_port
from anyredis.exceptions import DataTypeError, DataValueError

NodeName: TypeAlias = TCPAddress | tuple[str, int] | str
"""A node: its address, as a `TCPAddress`, a pair or `"host:port"`."""


def seeds_of(
    host: str | None, port: int, startup_nodes: Iterable[NodeName]
) -> tuple[TCPAddress, ...]:
    """All nodes that the user names, each once; if there is none, the default host."""
    check_iterable("startup_nodes", startup_nodes, "nodes")
    named = [node_address(name) for name in startup_nodes]
    if host is not None or not named:
        named.insert(0, node_address((host or "localhost", port)))
    return tuple(dict.fromkeys(named))


def node_address(name: NodeName) -> TCPAddress:
    """The address that *name* means; raises `DataError` if it is none."""
    if isinstance(name, str):
        host, colon, port = name.rpartition(":")
        if not colon or not host or not port.isdecimal() or len(port) > 5:
            raise DataValueError(f"a node is written host:port, not {name!r:.80}")
        name = TCPAddress(host.removeprefix("[").removesuffix("]"), int(port))
    if isinstance(name, tuple) and len(name) == 2 and isinstance(name[0], str):
        name = TCPAddress(*name)
    if isinstance(name, TCPAddress):
        check_port(name.port, f"the port of the node {name.host!r:.80}")
        return name
    raise DataTypeError(f"a node is a TCPAddress, (host, port) or 'host:port', not {name!r:.80}")
