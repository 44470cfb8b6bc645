"""Errors of the server that a method's docstring names, raised by real servers.

A key of another type is left out: every method on keys raises `WrongTypeError` for it.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from anyredis import Redis
from anyredis.client.session import Session
from anyredis.exceptions import NoGroupError, ResponseError
from anyredis.server import Server

Call: TypeAlias = Callable[[Session[str]], Awaitable[object]]

RAISED: list[tuple[Call, type[ResponseError]]] = [
    (lambda c: c.incr("text"), ResponseError),
    (lambda c: c.incrby("most"), ResponseError),
    (lambda c: c.decr("text"), ResponseError),
    (lambda c: c.decrby("text"), ResponseError),
    (lambda c: c.incrbyfloat("text", 1.5), ResponseError),
    (lambda c: c.hincrby("hash", "text"), ResponseError),
    (lambda c: c.hincrbyfloat("hash", "text"), ResponseError),
    (lambda c: c.zadd_incr("scores", "first", float("-inf")), ResponseError),
    (lambda c: c.zincrby("scores", float("-inf"), "first"), ResponseError),
    (lambda c: c.sort("words"), ResponseError),
    (lambda c: c.setrange("text", 2**40, "x"), ResponseError),
    (lambda c: c.rename("none", "other"), ResponseError),
    (lambda c: c.move("text", 0), ResponseError),
    (lambda c: c.move("text", 99), ResponseError),
    (lambda c: c.copy("text", "text"), ResponseError),
    (lambda c: c.restore("new", 0, b"nonsense"), ResponseError),
    (lambda c: c.geosearch("places", member="none", radius=1), ResponseError),
    (lambda c: c.xadd("entries", {"a": 1}, "0-1"), ResponseError),
    (lambda c: c.xsetid("none", "1-1"), ResponseError),
    (lambda c: c.xsetid("entries", "0-1"), ResponseError),
    (lambda c: c.xgroup_setid("entries", "none", "0"), NoGroupError),
    (lambda c: c.xgroup_createconsumer("entries", "none", "me"), NoGroupError),
    (lambda c: c.xgroup_delconsumer("entries", "none", "me"), NoGroupError),
    (lambda c: c.xgroup_destroy("none", "group"), ResponseError),
    (lambda c: c.xpending("entries", "none"), NoGroupError),
    (lambda c: c.xpending_range("entries", "none", "-", "+", 1), NoGroupError),
    (lambda c: c.xautoclaim("entries", "none", "me", 0), NoGroupError),
    (lambda c: c.xclaim("entries", "none", "me", 0, "1-1"), NoGroupError),
    (lambda c: c.xinfo_stream("none"), ResponseError),
    (lambda c: c.xinfo_groups("none"), ResponseError),
    (lambda c: c.config_set("no-such-setting", 1), ResponseError),
    (lambda c: c.swapdb(0, 99), ResponseError),
    (lambda c: c.select(99), ResponseError),
    (lambda c: c.acl_load(), ResponseError),
    (lambda c: c.acl_save(), ResponseError),
    (lambda c: c.acl_cat("no-such-category"), ResponseError),
    (lambda c: c.acl_deluser("default"), ResponseError),
    (lambda c: c.acl_dryrun("nobody", "GET", "k"), ResponseError),
    (lambda c: c.acl_setuser("me", commands=["+no-such-command"]), ResponseError),
    (lambda c: c.acl_setuser_rules("me", "no-such-rule"), ResponseError),
    (lambda c: c.module_load("/no/such/module.so"), ResponseError),
    (lambda c: c.module_unload("none"), ResponseError),
    (lambda c: c.failover(), ResponseError),
    (lambda c: c.failover_abort(), ResponseError),
    (lambda c: c.waitaof(1, 0, 1), ResponseError),
    (lambda c: c.function_restore(b"nonsense"), ResponseError),
    (lambda c: c.command_getkeys("PING"), ResponseError),
    (lambda c: c.cluster_info(), ResponseError),
    (lambda c: c.client_kill("127.0.0.1:1"), ResponseError),
    (lambda c: c.object_freq("text"), ResponseError),
    (lambda c: c.lset("none", 0, "x"), ResponseError),
]


@pytest.fixture(params=["valkey", "redis8"])
async def session(request: pytest.FixtureRequest) -> AsyncIterator[Session[str]]:
    """A session on each server, which has a key of each kind."""
    server: Server = request.getfixturevalue(request.param)
    async with (
        Redis(host=server.host, port=server.port, decode_responses=True) as client,
        client.session() as session,
    ):
        await session.mset({"text": "x", "most": 2**63 - 1})
        await session.hset("hash", "text", "x")
        await session.zadd("scores", {"first": float("inf")})
        await session.rpush("words", "one", "two")
        await session.geoadd("places", [(13.4, 52.5, "Berlin")])
        await session.xadd("entries", {"a": 1}, "1-1")
        yield session


class Names:
    """Gives the name of the method that a call is about."""

    def __getattr__(self, name: str) -> Callable[..., str]:
        return lambda *_args, **_options: name


def name_of(call: Any) -> str:
    """The name of the method that *call* calls."""
    return str(call(Names()))


async def outcome(session: Session[str], call: Call) -> object:
    """The class of the error of a call, otherwise its value."""
    try:
        return await call(session)
    except ResponseError as error:
        return type(error)


async def test_each_error_is_raised(session: Session[str]) -> None:
    """The server answers with that error."""
    found = [(name_of(call), await outcome(session, call), error) for call, error in RAISED]
    assert [(name, told) for name, told, error in found if told is not error] == []


def test_each_error_is_in_the_docstring() -> None:
    """It says what is raised."""
    found = [(name_of(call), error.__name__) for call, error in RAISED]
    texts = {name: inspect.getdoc(getattr(Session, name)) or "" for name, _ in found}
    assert [(name, error) for name, error in found if f"`{error}`" not in texts[name]] == []
