"""The rules of the house that no linter knows: sizes, imports, where tests are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT

PACKAGE = ROOT / "anyredis"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
TEST_FOLDERS = sorted({path.parent for path in (ROOT / "tests").rglob("*.py")})

# "About" 400 and 40: a tenth is what about means.
LONGEST_FILE = 440
LONGEST_FUNCTION = 44

VALUES = (
    *("exceptions.py", "address.py", "credentials.py", "backoff.py", "wire"),
    *("command.py", "methods.py", "namespaces.py", "coroutine_functions.py"),
    *("replies.py", "reports.py", "facts", "commands"),
    *("pool/roster.py", "pool/layout.py", "pool/reading.py", "pool/sockets.py"),
    *("cluster/routing.py", "cluster/merging.py", "cluster/pursuit.py"),
)
TESTED_ELSEWHERE = {
    "server/watchdog.py",  # run in a process of its own: its tests are those of process.py
    "version.py",  # one constant, which the build reads: there is nothing to prove
}

Function = ast.FunctionDef | ast.AsyncFunctionDef

each_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


def functions(tree: ast.AST) -> Iterator[Function]:
    """All functions and methods, also those inside others."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """The lines of a function without its docstring and decorators."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


@each_file
def test_a_file_is_short(path: Path) -> None:
    """A file has about 400 lines at most."""
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@each_file
def test_a_function_is_short(path: Path) -> None:
    """A function has about 40 lines at most, its docstring not counted."""
    long = {
        function.name: length(function)
        for function in functions(ast.parse(path.read_text()))
        if length(function) > LONGEST_FUNCTION
    }
    assert long == {}


@each_file
def test_imports_are_at_the_top(path: Path) -> None:
    """No function imports, and no import is for the type checker alone."""
    tree = ast.parse(path.read_text())
    hidden = [
        (function.name, node.lineno)
        for function in functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []
    assert "TYPE_CHECKING" not in path.read_text()


@each_file
def test_what_decides_awaits_nothing(path: Path) -> None:
    """Values below, tasks above."""
    inside = path.relative_to(PACKAGE)
    if inside.parts[0] not in VALUES and str(inside) not in VALUES:
        return
    awaits = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    assert awaits == []


@each_file
def test_a_file_has_its_tests_where_one_looks_for_them(path: Path) -> None:
    """The tests of anyredis/a/b.py are in tests/a/test_b.py."""
    inside = path.relative_to(PACKAGE)
    if path.name == "__init__.py" or str(inside) in TESTED_ELSEWHERE:
        return
    assert (ROOT / "tests" / inside.parent / f"test_{inside.name}").is_file()


@pytest.mark.parametrize(
    "folder", TEST_FOLDERS, ids=[str(f.relative_to(ROOT)) for f in TEST_FOLDERS]
)
def test_test_folders_are_packages(folder: Path) -> None:
    """Two tests may have the same file name in different folders."""
    assert (folder / "__init__.py").is_file()
