"""Every command of the modules has a method in a namespace, or a reason why not.

The methods are read from the tables of the namespaces' tests, so each also has a test of its words.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from anyredis.command import Command
from anyredis.exceptions import ProtocolError, RedisError, ResponseError
from anyredis.facts import table
from tests.commands.documented import statement_of
from tests.commands.modules import (
    test_aggregations,
    test_bf,
    test_cf,
    test_cms,
    test_json_documents,
    test_json_parts,
    test_search_indexes,
    test_search_queries,
    test_search_terms,
    test_tdigest,
    test_topk,
    test_ts,
)
from tests.commands.modules.plans import DEFINITIONS, NAMESPACES
from tests.commands.rows import methods_of
from tests.commands.tables import words
from tests.commands.test_docstrings import is_sent
from tests.commands.test_every_command import ODD_REPLIES
from tests.commands.test_ran_on import NEEDS

HERE: Final = Path(__file__).parent

TABLES: Final[dict[str, tuple[Iterable[tuple[object, ...]], ...]]] = {
    "bf": (test_bf.SENT,),
    "cf": (test_cf.SENT,),
    "cms": (test_cms.SENT,),
    "ft": (
        test_search_indexes.SENT,
        test_search_queries.SENT,
        test_aggregations.SENT,
        test_search_terms.SENT,
    ),
    "json": (test_json_documents.SENT, test_json_parts.SENT),
    "tdigest": (test_tdigest.SENT,),
    "topk": (test_topk.SENT,),
    "ts": (test_ts.SENT,),
}
"""The tables of arguments and words of each namespace, which may have several files of tests."""

FILES: Final[dict[str, tuple[str, ...]]] = {
    **{name: (f"test_{name}*.py",) for name in TABLES},
    "ft": ("test_search_*.py", "test_aggregations*.py"),
}
"""The files of tests of each namespace."""

OF_VERSION_1: Final = "of the first version: today an index follows hashes and JSON by itself"

NEVER: Final[dict[str, str]] = {
    **dict.fromkeys(("FT.DEL", "FT.GET", "FT.MGET"), f"{OF_VERSION_1}: write del, hgetall"),
    "FT.DROP": f"{OF_VERSION_1}: write ft.dropindex(index, dd=True), which it is",
    "FT.SYNADD": "no server executes it any more: write ft.synupdate",
    **dict.fromkeys(
        ("BF.DEBUG", "CF.DEBUG"), "for those who debug a server; `execute_command` sends it"
    ),
}
"""Commands without a method, each with the reason."""

COMMANDS: Final[set[str]] = {
    name for name in json.loads((HERE.parents[1] / "commands.json").read_text()) if "." in name
}

SENT: Final[dict[str, list[Command[Any]]]] = {
    namespace: [
        cell for rows in tables for row in rows for cell in row if isinstance(cell, Command)
    ]
    for namespace, tables in TABLES.items()
}
"""The commands in the tables of each namespace."""


def reason_against(name: str) -> str | None:
    """Why there is no method for the command, or None."""
    if name.encode() in table.CONTAINERS:
        return "only its subcommands are commands"
    if name.startswith("FT.DEBUG "):
        return "for those who debug a server; `execute_command` sends it"
    return NEVER.get(name)


def test_every_command() -> None:
    """Each has a method, or a reason why not, never both."""
    made = {table.full_name(each.args).decode() for sent in SENT.values() for each in sent}
    reasons = {name: reason_against(name) for name in COMMANDS}
    assert [name for name in COMMANDS if name not in made and reasons[name] is None] == []
    assert [name for name in COMMANDS if name in made and reasons[name] is not None] == []
    assert NEVER.keys() - COMMANDS == set()


def test_every_namespace_has_tables() -> None:
    """A new namespace is tested as the others are."""
    assert TABLES.keys() == NAMESPACES.keys()


def test_every_method() -> None:
    """Each is called by the tests of its namespace, and by those on a real server."""
    missing: list[str] = []
    for namespace in NAMESPACES:
        files = [each for pattern in FILES[namespace] for each in HERE.glob(pattern)]
        live = [each.read_text() for each in files if each.stem.endswith("_live")]
        others = [each.read_text() for each in files if not each.stem.endswith("_live")]
        for name in methods_of(NAMESPACES[namespace]):
            call = re.compile(rf"\b(text|binary)\.{name}\b")
            if not any(map(call.search, others)):
                missing.append(f"{namespace}.{name}: no table calls it")
            call = re.compile(rf"\.{namespace}\.{name}\b")
            if f"{namespace}.{name}" not in NEEDS and not any(map(call.search, live)):
                missing.append(f"{namespace}.{name}: no live test calls it")
    assert len(DEFINITIONS) > 5
    assert missing == []


def test_the_end_of_each_docstring() -> None:
    """It has the command that the method sends, and the module's version that has it."""
    wrong: list[str] = []
    for name, definition in DEFINITIONS.items():
        end = statement_of(inspect.cleandoc(definition.__doc__ or ""))
        sent = SENT[name.partition(".")[0]]
        if end is None or end.module is None:
            wrong.append(f"{name}: it does not end like 'CMS.INFO key. Bloom 2.0. O(1).'")
        elif not any(is_sent(end.syntax, each) for each in sent if begins(end.syntax, each)):
            wrong.append(f"{name}: no row of the tables has {end.syntax}")
    assert wrong == []


def begins(syntax: str, command: Command[Any]) -> bool:
    """Whether *syntax* is about the same command."""
    return syntax.split(maxsplit=1)[0] == words(command)[0]


def wrong_value(command: Command[Any], reply: Any) -> str | None:
    """What is wrong with what *command* makes of *reply*: neither a value nor a `ProtocolError`."""
    try:
        command.parse(reply)
    except (ProtocolError, ResponseError):  # of one of several results, too
        return None
    except RedisError as error:
        return f"{words(command)}: {reply!r} is {error!r}"
    return None


def test_odd_replies() -> None:
    """Whatever the server answers, a command gives a value or raises `ProtocolError`."""
    found = [
        wrong_value(command, reply)
        for sent in SENT.values()
        for command in sent
        for reply in ODD_REPLIES
    ]
    assert [each for each in found if each is not None] == []
