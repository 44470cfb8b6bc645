"""Tests of `anyredis.commands.core`: the groups that every executor has."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from typing import Any

import pytest

from anyredis import commands
from anyredis.command import Definition
from anyredis.commands.core import CoreCommands
from anyredis.commands.group import Group
from anyredis.commands.hash_import import HashImport
from anyredis.commands.sentinels import SentinelCommands
from anyredis.commands.session import SessionCommands, WatchCommands

for module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
    importlib.import_module(module.name)

OF_SESSIONS: tuple[type[Group[Any]], ...] = (SessionCommands, WatchCommands, HashImport)
"""Groups whose commands need an exclusive connection."""

OF_SENTINELS: tuple[type[Group[Any]], ...] = (SentinelCommands,)
"""Groups whose commands no other server has."""


def groups() -> list[type[Group[Any]]]:
    """Every command group of the package, those that another one extends too."""
    found: list[type[Group[Any]]] = [Group]
    for group in found:
        found += [
            each
            for each in group.__subclasses__()
            if each.__module__.startswith("anyredis.commands.") and each not in found
            if not each.__module__.startswith("anyredis.commands.modules.")
        ]
    return [each for each in found if each not in (Group, CoreCommands)]


def builders(group: type[object]) -> dict[str, object]:
    """The methods that *group* itself defines, each with the function that builds its command."""
    return {
        name: method.__wrapped__
        for name, method in vars(group).items()
        if isinstance(method, Definition) and not name.startswith("_")
    }


CORE = [group for group in groups() if group not in (*OF_SESSIONS, *OF_SENTINELS)]


@pytest.mark.parametrize("group", CORE, ids=lambda group: group.__name__)
def test_every_group_is_in_it(group: type[object]) -> None:
    """Every group is part of all executors, unless it needs an exclusive connection or a sentinel."""
    assert issubclass(CoreCommands, group)


def test_it_defines_nothing_itself() -> None:
    """A command is in the file of its group."""
    assert builders(CoreCommands) == {}


def test_no_two_groups_define_the_same_method() -> None:
    """A second definition would silently be hidden by the first."""
    definitions: defaultdict[str, set[object]] = defaultdict(set)
    for group in groups():
        for name, build in builders(group).items():
            definitions[name].add(build)
    assert {name: found for name, found in definitions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("group", OF_SESSIONS, ids=lambda group: group.__name__)
def test_what_changes_a_connection_is_not_in_it(group: type[object]) -> None:
    """G9: commands that leave a mark on their connection are only to be had on a session."""
    assert builders(group)
    assert [name for name in builders(group) if hasattr(CoreCommands, name)] == []
