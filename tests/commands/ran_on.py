"""A pytest plugin that notes which command method ran on which real server.

Law: a method ran on a server if a test called it on a client of that server and its reader gave a
value.  An error reply is no such run.  The plugin is loaded by `nox -s ran_on` alone, because it
replaces the functions that build commands; `ran_on.json` is what it wrote.  With `--protocol` all
connections speak that protocol, and the kinds of the replies are written to `reply_kinds.json`.
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
from anyredis.connection.base import BaseConnection
from anyredis.connection.unix import UnixDomainSocketConnection
from anyredis.server import Server
from tests.commands.modules import plans

FILE: Final = Path(__file__).with_name("ran_on.json")

KINDS_FILE: Final = Path(__file__).with_name("reply_kinds.json")

Record: TypeAlias = dict[str, list[str]]
"""For each method the servers that it ran on, such as `Valkey 9.1`, in alphabetical order."""

RAN: Final[defaultdict[str, set[str]]] = defaultdict(set)
"""The methods that ran in this process; in the one that started the run, those of all."""

KINDS: Final[defaultdict[str, set[str]]] = defaultdict(set)
"""The kinds of the replies to each method, in this run's protocol; see `kinds_of`."""

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


def title_of(definition: Definition) -> str:
    """The name of a command method, after that of its namespace if it has one: `cms.incrby`."""
    return plans.NAMES.get(definition, definition.name)


def methods() -> set[str]:
    """The names of all command methods of this package; tests declare some of their own."""
    return {
        title_of(each)
        for each in definitions()
        if each.__wrapped__.__module__.startswith("anyredis.")
    }


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


def kinds_of(reply: object, inside: str = "") -> set[str]:
    """The kinds of values that a raw *reply* consists of, each with what it is in: `list map int`.

    Keys of maps are left out: they are text, or numbers, as in a list of names and values.
    """
    if isinstance(reply, (list, dict)):
        kind = "list" if isinstance(reply, list) else "map"
        items: Iterable[object] = cast("Any", reply if isinstance(reply, list) else reply.values())
        inner = {each for item in items for each in kinds_of(item, f"{inside}{kind} ")}
        return inner | {f"{inside}{kind}"}
    return {f"{inside}{type(reply).__name__}".replace("bytes", "text").replace("str", "text")}


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
        KINDS[self.method] |= kinds_of(reply)
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
        each.__wrapped__ = noting(title_of(each), each.__wrapped__)
    start = Server.start

    async def started(self: Server) -> None:
        for place in (str(self.port), self.unix_socket_path):
            if place is not None:
                SERVERS[place] = title(self.binary)
        await start(self)

    setattr(Server, "start", started)  # noqa: B010 - a checker refuses the assignment


def speak(protocol: int) -> None:
    """Let all connections but those of Unix sockets speak *protocol*, whatever tests ask for.

    Over Unix sockets `anyredis.server` watches its servers, and reads the replies of RESP2.
    """
    make = BaseConnection.__init__

    @functools.wraps(make)
    def made(self: BaseConnection, *args: Any, **kwargs: Any) -> None:
        local = isinstance(self, UnixDomainSocketConnection)
        make(self, *args, **(kwargs if local else kwargs | {"protocol": protocol}))

    setattr(BaseConnection, "__init__", made)  # noqa: B010 - a checker refuses the assignment


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


def read_kinds() -> dict[str, dict[str, list[str]]]:
    """For each method the kinds of its replies in each protocol, as they were noted last."""
    text = KINDS_FILE.read_text(encoding="utf-8") if KINDS_FILE.exists() else "{}"
    return cast("dict[str, dict[str, list[str]]]", json.loads(text))


def write_kinds(protocol: int) -> None:
    """Add what this run noted, all of it in *protocol*, to the file of kinds."""
    known = read_kinds()
    for name, kinds in KINDS.items():
        of_method = known.setdefault(name, {})
        of_method[str(protocol)] = sorted(kinds | {*of_method.get(str(protocol), ())})
    lines = (f'  "{name}": {json.dumps(known[name], sort_keys=True)}' for name in sorted(known))
    KINDS_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


# -- the plugin ---------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the run choose what happens to the file."""
    parser.addoption("--ran-on", choices=("check", "write"), default="check")
    parser.addoption("--protocol", type=int, choices=(2, 3))


def pytest_configure(config: pytest.Config) -> None:
    """Note the calls before any client has its functions."""
    install()
    if protocol := config.getoption("--protocol"):
        speak(protocol)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what a worker noted."""
    noted_there: Record = getattr(node, "workeroutput", {}).get("ran_on", {})
    for name, servers in noted_there.items():
        RAN[name].update(servers)
    kinds: Record = getattr(node, "workeroutput", {}).get("reply_kinds", {})
    for name, found in kinds.items():
        KINDS[name].update(found)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over what this worker noted; or write the file, or fail a run that differs from it."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ran_on"] = {name: sorted(servers) for name, servers in RAN.items()}
        output["reply_kinds"] = {name: sorted(kinds) for name, kinds in KINDS.items()}
    elif protocol := session.config.getoption("--protocol"):
        write_kinds(protocol)
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
