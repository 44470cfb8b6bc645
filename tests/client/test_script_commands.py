"""Scripts in pipelines: the text is loaded in the same block, so that no server lacks it."""

from __future__ import annotations

import pytest

from anyredis import ConnectionError, ExecAbortError, NoScriptError, ResponseError, Retry, Script
from anyredis.client.batch import CommandBatch
from anyredis.client.script_commands import ScriptCommand, is_lacking
from anyredis.command import Command
from anyredis.exceptions import WatchError, from_server
from anyredis.testing import FakePeer, FakeServer, run_then_reset
from anyredis.testing.data import Words
from anyredis.testing.resp import Answer
from anyredis.wire.encode import encoder
from tests.client.scripted import ADD, LOOK, teach
from tests.client.test_scripts import names, taught

ADDING, LOOKING = Script(ADD), Script(LOOK, read_only=True)

BLOCKS = pytest.mark.parametrize("transaction", [True, False], ids=["transaction", "pipeline"])


def test_the_call_by_text() -> None:
    """EVALSHA becomes EVAL, EVALSHA_RO becomes EVAL_RO, with the same keys and arguments."""
    command = ADDING.command("n", [1], lambda _reply: 7, binary=True)
    assert isinstance(command, ScriptCommand)
    by_text = command.by_text
    assert by_text.args == (b"EVAL", ADD.encode(), 1, "n", 1)
    assert (by_text.binary, by_text.parse(None)) == (True, 7)
    reading: Command[object] = LOOKING.command("n")
    assert isinstance(reading, ScriptCommand)
    assert reading.by_text.args == (b"EVAL_RO", LOOK.encode(), 1, "n")


def test_the_servers_own_noscript() -> None:
    """Valkey's and Redis's words, and no others."""
    assert is_lacking(from_server("NOSCRIPT No matching script."))
    assert is_lacking(from_server("NOSCRIPT No matching script. Please use EVAL."))
    assert not is_lacking(from_server("NOSCRIPT No matching script"))
    assert not is_lacking(ResponseError("NOSCRIPT No matching script."))
    assert not is_lacking("NOSCRIPT No matching script.")


@BLOCKS
def test_each_text_is_loaded_once(transaction: bool) -> None:
    """Before all commands and, in a transaction, within it."""
    commands: list[Command[object]] = [
        ADDING.command("a"),
        LOOKING.command("a"),
        ADDING.command("b"),
    ]
    batch = CommandBatch(commands, transaction=transaction, asking=False)
    ((payload, count),) = batch.chunks(encoder())
    assert count == batch.expected == (7 if transaction else 5)
    words = [b"MULTI", b"LOAD", b"LOAD", b"EVALSHA", b"EVALSHA_RO", b"EVALSHA", b"EXEC"]
    found = [line for line in payload.split(b"\r\n") if line in words]
    assert found == (words if transaction else words[1:-1])


@BLOCKS
async def test_a_server_that_lacks_them(transaction: bool) -> None:
    """All scripts run, in their order among the other commands."""
    server = taught()
    async with server.client(decode_responses=True) as client:
        async with client.pipeline(transaction) as pipe:
            results = [
                pipe.script(ADDING, ["n"], [1]),
                pipe.set("n", 10),
                pipe.script(ADDING, ["n"], [1]),
                pipe.script(LOOKING, "n"),
            ]
        assert [result.value for result in results] == [1, True, 11, "11"]
        async with client.session() as session:
            async with session.pipeline(transaction) as pipe:
                result = pipe.script(ADDING, ["n"], [1])
            assert result.value == 12
    assert server.count("SCRIPT") == 3
    assert server.count("EVAL") == 0


@BLOCKS
async def test_a_hundred_of_one(transaction: bool) -> None:
    """One load for all of them, in one piece."""
    server = taught()
    async with server.client() as client:
        async with client.pipeline(transaction) as pipe:
            results = [pipe.script(ADDING, ["n"], [1]) for _ in range(100)]
        assert [result.value for result in results] == list(range(1, 101))
    assert server.count("SCRIPT") == 1


def lacking(times: int) -> tuple[FakeServer, list[int]]:
    """A server on which another client flushes the scripts after the first *times* loads."""
    server = taught()
    loads: list[int] = []

    def load_and_flush(peer: FakePeer, words: Words) -> Answer:
        answer = peer.run(words)
        if words[1].upper() == b"LOAD" and len(loads) < times:
            loads.append(1)
            server.memory.scripts.loaded.clear()
        return answer

    server.on("SCRIPT", load_and_flush)
    return server, loads


async def test_flushed_between_load_and_call() -> None:
    """The scripts that the server lacks all the same are sent with their text, and run once each."""
    server, loads = lacking(1)
    async with server.client(decode_responses=True) as client:
        async with client.pipeline(transaction=False) as pipe:
            results = [
                pipe.script(ADDING, ["n"], [1]),
                pipe.incr("other"),
                pipe.script(ADDING, ["n"], [1]),
            ]
        assert [result.value for result in results] == [1, 1, 2]
        assert await client.mget("n", "other") == ["2", "1"]
    assert loads == [1]
    assert names(server)[1:-1] == ["EVALSHA", "INCRBY", "EVALSHA", "EVAL", "EVAL"]


