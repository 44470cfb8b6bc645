"""A pytest plugin that notes which command method ran on which real server.

Law: a method ran on a server if a test called it on a client of that server and its reader gave a
value.  An error reply is no such run.  The plugin is loaded by `nox -s ran_on` alone, because it
replaces the functions that build commands; `ran_on.json` is what it wrote.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, Final, TypeAlias, cast

import pytest

from anyredis.command import Blueprint, Command, Definition
from anyredis.commands.group import Group
from anyredis.server import Server

FILE: Final = Path(__file__).with_name("ran_on.json")

Record: TypeAlias = dict[str, list[str]]
"""For each method the servers that it ran on, such as `Valkey 9.1`, in alphabetical order."""

RAN: Final[defaultdict[str, set[str]]] = defaultdict(set)
"""The methods that ran in this process; in the one that started the run, those of all."""

SERVERS: Final[dict[str, str]] = {}
"""The servers that this process started: their ports and the paths of their sockets."""

ADDRESS: Final = re.compile(r"(?:127\.0\.0\.1|localhost|::1\]):(\d+)|(/[^\s>'\",]+)")
VERSION: Final = re.compile(r"(Redis|Valkey) server v=(\d+\.\d+)")


def definitions() -> list[Definition]:
    """The definitions of all command groups, and those of clusters that replace some of them."""
    found: dict[Definition, None] = {}
    groups: list[type[Group[Any]]] = [Group]
    while groups:
        group = groups.pop()
        groups += group.__subclasses__()
        for value in vars(group).values():
            if isinstance(value, Definition):
                found[value] = None
    return [*found]


def methods() -> set[str]:
    """The names of all command methods."""
    return {each.name for each in definitions()}


# -- where a call goes --------------------------------------------------------------------------


@functools.cache
def title(binary: Path) -> str:
    """The product and version of a server's program."""
    told = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=True)
    found = VERSION.search(told.stdout)
    assert found is not None, told.stdout
    return " ".join(found.groups())


def server_of(callee: object, depth: int = 3) -> str | None:
    """The server that *callee*, a client, a session or a pipeline, talks to; None if unknown."""
    shown = f"{callee!r} {getattr(callee, 'address', '')}"
    for port, path in ADDRESS.findall(shown):
        if server := SERVERS.get(port or path):
            return server
    if depth and hasattr(callee, "__dict__"):
        for value in vars(callee).values():
            if server := server_of(value, depth - 1):
                return server
    return None


# -- what is noted ------------------------------------------------------------------------------


class Noting:
    """A reader that notes the method once it gave a value; equal to the reader inside."""

    def __init__(self, read: Callable[[Any], object], method: str, server: str) -> None:
        self.read = read
        self.method = method
        self.server = server

    def __call__(self, reply: Any) -> object:
        """The value of *reply*."""
        value = self.read(reply)
        RAN[self.method].add(self.server)
        return value

    def __eq__(self, other: object) -> bool:
        return self.read == (other.read if isinstance(other, Noting) else other)

    def __hash__(self) -> int:
        return hash(self.read)


def noted(method: str, callee: object, command: Command[Any]) -> Command[Any]:
    """*command*, whose reader notes the *method* if *callee* sends it to a known server."""
    server = None if isinstance(callee, Blueprint) else server_of(callee)
    if server is not None:
        command.parse = Noting(command.parse, method, server)
    return command


def noting(method: str, build: Callable[..., Command[Any]]) -> Callable[..., Command[Any]]:
    """*build*, which notes the method; with its globals, in which its annotations are resolved."""
    note = noted

    def built(*args: Any, **kwargs: Any) -> Command[Any]:
        return note(method, args[0], build(*args, **kwargs))

    known = cast("FunctionType", build).__globals__
    function = FunctionType(built.__code__, known, build.__name__, None, built.__closure__)
    return functools.update_wrapper(function, build)


def install() -> None:
    """Note all calls of command methods from now on."""
    for each in definitions():
        each.__wrapped__ = noting(each.name, each.__wrapped__)
    start = Server.start

    async def started(self: Server) -> None:
        for place in (str(self.port), self.unix_socket_path):
            if place is not None:
                SERVERS[place] = title(self.binary)
        await start(self)

    setattr(Server, "start", started)  # noqa: B010 - a checker refuses the assignment


# -- the file -----------------------------------------------------------------------------------


def merged(old: Record, ran: Mapping[str, Iterable[str]], names: Iterable[str]) -> Record:
    """*old* with what *ran*, in which all runs on the same servers are replaced."""
    servers = {server for each in ran.values() for server in each}
    kept = {name: set(old.get(name, ())) - servers for name in names}
    both = {name: sorted(kept[name] | set(ran.get(name, ()))) for name in sorted(kept)}
    return {name: each for name, each in both.items() if each}


def differences(old: Record, new: Record) -> list[str]:
    """The differences of two records, a line for each method."""
    names = sorted(old.keys() | new.keys())
    return [
        f"{name}: the file has {old.get(name, [])}, this run makes it {new.get(name, [])}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def read() -> Record:
    """The record in the file."""
    return cast("Record", json.loads(FILE.read_text(encoding="utf-8"))) if FILE.exists() else {}


def write(record: Record) -> None:
    """Make *record* the content of the file."""
    lines = (f'  "{name}": {json.dumps(servers)}' for name, servers in record.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


# -- the plugin ---------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the run choose what happens to the file."""
    parser.addoption("--ran-on", choices=("check", "write"), default="check")


def pytest_configure() -> None:
    """Note the calls before any client has its functions."""
    install()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what a worker noted."""
    noted_there: Record = getattr(node, "workeroutput", {}).get("ran_on", {})
    for name, servers in noted_there.items():
        RAN[name].update(servers)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over what this worker noted; or write the file, or fail a run that differs from it."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ran_on"] = {name: sorted(servers) for name, servers in RAN.items()}
    elif exitstatus == pytest.ExitCode.OK:
        old = read()
        new = merged(old, RAN, methods())
        if session.config.getoption("--ran-on") == "write":
            write(new)
        elif old != new:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write what differs from the file."""
    lines = differences(read(), merged(read(), RAN, methods()))
    if lines:
        terminalreporter.write_line(
            f"{FILE.name} differs: {len(lines)} methods; `nox -s ran_on -- --ran-on=write`"
        )
    for line in lines:
        terminalreporter.write_line(line)
