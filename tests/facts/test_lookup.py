"""Tests of `anyredis.facts.lookup`: one lookup gives all facts of a command."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType

import pytest

from anyredis import DataValueError
from anyredis.facts import lookup
from anyredis.facts.key_positions import finder_of
from anyredis.facts.lookup import ORDINARY, Facts, facts_of
from anyredis.facts.policies import (
    ANY_NODE,
    AS_IN_CORE,
    OF_MODULES,
    REQUEST,
    RESPONSE,
    SUBSCRIPTION_REPORTS,
    RequestPolicy,
)
from anyredis.facts.table import BLOCKING, CHANGES_CONNECTION, CONTAINERS, FORBIDDEN, READ_ONLY
from anyredis.testing import FakeCluster, FakeServer
from anyredis.wire.encode import Value

READS: list[tuple[tuple[Value, ...], bool]] = [
    ((b"GET", "k"), True),
    ((b"get", "k"), True),
    ((b"OBJECT", "freq", "k"), True),
    ((b"OBJECT", "forget", "k"), False),
    ((b"PING",), True),
    ((b"CONFIG", b"GET", b"*"), True),
    ((b"CONFIG", b"SET", b"a", b"b"), False),
    ((b"SORT", "k"), False),
    ((b"SORT_RO", "k"), True),
    ((b"XREAD", b"STREAMS", "k", "0"), True),
    ((b"XREADGROUP", b"GROUP", "g", "c", b"STREAMS", "k", ">"), False),
    ((b"INCRBY", "k", 1), False),
    ((b"MY.CMD",), False),
]


@pytest.mark.parametrize(("args", "reads"), READS)
def test_only_reads(args: tuple[Value, ...], reads: bool) -> None:
    """G11: only a command that is known to only read may be sent again by default."""
    assert facts_of(args).read_only is reads


BLOCKS: list[tuple[tuple[Value, ...], float | None]] = [
    ((b"BLPOP", "a", "b", 2), 2.0),
    ((b"BLPOP", "a", 0), None),
    ((b"blpop", "a", b"0.25"), 0.25),
    ((b"BRPOP", "a", 1.5), 1.5),
    ((b"BRPOPLPUSH", "a", "b", 3), 3.0),
    ((b"BLMOVE", "a", "b", b"LEFT", b"RIGHT", 4), 4.0),
    ((b"BLMOVEM", "a", "b", b"LEFT", b"RIGHT", 5, b"COUNT", 9, b"BULK"), 5.0),
    ((b"BLMPOP", 6, 1, "a", b"LEFT", b"COUNT", 9), 6.0),
    ((b"BZMPOP", 7, 1, "a", b"MIN"), 7.0),
    ((b"BZPOPMIN", "a", 8), 8.0),
    ((b"BZPOPMAX", "a", 9), 9.0),
    ((b"WAIT", 1, 1500), 1.5),
    ((b"WAIT", 1, 0), None),
    ((b"WAITAOF", 0, 1, 2500), 2.5),
    ((b"XREAD", b"COUNT", 1, b"BLOCK", 250, b"STREAMS", "k", "$"), 0.25),
    ((b"XREAD", b"block", 0, b"streams", "k", "$"), None),
    ((b"XREADGROUP", b"GROUP", "BLOCK", "BLOCK", b"BLOCK", 100, b"STREAMS", "k", ">"), 0.1),
    ((b"BLPOP", "a", "soon"), None),
    ((b"BLPOP", "a", -1), None),
    ((b"BLPOP", "a", "inf"), None),
    ((b"BLPOP",), None),
    ((b"WAIT", 1), None),
    ((b"SHUTDOWN",), None),
    ((b"shutdown", b"nosave", b"now"), None),
]


@pytest.mark.parametrize(("args", "seconds"), BLOCKS)
def test_blocking_seconds(args: tuple[Value, ...], seconds: float | None) -> None:
    """A blocking call has its time limit; a timeout that is not a number has none."""
    assert args[0] not in ORDINARY
    assert facts_of(args).blocking_seconds(args) == seconds
    assert len(args) < 3 or facts_of(args).blocks(args)


@pytest.mark.parametrize(
    "args",
    [
        (b"GET", "BLOCK"),
        (b"XREAD", b"STREAMS", "BLOCK", "0"),
        (b"XREAD", b"COUNT", 5, b"STREAMS", "k", "0"),
        (b"XREADGROUP", b"GROUP", "BLOCK", "BLOCK", b"NOACK", b"STREAMS", "BLOCK", ">"),
        (b"XREADGROUP",),
        (b"XREAD", b"BLOCK"),
        (b"CLIENT", b"PAUSE", 1000),
        (b"SHUTDOWN", b"abort"),
    ],
)
def test_calls_that_do_not_block(args: tuple[Value, ...]) -> None:
    """A stream is read without waiting unless BLOCK is an option, not a group or a key."""
    assert facts_of(args).blocks(args) is False
    assert facts_of(args).blocking_seconds(args) == 0.0


CHANGES: list[tuple[tuple[Value, ...], bool]] = [
    ((b"SELECT", 1), True),
    ((b"WATCH", "k"), True),
    ((b"CLIENT", b"SETNAME", "me"), True),
    ((b"client", "reply", "off"), True),
    ((b"CLIENT", b"LIST"), False),
    ((b"SCRIPT", b"DEBUG", b"YES"), True),
    ((b"SCRIPT", b"LOAD", b"return 1"), False),
    ((b"SUBSCRIBE", "c"), True),
    ((b"GET", "k"), False),
    ((b"MY.CMD",), False),
]


@pytest.mark.parametrize(("args", "changes"), CHANGES)
def test_changes_connection(args: tuple[Value, ...], changes: bool) -> None:
    """G9: a command that changes its connection is known, and its first word is special."""
    assert facts_of(args).changes_connection is changes
    assert not changes or args[0] not in ORDINARY


def test_forbidden_calls() -> None:
    """A call that cannot be sent on any connection has its reason; any other has none."""
    assert "subscription" in (facts_of((b"SUBSCRIBE", "c")).forbidden or "")
    assert "replies" in (facts_of(("client", "Reply", "OFF")).forbidden or "")
    assert facts_of((b"CLIENT", b"LIST")).forbidden is None
    assert facts_of((b"SELECT", 1)).forbidden is None


# -- the lookup ---------------------------------------------------------------------------------


EVERY_NAME = sorted(
    READ_ONLY | BLOCKING | CHANGES_CONNECTION | REQUEST.keys() | OF_MODULES.keys() | ANY_NODE
)


@pytest.mark.parametrize("name", EVERY_NAME, ids=bytes.decode)
def test_a_lookup_agrees_with_the_tables(name: bytes) -> None:
    """The facts of a command are those of all tables, before and after the first lookup."""
    for _ in range(2):
        facts = facts_of(tuple(name.split()))
        assert facts.name == name
        assert facts.read_only is (name in READ_ONLY)
        assert facts.changes_connection is (name in CHANGES_CONNECTION)
        assert facts.forbidden == FORBIDDEN.get(name)
        assert facts.container is (name in CONTAINERS)
        if name in SUBSCRIPTION_REPORTS:
            assert facts.request is RequestPolicy.ALL_NODES
            assert facts.response is SUBSCRIPTION_REPORTS[name]
        elif name in OF_MODULES:
            assert (facts.request, facts.response) == OF_MODULES[name]
            if name.startswith(b"TS."):
                assert facts.request is RequestPolicy.ALL_SHARDS
        else:
            alike = AS_IN_CORE.get(name, name)
            assert (facts.request, facts.response) == (REQUEST.get(alike), RESPONSE.get(alike))
        assert facts.any_node is (name in ANY_NODE)
        assert facts.find_keys is finder_of(name)


def test_the_facts_of_a_command_are_one_value() -> None:
    """They are made once, for any spelling of the name, and cannot be changed."""
    facts = facts_of((b"GETRANGE", "k", 0, 1))
    assert facts_of(("getrange", "other", 0, 1)) is facts
    assert facts_of((bytearray(b"GetRange"), "k", 0, 1)) is facts
    with pytest.raises(AttributeError):
        facts.read_only = False  # type: ignore[misc]


def test_a_container_has_separate_facts() -> None:
    """The facts of a container alone are not those of its subcommands."""
    assert facts_of((b"COMMAND",)).name == b"COMMAND"
    assert facts_of((b"COMMAND", b"DOCS")).name == b"COMMAND DOCS"
    assert facts_of((b"SCRIPT",)).changes_connection is False
    assert facts_of((b"SCRIPT", b"DEBUG", b"YES")).changes_connection is True
    assert facts_of((b"SCRIPT",)).changes_connection is False


def test_unknown_names_are_not_kept() -> None:
    """G13: any number of commands that no table has leave nothing behind."""
    facts_of((b"UNHEARD.OF",))
    before = len(lookup._known)
    for number in range(100):
        args: tuple[Value, ...] = (f"UNHEARD.OF{number}", "k")
        assert facts_of(args) == Facts(b"UNHEARD.OF%d" % number)
        assert facts_of(args).key_positions(args) is None
        facts_of((b"CLIENT", number))
    assert len(lookup._known) == before


@pytest.mark.parametrize("clustered", [False, True], ids=["server", "cluster"])
async def test_a_command_is_looked_up_once(clustered: bool) -> None:
    """The value is passed on; an ordinary command of one server needs no lookup."""
    fake = FakeCluster(3, 0) if clustered else FakeServer()
    for server in [node.server for node in fake.nodes] if isinstance(fake, FakeCluster) else [fake]:
        server.on("BLPOP", [b"l", b"x"])
    lookups: list[str] = []

    def note(frame: FrameType, event: str, _arg: object) -> None:
        caller = frame.f_back
        if event != "call" or frame.f_code is not facts_of.__code__ or caller is None:
            return
        if "testing" not in Path(caller.f_code.co_filename).parts:  # the fakes look up, too
            lookups.append(caller.f_code.co_name)

    async def counted(call: Callable[[], Awaitable[object]]) -> int:
        lookups.clear()
        sys.setprofile(note)
        try:
            await call()
        finally:
            sys.setprofile(None)
        return len(lookups)

    async with fake.client() as client:
        await client.get("k")
        pipe = client.pipeline(transaction=False)
        for _ in range(100):
            pipe.get("k")
        assert await counted(lambda: client.get("k")) == 0
        assert await counted(pipe.execute) == 0
        assert await counted(lambda: client.blpop("l", timeout=1)) == 1
        assert await counted(lambda: client.execute_command("blpop", "l", 1)) == 1
        assert await counted(lambda: client.exists("k")) == clustered
        assert await counted(lambda: client.mget("a", "b", "c")) == clustered
        assert await counted(client.ping) == clustered


@pytest.mark.parametrize(
    "args",
    [
        (b"CLIENT", b"REPLY\0", b"OFF"),
        (b"CLIENT", b" REPLY"),
        (b"CLIENT REPLY OFF",),
        (b"GET k",),
        (b"MONITOR\0",),
        (b"MY.CMD\n",),
        (b"\xff",),
        ("",),
    ],
)
def test_what_no_name_can_be(args: tuple[Value, ...]) -> None:
    """G9: a name with a space or a control character is refused: a server may read another one."""
    assert args[0] not in ORDINARY or args[0] == b"CLIENT"
    with pytest.raises(DataValueError, match="the name of a command or subcommand has a space"):
        facts_of(args)


def test_names_that_need_no_lookup() -> None:
    """A name that is ordinary in one spelling only is looked up in all others."""
    assert {b"GET", b"OBJECT", b"EVAL"} <= ORDINARY
    assert not {b"get", "GET", b"CLIENT", b"Client", b"MONITOR", b"MY.CMD"} & ORDINARY
