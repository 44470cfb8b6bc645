"""Modules: what a server has loaded, and what it is to load or unload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from anyredis.command import Command, command
from anyredis.commands.group import Group
from anyredis.commands.several import SomeValues, all_values, optional_values
from anyredis.exceptions import DataTypeError
from anyredis.replies import (
    NO_OTHERS,
    S,
    array,
    integer,
    ok,
    others,
    record,
    word,
    word_or_none,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class LoadedModule(NamedTuple):
    """One module of a server."""

    name: str
    ver: int
    path: str | None
    """The file that it was loaded from, if the server tells it (7.0)."""
    args: list[str]
    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


class ModuleLoading(Group[S]):
    """The commands on modules; `MODULE LOAD` needs the server's `enable-module-command`."""

    @command
    def module_list(self) -> Command[list[LoadedModule]]:
        """The modules that are loaded.

        MODULE LIST. Server 4.0. O(N).
        """
        return Command((b"MODULE", b"LIST"), _modules)

    @command
    def module_load(self, path: Key, *args: SomeValues) -> Command[bool]:
        """True once the module in the server's file *path* is loaded, with *args*.

        Raises `ResponseError` if it cannot be loaded, or the server does not allow this command.
        MODULE LOAD path [arg …]. Server 4.0. O(1).
        """
        words = (b"MODULE", b"LOAD", path, *optional_values("MODULE LOAD", "args", args))
        return Command(words, ok)

    @command
    def module_loadex(
        self,
        path: Key,
        *,
        config: Mapping[str, Value] | None = None,
        args: Sequence[Value] = (),
    ) -> Command[bool]:
        """The same, with settings of the module as *config*; *args* go by name here.

        MODULE LOADEX path [CONFIG name value …] [ARGS arg …]. Server 7.0. O(1).
        """
        if config is not None and not isinstance(config, Mapping):
            raise DataTypeError(
                f"MODULE LOADEX: config has to be a mapping, not {type(config).__name__}"
            )
        settings = tuple(word_ for pair in (config or {}).items() for word_ in (b"CONFIG", *pair))
        rest = all_values("MODULE LOADEX", "args", (args,)) if args else ()
        words = (b"MODULE", b"LOADEX", path, *settings, *((b"ARGS", *rest) if rest else ()))
        return Command(words, ok)

    @command
    def module_unload(self, name: Key) -> Command[bool]:
        """True once the module *name* is unloaded; one with data types cannot be.

        Raises `ResponseError` if it is not loaded, or cannot be unloaded.
        MODULE UNLOAD name. Server 4.0. O(1).
        """
        return Command((b"MODULE", b"UNLOAD", name), ok)


def _modules(reply: Reply) -> list[LoadedModule]:
    return [_module(each) for each in array(reply)]


def _module(reply: Reply) -> LoadedModule:
    fields = record(reply)
    return LoadedModule(
        word(fields.get("name")),
        integer(fields.get("ver")),
        word_or_none(fields.get("path")),
        [word(each) for each in array(fields.get("args", []))],
        others(fields, LoadedModule._fields),
    )
