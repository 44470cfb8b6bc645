"""The commands that a server knows: their flags, keys and documentation.

Law: what a server tells about its commands is text, on a client that does not decode too.
"""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import Group, only_one
from anyredis.commands.several import SomeKeys, SomeValues, all_fields, all_values
from anyredis.replies import S, array, integer, pair, pairs, record, unexpected, word
from anyredis.reports.server_reports import CommandDoc, CommandInfo, TextReply
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key


class CommandFacts(Group[S]):
    """The commands on the server's commands."""

    @command
    def command_count(self) -> Command[int]:
        """The number of commands that the server knows.

        COMMAND COUNT. Server 2.8.13. O(1).
        """
        return Command((b"COMMAND", b"COUNT"), integer)

    @command
    def command_docs(self, *names: SomeKeys) -> Command[dict[str, CommandDoc]]:
        """The documentation of *names* that the server knows; of all commands without any.

        COMMAND DOCS [name …]. Server 7.0. O(N).
        """
        words = all_fields("COMMAND DOCS", "names", names) if names else ()
        return Command((b"COMMAND", b"DOCS", *words), _docs)

    @command
    def command_getkeys(self, *args: SomeValues) -> Command[list[S]]:
        """The keys among the words *args* of a command, as the server finds them.

        Raises `ResponseError` if there are none, or no such command.
        COMMAND GETKEYS word [word …]. Server 2.8.13. O(N).
        """
        return Command(
            (b"COMMAND", b"GETKEYS", *all_values("COMMAND GETKEYS", "args", args)), self.read.texts
        )

    @command
    def command_getkeysandflags(self, *args: SomeValues) -> Command[list[tuple[S, list[str]]]]:
        """The same keys, each with what becomes of it, such as `RW`, `access`, `update`.

        COMMAND GETKEYSANDFLAGS word [word …]. Server 7.0. O(N).
        """
        words = all_values("COMMAND GETKEYSANDFLAGS", "args", args)
        return Command((b"COMMAND", b"GETKEYSANDFLAGS", *words), self._keys_and_flags)

    @command
    def command_info(self, *names: SomeKeys) -> Command[list[CommandInfo | None]]:
        """Each command of *names*, None for one that the server does not know; all without any.

        A subcommand is `"config|get"` (server 7.0).
        COMMAND INFO [name …]. Server 2.8.13. O(N).
        """
        words = all_fields("COMMAND INFO", "names", names) if names else ()
        return Command((b"COMMAND", b"INFO", *words), _some)

    @command
    def command_list(
        self,
        *,
        module: Key | None = None,
        category: Key | None = None,
        pattern: Key | None = None,
    ) -> Command[list[str]]:
        """The names of all commands, or of those of a *module*, a *category* or a glob *pattern*.

        COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]. Server 7.0. O(N).
        """
        only_one("COMMAND LIST", module=module, category=category, pattern=pattern)
        given = ((b"MODULE", module), (b"ACLCAT", category), (b"PATTERN", pattern))
        words = [(b"FILTERBY", kind, value) for kind, value in given if value is not None]
        return Command((b"COMMAND", b"LIST", *(words[0] if words else ())), _words)

    # Behind all others: here `command` stops being the decorator.
    @command
    def command(self) -> Command[dict[str, CommandInfo]]:
        """All commands of the server, by name in lower case.

        COMMAND. Server 2.8.13. O(N).
        """
        return Command((b"COMMAND",), _all)

    def _keys_and_flags(self, reply: Reply) -> list[tuple[S, list[str]]]:
        found = map(pair, array(reply))
        return [(self.read.text(key), _words(flags)) for key, flags in found]


def _words(reply: Reply) -> list[str]:
    return [word(each) for each in array(reply)]


def _all(reply: Reply) -> dict[str, CommandInfo]:
    return {each.name: each for each in map(_info, array(reply))}


def _some(reply: Reply) -> list[CommandInfo | None]:
    return [None if each is None else _info(each) for each in array(reply)]


def _info(reply: Reply) -> CommandInfo:
    """One command; servers before 7.0 send seven items, which end with the categories."""
    items = array(reply)
    if len(items) < 6:
        unexpected(reply, "a command with its flags and the positions of its keys")
    later: list[list[Reply]] = [*(array(each) for each in items[6:10]), [], [], [], []]
    categories, tips, specifications, subcommands = later[:4]
    return CommandInfo(
        word(items[0]),
        integer(items[1]),
        _words(items[2]),
        integer(items[3]),
        integer(items[4]),
        integer(items[5]),
        _words(categories),
        _words(tips),
        [_texts(each) for each in specifications],
        [_info(each) for each in subcommands],
    )


def _texts(reply: Reply) -> dict[str, TextReply]:
    """A map whose strings are text; in RESP2 the maps inside are lists of names and values."""
    return {word(name): _text(word(name), value) for name, value in pairs(reply)}


def _text(name: str, reply: Reply) -> TextReply:
    if isinstance(reply, dict):
        return _texts(reply)
    if isinstance(reply, list):
        if name == "arguments":
            return [_texts(each) for each in reply]
        if name in {"begin_search", "find_keys", "spec"}:
            return _texts(reply)
        return [_text("", each) for each in reply]
    return reply if reply is None or isinstance(reply, (int, float)) else word(reply)


def _docs(reply: Reply) -> dict[str, CommandDoc]:
    return {word(name): _doc(value) for name, value in pairs(reply)}


def _doc(reply: Reply) -> CommandDoc:
    fields = record(reply)
    texts = {
        name: word(fields.pop(name, "")) for name in ("summary", "since", "group", "complexity")
    }
    arguments = array(fields.pop("arguments", []))
    subcommands = fields.pop("subcommands", [])
    return CommandDoc(
        **texts,
        arguments=[_texts(each) for each in arguments],
        subcommands=_docs(subcommands),
        other={name: _text(name, value) for name, value in fields.items()},
    )
