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
import coredis.modules.autocomplete
import coredis.modules.filters
import coredis.modules.json
import coredis.modules.search
import coredis.modules.timeseries
import coredis.patterns.pipeline
import redis.asyncio
import redis.asyncio.client
from redis.commands.bf.commands import (
    BFCommands,
    CFCommands,
    CMSCommands,
    TDigestCommands,
    TOPKCommands,
)
from redis.commands.json.commands import JSONCommands
from redis.commands.search.commands import SearchCommands
from redis.commands.timeseries.commands import TimeSeriesCommands
from redis.commands.vectorset.commands import VectorSetCommands

from tests.command_pages.peers import FILE, PeerCall
from tests.commands.documented import documented
from tests.servers import ROOT

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

MODULE_COMMANDS: Final = {
    name for name in json.loads((ROOT / "tests/commands.json").read_text()) if "." in name
}

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


REDIS_PY_MODULES: Final[tuple[tuple[str, type[Any]], ...]] = (
    ("bf().", BFCommands),
    ("cf().", CFCommands),
    ("cms().", CMSCommands),
    ("ft().", SearchCommands),
    ("json().", JSONCommands),
    ("tdigest().", TDigestCommands),
    ("topk().", TOPKCommands),
    ("ts().", TimeSeriesCommands),
)
COREDIS_MODULES: Final[tuple[tuple[str, type[Any]], ...]] = (
    ("bf.", coredis.modules.filters.BloomFilter),
    ("cf.", coredis.modules.filters.CuckooFilter),
    ("cms.", coredis.modules.filters.CountMinSketch),
    ("json.", coredis.modules.json.Json),
    ("search.", coredis.modules.search.Search),
    ("autocomplete.", coredis.modules.autocomplete.Autocomplete),
    ("tdigest.", coredis.modules.filters.TDigest),
    ("timeseries.", coredis.modules.timeseries.TimeSeries),
    ("topk.", coredis.modules.filters.TopK),
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


def of_redis_py_modules() -> Iterator[PeerCall]:
    """The methods of redis-py for modules; the command is a constant that its body names."""
    for prefix, class_ in REDIS_PY_MODULES:
        for name in vars(class_):
            function: Any = inspect.getattr_static(class_, name)
            if name.startswith("_") or not inspect.isfunction(function):
                continue
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
            texts = (
                node.value if isinstance(node, ast.Constant) else function.__globals__.get(node.id)
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant | ast.Name)
            )
            found = [each for each in texts if isinstance(each, str) and each in MODULE_COMMANDS]
            if found:
                yield PeerCall("redis-py", found[0], prefix + shown(function, name))


def of_coredis_modules() -> Iterator[PeerCall]:
    """The methods of coredis for modules, which say themselves what they send."""
    for prefix, class_ in COREDIS_MODULES:
        for name in vars(class_):
            function = getattr(class_, name, None)
            details = getattr(function, "__coredis_command", None)
            if function is not None and details is not None:
                yield PeerCall(
                    "coredis", details.command.value.decode(), prefix + shown(function, name)
                )


def lines() -> Iterator[str]:
    """The lines of the file."""
    every = {*of_redis_py(), *of_coredis(), *of_redis_py_modules(), *of_coredis_modules()}
    for each in sorted(every, key=lambda each: (each.peer, each.call)):
        yield json.dumps(each._asdict())


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
