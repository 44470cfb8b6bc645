"""The options of a cluster's pool: those of clusters only are declared here, others are imported.

Law: as in `anyredis.connection.options`, each option is one key of one class, and its annotation
says how a URL gives it.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypedDict

from anyredis.address import Reader, parse_url
from anyredis.address_remap import AddressRemap, check_address_remap
from anyredis.cluster.nodes.read_balancer import ReadFrom
from anyredis.cluster.nodes.seeds import NodeName
from anyredis.connection.options import (
    DecodingOptions,
    EncryptionOptions,
    Flag,
    FromURL,
    Text,
    TextlessOptions,
    check_flags,
    parameters_of,
)
from anyredis.credentials import hidden
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.pool.pool_options import SharingOptions, WaitingOptions


def _read_from(text: str) -> ReadFrom:
    try:
        return ReadFrom(text)
    except ValueError:
        raise ValueError(f"one of {', '.join(each.value for each in ReadFrom)}") from None


class NodesOptions(TypedDict, total=False):
    """The options of a cluster: its nodes, their addresses, and the nodes that answer reads."""

    startup_nodes: Iterable[NodeName]
    max_connections_per_node: Flag
    readonly: Flag
    read_from: Annotated[ReadFrom, FromURL(_read_from)]
    availability_zone: Text
    address_remap: AddressRemap | None


class SeedOptions(TypedDict, total=False):
    """The address of one node, beside `startup_nodes`."""

    host: str | None
    port: int


class ClusterOptions(TextlessOptions, EncryptionOptions, NodesOptions, total=False):
    """The options that a cluster's pool and its client have in common."""


class ClusterConnectionPoolOptions(
    ClusterOptions, SharingOptions, DecodingOptions, SeedOptions, total=False
):
    """The keyword arguments of a `ClusterConnectionPool`."""


class BlockingClusterConnectionPoolOptions(
    ClusterConnectionPoolOptions, WaitingOptions, total=False
):
    """The keyword arguments of a `BlockingClusterConnectionPool`."""


def cluster_url_parameters() -> Mapping[str, Reader]:
    """The query parameters of a URL for a cluster, with the function that reads each."""
    return parameters_of(BlockingClusterConnectionPoolOptions)


def check_nodes(
    per_node: bool, readonly: bool, read_from: object, zone: object, remap: object
) -> None:
    """Raise `DataError` for invalid `NodesOptions`."""
    check_address_remap(remap)
    check_flags(max_connections_per_node=per_node, readonly=readonly)
    if not isinstance(read_from, ReadFrom):
        raise DataTypeError(f"read_from has to be an anyredis.ReadFrom, not {excerpt(read_from)}")
    if zone is not None and not isinstance(zone, str):
        raise DataTypeError(f"availability_zone has to be a str or None, not {excerpt(zone)}")
    if read_from is not ReadFrom.REPLICAS and not readonly:
        raise DataValueError("read_from is about reading from replicas: give readonly=True too")
    if (read_from is ReadFrom.ZONE) is not isinstance(zone, str):
        raise DataValueError(
            "ReadFrom.ZONE and availability_zone, the client's own, go together: give both"
        )


def options_of_url(url: str) -> dict[str, Any]:
    """The arguments of a cluster pool for *url*; raises `DataValueError` that names the fault."""
    url = hidden(url)
    parsed = parse_url(url, cluster_url_parameters(), {})
    if parsed.service is not None:
        raise DataValueError("the URL names sentinels: use Redis.from_url or Sentinel.from_url")
    if not parsed.hosts:
        raise DataValueError("the nodes of a cluster are reached over TCP, not over a Unix socket")
    options: dict[str, Any] = {**parsed.options, "startup_nodes": parsed.hosts}
    if parsed.tls:
        options["ssl"] = True
    return options
