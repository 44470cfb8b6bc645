"""Scripts as objects: EVALSHA first, the text to a server that lacks it, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from anyredis import (
    ConnectionError,
    DataError,
    NoScriptError,
    Outcome,
    ResponseError,
    Script,
)
from anyredis.exceptions import BusyLoadingError, from_server
from anyredis.testing import FakeServer, run_then_reset
from tests.client.scripted import ADD, LOOK, teach

SHA = "8cd00688c05c46bde4a2e60658ef20a2e5c0b248"


def taught() -> FakeServer:
    """A fake server that runs the scripts."""
    server = FakeServer()
    teach(server)
    return server


def names(server: FakeServer) -> list[str]:
    """The commands that the server received, without those of the handshake."""
    received = [words[0].decode() for words in server.received]
    return [name for name in received if name not in ("HELLO", "CLIENT")]


def test_the_sha1_is_computed_here() -> None:
    """Of the text in UTF-8; text and bytes are one script."""
    assert Script(ADD).sha == SHA
    assert Script(ADD.encode()).sha == SHA
    assert repr(Script(ADD)) == f"<Script {SHA}>"
    assert Script("return 'é'").sha == Script("return 'é'".encode()).sha


async def test_the_text_is_sent_once() -> None:
    """A server that lacks the script gets its text, and keeps it."""
    server = taught()
    async with server.client() as client:
        script = client.register_script(ADD)
        assert script.registered_client is client
        assert script.script == ADD
        assert [await script(["n"], [2]), await script(keys="n", args=3)] == [2, 5]
    assert names(server) == ["EVALSHA", "EVAL", "EVALSHA"]
    assert server.received[-1] == (b"EVALSHA", SHA.encode(), b"1", b"n", b"3")


async def test_one_script_for_many_clients() -> None:
    """A script without a client takes one in each call, one with a client any other; sessions too."""
    one, two = taught(), taught()
    async with one.client() as first, two.client() as second:
        free, bound = Script(ADD), first.register_script(ADD)
        assert await free(["n"], [1], client=first) == 1
        assert await bound(["n"], [1], client=second) == 1
        assert await bound(["n"], [1], second) == 2
        async with second.session() as session:
            assert await session.register_script(ADD)(["n"], [1]) == 3
            assert await free(["n"], [1], client=session) == 4
    assert one.memory.databases[0][b"n"] == b"1"


async def test_read_only() -> None:
    """A script that only reads is sent by EVALSHA_RO and EVAL_RO."""
    server = taught()
    async with server.client(decode_responses=True) as client:
        await client.set("k", "v")
        script = client.register_script(LOOK, read_only=True)
        assert [await script("k"), await script("k")] == ["v", "v"]
        with pytest.raises(ResponseError, match="Write commands are not allowed"):
            await client.register_script(ADD, read_only=True)("n", 1)
    assert names(server)[1:4] == ["EVALSHA_RO", "EVAL_RO", "EVALSHA_RO"]


# -- nothing runs twice (G11) -------------------------------------------------------------------

MADE_BY_SCRIPTS = [
    "NOSCRIPT No such thing",
    "NOSCRIPT No matching script. Please use EVAL. Or not.",
    "ERR user_script:1: NOSCRIPT No matching script. Please use EVAL. script: x",
    "READONLY You can't write against a read only replica.",
    "LOADING Redis is loading the dataset in memory",
    "TRYAGAIN Multiple keys request during rehashing of slot",
]


@pytest.mark.parametrize("message", MADE_BY_SCRIPTS)
async def test_an_error_of_the_script_is_never_repeated(message: str) -> None:
    """Only the server's own NOSCRIPT proves that nothing ran: no other error is sent again (G11)."""
    server = taught()

    def fail(script: Any) -> Any:
        script.call("INCR", "runs")
        return from_server(message)

    server.script(ADD, fail)
    async with server.client() as client:
        await client.script_load(ADD)
        with pytest.raises((ResponseError, BusyLoadingError)) as failed:
            await client.register_script(ADD)("n", 1)
        assert str(failed.value) == message
        assert await client.get("runs") == b"1"
    assert server.count("EVALSHA") == 1
    assert server.count("EVAL") == 0


@pytest.mark.parametrize(
    "message", ["NOSCRIPT No matching script.", "NOSCRIPT No matching script. Please use EVAL."]
)
async def test_a_script_that_makes_that_very_error(message: str) -> None:
    """Its text has the word, so it is sent by EVAL, and its error is not the server's own (G11)."""
    server = FakeServer()
    text = f"redis.call('INCR', KEYS[1]); return redis.error_reply('{message}')"

    def fail(script: Any) -> Any:
        script.call("INCR", script.keys[0])
        return from_server(message)

    server.script(text, fail)
    async with server.client() as client:
        with pytest.raises(NoScriptError):
            await client.register_script(text)("n")
        async with client.pipeline(transaction=False, raise_on_error=False) as pipe:
            assert pipe.script(Script(text), "n").error is None
        assert await client.get("n") == b"2"
    assert names(server) == ["EVAL", "EVAL", "GET"]


