"""Docstrings of command methods: they end with the command that is sent, its servers, its complexity.

Such as `LPOS key element COUNT n [RANK n]. Server 6.0.6. O(N).`, in one line or several.  `Server`
is both Redis and Valkey; otherwise it says `Redis 8.4, Valkey 9.1`, or the one that has the command.
The end is compared with the calls in the tables of the groups' tests, and with what the servers
document, see `tests.commands.documented`.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import cast

import pytest

from anyredis.command import Command
from anyredis.facts import table
from tests.commands.documented import Documented, documented, shortened, statement_of, version
from tests.commands.tables import words
from tests.commands.test_every_command import TABLES

OPTIONAL = re.compile(r"\[[^\[\]]*\]")

UNDOCUMENTED = {
    "hscan_no_values": "no server tells since when HSCAN has NOVALUES",
    "vsim_with_attributes": "Redis does not tell since when VSIM has WITHATTRIBS",
}
"""Methods whose versions are in no reply to COMMAND DOCS."""

DOCUMENTED = documented()


def docstring(group: type[object], name: str) -> str:
    """The docstring of a method."""
    return inspect.getdoc(getattr(group, name)) or ""


def table_rows(group: type[object]) -> Iterator[tuple[str, Command[object]]]:
    """The name of each method that the table of *group* calls, with the command it made."""
    module = sys.modules[f"tests.commands.test_{group.__module__.rpartition('.')[2]}"]
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "SENT":
            assert isinstance(statement.value, ast.List)
            for source, row in zip(statement.value.elts, TABLES[group], strict=True):
                calls = [node for node in ast.walk(source) if isinstance(node, ast.Call)]
                sent = [isinstance(cell, Command) for cell in row]
                made = cast("Command[object]", row[sent.index(True)])
                assert isinstance(calls[0].func, ast.Attribute)
                yield calls[0].func.attr, made


MADE: defaultdict[tuple[type[object], str], list[Command[object]]] = defaultdict(list)
for each_group in TABLES:
    for method, made_command in table_rows(each_group):
        MADE[each_group, method].append(made_command)


def required(syntax: str) -> list[str]:
    """The words of *syntax* that are in capitals and not optional, choices as `LEFT|RIGHT`."""
    while OPTIONAL.search(syntax):
        syntax = OPTIONAL.sub("", syntax)
    return [word for word in syntax.split() if word == word.upper() and word[0].isalpha()]


def is_sent(syntax: str, command: Command[object]) -> bool:
    """Whether *command* has all the words of *syntax* that are in capitals, in their order."""
    sent = iter(words(command))
    return all(any(word in choices.split("|") for word in sent) for choices in required(syntax))


def first_with(versions: dict[str, str], syntax: str) -> str:
    """The first of a command's *versions* that takes all the options of *syntax*."""
    wanted = [since for word in required(syntax) for since in naming(versions, word)]
    return max((*wanted, *list(versions)[:1]), key=version)


def naming(versions: dict[str, str], word: str) -> list[str]:
    """The first of *versions* that brought *word*, if any did."""
    return [since for since, options in versions.items() if word in options.split()][:1]


def version_problem(told: str | None, versions: dict[str, str], syntax: str) -> str | None:
    """What is wrong with the version of one server, which documents *versions* of the command."""
    if told is None or not versions:
        return None if told is None and not versions else f"{told} of {versions}"
    if version(told) not in map(version, versions):
        return f"{told} is none of {versions}"
    first = first_with(versions, syntax)
    return None if version(told) >= version(first) else f"{told}: {syntax} needs {first}"


def lacks_option(versions: dict[str, str], other: str | None, others: dict[str, str]) -> bool:
    """Whether only the other server has an option, since its version *other* of *others*."""
    if other is None or version(other) == version(next(iter(others))):
        return False
    return version(other) not in map(version, versions)


def versions_problem(
    syntax: str, redis: str | None, valkey: str | None, about: Documented
) -> str | None:
    """What is wrong with the versions, or None.

    A server that has the command is left out only if it lacks an option that the other one got.
    """
    for told, versions, other, others in (
        (redis, about.redis, valkey, about.valkey),
        (valkey, about.valkey, redis, about.redis),
    ):
        if told is None and lacks_option(versions, other, others):
            continue
        if wrong := version_problem(told, versions, syntax):
            return wrong
    return None


def problem(group: type[object], name: str) -> str | None:
    """What is wrong with the end of a method's docstring, or None."""
    end = statement_of(docstring(group, name))
    if end is None:
        return "it does not end like 'LPOS key value. Server 6.0.6. O(N).'"
    if not MADE[group, name]:
        return "no row of the tables calls the method"
    about = None
    for command in MADE[group, name]:
        sent = table.full_name(command.args).decode()
        if not (end.syntax.startswith(sent) and is_sent(end.syntax, command)):
            return f"the method sends {words(command)}"
        about = DOCUMENTED[sent]
    assert about is not None
    if end.complexity != about.short_complexity:
        return f"the complexity is {about.short_complexity}"
    wrong = versions_problem(end.syntax, end.redis, end.valkey, about)
    if name in UNDOCUMENTED:
        return None if wrong else "its versions are documented"
    return wrong


METHODS = [(group, name) for group in TABLES for name in vars(group) if not name.startswith("_")]


def test_the_end_of_each_docstring() -> None:
    """It has the command that the method sends, the servers that have it, and its complexity."""
    found = {f"{group.__name__}.{name}": problem(group, name) for group, name in METHODS}
    assert len(found) > 400
    assert {method: wrong for method, wrong in found.items() if wrong is not None} == {}


def test_versions_that_are_equal_are_said_once() -> None:
    """`Server` is for both, so `Redis` and `Valkey` with the same version are not."""
    ends = {name: docstring(group, name) for group, name in METHODS}
    twice = re.compile(r"Redis (?P<version>[\d.]+), Valkey (?P=version)\.")
    assert [name for name, text in ends.items() if twice.search(text)] == []


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("O(1)", "O(1)"),
        ("O(N). Where N is the number of configured users.", "O(N)"),
        ("O(N), when N is the number of queued commands", "O(N)"),
        ("O(1) for each element added, so O(N) to add N elements.", "O(1) for each element added"),
        ("O(L + (N-K)log(N)) worst case where L is the total.", "O(L + (N-K)log(N)) worst case"),
        (
            "O(1) when adding, O(N) when trimming where N being it.",
            "O(1) when adding, O(N) when trimming",
        ),
        ("N/A", None),
    ],
)
def test_a_short_complexity(text: str, short: str | None) -> None:
    """It is the first sentence without what its letters stand for, and without conclusions."""
    assert shortened(text) == short
