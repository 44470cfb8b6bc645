"""Keyspace events: the channels for a call, the events in the stream, and servers without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anyredis import (
    DataTypeError,
    DataValueError,
    Dropped,
    Gap,
    KeyEvent,
    KeyspaceEvents,
    PubSubError,
    Redis,
    RedisCluster,
    SubscriptionOverflowError,
)
from anyredis.exceptions import from_server
from anyredis.server import Server
from anyredis.testing import FakeServer
from tests.commands.tables import unchecked

CALLS: list[tuple[Callable[[Redis[str]], KeyspaceEvents[str]], list[str], list[str]]] = [
    (lambda client: client.keyspace_events(), [], ["__keyspace@0__:*"]),
    (lambda client: client.keyspace_events("a*"), [], ["__keyspace@0__:a*"]),
    (lambda client: client.keyspace_events("a"), ["__keyspace@0__:a"], []),
    (
        lambda client: client.keyspace_events(["a", "b*"], b"c[1]"),
        ["__keyspace@0__:a"],
        ["__keyspace@0__:b*", "__keyspace@0__:c[1]"],
    ),
    (lambda client: client.keyspace_events("a", db=3), ["__keyspace@3__:a"], []),
    (lambda client: client.keyspace_events(events="set"), ["__keyevent@0__:set"], []),
    (
        lambda client: client.keyspace_events(events=["set", "del"]),
        ["__keyevent@0__:del", "__keyevent@0__:set"],
        [],
    ),
    (lambda client: client.keyspace_events("a*", events=["set"]), [], ["__keyspace@0__:a*"]),
]


@pytest.mark.parametrize(("call", "channels", "patterns"), CALLS)
async def test_channels(
    call: Callable[[Redis[str]], KeyspaceEvents[str]], channels: list[str], patterns: list[str]
) -> None:
    """The server filters by key; plain keys are channels, which cost it less than patterns."""
    server = FakeServer()
    async with server.client(decode_responses=True) as client, call(client):
        assert server.memory.pubsub.names() == {each.encode() for each in channels}
        assert server.memory.pubsub.names("psubscribe") == {each.encode() for each in patterns}


async def test_the_database_of_the_client() -> None:
    """Without db=, it is the one that the client uses."""
    server = FakeServer()
    async with (
        server.client(decode_responses=True, db=2) as client,
        client.keyspace_events("a") as events,
    ):
        server.memory.pubsub.deliver(b"__keyspace@2__:a", b"set")
        assert await anext(events) == KeyEvent("a", "set", 2)


async def test_events_of_keys() -> None:
    """Each has key, event and database; events that were not asked for are left out."""
    server = FakeServer()
    async with server.client(decode_responses=True) as client:
        async with client.keyspace_events("a:*", "b", events=["set", "del"]) as events:
            tell = server.memory.pubsub.deliver
            tell(b"__keyspace@0__:a:1", b"expire")
            tell(b"__keyspace@0__:a:1", b"set")
            tell(b"__keyspace@0__:b", b"del")
            found = [await anext(events), await anext(events)]
            assert found == [KeyEvent("a:1", "set", 0), KeyEvent("b", "del", 0)]
            assert [each.kind for each in found] == ["key", "key"]
        async with client.keyspace_events(events="expired") as events:
            server.memory.pubsub.deliver(b"__keyevent@0__:expired", b"a__:b")
            assert await anext(events) == KeyEvent("a__:b", "expired", 0)


async def test_keys_that_are_bytes() -> None:
    """A client that does not decode gives keys as bytes, and events as str."""
    server = FakeServer()
    async with server.client() as client, client.keyspace_events(b"\xff*") as events:
        server.memory.pubsub.deliver(b"__keyspace@0__:\xff\x00", b"set")
        assert await anext(events) == KeyEvent(b"\xff\x00", "set", 0)


async def test_a_gap() -> None:
    """A lost connection is told in the stream."""
    server = FakeServer()
    async with (
        server.client(decode_responses=True) as client,
        client.keyspace_events("a*") as events,
    ):
        server.reset()
        gap = await anext(events)
        assert isinstance(gap, Gap)
        assert gap.patterns == {"__keyspace@0__:a*"}
        server.memory.pubsub.deliver(b"__keyspace@0__:a", b"set")
        assert await anext(events) == KeyEvent("a", "set", 0)


async def test_a_full_buffer() -> None:
    """Events that are not read in time are dropped and counted, or end the stream."""
    server = FakeServer()
    async with server.client(decode_responses=True) as client:
        async with client.keyspace_events("a", max_messages=2, on_full="drop_oldest") as events:
            for word in (b"set", b"del", b"set"):
                server.memory.pubsub.deliver(b"__keyspace@0__:a", word)
            await client.ping()
            assert await anext(events) == Dropped(1)
            assert await anext(events) == KeyEvent("a", "del", 0)
        async with client.keyspace_events("a", max_messages=1, on_full="fail") as events:
            for _ in range(2):
                server.memory.pubsub.deliver(b"__keyspace@0__:a", b"set")
            await client.ping()
            assert await anext(events) == KeyEvent("a", "set", 0)
            with pytest.raises(SubscriptionOverflowError):
                await anext(events)


# -- the setting of the server ----------------------------------------------------------------------


SETTINGS: list[tuple[str, dict[str, Any], str | None]] = [
    ("", {}, "'A' and 'K'"),
    ("K", {}, "'A'"),
    ("KA", {}, None),
    ("Kg", {}, None),
    ("EA", {}, "'K'"),
    ("KA", {"events": "set"}, "'E'"),
    ("EA", {"events": "set"}, None),
    ("Eg", {"events": ["set", "del"]}, r"'\$'"),
    ("E", {"events": ["set", "expired"]}, r"'\$' and 'x'"),
    ("EA", {"events": ["keymiss"]}, "'m'"),
    ("EAm", {"events": ["keymiss"]}, None),
    ("E", {"events": "module.word"}, None),
]


@pytest.mark.parametrize(("flags", "arguments", "missing"), SETTINGS)
async def test_events_that_are_turned_off(
    flags: str, arguments: dict[str, Any], missing: str | None
) -> None:
    """Entering raises an error with the setting and the flags that are missing, and sends no more."""
    server = FakeServer()
    server.on("CONFIG", {b"notify-keyspace-events": flags.encode()})
    async with server.client(decode_responses=True) as client:
        events = client.keyspace_events(**arguments)
        if missing is None:
            async with events:
                assert server.count("SUBSCRIBE") + server.count("PSUBSCRIBE") == 1
            return
        with pytest.raises(PubSubError, match=f"notify-keyspace-events is .*without {missing}"):
            await events.__aenter__()
        assert server.count("SUBSCRIBE") + server.count("PSUBSCRIBE") == 0
        assert client.connection_pool.leased == 0


@pytest.mark.parametrize("error", ["NOPERM no CONFIG for you", "ERR unknown command 'CONFIG'"])
async def test_a_server_that_does_not_tell_its_setting(error: str) -> None:
    """The events are subscribed all the same."""
    server = FakeServer()
    server.on("CONFIG", from_server(error))
    async with server.client(decode_responses=True) as client, client.keyspace_events("a"):
        assert server.memory.pubsub.names() == {b"__keyspace@0__:a"}


MISTAKES: list[tuple[type[Exception], str, dict[str, Any]]] = [
    (DataTypeError, "events has b'set'", {"events": [b"set"]}),
    (DataValueError, "db is -1", {"db": -1}),
    (DataValueError, "on_full has to be", {"on_full": "block"}),
    (DataValueError, "max_messages", {"max_messages": 0}),
]


@pytest.mark.parametrize(("error", "message", "arguments"), MISTAKES)
async def test_mistakes(error: type[Exception], message: str, arguments: dict[str, Any]) -> None:
    """A wrong argument is refused at the call."""
    async with FakeServer().client(decode_responses=True) as client:
        with pytest.raises(error, match=message):
            client.keyspace_events(**arguments)
        with pytest.raises(DataTypeError, match="numbers are no keys"):
            unchecked(client.keyspace_events)(1)


# -- a real server ----------------------------------------------------------------------------------


async def test_what_redis_py_says_instead() -> None:
    """Its names say what to write, and are missing for programs that look for them."""
    client: Any = FakeServer().client()
    with pytest.raises(AttributeError, match=r"with client\.keyspace_events\('user:\*', events=\["):
        client.keyspace_notifications(key_prefix="user:")
    with pytest.raises(AttributeError, match=r"with client\.keyspace_events"):
        RedisCluster("h").keyspace_notifications  # noqa: B018
    events = client.keyspace_events()
    names = ["get_message", "listen", "refresh_subscriptions", "run", "subscribe", "unsubscribe"]
    for name in (*names, "subscribe_keyevent", "subscribe_keyspace"):
        assert not hasattr(events, name)
        with pytest.raises(AttributeError, match=f"^KeyspaceEvents has no {name}\\(\\): "):
            getattr(events, name)


async def test_a_real_server(private_server: Server) -> None:
    """It says that events are off, and once they are on, they come."""
    async with Redis(
        host=private_server.host, port=private_server.port, decode_responses=True
    ) as client:
        with pytest.raises(PubSubError, match="CONFIG SET notify-keyspace-events AK"):
            await client.keyspace_events("user:*").__aenter__()
        await client.config_set("notify-keyspace-events", "KEA")
        async with (
            client.keyspace_events("user:*") as of_users,
            client.keyspace_events(events=["del", "expired"]) as ends,
        ):
            await client.set("user:1", "x", px=1)
            await client.set("other", "x")
            await client.delete("other")
            assert await anext(of_users) == KeyEvent("user:1", "set", 0)
            assert await anext(of_users) == KeyEvent("user:1", "expire", 0)
            assert {await anext(ends), await anext(ends)} == {
                KeyEvent("other", "del", 0),
                KeyEvent("user:1", "expired", 0),
            }
            assert await anext(of_users) == KeyEvent("user:1", "expired", 0)