async def test_a_lost_reply() -> None:
    """A script whose reply was lost is not sent again: it may have run (G11)."""
    server = taught()
    server.on("EVALSHA", run_then_reset, times=1)
    async with server.client() as client:
        await client.script_load(ADD)
        with pytest.raises(ConnectionError) as lost:
            await client.register_script(ADD)("n", 1)
        assert lost.value.outcome is Outcome.UNKNOWN
        assert await client.get("n") == b"1"
    assert server.count("EVALSHA") == 1


async def test_a_lost_reply_to_the_text() -> None:
    """The same for the call with the text, after NOSCRIPT (G11)."""
    server = taught()
    server.on("EVAL", run_then_reset, times=1)
    async with server.client() as client:
        with pytest.raises(ConnectionError) as lost:
            await client.register_script(ADD)("n", 1)
        assert lost.value.outcome is Outcome.UNKNOWN
        assert await client.get("n") == b"1"
    assert (server.count("EVALSHA"), server.count("EVAL")) == (1, 1)


async def test_a_lost_reply_of_a_script_that_only_reads() -> None:
    """It is sent again: two runs are as good as one."""
    server = taught()
    server.on("EVALSHA_RO", run_then_reset, times=1)
    async with server.client() as client:
        await client.set("k", "v")
        await client.script_load(LOOK)
        assert await client.register_script(LOOK, read_only=True)("k") == b"v"
    assert server.count("EVALSHA_RO") == 2


# -- refusals -----------------------------------------------------------------------------------


async def test_a_pipeline_as_client() -> None:
    """redis-py's form for pipelines is refused at once, and names ours."""
    server = taught()
    async with server.client() as client:
        script, pipe = client.register_script(ADD), client.pipeline()
        with pytest.raises(DataError, match=r"pipe\.script\(script, keys=\.\.\., args=\.\.\.\)"):
            cast("Any", script)(["n"], [1], client=pipe)
        with pytest.raises(DataError, match=r"pipe\.script takes a Script, not str"):
            cast("Any", pipe).script(script.sha, ["n"])
        with pytest.raises(DataError, match=r"make the script with client\.register_script\(lua\)"):
            cast("Any", pipe).register_script(ADD)
        assert len(pipe) == 0
    assert names(server) == []


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: Script(ADD)(["n"]), "bound to no client: give client="),
    (lambda: Script(""), "lua is empty"),
    (lambda: cast("Any", Script)(7), "lua has to be str or bytes, not int"),
    (lambda: Script("\ud800"), "UTF-8 cannot express"),
    (lambda: cast("Any", Script)(ADD, read_only="yes"), "read_only is 'yes'"),
    (lambda: Script(ADD).command(cast("Any", [1])), "numbers are no keys"),
    (lambda: Script(ADD).command(cast("Any", 1)), "numbers are no keys"),
    (lambda: Script(ADD).command(cast("Any", [["n"]])), "give one flat list"),
    (lambda: Script(ADD).command(cast("Any", {"n": 1})), "a mapping"),
    (lambda: Script(ADD).command("n", cast("Any", [None])), "Script: args[0] is None"),
    (lambda: Script(ADD).command("n", cast("Any", [1, True])), "Script: args[1] is True"),
    (lambda: Script(ADD).command("n", cast("Any", iter([1]))), "read only once"),
    (lambda: cast("Any", Script(ADD))(key="n"), "has no argument 'key'"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[message for _, message in WRONG])
def test_mistakes(call: Callable[[], object], message: str) -> None:
    """A call that makes no sense is refused when it is made."""
    with pytest.raises(DataError) as refused:
        call()
    assert message in str(refused.value)


def test_words() -> None:
    """Keys and arguments may be one, several or none, in any collection; as in redis-py also None."""
    script = Script(ADD)
    assert script.command().args[2:] == (0,)
    assert script.command(None, None).args[2:] == (0,)
    assert script.command([], ()).args[2:] == (0,)
    assert script.command(["a", b"b"], [1, "x", 2.5]).args[2:] == (2, "a", b"b", 1, "x", 2.5)
    assert script.command("a", bytearray(b"x")).args[2:] == (1, "a", b"x")
    assert script.command({"a"}, {7}).args[2:] == (1, "a", 7)
