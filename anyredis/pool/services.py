"""The registry of URL schemes whose hosts know the addresses of servers, such as sentinels.

Law: this file knows no such scheme.  A module that finds servers that way registers its schemes
when it is imported, and the pools and clients that are made from URLs look them up here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from anyredis.address import Reader, ServerURL
from anyredis.exceptions import DataValueError

FindServers: TypeAlias = Callable[[ServerURL, dict[str, Any]], dict[str, Any]]
"""Removes its own options from those of a URL, and gives arguments for a pool instead."""

_SCHEMES: dict[str, FindServers] = {}
_PARAMETERS: list[Callable[[], Mapping[str, Reader]]] = []


def register_schemes(
    schemes: Iterable[str], find: FindServers, parameters: Callable[[], Mapping[str, Reader]]
) -> None:
    """Make *find* give the pool's arguments for URLs that begin with one of *schemes*.

    *parameters* gives the additional query parameters of such URLs, each with its reader.
    """
    _SCHEMES.update(dict.fromkeys(schemes, find))
    _PARAMETERS.append(parameters)


def service_parameters() -> Mapping[str, Reader]:
    """The additional query parameters of URLs of registered schemes."""
    return {name: read for each in _PARAMETERS for name, read in each().items()}


def service_arguments(parsed: ServerURL, options: dict[str, Any]) -> dict[str, Any]:
    """Arguments for a pool to the servers that the hosts of *parsed* know.

    Those *options* that are not the pool's are removed.  Raises `DataValueError` if the scheme is
    not registered.
    """
    find = _SCHEMES.get(parsed.scheme)
    if find is None:
        raise DataValueError(f"no imported module knows {parsed.scheme}:// URLs")
    return find(parsed, options)
