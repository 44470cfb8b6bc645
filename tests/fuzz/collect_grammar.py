"""Writes `grammar.jsonl` from the servers: `python -m tests.fuzz.collect_grammar`, after `nox -s redis810`.

Each command has one line for each of its variants, with the servers that have it.  Left out: names
and arguments of modules that do not document theirs, and all but what a parser needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import anyio

from anyredis.server import Server, run
from tests.fuzz.grammar import FILE
from tests.servers import SERVERS, ask, redis8_binary, valkey_binary

KEPT = ("name", "type", "token", "flags", "arguments")


def pairs(flat: Any) -> dict[str, Any]:
    """A map of RESP2."""
    return {flat[at].decode(): flat[at + 1] for at in range(0, len(flat), 2)}


def argument(flat: Any) -> dict[str, Any]:
    """One argument, its parts among it."""
    told = pairs(flat)
    told["arguments"] = [argument(each) for each in told.get("arguments", ())]
    told["flags"] = [each.decode() for each in told.get("flags", ())]
    kept = {key: told[key] for key in KEPT if told.get(key)}
    # MEMORY USAGE of Redis 8.10 and others have an empty name or token here and there.
    return {key: each.decode() if isinstance(each, bytes) else each for key, each in kept.items()}


def documented(docs: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each command with its arguments."""
    for name, told in docs.items():
        about = pairs(told)
        if "subcommands" in about:
            yield from documented(pairs(about["subcommands"]))
        if about["group"] != b"module" or "arguments" in about:
            yield name.upper().replace("|", " "), [argument(a) for a in about.get("arguments", ())]


def arguments_of(server: Server) -> dict[str, list[dict[str, Any]]]:
    """All commands of *server*, those of modules with a dot in their name left out."""
    found = dict(documented(pairs(ask(server, "COMMAND", "DOCS"))))
    return {name: arguments for name, arguments in found.items() if "." not in name}


def title(server: Server) -> str:
    """The name of *server* and the first two numbers of its version."""
    info = cast("bytes", ask(server, "INFO", "server")).decode()
    told = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    name = "valkey" if "valkey_version" in told else "redis"
    return f"{name}-{'.'.join(told[f'{name}_version'].split('.')[:2])}"


def lines(found: dict[str, dict[str, list[dict[str, Any]]]]) -> Iterator[str]:
    """The lines of the file."""
    for name in sorted(set[str]().union(*found.values())):
        variants: dict[str, list[str]] = {}
        for server, commands in found.items():
            if name in commands:
                variants.setdefault(json.dumps(commands[name]), []).append(server)
        for arguments, servers in variants.items():
            row = {"name": name, "servers": servers, "arguments": json.loads(arguments)}
            yield json.dumps(row, separators=(",", ":"))


async def main() -> None:
    """Ask three servers."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for binary in (valkey_binary(), redis8_binary(), SERVERS / "redis810" / "redis-server"):
        async with run(binary=binary) as server:
            found[title(server)] = arguments_of(server)
    FILE.write_text("".join(f"{line}\n" for line in lines(found)))


if __name__ == "__main__":
    anyio.run(main)
