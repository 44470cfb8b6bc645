"""Schemes of URLs whose hosts only know where the servers are.

Law: this file knows none of them.  Whoever finds servers that way says so here when it is imported,
and the pools and clients that are made from URLs ask here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from anyredis.address import Reader, ServerURL
from anyredis.exceptions import DataValueError

FindServers: TypeAlias = Callable[[ServerURL, dict[str, Any]], dict[str, Any]]
"""Takes its own options out of those of a URL, and gives arguments for a pool instead."""

_SCHEMES: dict[str, FindServers] = {}
_PARAMETERS: dict[str, Reader] = {}


def register_schemes(
    schemes: Iterable[str], find: FindServers, parameters: Mapping[str, Reader]
) -> None:
    """Have *find* make the pool's arguments for URLs that begin with one of *schemes*.

    *parameters* are the query parameters that such URLs have besides, and how each is read.
    """
    _SCHEMES.update(dict.fromkeys(schemes, find))
    _PARAMETERS.update(parameters)


def service_parameters() -> Mapping[str, Reader]:
    """The query parameters that URLs of registered schemes have besides."""
    return _PARAMETERS


def service_arguments(parsed: ServerURL, options: dict[str, Any]) -> dict[str, Any]:
    """Arguments for a pool to the servers that the hosts of *parsed* know.

    Those *options* that are not the pool's are taken out.  Raises `DataValueError` if nothing here
    knows how to ask such hosts.
    """
    find = _SCHEMES.get(parsed.scheme)
    if find is None:
        raise DataValueError(f"nothing is imported that knows {parsed.scheme}:// URLs")
    return find(parsed, options)
