"""G15: a password that stands anywhere is in no repr, message or variable of a traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from anyredis import (
    BlockingConnectionPool,
    ClusterConnectionPool,
    ConnectionError,
    ConnectionPool,
    DataError,
    PartialFailureError,
    Redis,
    RedisCluster,
    RedisError,
    Sentinel,
)
from anyredis.address import TCPAddress
from anyredis.command import Blueprint, raw_command
from anyredis.commands.core import CoreCommands
from anyredis.exceptions import PartOutcome, from_server
from anyredis.testing import FakeServer, run_then_reset

SECRETS = ("ss-word", "s3cret", "sesame")

MALFORMED = (
    *("redis://app:p?{}@h", "redis://app:123/{}@h", "redis:app:{}@h", "redis://app:p#{}@h"),
    *("redis://app:1#{}", "redis://app:1?{}", "redis://app:1/{}", "redis:/u:{}@h", "redis//u:{}@h"),
    *("redis://u:{}@h:port", "redis://u:{}@[h", "redis://u:p/{}@h/0", "redis://u:{}@h,a@b/x"),
    *("redis://u:{}\u2100@h", "redis://u:{}@h/\u2100?x=1", "redis://h?password={0}&password={0}"),
    *("redis://h?password={}&db=x", "redis://h?sentinel_password={}", "http://u:{}@h"),
    *("unix://u:{}@", "unix://u:a/{}@/p", "redis+sentinel://u:{}@h", "redis+sentinel://u:1/{}@h/n"),
)
"""Malformed URLs; each brace is the place of a password, or of a part of one."""


def listed(url: str) -> Any:
    """A node in a form that is refused."""
    return [[url, 1]]


ENTRANCES: dict[str, Callable[[Any], object]] = {
    "Redis.from_url": Redis.from_url,
    "RedisCluster.from_url": RedisCluster.from_url,
    "Sentinel.from_url": Sentinel.from_url,
    "ConnectionPool.from_url": ConnectionPool.from_url,
    "BlockingConnectionPool.from_url": BlockingConnectionPool.from_url,
    "ClusterConnectionPool.from_url": ClusterConnectionPool.from_url,
    "host": Redis,
    "host of a pool": lambda url: ConnectionPool(host=url),
    "host of a cluster": RedisCluster,
    "path": lambda url: Redis(unix_socket_path=url),
    "startup node": lambda url: RedisCluster(startup_nodes=[url]),
    "startup pair": lambda url: RedisCluster(startup_nodes=[(url, 1)]),
    "startup address": lambda url: RedisCluster(startup_nodes=[TCPAddress(url, 1)]),
    "startup list": lambda url: RedisCluster(startup_nodes=listed(url)),
    "startup nodes": lambda url: RedisCluster(startup_nodes=url),
    "sentinel": lambda url: Sentinel([url], name="n"),
    "sentinel pair": lambda url: Sentinel([(url, 1)], name="n"),
    "sentinel address": lambda url: Sentinel([TCPAddress(url, 1)], name="n"),
    "sentinels": lambda url: Sentinel(url, name="n"),
}


def texts(error: BaseException | None) -> Iterator[str]:
    """All that *error* and the errors in its chain show; frames of this file are left out."""
    while error is not None:
        yield f"{error} {error!r} {vars(error)}"
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        for frame in shown.stack:
            if frame.filename != __file__:
                yield f"{frame.name}: {frame.locals}"
        error = error.__cause__ or error.__context__


def keeps(secret: str, call: Callable[[], object]) -> None:
    """Assert that *call* gives or raises what does not show *secret*."""
    try:
        made = call()
    except DataError as error:
        for text in texts(error):
            assert secret not in text
    else:
        pool = getattr(made, "connection_pool", made)
        assert secret not in f"{made!r} {pool!r} {getattr(pool, 'address', '')}"


@pytest.mark.parametrize("entrance", ENTRANCES.values(), ids=[*ENTRANCES])
def test_malformed_urls(entrance: Callable[[Any], object]) -> None:
    """Wherever a URL stands, and whatever is wrong with it, its password is not shown."""
    for secret in SECRETS:
        for url in MALFORMED:
            keeps(secret, partial(entrance, url.format(secret)))


WRONG: tuple[dict[str, Any], ...] = (
    *({"db": "x"}, {"nope": 1}, {"protocol": 7}, {"connect_timeout": 0}, {"encoding": "x"}),
    *({"ssl_certfile": "/nope"}, {"ssl": True, "ssl_certfile": "/nope"}, {"client_name": 3}),
    *({"username": 3}, {"max_connections": 0}, {"retry": 3}),
)
"""Options beside a password, each of which is refused."""


def calls_with(each: Any, options: dict[str, Any]) -> list[Callable[[], object]]:
    """All constructors with the password *each* and further *options*."""
    secret = "s3cret"
    return [
        partial(Redis, password=each, **options),
        partial(Redis, ssl_password=each, **options),
        partial(Redis.from_url, "redis://h", password=each, **options),
        partial(Redis.from_url, f"redis://u:{secret}@h", **options),
        partial(ConnectionPool, password=each, **options),
        partial(BlockingConnectionPool, password=each, **options),
        partial(ClusterConnectionPool, password=each, **options),
        partial(RedisCluster, password=each, **options),
        partial(Sentinel, ["h:1"], name="n", password=each, **options),
        partial(Sentinel, ["h:1"], name="n", sentinel_password=each, **options),
        partial(Sentinel.from_url, f"redis+sentinel://u:{secret}@h/n", **options),
    ]


@pytest.mark.parametrize("options", WRONG, ids=str)
def test_other_arguments_that_are_refused(options: dict[str, Any]) -> None:
    """The refusal, with the variables of its frames, does not show a password beside them."""
    secret = "s3cret"
    passwords: list[Any] = [secret, [secret], secret.encode(), {secret: 1}]
    for each in passwords:
        for call in calls_with(each, options):
            keeps(secret, call)


class Commands(Blueprint, CoreCommands[bytes]):
    """All commands, as values."""


WORDS: tuple[tuple[Any, ...], ...] = (
    *(("CONFIG", "SET", "requirepass"), ("config set", "masterauth"), ("AUTH", "u")),
    *(
        ("MIGRATE", "h", 1, "k", 0, 5, "AUTH2", "u"),
        ("ACL SETUSER", "u"),
        ("HELLO", 3, "AUTH", "u"),
    ),
    *(("SENTINEL", "SET", "m", "auth-pass"), ("REPLICAOF", "h")),
)


@pytest.mark.parametrize("words", WORDS, ids=str)
def test_values_of_a_wrong_type(words: tuple[Any, ...]) -> None:
    """The refusal names the type of the value of a command that carries secrets, not the value."""
    values: list[Any] = [["s3cret"], {"s3cret": 1}, ("s3cret",)]
    for value in values:
        with pytest.raises(DataError, match="a secret") as caught:
            raw_command(*words, value)
        assert "s3cret" not in "".join(texts(caught.value))


def test_methods_with_a_secret_of_a_wrong_type() -> None:
    """Neither the message nor the variables of the method show it."""
    commands, wrong = Commands(), ["s3cret"]
    calls: list[Callable[[Any], object]] = [
        lambda value: commands.config_set("requirepass", value),
        lambda value: commands.config_set("masterauth", value),
    ]
    for call in calls:
        with pytest.raises(DataError) as caught:
            call(wrong)
        assert "s3cret" not in "".join(texts(caught.value))


def test_text_that_cannot_be_encoded() -> None:
    """The error in the chain has only the wrong character."""
    with pytest.raises(DataError) as caught:
        ConnectionPool()._construct().pack((b"AUTH", "s3cret\ud800"))
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__context__ is None


async def test_a_command_that_cannot_be_encoded() -> None:
    """The same for a command on its way."""
    async with FakeServer().client() as client:
        await client.ping()
        with pytest.raises(DataError) as caught:
            await client.config_set("requirepass", "s3cret\ud800")
    assert caught.value.__context__ is None
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def error_of(client: Redis[bytes]) -> RedisError | None:
    """The error of one command, if it fails."""
    try:
        await client.get("k")
    except RedisError as error:
        return error
    return None


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("answer", [from_server("ERR no"), run_then_reset, 7])
async def test_a_handshake_that_fails(protocol: int, answer: Any) -> None:
    """No variable of any frame shows the password, at whatever step it failed."""
    for name in ("HELLO", "AUTH", "SELECT", "CLIENT"):
        server = FakeServer(users={"default": "s3cret"})
        server.on(name, answer)
        client = server.client(password="s3cret", db=1, protocol=protocol, retry=None)
        async with client:
            error = await error_of(client)
        assert "s3cret" not in "".join(texts(error))


@pytest.mark.parametrize("given", [("u", "s3cret", 3), ["s3cret"], "s3cret", ("u", ["s3cret"])])
async def test_a_provider_that_gives_something_else(given: Any) -> None:
    """The error has the type of its answer only."""
    async with FakeServer().client(credential_provider=lambda: given, retry=None) as client:
        with pytest.raises(DataError, match="has to") as caught:
            await client.get("k")
    assert "s3cret" not in "".join(texts(caught.value))


async def test_a_password_that_cannot_be_encoded() -> None:
    """The connection fails, and neither the error nor its chain has the password."""
    client = FakeServer().client(password="s3cret\ud800", retry=None)
    async with client:
        with pytest.raises((DataError, ConnectionError)) as caught:
            await client.get("k")
    assert "s3cret" not in "".join(texts(caught.value))


def test_what_servers_repeat() -> None:
    """Error replies repeat rules of ACL SETUSER, and arguments of unknown commands."""
    for words in (
        "ERR Error in ACL SETUSER modifier '>s3cret': Syntax error",
        "ERR Error in ACL SETUSER modifier '<s3cret'x': The password does not exist",
        "ERR unknown command 'AUTHX', with args beginning with: 's3cret' ",
    ):
        assert "s3cret" not in str(from_server(words))
    assert "+get" in str(from_server("ERR Error in ACL SETUSER modifier '+get|x': no"))


def test_parts_of_a_command_for_all_nodes() -> None:
    """The parts of an error have the words that were sent, which no repr shows."""
    part = PartOutcome("h:1", (b"CONFIG", b"SET", b"requirepass", b"s3cret"), ConnectionError("x"))
    error = PartialFailureError("one failed", failed=(part,))
    assert "s3cret" not in "".join(texts(error))
    assert "CONFIG" in repr(part)
