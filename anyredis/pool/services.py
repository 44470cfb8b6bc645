"""Schemes of URLs whose hosts only know where the servers are.

Law: this file knows none of them.  Whoever finds servers that way says so here when it is imported,
and the pools and clients that are made from URLs ask here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from anyredis.address import ServerURL
from anyredis.exceptions import DataValueError

FindServers: TypeAlias = Callable[[ServerURL, dict[str, Any]], dict[str, Any]]
"""Takes its own options out of those of a URL, and gives arguments for a pool instead."""

_SCHEMES: dict[str, FindServers] = {}


def register_schemes(schemes: Iterable[str], find: FindServers) -> None:
    """Have *find* make the pool's arguments for URLs that begin with one of *schemes*."""
    _SCHEMES.update(dict.fromkeys(schemes, find))


def service_arguments(parsed: ServerURL, options: dict[str, Any]) -> dict[str, Any]:
    """Arguments for a pool to the servers that the hosts of *parsed* know.

    Those *options* that are not the pool's are taken out.  Raises `DataValueError` if nothing here
    knows how to ask such hosts.
    """
    find = _SCHEMES.get(parsed.scheme)
    if find is None:
        raise DataValueError(f"nothing is imported that knows {parsed.scheme}:// URLs")
    return find(parsed, options)
