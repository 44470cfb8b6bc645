"""Tests of `anyredis.testing.fake_scripts`: scripts and functions as Python functions."""

from __future__ import annotations

import pytest

from anyredis import NoScriptError, ResponseError, Retry
from anyredis.testing import FakeCluster, FakeServer, PythonFunction, ScriptCall
from anyredis.testing.fake_scripts import functions_in
from anyredis.testing.resp import Answer

ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
LIBRARY = """#!lua name=sums
redis.register_function('add', function(keys, args) end)
redis.register_function{
    function_name = "look", callback = function(keys, args) end, flags = {'no-writes'}
}
"""


def add(script: ScriptCall) -> Answer:
    """The script."""
    total: int = script.call("INCRBY", script.keys[0], script.args[0])
    return total


def server_with(function: PythonFunction = add) -> FakeServer:
    """A server that runs *function* for the script."""
    server = FakeServer()
    server.script(ADD, function)
    return server


async def test_a_script_is_known_once_it_was_loaded_or_run() -> None:
    """EVALSHA gets NOSCRIPT before that, and again after SCRIPT FLUSH."""
    async with server_with().client(decode_responses=True) as client:
        sha = await client.script_load(ADD)
        assert await client.evalsha(sha, 1, "n", 2) == 2
        await client.script_flush("ASYNC")
        assert await client.script_exists(sha) == [False]
        with pytest.raises(NoScriptError, match="No matching script"):
            await client.evalsha(sha, 1, "n", 2)
        assert await client.eval(ADD, 1, "n", 2) == 4
        assert await client.script_exists(sha, "0" * 40) == [True, False]
        assert await client.evalsha(sha.upper(), 1, "n", 2) == 6


async def test_without_a_python_function() -> None:
    """The error says what to write."""
    async with FakeServer().client() as client:
        with pytest.raises(ResponseError, match=r"server\.script\(lua, function\)"):
            await client.eval("return 1", 0)
        await client.function_load(LIBRARY)
        with pytest.raises(ResponseError, match=r"server\.function\('add', function\)"):
            await client.fcall("add", 0)


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (True, 1),
        (False, None),
        (2.9, 2),
        ([True, [False]], [1, [None]]),
        (b"x", b"x"),
        (ResponseError("ERR mine"), None),
    ],
)
async def test_answers(answer: Answer, reply: object) -> None:
    """An answer becomes the reply that Lua would give; an error is an error."""
    async with server_with(lambda _script: answer).client() as client:
        if isinstance(answer, ResponseError):
            with pytest.raises(ResponseError, match="ERR mine"):
                await client.eval(ADD, 0)
        else:
            assert await client.eval(ADD, 0) == reply


async def test_errors() -> None:
    """An error of a command is raised in the function; one of Python is the reply, with its name."""
    seen: list[ResponseError] = []

    def careless(script: ScriptCall) -> Answer:
        try:
            script.call("INCR", script.keys[0])
        except ResponseError as error:
            seen.append(error)
        return script.args[5]

    async with server_with(careless).client() as client:
        await client.lpush("list", 1)
        with pytest.raises(ResponseError, match="raised IndexError: list index"):
            await client.eval(ADD, 1, "list")
    assert [error.code for error in seen] == ["WRONGTYPE"]


async def test_what_a_script_may_not_do() -> None:
    """A read-only call may not write; no script may run a script, or name more keys than it has."""
    async with server_with().client() as client:
        with pytest.raises(ResponseError, match="read-only scripts"):
            await client.eval_ro(ADD, 1, "n", 1)
        for number, message in (("x", "not an integer"), ("3", "greater than number of args")):
            with pytest.raises(ResponseError, match=message):
                await client.execute_command("EVAL", ADD, number, "n", 1, *("a" * (number == "x")))
    async with server_with(lambda script: script.call("MULTI")).client() as client:
        with pytest.raises(ResponseError, match="not allowed from script"):
            await client.eval(ADD, 0)


async def test_libraries() -> None:
    """A function is there while a library that registers it is loaded."""
    server = FakeServer()
    server.function("add", add)
    async with server.client(decode_responses=True) as client:
        with pytest.raises(ResponseError, match="Function not found"):
            await client.fcall("add", 1, "n", 2)
        assert await client.function_load(LIBRARY) == "sums"
        assert await client.fcall("add", 1, "n", 2) == 2
        with pytest.raises(ResponseError, match="'sums' already exists"):
            await client.function_load(LIBRARY)
        with pytest.raises(ResponseError, match="Function already exists"):
            await client.function_load(LIBRARY.replace("sums", "others"))
        assert await client.function_load(LIBRARY, replace=True) == "sums"
        (found,) = await client.function_list(withcode=True)
        assert found.library_code == LIBRARY
        assert [each.name for each in found.functions] == ["add", "look"]
        assert await client.function_list("x*") == []
        assert await client.function_delete("sums") is True
        with pytest.raises(ResponseError, match="Library not found"):
            await client.function_delete("sums")
        await client.function_load(LIBRARY)
        assert await client.function_flush() is True
        with pytest.raises(ResponseError, match="Missing library metadata"):
            await client.function_load("return 1")


async def test_in_a_transaction() -> None:
    """A script is queued and run by EXEC, with what was loaded before it."""
    async with server_with().client() as client:
        async with client.pipeline() as pipe:
            results = [pipe.script_load(ADD), pipe.eval(ADD, 1, "n", 3), pipe.get("n")]
        assert [each.value for each in results][1:] == [3, b"3"]


async def test_in_a_cluster() -> None:
    """Each node has scripts of its own, replicas the libraries of their primary; keys are checked."""
    cluster = FakeCluster(replicas=1)
    cluster.script(ADD, add)
    cluster.function("add", add)
    far = next(key for key in "abcdefgh" if cluster.node_of(key) is not cluster.node_of("n"))
    cluster.script("foreign", lambda script: script.call("GET", far))
    async with cluster.client(decode_responses=True, retry=Retry(deadline=0)) as client:
        node = client.node_for("n")
        sha = await node.script_load(ADD)
        assert await client.evalsha(sha, 1, "n", 1) == 1
        other = next(each for each in client.primaries() if each.address != node.address)
        assert await other.script_exists(sha) == [False]
        await client.function_load(LIBRARY)
        assert [len(await each.function_list()) for each in client.nodes()] == [1] * 6
        replica = client.node(cluster.nodes[-1].address)
        with pytest.raises(ResponseError, match="READONLY"):
            await replica.function_load(LIBRARY, replace=True)
        assert await client.fcall("add", 1, "n", 1) == 2
        with pytest.raises(ResponseError, match="non local key"):
            await client.eval("foreign", 1, "n")


def test_names_of_functions() -> None:
    """Both forms of registration are read."""
    assert functions_in(LIBRARY.encode()) == [b"add", b"look"]
