"""The client: URLs, mistakes in its arguments, logins and encodings; on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import (
    AuthenticationError,
    ConnectionPool,
    DataError,
    DataTypeError,
    DataValueError,
    Redis,
)
from anyredis.server import Server
from tests.servers import ask

# -- URLs ---------------------------------------------------------------------------------------


async def test_from_url(valkey: Server) -> None:
    """A URL names the server, the database and any option; arguments override it."""
    url = f"redis://{valkey.host}:{valkey.port}/2?client_name=url&max_connections=7"
    async with Redis.from_url(url, decode_responses=True) as client:
        info = await client.client_info()
        assert (info.db, info.name) == (2, "url")
        assert client.connection_pool.capacity == 7
    async with Redis.from_url(url, client_name="argument") as binary:
        assert await binary.client_getname() == "argument"


async def test_from_url_over_a_unix_socket(valkey: Server) -> None:
    """`unix://` and the path."""
    async with Redis.from_url(f"unix://{valkey.unix_socket_path}?db=3") as client:
        assert (await client.client_info()).db == 3
        assert str(valkey.unix_socket_path) in repr(client)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://localhost", "'http'"),
        ("redis://localhost?colour=red", "'colour'"),
        ("redis://localhost?max_connections=many", "'max_connections' has to be a whole number"),
        ("redis://localhost?stream_timeout=-1", "stream_timeout has to be more than 0"),
        ("redis://localhost?timeout=1", "timeout is how long a blocking pool waits"),
        ("redis://localhost?decode_responses=yes", "contradicts decode_responses=False"),
        ("redis://localhost/first", "'first'"),
        ("redis://localhost:99999", "port"),
        ("unix://", "no path"),
    ],
)
def test_the_error_of_a_bad_url_names_the_part(url: str, message: str) -> None:
    """The error names the parameter, the number, the scheme."""
    with pytest.raises(DataValueError, match=message):
        Redis.from_url(url)


# -- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"host": ""}, "host has to be"),
        ({"host": 1}, "host has to be"),
        ({"port": "6379"}, "port has to be an int"),
        ({"port": 0}, "port has to be from 1"),
        ({"db": -1}, "db has to be"),
        ({"db": "1"}, "db has to be an int"),
        ({"protocol": 4}, "protocol has to be 2 or 3"),
        ({"stream_timeout": 0}, "stream_timeout"),
        ({"connect_timeout": None}, "connect_timeout"),
        ({"max_idle_time": 0}, "max_idle_time"),
        ({"max_connections": 0}, "max_connections"),
        ({"max_connections": "2"}, "max_connections"),
        ({"shared_connections": -1}, "shared_connections"),
        ({"shared_connections": True}, "shared_connections"),
        ({"username": 7}, "username has to be a str, not a int"),
        ({"password": 1}, "password has to be a str"),
        ({"password": "x", "credential_provider": tuple}, "not both"),
        ({"credential_provider": "x"}, "callable"),
        ({"unix_socket_path": "/x", "port": 1}, "not both"),
        ({"unix_socket_path": "/x", "ssl": True}, "TLS goes over TCP"),
        ({"ssl_ca_certs": "/x"}, "ssl=True is not"),
        ({"ssl": True, "ssl_ca_certs": "/does/not/exist"}, "ssl_"),
        ({"encoding": "klingon"}, "encoding|klingon"),
        ({"nonsense": 1}, "nonsense"),
        ({"connection_pool": 1}, "connection_pool"),
        ({"connection_pool_cls": Redis}, "connection_pool_cls"),
        ({"retry": 3}, "retry"),
        ({"client_name": 1}, "client_name"),
        ({"client_name": "two words"}, "client_name"),
    ],
)
def test_arguments_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    """They are refused when the client is made, by an error that names them."""
    with pytest.raises(DataError, match=message):
        Redis(**arguments)


def test_a_pool_knows_the_server() -> None:
    """An option of a pool is refused at the client, and a different decode_responses too."""
    pool = ConnectionPool(decode_responses=True)
    with pytest.raises(DataValueError, match="decode_responses=True"):
        Redis(connection_pool=pool)
    wrong: list[dict[str, Any]] = [{"host": "elsewhere"}, {"db": 1}, {"max_connections": 1}]
    for arguments in wrong:
        with pytest.raises(DataValueError, match="beside connection_pool"):
            Redis(connection_pool=pool, decode_responses=True, **arguments)
    assert Redis(connection_pool=pool, decode_responses=True, retry=None).retry is None


def test_a_boolean_for_a_key_is_a_type_error() -> None:
    """An error about an argument is raised at the call, before anything is sent."""
    wrong: Any = True
    with pytest.raises(DataTypeError, match="GET: key is True"):
        _ = Redis().get(wrong)


# -- logins and encodings -----------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("fixture", ["valkey", "redis8"])
async def test_a_user_without_a_password(
    request: pytest.FixtureRequest, fixture: str, protocol: int
) -> None:
    """A username alone logs in a `nopass` user, by arguments and by URLs."""
    server: Server = request.getfixturevalue(fixture)
    ask(server, "ACL", "SETUSER", "nopass-user", "on", "nopass", "~*", "+@all")
    try:
        given: list[dict[str, Any]] = [{}, {"password": ""}, {"password": None}]
        clients = [
            *(
                Redis(server.host, server.port, protocol=protocol, username="nopass-user", **more)
                for more in given
            ),
            *(
                Redis.from_url(f"redis://{user}@{server.host}:{server.port}?protocol={protocol}")
                for user in ("nopass-user", "nopass-user:")
            ),
        ]
        for client in clients:
            async with client:
                assert await client.execute_command("ACL", "WHOAMI") == b"nopass-user"
    finally:
        ask(server, "ACL", "DELUSER", "nopass-user")


@pytest.mark.parametrize("protocol", [2, 3])
async def test_an_empty_password_is_none(valkey: Server, protocol: int) -> None:
    """A server without a password takes such clients, as with `protocol=3` so with 2."""
    for client in (
        Redis(valkey.host, valkey.port, protocol=protocol, password=""),
        Redis(valkey.host, valkey.port, protocol=protocol, username="", password=""),
        Redis.from_url(f"redis://:@{valkey.host}:{valkey.port}?protocol={protocol}"),
        Redis.from_url(f"redis://@{valkey.host}:{valkey.port}?protocol={protocol}"),
    ):
        async with client:
            assert await client.execute_command("ACL", "WHOAMI") == b"default"


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_user_who_needs_a_password(valkey: Server, protocol: int) -> None:
    """A username alone does not log in anybody else."""
    ask(valkey, "ACL", "SETUSER", "needs-one", "on", ">secret", "~*", "+@all")
    try:
        client = Redis(valkey.host, valkey.port, protocol=protocol, username="needs-one")
        async with client:
            with pytest.raises(AuthenticationError, match="WRONGPASS"):
                await client.ping()
    finally:
        ask(valkey, "ACL", "DELUSER", "needs-one")


@pytest.mark.parametrize("protocol", [2, 3])
async def test_errors_of_text(valkey: Server, protocol: int) -> None:
    """`encoding_errors` is about replies, also in transactions, and about arguments."""
    where: dict[str, Any] = {"host": valkey.host, "port": valkey.port, "protocol": protocol}
    async with Redis(**where, decode_responses=True, encoding_errors="replace") as client:
        await client.set("k", b"caf\xe9")
        assert await client.get("k") == "caf\ufffd"
        async with client.pipeline() as pipe:
            value = pipe.get("k")
        assert value.value == "caf\ufffd"
    async with Redis(**where, decode_responses=True, encoding_errors="surrogateescape") as client:
        text = await client.get("k")
        assert text == "caf\udce9"
        await client.set("same", text)
        assert ask(valkey, "GET", "same") == b"caf\xe9"
        async with client.session() as session:
            assert await session.get("same") == text
    async with Redis(**where, encoding="ascii", encoding_errors="ignore") as client:
        await client.set("k", "caf\xe9")
        assert await client.get("k") == b"caf"
