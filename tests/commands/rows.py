"""The rows of the tables of a group's tests, each with the method that it calls.

Law: a table is a list of tuples at the top of `test_GROUP.py`.  The method of a row is read from
the source, because a command does not know which method built it.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from anyredis.command import Blueprint, Command, Definition
from anyredis.replies import TextReaders


class Row(NamedTuple):
    """One row of a table."""

    method: str
    command: Command[Any]
    raw: bytes
    """The reply, in a table of replies."""

    client_of_bytes: bool
    """Whether the client does not decode."""

    source: str
    """The expression of the row."""

    client: str
    """The name of the client in it."""


def methods_of(group: type[object]) -> list[str]:
    """The names of the command methods of *group*, those of its bases too."""
    bases = (vars(base).items() for base in group.__mro__)
    return [name for items in bases for name, value in items if isinstance(value, Definition)]


def sent_rows(group: type[object]) -> list[Row]:
    """The rows of arguments and words."""
    return _rows(group.__module__, tuple(methods_of(group)), "SENT")


def read_rows(group: type[object]) -> list[Row]:
    """The rows of raw replies and values, of all tables whose name begins with READ."""
    return _rows(group.__module__, tuple(methods_of(group)), "READ")


def on_bytes(group: type[object], row: Row) -> Command[Any]:
    """The command of *row* as a client that does not decode makes it."""
    binary = type("Binary", (Blueprint, group), {"read": TextReaders(bytes)})()
    values: tuple[Any, ...] = eval(
        row.source, vars(_module(group.__module__)) | {row.client: binary}
    )
    commands: list[Command[Any]] = [each for each in values if isinstance(each, Command)]
    return commands[0]


def _module(group: str) -> ModuleType:
    return importlib.import_module(f"tests.commands.test_{group.rpartition('.')[2]}")


@functools.cache
def _rows(group: str, methods: tuple[str, ...], prefix: str) -> list[Row]:
    """The rows of the tables for the *methods* in the module *group*."""
    module = _module(group)
    rows: list[Row] = []
    for name, elements in _tables(module, prefix):
        values: list[Any] = getattr(module, name)
        assert len(elements) == len(values), f"{module.__name__}.{name}: write each row out"
        for element, value in zip(elements, values, strict=True):
            called = [each for each in _called(element) if each[1] in methods]
            assert called, f"{module.__name__}.{name}: {ast.unparse(element)} calls no method"
            commands: list[Command[Any]] = [each for each in value if isinstance(each, Command)]
            others = [each for each in value if not isinstance(each, Command)]
            client, method = called[0]
            raw = others[0] if isinstance(others[0], bytes) else b""
            binary = vars(module)[client].read.kind is bytes
            rows.append(Row(method, commands[0], raw, binary, ast.unparse(element), client))
    return rows


def _tables(module: ModuleType, prefix: str) -> Iterator[tuple[str, list[ast.expr]]]:
    """The names of the tables, and the expressions of their rows."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.List):
            name = ast.unparse(node.target)
            if name.startswith(prefix):
                yield name, node.value.elts


def _called(element: ast.expr) -> Iterator[tuple[str, str]]:
    """The methods that are called in a row, each after the name of the object that has it."""
    for node in ast.walk(element):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr
