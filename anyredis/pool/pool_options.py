"""The options of pools: each is declared once, with its type and its form in a URL.

Law: as in `anyredis.connection.options`, an option is one key of one class.  Clients have the
options of the pools that they make.
"""

from collections.abc import Iterable
from typing import TypedDict

from anyio.abc import TaskGroup

from anyredis.connection.base import ConnectionListener
from anyredis.connection.options import (
    HostOptions,
    Number,
    NumberOrNone,
    SecondsOrNone,
    TCPOptions,
)
from anyredis.observer import Observer


class SharingOptions(TypedDict, total=False):
    """The options of every pool and client; without *max_connections*, or with None, its default."""

    max_connections: NumberOrNone
    shared_connections: Number
    max_idle_time: SecondsOrNone
    max_connection_age: SecondsOrNone
    listeners: Iterable[ConnectionListener]
    task_group: TaskGroup | None
    observer: Observer | None


class WaitingOptions(TypedDict, total=False):
    """The option of a pool that waits, and of the clients that make one."""

    timeout: SecondsOrNone


class ConnectionPoolOptions(TCPOptions, HostOptions, SharingOptions, total=False):
    """The keyword arguments of a `ConnectionPool` of TCP connections."""


class BlockingConnectionPoolOptions(ConnectionPoolOptions, WaitingOptions, total=False):
    """The keyword arguments of a `BlockingConnectionPool` of TCP connections."""
