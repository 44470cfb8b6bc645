"""Docstrings of command methods: the last line is the command that is sent and its first server.

The line is compared with the calls in the tables of the groups' tests, and with `commands.json`.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import cast

from anyredis.command import Command
from anyredis.facts import table
from tests.commands.tables import words
from tests.commands.test_every_command import COMMANDS, TABLES

LAST_LINE = re.compile(
    r"(?P<syntax>[A-Z].*)\. "
    r"(Server (?P<server>\d+\.\d+(\.\d+)?)|Redis \d\.\d+(, Valkey \d\.\d+)?|Valkey \d\.\d+)\."
)
OPTIONAL = re.compile(r"\[[^\[\]]*\]")


def version(text: str) -> tuple[int, ...]:
    """A version as numbers that compare, 6.2 as 6.2.0."""
    numbers = tuple(int(number) for number in text.split("."))
    return (*numbers, 0)[:3]


def last_line(group: type[object], name: str) -> str:
    """The last line of a method's docstring."""
    return (inspect.getdoc(getattr(group, name)) or "").splitlines()[-1]


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


def is_sent(syntax: str, command: Command[object]) -> bool:
    """Whether *command* has all the words of *syntax* that are in capitals, in their order."""
    while OPTIONAL.search(syntax):
        syntax = OPTIONAL.sub("", syntax)
    wanted = [word for word in syntax.split() if word == word.upper() and word[0].isalpha()]
    sent = iter(words(command))
    return all(any(word in choices.split("|") for word in sent) for choices in wanted)


def problem(group: type[object], name: str) -> str | None:
    """What is wrong with the last line of a method's docstring, or None."""
    line = LAST_LINE.fullmatch(last_line(group, name))
    if line is None:
        return "it is not of the form 'LPOS key value. Server 6.0.6.'"
    if not MADE[group, name]:
        return "no row of the tables calls the method"
    for command in MADE[group, name]:
        sent = table.full_name(command.args).decode()
        if not (line["syntax"].startswith(sent) and is_sent(line["syntax"], command)):
            return f"the method sends {words(command)}"
        if line["server"] and version(line["server"]) < version(COMMANDS[sent]["since"]):
            return f"{sent} is there since {COMMANDS[sent]['since']}"
    return None


def test_the_last_lines() -> None:
    """Each begins with the command that the method sends, and names a server that has it."""
    found = {
        f"{group.__name__}.{name}": (last_line(group, name), problem(group, name))
        for group in TABLES
        for name in vars(group)
        if not name.startswith("_")
    }
    assert len(found) > 200
    assert {method: told for method, told in found.items() if told[1] is not None} == {}
