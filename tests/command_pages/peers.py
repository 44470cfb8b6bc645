"""How redis-py and coredis call a command, from `peer_calls.jsonl`.

`tests.command_pages.collect_peers` writes the file from the installed packages, so that the pages
are made without them.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).with_name("peer_calls.jsonl")
PEERS: Final = ("redis-py", "coredis")


class PeerCall(NamedTuple):
    """A method of another client."""

    peer: str
    command: str | None
    """The command that it sends, if it is one."""

    call: str
    """Its name and parameters."""

    @property
    def name(self) -> str:
        """Its name, without that of the object that has it."""
        return self.call.partition("(")[0] if "()." not in self.call else self._last_name

    @property
    def _last_name(self) -> str:
        return self.call.partition("().")[2].partition("(")[0]


def read() -> list[PeerCall]:
    """All methods in the file."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return [PeerCall(**json.loads(line)) for line in lines]


@cache
def calls() -> tuple[dict[tuple[str, str], list[str]], dict[tuple[str, str], list[str]]]:
    """The calls of each peer by the method's name, and by the command."""
    by_name: dict[tuple[str, str], list[str]] = {}
    by_command: dict[tuple[str, str], list[str]] = {}
    for each in read():
        if "." not in (each.command or ""):  # the methods for modules are found by the command
            by_name.setdefault((each.peer, each.name), []).append(each.call)
        if each.command is not None:
            by_command.setdefault((each.peer, each.command), []).append(each.call)
    return by_name, by_command


def calls_of(peer: str, method: str, command: str | None) -> list[str]:
    """The peer's method of the same name; otherwise those that send the command, or any of its kind."""
    by_name, by_command = calls()
    if found := by_name.get((peer, method)):
        return found
    name = command or ""
    return by_command.get((peer, name)) or by_command.get((peer, name.partition(" ")[0]), [])
