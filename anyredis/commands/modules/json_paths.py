"""Paths into a JSON document, and whether their results are lists.

Law: a path that is `$`, or begins with `$.` or `$[`, is a JSONPath: it gives a list with a result for
each match.  Any other path, such as `.`, `.name` or `name`, is of the legacy syntax: it gives the
result itself.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt

JsonPath: TypeAlias = str | bytes
"""A path into a document: `$.a.b`, or `.a.b` of the legacy syntax."""

ROOT: Final = "."
"""The whole document, in the legacy syntax."""

OPTIONS: Final = frozenset(("FORMAT", "INDENT", "NEWLINE", "NOESCAPE", "SPACE"))
"""What JSON.GET does not take as a path."""


def gives_list(command: str, path: object, argument: str = "path") -> bool:
    """Whether *path* gives a list of results; raises `DataTypeError` if it is no text."""
    if isinstance(path, str):
        return path == "$" or path.startswith(("$.", "$["))
    if isinstance(path, bytes):
        return path == b"$" or path.startswith((b"$.", b"$["))
    shown = f"{excerpt(path)} ({type(path).__name__})"
    raise DataTypeError(f"{command}: {argument} is {shown}: give text, such as '$.name'")


def check_paths(command: str, paths: tuple[JsonPath, ...]) -> None:
    """Raise `DataError` if one of *paths* is no text, or would be read as an option."""
    for index, path in enumerate(paths):
        gives_list(command, path, f"paths[{index}]")
        word = path.decode(errors="replace") if isinstance(path, bytes) else path
        if word.upper() in OPTIONS:
            raise DataValueError(
                f"{command}: the server takes the path {excerpt(path)} as an option: "
                f"write {'.' + word!r} for the member of that name"
            )
