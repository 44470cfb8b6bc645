"""Every Python block of README.md and docs/ runs, and prints what the comments beside say.

A block is a program where it calls `anyio.run`; otherwise it stands inside a coroutine, with
`client` (a `Redis[str]`) at hand, and runs on every event loop.  Words after `python` in the first
line of a block: `tls`, `mtls` and `stack` (with modules) for the server that it needs, `cluster` for a cluster at the ports
from 7000 on, `sentinel` for sentinels at those from 26379 on, `asyncio` where it needs that loop,
`continued` where the first block of its page comes before it.
A comment behind a `print` on the same line is what it prints.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest
import sniffio
from anyio.from_thread import BlockingPortal

import anyredis
from anyredis import address
from anyredis.client import options
from anyredis.server import Cluster, SentinelDeployment, Server, run_sentinel
from tests.servers import ROOT, Certificates, ask, valkey_binary

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```python(?P<words>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^\s*print\(.*\)  # (?P<text>.+)$", re.MULTILINE)
LINK = re.compile(r"\]\((?P<target>[^)#:]+)(?:#[^)]*)?\)")
SOCKET = "/run/valkey/valkey.sock"


@dataclass(frozen=True)
class Block:
    """A Python block of a page."""

    page: Path
    line: int
    words: frozenset[str]
    code: str

    @property
    def is_program(self) -> bool:
        """Whether it brings its own event loop."""
        return "anyio.run(" in self.code

    @property
    def printed(self) -> list[str]:
        """What it says that it prints."""
        return [match["text"] for match in PRINTED.finditer(self.code)]

    def __str__(self) -> str:
        return f"{self.page.stem}-{self.line}"


def blocks() -> Iterator[Block]:
    """All blocks of all pages."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield Block(page, line, frozenset(match["words"].split()), match["code"])


BLOCKS = list(blocks())
PROGRAMS = [block for block in BLOCKS if block.is_program]
FRAGMENTS = [block for block in BLOCKS if not block.is_program]


def adapted(code: str, server: Server) -> str:
    """The *code* of a block, for a server that is somewhere else."""
    code = code.replace("6379", str(server.port))
    return code.replace(SOCKET, server.unix_socket_path or SOCKET)


def among(block: Block, request: pytest.FixtureRequest) -> Block:
    """*block* for a real cluster or real sentinels, if it wants some, wherever they are."""
    first, servers = 0, tuple[Server, ...]()
    if "cluster" in block.words:
        cluster: Cluster = request.getfixturevalue("valkey_cluster")
        first, servers = 7000, tuple(cluster.primaries)
    if "sentinel" in block.words:
        watched: SentinelDeployment = request.getfixturevalue("watched_valkey")
        first, servers = 26379, tuple(watched.sentinels)
    code = block.code
    for number, server in enumerate(servers):
        code = code.replace(str(first + number), str(server.port))
    return replace(block, code=code)


@pytest.fixture(scope="module")
def watched_valkey(portal: BlockingPortal) -> Iterator[SentinelDeployment]:
    """A Valkey 9.1 with a replica, and three sentinels."""
    scope = run_sentinel(binary=valkey_binary())
    with portal.wrap_async_context_manager(scope) as watched:
        yield watched


def standard_port(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Let *port* be the one that clients dial where nobody says another."""
    monkeypatch.setattr(anyredis.Redis.__init__, "__defaults__", ("localhost", port, 0))
    defaults = anyredis.Connection.__init__.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "port", port)
    monkeypatch.setattr(address, "DEFAULT_PORT", port)
    monkeypatch.setattr(options, "DEFAULT_PORT", port)


@pytest.fixture
def server_of(
    valkey: Server,
    redis_tls: Server,
    redis_mtls: Server,
    redis_stack: Server,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Server]:
    """The servers that blocks may want; certificates are where the blocks expect them."""
    monkeypatch.chdir(certificates.ca.parent)
    ask(valkey, "ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all")
    return {"tls": redis_tls, "mtls": redis_mtls, "stack": redis_stack, "": valkey}


@pytest.fixture
async def client(block: Block, server_of: dict[str, Server]) -> AsyncIterator[anyredis.Redis[str]]:
    """What *block* calls `client`."""
    server = server_of["stack" if "stack" in block.words else ""]
    async with anyredis.Redis(server.host, server.port, decode_responses=True) as client:
        yield client


def chosen(block: Block, servers: dict[str, Server]) -> Server:
    """The server that *block* runs on."""
    return next(server for word, server in servers.items() if not word or word in block.words)


def compiled(block: Block, server: Server) -> object:
    """The code of a block, with `await` wherever it likes."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = "\n" * block.line + adapted(block.code, server)
    return compile(code, block.page, "exec", flags=flags, dont_inherit=True)


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_runs(
    block: Block,
    server_of: dict[str, Server],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A block with an event loop of its own is a whole program, and prints what it says."""
    server = chosen(block, server_of)
    standard_port(monkeypatch, server.port)
    exec(compiled(block, server), {"__name__": "__main__"})  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines() == block.printed


@pytest.mark.parametrize("block", FRAGMENTS, ids=str)
async def test_a_fragment_runs(
    block: Block,
    server_of: dict[str, Server],
    client: anyredis.Redis[str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A block without runs inside a coroutine, and prints what it says."""
    if "asyncio" in block.words and sniffio.current_async_library() != "asyncio":
        return
    server = chosen(block, server_of)
    standard_port(monkeypatch, server.port)
    names = {"__name__": "docs", "anyio": anyio, "anyredis": anyredis, "client": client}
    first = next(each for each in FRAGMENTS if each.page == block.page)
    for part in (first, block) if "continued" in block.words else (block,):
        capsys.readouterr()  # what the first block prints is its own test
        running = eval(compiled(among(part, request), server), names)  # type: ignore[arg-type]
        if inspect.isawaitable(running):
            await running
    assert capsys.readouterr().out.splitlines() == block.printed


def test_there_is_something_to_run() -> None:
    """The blocks were found."""
    assert len(PROGRAMS) >= 1
    assert len(FRAGMENTS) >= 20
    assert {block.page for block in BLOCKS} == set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file of this project names one that is there."""
    targets = [match["target"] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_names_the_two_commands() -> None:
    """The two commands that do everything stand in the README, exactly."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for session in ("demo", "tests"):
        assert f"    python3 -m pip install nox && python3 -m nox -s {session}\n" in text
