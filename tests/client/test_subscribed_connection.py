"""Tests of subscribed connections: reconnecting, silence, leases, failing tasks."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest

from anyredis import (
    AuthenticationError,
    BlockingConnectionPool,
    BusyScriptError,
    ConnectionError,
    Message,
    Redis,
    SubscriptionChange,
)
from anyredis.client import subscribed_connection
from anyredis.exceptions import from_server
from anyredis.testing import NOTHING, Answer, FakePeer, silent
from tests.blocked_tasks import all_tasks_blocked, cancelled_once_blocked
from tests.client.subscription_server import SubscriptionServer, next_of, subscriber_of
from tests.contract.clients_and_taps import until

SHARED: dict[str, Any] = {"on_full": "drop_oldest", "ignore_subscribe_messages": True}


async def test_it_connects_again_until_it_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    """While the server is down it tries further, logs that once, and tells one gap afterwards."""
    server = SubscriptionServer()
    async with (
        server.text_client(retry=None) as client,
        client.subscribe("a") as one,
    ):
        server.down = True
        server.reset()
        with caplog.at_level(logging.WARNING):
            await until(lambda: "cannot subscribe again" in caplog.text)
            with pytest.raises(ConnectionError):
                await one.subscribe("b")
        assert caplog.text.count("cannot subscribe again") == 1
        assert one.channels == {"a": None}
        assert client.connection_pool.free == client.connection_pool.capacity - 1
        server.down = False
        gap = await next_of(one)
        assert gap.kind == "gap"
        assert gap.channels == {"a"}
        assert server.subscribers(b"a") == 1


class Pauses:
    """Notes the failures for which it is asked for a pause, of which there is none."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def delay(self, failures: int) -> float:
        """No pause."""
        self.asked.append(failures)
        return 0.0


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of failures for which a connection has paused."""
    backoff = Pauses()
    monkeypatch.setattr(subscribed_connection, "RECONNECT", backoff)
    return backoff.asked


REFUSED = [
    "BUSY Redis is busy running a script.",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down",
]


@pytest.mark.parametrize("on_full", ["wait", "drop_oldest"])
@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text.split()[0])
async def test_a_refusal_that_passes_is_no_end(pauses: list[int], on_full: Any, text: str) -> None:
    """A server that cannot subscribe again now is asked again, after growing pauses."""
    server = SubscriptionServer()
    async with (
        server.text_client() as client,
        client.subscribe("a", "b", on_full=on_full) as messages,
    ):
        server.on("SUBSCRIBE", from_server(text), times=3)
        server.reset()
        gap = await next_of(messages)
        assert gap.kind == "gap"
        assert gap.channels == {"a", "b"}
        assert pauses == [1, 2, 3, 4]
        server.publish(b"b", b"1")
        assert await next_of(messages) == Message("message", "b", "1")


async def test_a_refusal_of_a_new_channel_is_for_its_caller() -> None:
    """A call is told the server's refusal at once, and nothing else is lost by it."""
    server = SubscriptionServer()
    async with server.text_client() as client, client.subscribe("a") as messages:
        before = subscriber_of(server, b"a")
        server.on("SUBSCRIBE", from_server(REFUSED[0]), times=1)
        with pytest.raises(BusyScriptError):
            await messages.subscribe("b")
        assert messages.channels == {"a": None}
        assert subscriber_of(server, b"a") is before


async def test_a_server_that_hangs_up_is_not_asked_without_pauses(pauses: list[int]) -> None:
    """If each connection breaks before the acknowledgement, the pauses grow."""
    server = SubscriptionServer()
    async with server.text_client() as client, client.subscribe("a") as messages:

        def hang_up(peer: FakePeer, _words: object) -> Answer:
            peer.reset()
            return NOTHING

        server.on("SUBSCRIBE", hang_up, times=3)
        server.reset()
        assert (await next_of(messages)).kind == "gap"
        assert pauses == [1, 2, 3, 4]


async def test_a_login_that_is_refused_is_the_end() -> None:
    """If the server does not accept the password any more, the reader is told, and nothing is tried."""
    server = SubscriptionServer()
    async with server.text_client() as client:
        async with client.subscribe("a") as one, client.subscribe("b", on_full="fail") as other:
            server.on("HELLO", from_server("WRONGPASS invalid username-password pair"))
            server.reset()
            for messages in (one, other):
                with pytest.raises(AuthenticationError, match="WRONGPASS"):
                    await next_of(messages)
        assert client.connection_pool.leased == 0


