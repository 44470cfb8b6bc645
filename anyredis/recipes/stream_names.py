"""The streams that a consumer or a reader reads, and which of them are read together.

Law: streams in one slot of a cluster are read by one command; on one server all are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias, cast

from anyredis.client.redis import Redis
from anyredis.cluster.redis_cluster import RedisCluster
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S
from anyredis.wire.encode import Key

StreamClient: TypeAlias = Redis[S] | RedisCluster[S]
"""A client whose pool can run the tasks of a consumer."""


def names_of(streams: Key | Collection[Key]) -> list[Key]:
    """The keys that *streams* is; raises `DataError` for anything else, and for none."""
    if isinstance(streams, (str, bytes)):
        return [streams]
    refused = (bytearray, memoryview, Mapping)  # of a mapping, the IDs would not be heeded
    if not isinstance(streams, Collection) or isinstance(streams, refused):
        shown = excerpt(cast("object", streams))
        raise DataTypeError(f"streams is {shown}: give one key, or a list of keys")
    names = list(streams)
    for each in names:
        check_name("streams", each)
    if not names or len(set(map(_as_bytes, names))) < len(names):
        raise DataValueError(f"streams is {excerpt(streams)}: give each key once, and one at least")
    return names


def check_name(what: str, name: object) -> None:
    """Raise `DataError` unless *name* is text or bytes, and not empty."""
    if not isinstance(name, (str, bytes)):
        raise DataTypeError(f"{what} is {excerpt(name)}: give text or bytes")
    if not name:
        raise DataValueError(f"{what} is empty")


def _as_bytes(name: Key) -> bytes:
    return name.encode() if isinstance(name, str) else bytes(name)


def read_together(client: StreamClient[S], names: list[Key]) -> list[list[Key]]:
    """*names*, those in one list that one command can read."""
    if not isinstance(client, RedisCluster):
        return [names]
    groups: dict[int, list[Key]] = {}
    for name in names:
        groups.setdefault(client.slot_of(name), []).append(name)
    return list(groups.values())


def shown_name(client: StreamClient[S], name: Key) -> S:
    """*name* as the client's replies have it."""
    pool = client.connection_pool
    raw = name.encode(pool.encoding) if isinstance(name, str) else bytes(name)
    return client.read.text(raw.decode(pool.encoding) if pool.decode_responses else raw)
