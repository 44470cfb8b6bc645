"""The options of pools: each is declared once, with its type and its form in a URL.

Law: as in `anyredis.connection.options`, an option is one key of one class.  Clients have the
options of the pools that they make.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from anyio.abc import TaskGroup

from anyredis.connection.base import ConnectionListener
from anyredis.connection.options import HostOptions, Number, SecondsOrNone, TCPOptions
from anyredis.observer import Observer


class SharingOptions(TypedDict, total=False):
    """The options of every pool and client, except `max_connections`.

    Its type differs: clients take None as well.
    """

    shared_connections: Number
    max_idle_time: SecondsOrNone
    max_connection_age: SecondsOrNone
    listeners: Iterable[ConnectionListener]
    task_group: TaskGroup | None
    observer: Observer | None


class PoolOptions(SharingOptions, total=False):
    """The options of every pool."""

    max_connections: Number


class WaitingOptions(TypedDict, total=False):
    """The option of a pool that waits."""

    timeout: SecondsOrNone


class ConnectionPoolOptions(TCPOptions, HostOptions, PoolOptions, total=False):
    """The keyword arguments of a `ConnectionPool` of TCP connections."""


class BlockingConnectionPoolOptions(ConnectionPoolOptions, WaitingOptions, total=False):
    """The keyword arguments of a `BlockingConnectionPool` of TCP connections."""