async def test_lost_after_that() -> None:
    """If their connection is lost, the others keep their replies."""
    server, _ = lacking(1)
    server.on("EVAL", run_then_reset)
    async with server.client(decode_responses=True) as client:
        async with client.pipeline(transaction=False, raise_on_error=False) as pipe:
            script, other = pipe.script(ADDING, ["n"], [1]), pipe.incr("other")
        assert other.value == 1
        assert isinstance(script.error, ConnectionError)
        assert await client.get("n") == "1"


@BLOCKS
async def test_a_script_that_does_not_compile(transaction: bool) -> None:
    """Its calls get the error of its load, the other commands run."""
    server = taught()
    wrong = from_server("ERR Error compiling script (new function): user_script:1: oh")

    memory = server.memory
    run = memory._commands[b"SCRIPT"]
    memory._commands[b"SCRIPT"] = lambda client, words: (
        wrong if words[-1] == ADD.encode() else run(client, words)
    )
    async with server.client(decode_responses=True) as client:
        pipe = client.pipeline(transaction)
        bad, good, other = pipe.script(ADDING, "n", 1), pipe.script(LOOKING, "n"), pipe.incr("n")
        with pytest.raises(ResponseError, match=r"Error compiling.*\(command 1 of 3"):
            await pipe.execute()
        assert str(bad.error) == str(wrong)
        assert (good.value, other.value) == (None, 1)


async def test_a_load_that_is_not_allowed() -> None:
    """A transaction is then not run, and says why."""
    server = taught()
    denied = from_server("NOPERM User default has no permissions to run the 'script|load' command")

    def deny(peer: FakePeer, words: Words) -> Answer:
        peer.state.dirty = True
        return denied

    server.on("SCRIPT", deny)
    async with server.client(decode_responses=True) as client:
        pipe = client.pipeline()
        other, script = pipe.incr("n"), pipe.script(ADDING, "n", 1)
        with pytest.raises(ResponseError, match=r"NOPERM.*\(command 2 of 2"):
            await pipe.execute()
        assert isinstance(other.error, ExecAbortError)
        assert str(script.error) == str(denied)
        assert await client.get("n") is None


async def test_a_load_that_is_refused_for_a_while() -> None:
    """LOADING says nothing about the script: the call is sent with its text then."""
    server = taught()
    server.on("SCRIPT", from_server("LOADING Redis is loading"), times=1)
    async with server.client(retry=None) as client:
        async with client.pipeline(transaction=False) as pipe:
            result = pipe.script(ADDING, "n", 1)
        assert result.value == 1
    assert server.count("EVAL") == 1


async def test_all_refused_for_a_while() -> None:
    """A block that the server refused as a whole is sent again, loads and all."""
    server = taught()
    for name in ("SCRIPT", "EVALSHA"):
        server.on(name, from_server("LOADING Redis is loading"), times=1)
    reading = Script(LOOK, read_only=True)
    server.on("EVALSHA_RO", from_server("LOADING Redis is loading"), times=1)
    async with server.client(retry=Retry(deadline=10)) as client:
        async with client.pipeline(transaction=False) as pipe:
            result = pipe.script(reading, "n")
        assert result.value is None
    assert (server.count("SCRIPT"), server.count("EVALSHA_RO")) == (2, 2)


async def test_a_watched_key() -> None:
    """A transaction with a script is not executed if a watched key changed."""
    server = taught()
    async with server.client() as client, client.session() as session:
        await session.watch("n")
        await client.set("n", 5)
        pipe = session.pipeline()
        pipe.script(ADDING, "n", 1)
        with pytest.raises(WatchError):
            await pipe.execute()
        assert await client.get("n") == b"5"


async def test_a_script_error_in_a_pipeline_is_not_repeated() -> None:
    """A script that fails with words of a refusal has run: the block is not sent again (G11)."""
    server = taught()
    runs: list[int] = []

    def fail(script: object) -> Answer:
        runs.append(1)
        return from_server("LOADING Redis is loading")

    server.script(ADD, fail)
    async with server.client() as client:
        async with client.pipeline(transaction=False, raise_on_error=False) as pipe:
            result = pipe.script(ADDING, "n", 1)
        assert str(result.error) == "LOADING Redis is loading"
    assert runs == [1]


async def test_evalsha_alone_is_left_alone() -> None:
    """A plain EVALSHA in a pipeline loads nothing: its error is the caller's."""
    server = taught()
    teach(server)
    async with server.client() as client:
        async with client.pipeline(transaction=False, raise_on_error=False) as pipe:
            result = pipe.evalsha(ADDING.sha, 1, "n", 1)
        assert isinstance(result.error, NoScriptError)
    assert names(server) == ["EVALSHA"]
