"""Tests of subscriptions on real servers: both protocols, kills, limits, ACLs, TLS, volume."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis import Gap, Message, NoPermissionError, Redis, SubscriptionChange
from anyredis.server import Server, run
from tests.servers import Certificates, redis8_binary

pytestmark = [pytest.mark.server, pytest.mark.parametrize("protocol", [3, 2])]


def client_of(server: Server, **options: Any) -> Redis[str]:
    """A client that reads text."""
    return Redis(server.host, server.port, decode_responses=True, **options)


@pytest.mark.parametrize("name", ["valkey", "redis8"])
@pytest.mark.parametrize("on_full", ["wait", "fail"])
async def test_all_kinds(
    request: pytest.FixtureRequest, name: str, on_full: Any, protocol: int
) -> None:
    """Channels, patterns and sharded channels, subscribed and unsubscribed, on real servers."""
    server: Server = request.getfixturevalue(name)
    async with (
        client_of(server, protocol=protocol) as client,
        client.pubsub(on_full=on_full) as pubsub,
    ):
        await pubsub.subscribe("a", "b")
        await pubsub.psubscribe("c.*")
        await pubsub.ssubscribe("s")
        for command in (("PUBLISH", "a"), ("PUBLISH", "c.d"), ("SPUBLISH", "s")):
            assert await client.execute_command(*command, "text") == 1
        got = [await pubsub.get_message(timeout=10) for _ in range(7)]
        assert got == [
            SubscriptionChange("subscribe", "a", 1),
            SubscriptionChange("subscribe", "b", 2),
            SubscriptionChange("psubscribe", "c.*", 3),
            SubscriptionChange("ssubscribe", "s", 1),
            Message("message", "a", "text"),
            Message("pmessage", "c.d", "text", "c.*"),
            Message("smessage", "s", "text"),
        ]
        await pubsub.unsubscribe("a")
        await pubsub.punsubscribe()
        await pubsub.sunsubscribe("s")
        for command in (("PUBLISH", "a"), ("PUBLISH", "c.d"), ("SPUBLISH", "s")):
            assert await client.execute_command(*command, "text") == 0
        assert await client.execute_command("PUBLISH", "b", "text") == 1


async def test_many_channels(valkey: Server, protocol: int) -> None:
    """Three thousand channels on one connection; each message reaches its channel."""
    names = [f"channel:{number}" for number in range(3000)]
    async with (
        client_of(valkey, protocol=protocol) as client,
        client.subscribe(names, ignore_subscribe_messages=True) as messages,
    ):
        async with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.execute_command("PUBLISH", name, name)
        with anyio.fail_after(20):
            got = [await anext(messages) for _ in names]
        assert [(each.channel, each.data) for each in got if isinstance(each, Message)] == [
            (name, name) for name in names
        ]


async def test_a_killed_connection(valkey: Server, protocol: int) -> None:
    """CLIENT KILL is a gap, behind all that had arrived."""
    async with (
        client_of(valkey, protocol=protocol) as client,
        client.subscribe("a", patterns="p*") as messages,
    ):
        await client.execute_command("PUBLISH", "a", "1")
        with anyio.fail_after(20):
            assert await anext(messages) == Message("message", "a", "1")
            await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            channels, patterns = set[str](), set[str]()
            while not (channels and patterns):
                gap = await anext(messages)
                assert isinstance(gap, Gap)
                channels |= gap.channels
                patterns |= gap.patterns
            await client.execute_command("PUBLISH", "a", "2")
            assert await anext(messages) == Message("message", "a", "2")


async def test_an_acl(valkey: Server, protocol: int) -> None:
    """A channel that the user may not have is refused to its caller; others go on."""
    async with client_of(valkey) as admin:
        await admin.execute_command("ACL", "SETUSER", "half", "on", ">x", "+@all", "&a*")
        async with (
            client_of(valkey, protocol=protocol, username="half", password="x") as client,
            client.pubsub(on_full="fail") as pubsub,
        ):
            await pubsub.subscribe("a1")
            with pytest.raises(NoPermissionError):
                await pubsub.subscribe("a2", "b")
            assert pubsub.channels == {"a1": None}
            assert await admin.execute_command("PUBLISH", "a2", "x") == 0
            assert await admin.execute_command("PUBLISH", "a1", "x") == 1


async def test_over_tls(redis_tls: Server, certificates: Certificates, protocol: int) -> None:
    """A subscription over TLS reads what is larger than one record."""
    async with (
        client_of(
            redis_tls, protocol=protocol, ssl=True, ssl_ca_certs=str(certificates.ca)
        ) as client,
        client.subscribe("a") as messages,
    ):
        await client.execute_command("PUBLISH", "a", "x" * 200_000)
        with anyio.fail_after(20):
            assert await anext(messages) == Message("message", "a", "x" * 200_000)


async def test_the_output_buffer_limit(protocol: int) -> None:
    """A consumer that does not read stops the socket; the server's disconnect is told as such."""
    async with (
        run(binary=redis8_binary()) as server,
        client_of(server, protocol=protocol) as client,
    ):
        await client.config_set("client-output-buffer-limit", "pubsub 1mb 1mb 1")
        async with client.subscribe(
            "a", max_messages=100, ignore_subscribe_messages=True
        ) as messages:
            await client.execute_command("PUBLISH", "a", "first")
            count = 1
            while await client.execute_command("PUBLISH", "a", f"{count}:" + "x" * 50_000):
                count += 1
                assert count < 5000
            got: list[Any] = []
            with anyio.fail_after(20):
                while not got or isinstance(got[-1], Message):
                    got.append(await anext(messages))
        *before, gap = got
        assert "client-output-buffer-limit" in gap.reason
        numbers = [each.data.partition(":")[0] for each in before]
        assert numbers == ["first", *(str(number) for number in range(1, len(numbers)))]
        assert 100 <= len(numbers) <= count
