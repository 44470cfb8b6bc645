"""Arguments that cannot be sent, and clients that are not open."""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from anyredis import (
    BlockingConnectionPool,
    Command,
    ConnectionPool,
    DataError,
    DataTypeError,
    DataValueError,
    Redis,
    RedisCluster,
    RedisError,
    Sentinel,
    UnixDomainSocketConnection,
)
from anyredis.client.options import KNOWN as CLIENT_OPTIONS
from anyredis.cluster.client_options import KNOWN as CLUSTER_OPTIONS
from anyredis.sentinel.client import KNOWN as SENTINEL_OPTIONS
from anyredis.testing import FakeCluster, FakeServer


class Colour(enum.Enum):
    """An enum that is neither text nor number."""

    RED = "red"


BAD_VALUES: list[Any] = [None, True, False, ["a"], {"a": 1}, object(), Colour.RED, 1j]


@pytest.mark.parametrize("value", BAD_VALUES, ids=lambda value: type(value).__name__)
async def test_a_value_of_a_wrong_type(value: Any) -> None:
    """It is refused with the name of the command and of the argument, and nothing is written."""
    server = FakeServer()
    async with server.client() as client:
        with pytest.raises(DataTypeError, match=r"^SET: value is .*can be sent"):
            await client.set("k", value)
    assert server.received == []


async def test_a_key_that_is_none() -> None:
    """A key that is None is refused by its name, and nothing is written."""
    server = FakeServer()
    key: Any = None
    async with server.client() as client:
        with pytest.raises(DataTypeError, match=r"^GET: key is None \(NoneType\)"):
            await client.get(key)
        with pytest.raises(DataTypeError, match=r"^DEL: keys\[1\] is None"):
            await client.delete("a", key)
        with pytest.raises(DataTypeError, match="argument 1 is None"):
            await client.execute_command("GET", key)
    assert server.received == []


async def test_a_wrong_argument_is_a_type_error() -> None:
    """`except TypeError` and `except RedisError` both catch it."""
    value: Any = None
    async with FakeServer().client() as client:
        for kind in (TypeError, RedisError, DataError):
            with pytest.raises(kind):
                await client.set("k", value)


async def test_a_wrong_argument_in_a_pipeline() -> None:
    """It is refused when it is queued, and the rest of the pipeline is not sent."""
    server = FakeServer()
    value: Any = None
    async with server.client() as client:
        pipe = client.pipeline()
        pipe.set("a", 1)
        with pytest.raises(DataTypeError, match=r"^SET: value is None"):
            pipe.set("b", value)
        with pytest.raises(KeyError):
            async with pipe:
                raise KeyError
    assert server.received == []


async def test_text_that_the_encoding_cannot_express() -> None:
    """It is refused without a word written, and the connection serves the next command."""
    server = FakeServer()
    async with server.client(encoding="latin-1", decode_responses=True) as client:
        await client.set("k", "é")
        with pytest.raises(DataValueError, match="characters that latin-1 cannot express"):
            await client.set("k", "€")
        assert await client.get("k") == "é"
    assert server.count("SET") == 1
    assert server.accepted == 1


async def test_text_that_cannot_be_expressed_in_a_pipeline() -> None:
    """Of a transaction with such a text nothing is sent."""
    server = FakeServer()
    async with server.client() as client:
        pipe = client.pipeline()
        pipe.set("a", 1)
        pipe.set("b", "\ud800")
        with pytest.raises(DataValueError, match="SET: an argument has characters"):
            await pipe.execute()
    assert server.count("MULTI") == server.count("SET") == 0


async def test_a_command_without_a_name() -> None:
    """`execute_command` needs a name."""
    server = FakeServer()
    async with server.client() as client:
        for words in ((), ("",), (b" ",), (1,)):
            with pytest.raises(DataValueError, match="needs a command's name first"):
                await client.execute_command(*words)
    assert server.received == []


@pytest.mark.parametrize("name", ["SUBSCRIBE", "MONITOR", "QUIT", "HELLO", "CLIENT REPLY", "SYNC"])
async def test_commands_that_no_connection_can_carry(name: str) -> None:
    """G9: a command that would shift or end the replies of others is refused, with the reason."""
    server = FakeServer()
    async with server.client() as client:
        with pytest.raises(DataValueError, match="cannot be sent: "):
            await client.execute_command(name, "x")
        async with client.session() as session:
            with pytest.raises(DataValueError, match="cannot be sent: "):
                await session.execute_command(name, "x")
    assert all(words[0] in {b"HELLO", b"CLIENT"} for words in server.received)


class Disguised(str):
    """Text that shows another text than it is sent as."""

    __slots__ = ()

    def __str__(self) -> str:
        return "GETNAME"

    def upper(self) -> str:
        """What a careless check would compare."""
        return "GETNAME"


