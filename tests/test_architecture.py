"""What docs/architecture.md names is in the code: files, folders, classes, functions, constants.

A place in the code is written `anyredis/path.py:Class.method` there; `anyredis/path.py` and
`anyredis/folder/` name a file and a folder, and `Class.method` a place whose file was named before.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.servers import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
SPANS = re.findall(r"`([^`]+)`", PROSE)
ROWS = re.findall(r"^\| \S \| `([^`]+)` \|", PROSE, flags=re.MULTILINE)
FILE = re.compile(r"(?P<path>\w[\w/]*\.py)(?::(?P<place>\w+(?:\.\w+)*))?")
MEMBER = re.compile(r"[A-Z]\w+\.\w+")


def names_in(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """What the statements of *body* define, with the members of classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from names_in(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            yield from (prefix + each.id for each in node.targets if isinstance(each, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield prefix + node.target.id


@cache
def defined(path: str) -> frozenset[str]:
    """What the file at *path* defines."""
    return frozenset(names_in(ast.parse((ROOT / path).read_text(encoding="utf-8")).body))


def is_there(path: str, place: str | None) -> bool:
    """Whether there is a file at *path* that defines *place*."""
    return (ROOT / path).is_file() and (place is None or place in defined(path))


def test_each_place_is_there() -> None:
    """Each file exists, and defines what is named behind it."""
    places = [match for match in map(FILE.fullmatch, SPANS) if "/" in str(match and match["path"])]
    found = [(each["path"], each["place"]) for each in places if each is not None]
    assert len(found) > 80
    assert [place for place in found if not is_there(*place)] == []


def test_each_span_of_the_package_is_a_place_or_a_folder() -> None:
    """No name escapes the other tests by its spelling."""
    ours = [span for span in SPANS if span.startswith(("anyredis/", "tests/"))]
    odd = [span for span in ours if not FILE.fullmatch(span) and not (ROOT / span).is_dir()]
    assert odd == []


def test_each_member_without_a_file_is_of_a_file_that_was_named() -> None:
    """`Lease.attach` is short for a place in one of the files."""
    paths = {
        match["path"] for match in map(FILE.fullmatch, SPANS) if match and "/" in match["path"]
    }
    known = {name for path in paths for name in defined(path)}
    members = [span for span in SPANS if MEMBER.fullmatch(span)]
    assert members
    assert [member for member in members if member not in known] == []


def test_the_table_has_each_part_of_the_package() -> None:
    """Each folder and file at the top of the package has one line."""
    parts = [
        f"anyredis/{path.name}/" if path.is_dir() else f"anyredis/{path.name}"
        for path in (ROOT / "anyredis").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    ]
    assert sorted(ROWS) == sorted(parts)
