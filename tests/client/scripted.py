"""Scripts for tests, with the Python functions that stand for them on fake servers."""

from __future__ import annotations

from anyredis.testing import Answer, FakeCluster, FakeServer, ScriptCall

ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
LOOK = "return redis.call('GET', KEYS[1])"
FAIL = "redis.call('INCR', KEYS[1]); return redis.error_reply(ARGV[1])"

LIBRARY = """#!lua name=sums
redis.register_function('add', function(keys, args)
    return redis.call('INCRBY', keys[1], args[1])
end)
redis.register_function{
    function_name = 'look',
    callback = function(keys, args) return redis.call('GET', keys[1]) end,
    flags = {'no-writes'}
}
"""


def add(script: ScriptCall) -> Answer:
    """`ADD`, and the function `add`."""
    total: int = script.call("INCRBY", script.keys[0], script.args[0])
    return total


def look(script: ScriptCall) -> Answer:
    """`LOOK`, and the function `look`."""
    value: bytes | None = script.call("GET", script.keys[0])
    return value


def teach(server: FakeServer | FakeCluster) -> None:
    """Register the Python functions at *server*."""
    server.script(ADD, add)
    server.script(LOOK, look)
    server.function("add", add)
    server.function("look", look)