def _round_the_ban() -> list[tuple[Any, ...]]:
    """Spellings of forbidden commands, by which a server might still know them."""
    found: list[tuple[Any, ...]] = [("CLIENT", Disguised("REPLY"), "off")]
    for odd in ("\0", " ", "\t", "\n", "\r\n", "\x0b", "\xa0", "\u200b", "\0\0x"):
        found += [("CLIENT", f"REPLY{odd}", "off"), ("CLIENT", f"{odd}REPLY", "off")]
        found += [(f"CLIENT{odd}", "REPLY", "off"), (f"CLIENT{odd}REPLY", "off")]
        found += [(f"MONITOR{odd}",), (f"{odd}MONITOR",), (f"HELLO{odd}", 3), (f"QUIT{odd}",)]
    for client in ("CLIENT", "client", "Client", "cLIENT"):
        for reply in ("REPLY", "reply", "Reply", "rePLY"):
            found += [(client, reply, "off"), (f"{client} {reply}", "off")]
            found += [(f"{client} {reply} off",), (client, f"{reply} off")]
    for name in ("Monitor", "mOnItOr", "Hello", "Quit", "Sync", "Subscribe"):
        found += [(name,), (name, "x")]
    as_bytes = [tuple(each.encode() if type(each) is str else each for each in w) for w in found]
    more = [("CLIENT", bytearray(b"reply"), b"off"), ("CLIENT", memoryview(b"Reply"), b"off")]
    return [*found, *as_bytes, *more]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp037", "utf-16"])
async def test_no_way_round_the_ban(encoding: str) -> None:
    """G9: no spelling of a forbidden command is sent, by any executor, raw or as a `Command`."""
    server = FakeServer()
    in_code_page = b"REPLY".decode("cp037")
    async with server.client(encoding=encoding) as client, client.session() as session:
        sent = len(server.received)
        for words in [*_round_the_ban(), (b"CLIENT", in_code_page, b"OFF")]:
            own = Command(words, lambda reply: reply)
            for send in (client.execute_command, session.execute_command):
                with pytest.raises(DataError):
                    await send(*words)
            with pytest.raises(DataError):
                client.pipeline().execute_command(*words)
            if any(isinstance(each, (bytearray, memoryview)) for each in words):
                continue
            for submit in (client.submit, session.submit):
                with pytest.raises(DataError):
                    await submit(own)
            with pytest.raises(DataError):
                client.pipeline().submit(own)
        assert server.received[sent:] == []


