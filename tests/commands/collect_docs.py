"""Writes `command_docs.jsonl` from the servers: `python -m tests.commands.collect_docs`.

It needs Redis 8.10, which `nox -s redis810` builds.  Left out: modules, and containers that only
have subcommands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio

from anyredis.server import Server, run, run_sentinel
from tests.commands.documented import FILE, version
from tests.servers import SERVERS, ask, redis8_binary, valkey_binary

WORD = re.compile(r"\b[A-Z][A-Z-]+\b")
NO_OPTIONS = {"COMMAND"}


def pairs(flat: Any) -> dict[str, Any]:
    """A map of RESP2."""
    return {flat[at].decode(): flat[at + 1] for at in range(0, len(flat), 2)}


def commands(docs: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each command with what is documented about it."""
    for name, told in docs.items():
        about = pairs(told)
        full_name = name.upper().replace("|", " ")
        if "subcommands" in about:
            yield from commands(pairs(about["subcommands"]))
        if "subcommands" not in about or full_name in NO_OPTIONS:
            yield full_name, about


def versions_of(about: dict[str, Any]) -> dict[str, str]:
    """The first version, and those that brought options, each with its words."""
    if "since" not in about:
        return {}
    found = {about["since"].decode(): ""}
    for since, text in about.get("history", ()):
        words = " ".join(dict.fromkeys(WORD.findall(text.decode())))
        found[since.decode()] = " ".join(filter(None, (found.get(since.decode()), words)))
    return found


def documented_by(server: Server) -> dict[str, dict[str, Any]]:
    """All commands of *server*, those of modules with a dot in their name left out."""
    found = commands(pairs(ask(server, "COMMAND", "DOCS")))
    return {name: about for name, about in found if "." not in name}


async def of_servers(binary: Path) -> dict[str, dict[str, Any]]:
    """All commands of an ordinary server, and those that only a sentinel has."""
    async with run(binary=binary) as server:
        ordinary = documented_by(server)
    async with run_sentinel(binary=binary) as watched:
        return documented_by(watched.sentinels[0]) | ordinary


def row(name: str, redis: dict[str, Any], valkey: dict[str, Any]) -> dict[str, Any]:
    """The line of one command; Valkey tells the complexity if it has the command."""
    complexity = valkey.get("complexity") or redis.get("complexity")
    return {
        "name": name,
        "group": (redis or valkey)["group"].decode(),
        "complexity": complexity and complexity.decode(),
        "redis": versions_of(redis),
        "valkey": versions_of(valkey),
    }


async def main() -> None:
    """Ask three servers."""
    redis82 = await of_servers(redis8_binary())
    redis = redis82 | await of_servers(SERVERS / "redis810" / "redis-server")
    valkey = await of_servers(valkey_binary())
    rows = [row(name, redis.get(name, {}), valkey.get(name, {})) for name in {**redis, **valkey}]
    rows.sort(key=lambda each: each["name"])
    rows = [each for each in rows if each["redis"] or each["valkey"]]
    for each in rows:
        for server in ("redis", "valkey"):
            each[server] = dict(sorted(each[server].items(), key=lambda item: version(item[0])))
    text = "".join(f"{json.dumps(each, separators=(',', ':'))}\n" for each in rows)
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    anyio.run(main)