async def test_a_call_during_an_outage_ends_with_the_next_connection() -> None:
    """A subscribe that is made while there is no connection waits for it, and has no gap."""
    server = SubscriptionServer()
    async with server.text_client() as client, client.subscribe("a", **SHARED) as one:
        async with client.pubsub(**SHARED) as two, anyio.create_task_group() as tasks:
            server.down = True
            server.reset()
            tasks.start_soon(two.subscribe, "a", "b")
            await all_tasks_blocked()
            server.down = False
            gap = await next_of(one)
            assert gap.kind == "gap"
            tasks.cancel_scope.shield = True
        assert two.channels == {}
        server.publish(b"a", b"1")
        assert await next_of(one) == Message("message", "a", "1")


async def test_a_silent_server_is_found_dead() -> None:
    """Though nobody publishes, a server that does not answer a PING is left within a bound."""
    server = SubscriptionServer()
    async with (
        server.text_client(stream_timeout=0.2) as client,
        client.subscribe("a") as messages,
    ):
        server.on("PING", silent, times=1)
        gap = await next_of(messages)
        assert gap.kind == "gap"
        assert "no reply" in gap.reason
        assert server.count("PING") >= 1


async def test_a_server_that_answers_is_pinged_only_in_silence() -> None:
    """A quiet connection gets PINGs, and stays subscribed without a gap."""
    server = SubscriptionServer()
    async with (
        server.text_client(stream_timeout=0.1) as client,
        client.subscribe("a") as messages,
    ):
        await server.wait_for("PING", 3)
        server.publish(b"a", b"1")
        assert await next_of(messages) == Message("message", "a", "1")


async def test_without_a_stream_timeout_a_ping_has_no_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`stream_timeout=None`: silence is answered by one PING, and the subscription waits for ever."""
    monkeypatch.setattr(subscribed_connection, "QUIET", 0.05)
    server = SubscriptionServer()
    async with (
        server.text_client(stream_timeout=None) as client,
        client.subscribe("a") as messages,
    ):
        server.on("PING", silent)
        await server.wait_for("PING", 1)
        assert await messages.get_message(True, timeout=0.5) is None
        assert server.count("PING") == 1
        server.publish(b"a", b"1")
        assert await next_of(messages) == Message("message", "a", "1")


async def test_connections_that_the_pool_replaces() -> None:
    """If the pool wants other connections, a subscription moves too, with a gap."""
    server = SubscriptionServer()
    async with (
        server.text_client(stream_timeout=0.1) as client,
        client.subscribe("a") as messages,
    ):
        before = subscriber_of(server, b"a")
        client.connection_pool.replace_connections("the name has another address")
        gap = await next_of(messages)
        assert "replaces" in gap.reason
        assert subscriber_of(server, b"a") is not before


async def test_leaving_while_it_connects() -> None:
    """A block that is left while there is no connection gives its lease back at once."""
    server = SubscriptionServer()
    async with server.text_client() as client:
        async with client.subscribe("a"):
            server.down = True
            server.reset()
            await all_tasks_blocked()
        assert client.connection_pool.leased == client.connection_pool.connecting == 0


async def test_a_cancelled_subscribe_leaves_nothing() -> None:
    """A first subscribe that is cancelled gives its lease back, whatever it waited for."""
    server = SubscriptionServer()
    async with server.text_client() as client, client.pubsub() as pubsub:
        for prepare in ("silenced", "down"):
            setattr(server, prepare, True)
            async with cancelled_once_blocked() as scope:
                await pubsub.subscribe("a")
            assert scope.cancelled_caught
            assert not pubsub.subscribed
            setattr(server, prepare, False)
            await until(lambda: client.connection_pool.leased == 0)
        await pubsub.subscribe("a")
        assert await pubsub.get_message() == SubscriptionChange("subscribe", "a", 1)


async def test_a_blocking_pool_makes_it_wait_for_its_lease() -> None:
    """With a blocking pool, a subscription waits for a lease, and may be given up meanwhile."""
    server = SubscriptionServer()
    pool = server.pool(
        pool_class=BlockingConnectionPool, decode_responses=True, max_connections=1, timeout=None
    )
    client = Redis(connection_pool=pool, decode_responses=True)
    async with client:
        async with client.subscribe("a") as one:
            async with cancelled_once_blocked() as scope, client.subscribe("b"):
                raise AssertionError
            assert scope.cancelled_caught
            assert pool.leased == 1
            server.publish(b"a", b"1")
            assert isinstance(await next_of(one), Message)
        with anyio.fail_after(10):
            async with client.subscribe("b"):
                assert pool.leased == 1


async def test_a_shared_connection_ends_with_its_last_user() -> None:
    """The lease comes back once nobody is subscribed, and the next one takes a new one."""
    server = SubscriptionServer()
    async with server.text_client(max_connections=1) as client:
        for _ in range(3):
            async with client.subscribe("a", **SHARED), client.subscribe("b", **SHARED):
                assert client.connection_pool.leased == 1
            assert client.connection_pool.leased == 0


@pytest.mark.parametrize("protocol", [3, 2])
async def test_no_other_user_gets_a_connection_that_was_subscribed(protocol: int) -> None:
    """The connection of a subscription is closed after its last user, not given to a session (G9)."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol, shared_connections=0) as client:
        async with client.subscribe("a"):
            subscribed = subscriber_of(server, b"a")
        await until(lambda: subscribed not in server.peers)
        async with client.session() as session:
            assert await session.ping()
        assert client.connection_pool.leased == 0


