"""All commands on one server, through its endpoint."""

from __future__ import annotations

import pytest

from anyredis import Command, DataValueError, NodeClient, Outcome, Redis, RedisCluster
from anyredis.client.node_client import BYTES, TEXT, needs_exclusive_connection, readers
from anyredis.exceptions import ConnectionError
from anyredis.facts.lookup import facts_of
from anyredis.facts.table import shown
from anyredis.replies import ok
from anyredis.testing import FakeServer, run_then_reset
from anyredis.wire.encode import Value
from tests.blocked_tasks import cancelled_once_blocked


def test_readers_of_replies() -> None:
    """One for text and one for bytes."""
    assert readers(decode_responses=True) is TEXT
    assert readers(decode_responses=False) is BYTES
    assert readers(decode_responses=True, encoding="latin-1").codec == ("latin-1", "strict")


@pytest.mark.parametrize("cls", [Redis, RedisCluster])
def test_the_encoding_of_a_client(cls: type[Redis[str] | RedisCluster[str]]) -> None:
    """Replies that are read as bytes are decoded as all others are."""
    client = cls(
        host="localhost", decode_responses=True, encoding="latin-1", encoding_errors="replace"
    )
    assert client.read.codec == ("latin-1", "replace")


def needs_exclusive(words: tuple[Value, ...], session: str = "session()") -> bool:
    """Whether the command needs an exclusive connection."""
    return needs_exclusive_connection(facts_of(words), words, session)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((b"SUBSCRIBE", "c"), r"SUBSCRIBE cannot be sent: .*pubsub\(\)"),
        ((b"HELLO", 3), "HELLO cannot be sent"),
        ((b"SELECT", 1), r"SELECT changes its connection.*`async with client\.session\(\)`"),
        ((b"CLIENT", b"SETNAME", "x"), "CLIENT SETNAME changes its connection"),
        ((b"WATCH", "k"), "WATCH changes its connection"),
    ],
)
def test_commands_that_cannot_share_a_connection(words: tuple[Value, ...], message: str) -> None:
    """It is refused, and the error names the remedy."""
    with pytest.raises(DataValueError, match=message):
        needs_exclusive(words)


def test_commands_that_need_an_exclusive_connection() -> None:
    """Calls that block, and only these."""
    assert needs_exclusive((b"BLPOP", "k", 0))
    assert needs_exclusive((b"XREAD", b"BLOCK", 0, b"STREAMS", "k", 0))
    assert not needs_exclusive((b"XREAD", b"STREAMS", "k", 0))
    assert not needs_exclusive((b"GET", "k"))
    with pytest.raises(DataValueError, match=r"client\.session\(key\)"):
        needs_exclusive((b"WATCH", "k"), "session(key)")


def test_names_for_messages() -> None:
    """The full name, in upper case, never arguments."""
    assert shown((b"config", "set", "requirepass", "x")) == "CONFIG SET"
    assert shown(("get", "k")) == "GET"


async def test_the_base_of_a_client() -> None:
    """`Redis` is a client of the one server of its pool; another may use the same endpoint."""
    server = FakeServer()
    async with server.client(decode_responses=True) as client:
        assert isinstance(client, NodeClient)
        other = NodeClient(client.connection_pool, client.connection_pool.endpoint, TEXT, None)
        assert await other.set("k", "v")
        assert await client.get("k") == "v"
        assert other.address == client.address == "the fake server"
        assert repr(other).startswith("<NodeClient the fake server <ConnectionPool")
    assert server.accepted == 1


async def test_without_a_retry_nothing_is_repeated() -> None:
    """Commands, pipelines and blocking commands fail once; the error has the outcome."""
    server = FakeServer()
    async with server.client(retry=None) as client:
        for name, use in (
            ("GET", lambda: client.get("k")),
            ("LPUSH", lambda: client.lpush("k", "v")),
            ("BLPOP", lambda: client.blpop("k")),
            ("DBSIZE", lambda: run(client)),
        ):
            server.on(name, run_then_reset, times=1)
            with pytest.raises(ConnectionError) as caught:
                await use()
            assert caught.value.outcome is Outcome.UNKNOWN
            assert server.count(name) == 1


async def run(client: Redis[bytes]) -> None:
    """A pipeline that only reads."""
    async with client.pipeline(transaction=False) as pipe:
        pipe.dbsize()


async def test_leases_are_released() -> None:
    """After any command, with any result."""
    server = FakeServer()
    async with server.client(max_connections=3) as client:
        pool = client.connection_pool
        for name in ("GET", "BLPOP", "DBSIZE"):
            server.on(name, run_then_reset, times=1)
        await client.rpush("list", "x")
        await client.get("k")
        await run(client)
        with pytest.raises(ConnectionError):
            await client.blpop("list")
        async with cancelled_once_blocked():
            await client.blpop("none")
        server.hold()
        async with cancelled_once_blocked():
            await client.get("k")
        server.release()
        async with client.session() as session:
            await session.get("k")
        assert (pool.free, pool.leased, pool.connecting) == (3, 0, 0)


@pytest.mark.parametrize("name", [b"SELECT", b"select", "SELECT", "select"])
async def test_a_users_command_may_write_its_name_in_any_case(name: str | bytes) -> None:
    """G9: what changes the connection is refused on a client and in a pipeline all the same."""
    async with FakeServer().client() as client:
        with pytest.raises(DataValueError, match="SELECT changes its connection"):
            await client.submit(Command((name, 1), ok))
        with pytest.raises(DataValueError, match="SELECT changes its connection"):
            client.pipeline().submit(Command((name, 1), ok))
