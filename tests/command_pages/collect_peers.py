"""Writes `peer_calls.jsonl` from the installed redis and coredis.

Run `python -m tests.command_pages.collect_peers` when pyproject.toml names another version.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, Final

import coredis
import coredis.patterns.pipeline
import redis.asyncio
import redis.asyncio.client
from redis.commands.vectorset.commands import VectorSetCommands

from tests.command_pages.peers import FILE, PeerCall
from tests.commands.documented import documented

COMMANDS: Final = documented()

OTHERS: Final = {
    *("execute_command", "pipeline", "transaction", "pubsub", "monitor", "register_script"),
    *("scan_iter", "hscan_iter", "sscan_iter", "zscan_iter"),
    "watch",
}
"""Methods that send no command of their own, and have a counterpart here."""

STRANGERS: Final = re.compile(r"client|stralgo|parse_response|load_scripts|\w+_internal")
"""Methods whose names or words are those of commands that they do not send."""

CONTAINERS: Final = {name.partition(" ")[0] for name in COMMANDS if " " in name}
"""Commands that only have subcommands: redis-py has some as `object(infotype, key)`."""

NAMES: Final = CONTAINERS | set(COMMANDS)

PLAIN: Final = (bool, int, float, str, bytes, type(None))

# An object that a client makes, with its methods, is written as `vset().vadd(key, …)`.
REDIS_PY: Final[tuple[tuple[str, type[Any]], ...]] = (
    ("", redis.asyncio.Redis),
    ("", redis.asyncio.RedisCluster),
    ("pipeline().", redis.asyncio.client.Pipeline),
    ("vset().", VectorSetCommands),
)
COREDIS: Final[tuple[tuple[str, type[Any]], ...]] = (
    ("", coredis.Redis),
    ("", coredis.RedisCluster),
    ("pipeline().", coredis.patterns.pipeline.Pipeline),
)


class Omitted:
    """A default that is an object, in the signature that is shown."""

    def __repr__(self) -> str:
        return "..."


def shown_default(default: object) -> object:
    """A default that says what it is, or dots; none if the parameter has none."""
    is_plain = default is inspect.Parameter.empty or isinstance(default, PLAIN)
    return default if is_plain else Omitted()


def shown(function: Callable[..., Any], name: str) -> str:
    """The name with the parameters, without their types and those for any others."""
    signature, empty = inspect.signature(function), inspect.Parameter.empty
    plain = [
        each.replace(annotation=empty, default=shown_default(each.default))
        for each in signature.parameters.values()
        if each.name != "self" and each.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    return f"{name}{inspect.Signature(plain)}"


def words(function: Callable[..., Any]) -> Iterator[str]:
    """The texts in the body of a function, in their order, its docstring left out."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except OSError:
        return
    defined = tree.body[0]
    if isinstance(defined, ast.FunctionDef | ast.AsyncFunctionDef):
        for node in ast.walk(ast.Module(defined.body, [])):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def command_of(function: Callable[..., Any], name: str) -> str | None:
    """The command that a method of redis-py sends: by its name, or by the words in its body."""
    if STRANGERS.fullmatch(name):
        return None
    if named := named_by(name):
        return named
    return next((word for word in words(function) if word in COMMANDS), None)


def named_by(name: str) -> str | None:
    """The command or container of commands that a method's name is made of."""
    container, _, rest = name.upper().partition("_")
    names = (f"{container} {rest}", name.upper(), f"{container} {rest.replace('_', '')}")
    others = (f"{container} {rest.replace('_', '-')}", name.upper().replace("_", " "))
    return next((each for each in (*names, *others) if each in NAMES), None)


def of_redis_py() -> Iterator[PeerCall]:
    """The methods of redis-py."""
    told = set[str]()
    for prefix, class_ in REDIS_PY:
        for name in dir(class_):
            function: Any = inspect.getattr_static(class_, name)
            if name.startswith("_") or name in told or not callable(getattr(class_, name)):
                continue
            function = getattr(function, "__func__", function)
            command = None if name in OTHERS else command_of(function, name)
            if command is not None or name in OTHERS:
                told.add(name)
                yield PeerCall("redis-py", command, prefix + shown(function, name))


def of_coredis() -> Iterator[PeerCall]:
    """The methods of coredis, which say themselves what they send."""
    told = set[str]()
    for prefix, class_ in COREDIS:
        for name in dir(class_):
            function = getattr(class_, name, None)
            details = getattr(function, "__coredis_command", None)
            if name.startswith("_") or name in told or not callable(function):
                continue
            command = None if name in OTHERS else named_by(name)
            if details is not None:
                command = details.command.value.decode()
            if command is not None or name in OTHERS:
                told.add(name)
                yield PeerCall("coredis", command, prefix + shown(function, name))


def lines() -> Iterator[str]:
    """The lines of the file."""
    for each in sorted({*of_redis_py(), *of_coredis()}, key=lambda each: (each.peer, each.call)):
        yield json.dumps(each._asdict())


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