async def test_a_subscription_after_the_last_one_left_at_the_same_moment() -> None:
    """One leaves and one comes in the same turn: the new one is subscribed, with one lease."""
    server = SubscriptionServer()
    async with server.text_client(max_connections=1) as client:
        one = client.subscribe("a", **SHARED)
        two = client.subscribe("b", **SHARED)
        await one.__aenter__()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.aclose)
            tasks.start_soon(two.__aenter__)
        assert server.subscribers(b"b") == 1
        server.publish(b"b", b"1")
        assert await next_of(two) == Message("message", "b", "1")
        await two.aclose()
        assert client.connection_pool.leased == 0


async def test_the_pool_is_closed_and_opened_again() -> None:
    """A client that is left and entered again subscribes anew, with shared connections too."""
    server = SubscriptionServer()
    client = server.text_client()
    for _ in range(2):
        pubsub = client.subscribe("a", **SHARED)
        async with client:
            await pubsub.__aenter__()
            assert server.subscribers(b"a") == 1
        with pytest.raises(ConnectionError, match="the pool was left"):
            await next_of(pubsub)
        await pubsub.aclose()


async def test_an_unexpected_failure_fails_its_subscribers_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of its task is logged, told to its readers, and leaves the pool and others alone."""
    server = SubscriptionServer()
    async with server.text_client() as client, client.subscribe("a", **SHARED) as one:

        def broken(*_: object) -> None:
            raise ZeroDivisionError("a fault")

        with monkeypatch.context() as patch:
            patch.setattr(subscribed_connection, "MessageReader", broken)
            with pytest.raises(ConnectionError, match="ZeroDivisionError"):
                async with client.subscribe("b"):
                    pass
        assert "failed" in caplog.text
        server.publish(b"a", b"1")
        assert await next_of(one) == Message("message", "a", "1")
        assert await client.ping()
        assert client.connection_pool.leased == 1


async def test_tombstones_are_answered_first() -> None:
    """In RESP2, a reply that belongs to a cancelled command is never taken for a message."""
    server = SubscriptionServer()
    async with server.text_client(protocol=2, shared_connections=0) as client:
        await client.ping()
        async with cancelled_once_blocked():
            server.hold()
            server.on("LRANGE", [b"message", b"a", b"no message"])
            await client.lrange("list", 0, -1)
        pubsub = client.subscribe("a", ignore_subscribe_messages=True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pubsub.__aenter__)
            await all_tasks_blocked()
            server.release()
        assert server.accepted == 1
        server.publish(b"a", b"1")
        assert await next_of(pubsub) == Message("message", "a", "1")
        await pubsub.aclose()


async def test_repr() -> None:
    """It tells its server and its state."""
    server = SubscriptionServer()
    async with server.text_client() as client, client.subscribe("a") as messages:
        [connection] = messages._placement.connections.values()
        text = repr(connection)
        assert text == "<SubscribedConnection the fake server connected channels=1>"
