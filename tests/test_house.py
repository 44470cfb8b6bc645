"""Rules of the code base that no linter checks: sizes, imports, the places of tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.servers import ROOT

PACKAGE = ROOT / "anyredis"
FILES = sorted(PACKAGE.rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))
TEST_FOLDERS = sorted({path.parent for path in TEST_FILES})

# "About" 400 and 40: up to a tenth more.
LONGEST_FILE = 440
LONGEST_FUNCTION = 44

LONGER = {
    "anyredis/commands/modules/search_queries.py:search",  # a line for each of its 23 options
    "anyredis/pool/endpoint.py:run",  # the ordinary command: each cut would cost a frame
}

VALUES = (
    *("exceptions.py", "address.py", "credentials.py", "backoff.py", "wire"),
    *("address_remap.py", "json.py", "json_codec.py", "option_names.py"),
    "redis_py_arguments.py",
    *("command.py", "methods.py", "namespaces.py", "coroutine_functions.py"),
    *("replies.py", "reports", "stream_entries.py", "facts", "commands"),
    *("filters.py", "search.py", "timeseries.py"),
    *("observer.py", "pool/allocator.py"),
    *("cluster/nodes/slot_map.py", "cluster/nodes/read_balancer.py"),
    *("cluster/nodes/socket_limit.py", "cluster/routing/routes.py"),
    *("cluster/routing/aggregate.py", "cluster/routing/redirect_policy.py"),
)
TESTED_ELSEWHERE = {
    "commands/modules/series_info.py",  # the replies of time series: tests/commands/modules/test_ts.py
    "commands/modules/series_replies.py",
    "commands/modules/time_series.py",
    "commands/modules/time_series_ranges.py",
    "server/watchdog.py",  # runs in a separate process: its tests are those of process.py
    "version.py",  # one constant, which the build reads: there is nothing to test
}

CHECKERS_ONLY = PACKAGE / "client" / "module_namespaces.py"
"""The one file with imports for type checkers alone: the namespaces of modules load when used."""

IMPORTLIB = {
    "commands/modules/samples.py",  # NumPy and pandas, for those who ask for arrays
    "commands/modules/typed_values.py",  # orjson, msgspec and pydantic: nobody needs them
    "client/module_namespaces.py",  # a namespace that nobody uses costs nothing
    "waiter.py",  # trio's primitives: users of asyncio need not have trio
    "connection/trio_stream.py",  # trio's sockets
    "pool/background.py",  # trio's system tasks
    "server/binary.py",  # finds the wheel of a server without importing it
    "server/watchdog.py",  # ctypes: some Pythons are built without it
}
"""Files that import by name at run time."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    """All functions and methods, also nested ones."""
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


@cache
def parsed(path: Path) -> ast.Module:
    """A file, read once for all tests."""
    return ast.parse(path.read_text())


def name(path: Path) -> str:
    """The name of a file in the message of a failure."""
    return str(path.relative_to(ROOT))


def test_files_are_short() -> None:
    """A file has about 400 lines at most."""
    lines = {name(path): len(path.read_text().splitlines()) for path in (*FILES, *TEST_FILES)}
    assert {file: count for file, count in lines.items() if count > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    """A function has about 40 lines at most, its docstring not counted."""
    long = {
        f"{name(path)}:{function.name}": length(function)
        for path in FILES
        for function in functions(parsed(path))
        if length(function) > LONGEST_FUNCTION
    }
    assert {file: lines for file, lines in long.items() if file not in LONGER} == {}
    assert long.keys() >= LONGER


def test_values_in_messages_are_bounded() -> None:
    """A message cuts a value by `excerpt`: the `repr` of a huge value is not made to be cut."""
    cut = [
        f"{name(path)}:{node.lineno}"
        for path in FILES
        if "server" not in path.parts
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FormattedValue) and node.conversion == ord("r") and node.format_spec
    ]
    assert cut == []


def test_imports_are_at_the_top() -> None:
    """No function imports, and no import is for the type checker alone, but in one file."""
    hidden = [
        f"{name(path)}:{node.lineno}: in {function.name}"
        for path in FILES
        for function in functions(parsed(path))
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []
    assert [path for path in FILES if "TYPE_CHECKING" in path.read_text()] == [CHECKERS_ONLY]


def decides(path: Path) -> bool:
    """Whether a file is pure: its functions await nothing, and tasks use them."""
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] in VALUES or str(inside) in VALUES


def test_pure_files_await_nothing() -> None:
    """Pure files contain no await."""
    awaits = [
        f"{name(path)}:{node.lineno}"
        for path in FILES
        if decides(path)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    assert awaits == []


def test_pure_files_exist() -> None:
    """Each file and folder in the list of pure files exists."""
    assert [each for each in VALUES if not (PACKAGE / each).exists()] == []


def test_files_have_tests_in_the_matching_folder() -> None:
    """The tests of anyredis/a/b.py are in tests/a/test_b.py."""
    untested = [
        str(inside)
        for inside in (path.relative_to(PACKAGE) for path in FILES)
        if inside.name != "__init__.py" and str(inside) not in TESTED_ELSEWHERE
        if not (ROOT / "tests" / inside.parent / f"test_{inside.name}").is_file()
    ]
    assert untested == []


def test_no_test_fails_after_less_than_five_seconds() -> None:
    """A busy machine is not a failure."""
    hasty = re.compile(r"fail_after\(\s*([0-4]?\.\d|[0-4][,)])")
    found = [
        f"{name(path)}:{number}"
        for path in TEST_FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if hasty.search(line)
    ]
    assert found == []


def test_test_folders_are_packages() -> None:
    """Two tests may have the same file name in different folders."""
    assert [name(each) for each in TEST_FOLDERS if not (each / "__init__.py").is_file()] == []


def test_no_file_name_stands_in_more_than_two_folders() -> None:
    """A file is found by its name."""
    folders: dict[str, list[str]] = {}
    for path in FILES:
        if path.name != "__init__.py":
            folders.setdefault(path.name, []).append(name(path.parent))
    assert {file: found for file, found in folders.items() if len(found) > 2} == {}


def test_no_two_classes_share_a_name() -> None:
    """A class is found by its name."""
    files: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                files.setdefault(node.name, []).append(name(path))
    assert {class_: found for class_, found in files.items() if len(found) > 1} == {}


def test_few_files_import_at_run_time() -> None:
    """`importlib` hides an import from every check of the floors."""
    users = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Import | ast.ImportFrom) and "importlib" in ast.unparse(node)
    }
    assert users == IMPORTLIB