async def test_no_way_round_the_ban_in_a_cluster() -> None:
    """G9: the same for clients of clusters, their nodes, sessions and pipelines."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        node = client.primaries()[0]
        async with client.session("k") as session:
            before = [len(each.server.received) for each in cluster.nodes]
            for words in _round_the_ban():
                for send in (client.execute_command, node.execute_command, session.execute_command):
                    with pytest.raises(DataError):
                        await send(*words)
                with pytest.raises(DataError):
                    client.pipeline().execute_command(*words)
            assert [len(each.server.received) for each in cluster.nodes] == before


@pytest.mark.parametrize(
    "words", [("SELECT", 1), ("WATCH", "k"), ("MULTI",), ("CLIENT SETNAME", 1)]
)
async def test_commands_that_need_a_connection_of_their_own(words: tuple[Any, ...]) -> None:
    """G9: a command that would change a multiplexed connection is refused, with the remedy."""
    server = FakeServer()
    async with server.client() as client:
        with pytest.raises(DataValueError, match=r"async with client\.session\(\)"):
            await client.execute_command(*words)
    assert server.received == []


async def test_a_client_that_was_never_entered() -> None:
    """It raises RuntimeError that says what to write, for commands, pipelines and sessions."""
    server = FakeServer()
    client = server.client()
    with pytest.raises(RuntimeError, match="write `async with client:`"):
        await client.get("k")
    with pytest.raises(RuntimeError, match="write `async with client:`"):
        await client.blpop("k", timeout=1)
    pipe = client.pipeline()
    pipe.get("k")
    with pytest.raises(RuntimeError, match="write `async with client:`"):
        await pipe.execute()
    with pytest.raises(RuntimeError, match="write `async with client:`"):
        async with client.session():
            pass
    assert server.accepted == 0


async def test_a_client_that_was_left() -> None:
    """It raises the same, and opens nothing."""
    server = FakeServer()
    async with server.client() as client:
        await client.ping()
    with pytest.raises(RuntimeError, match="write `async with client:`"):
        await client.get("k")
    assert server.accepted == 1
    assert server.peers == []


async def test_a_client_that_is_entered_again() -> None:
    """A client that was left may be entered anew."""
    server = FakeServer()
    client = server.client(decode_responses=True)
    for number in range(3):
        async with client:
            assert await client.incr("n") == number + 1
        assert server.peers == []


async def test_a_session_that_has_ended() -> None:
    """It raises RuntimeError, and does not touch the connection that is others' by now."""
    async with FakeServer().client() as client:
        async with client.session() as session:
            await session.ping()
        with pytest.raises(RuntimeError, match="this session has ended"):
            await session.ping()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"host": ""}, "host has to be"),
        ({"host": None}, "host has to be"),
        ({"port": "6379"}, "port has to be an int, not '6379'"),
        ({"port": 0}, "port has to be from 1 to 65535"),
        ({"port": 65536}, "port has to be from 1 to 65535"),
        ({"db": -1}, "db has to be a number from 0 to"),
        ({"db": "0"}, "db has to be an int"),
        ({"protocol": 4}, "protocol has to be 2 or 3"),
        ({"stream_timeout": 0}, "stream_timeout has to be more than 0"),
        ({"stream_timeout": "1"}, "stream_timeout has to be a number"),
        ({"connect_timeout": -1}, "connect_timeout has to be more than 0"),
        ({"connect_timeout": None}, "connect_timeout has to be a number"),
        ({"max_connections": 0}, "max_connections has to be 1 or more"),
        ({"max_connections": 1.5}, "max_connections has to be an int"),
        ({"shared_connections": -1}, "shared_connections has to be 0 or more"),
        ({"max_idle_time": 0}, "max_idle_time has to be more than 0"),
        ({"db": 2**31}, "db has to be a number from 0 to 2147483647"),
        ({"stream_timeout": float("nan")}, "stream_timeout has to be more than 0"),
        ({"connect_timeout": float("inf")}, "connect_timeout has to be at most"),
        ({"max_idle_time": 10**400}, "max_idle_time has to be at most"),
        ({"protocol": 3.0}, "protocol has to be 2 or 3"),
        ({"encoding_errors": "kringel"}, "encoding_errors has to be"),
        ({"ssl": True, "ssl_min_version": 771}, "ssl_min_version has to be an ssl.TLSVersion"),
        ({"ssl": True, "ssl_cert_reqs": None}, "ssl_cert_reqs has to be one of"),
        ({"ssl": True, "ssl_cert_reqs": []}, "ssl_cert_reqs has to be one of"),
        ({"credential_provider": 1}, "has to be a callable"),
        ({"credential_provider": dict, "password": "x"}, "not both"),
        ({"unix_socket_path": "/x", "port": 7000}, "host and port or unix_socket_path"),
        ({"unix_socket_path": "/x", "ssl": True}, "TLS goes over TCP"),
        ({"hots": "localhost"}, "unknown argument 'hots'"),
        ({"encoding": "klingon"}, "klingon"),
    ],
)
def test_a_client_with_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    """A client that can never work is an error when it is made, which names the argument."""
    make: Any = Redis
    with pytest.raises((DataError, LookupError), match=message):
        make(**arguments)


NONSENSE: list[Any] = [
    *(object(), "x", "", b"x", -1, 0, 2**70, 10**400, 1.5, float("nan"), float("inf"), True, None),
    *([], {}, (1, 2), [1], "\ud800", "\0", "a\r\nb"),
]

OPTIONS: list[tuple[Callable[..., object], str]] = [
    *((Redis, name) for name in sorted(CLIENT_OPTIONS)),
    *((RedisCluster, name) for name in sorted(CLUSTER_OPTIONS - CLIENT_OPTIONS)),
    *((partial(Sentinel, ["h:1"]), name) for name in sorted(SENTINEL_OPTIONS - CLIENT_OPTIONS)),
    *((Sentinel, "sentinels"), (ConnectionPool, "connection_class")),
    *((UnixDomainSocketConnection, "path"), (BlockingConnectionPool, "timeout")),
    *((each.from_url, "url") for each in (Redis, RedisCluster, Sentinel, ConnectionPool)),
]


@pytest.mark.parametrize(
    ("make", "name"), OPTIONS, ids=lambda each: getattr(each, "__name__", each)
)
def test_no_option_fails_by_chance(make: Callable[..., object], name: str) -> None:
    """Whatever is given, it is taken or refused with a `DataError`, before anything is done."""
    beside: dict[str, Any] = {}
    for begin in ("ssl_", "sentinel_ssl_"):
        if name.startswith(begin) and name != f"{begin}context":
            beside[f"{begin}".removesuffix("_")] = True
    if name == "timeout" and make is Redis:
        beside["connection_pool_cls"] = BlockingConnectionPool
    for value in NONSENSE:
        with suppress(DataError):
            make(**{name: value, **beside})


@pytest.mark.parametrize("value", [0, 1, "", "no", []])
def test_the_check_of_host_names_is_not_turned_off_by_chance(value: Any) -> None:
    """Only False turns it off (G15)."""
    for name in ("ssl", "sentinel_ssl"):
        options: dict[str, Any] = {name: True, f"{name}_check_hostname": value}
        with pytest.raises(DataTypeError, match="ssl_check_hostname has to be True or False"):
            Sentinel(["h:1"], **options)
