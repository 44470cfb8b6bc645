"""Tests of `anyredis.connection.handshake`: the conversation before the first command."""

from __future__ import annotations

import anyio
import pytest

from anyredis import Redis
from anyredis.connection.handshake import HandshakeOptions, HandshakeStep, ServerInfo, negotiate
from anyredis.credentials import Credentials
from anyredis.exceptions import AuthenticationError, RedisError, ResponseError, from_server
from anyredis.server import Server
from anyredis.testing import FakeServer
from anyredis.wire.decode import Reply

HELLO: Reply = {
    b"server": b"valkey",
    b"version": b"9.1.2",
    b"proto": 3,
    b"id": 7,
    b"role": b"master",
}
INFO = [b"CLIENT SETINFO", b"CLIENT SETINFO"]
UNKNOWN = from_server("ERR unknown command 'HELLO'")


def words(steps: list[HandshakeStep]) -> list[bytes]:
    """The steps as one would type them, SETINFO without its values."""
    lines = [
        b" ".join(str(arg).encode() if not isinstance(arg, bytes) else arg for arg in step.args)
        for step in steps
    ]
    return [b"CLIENT SETINFO" if line.startswith(b"CLIENT SETINFO") else line for line in lines]


def talk(
    options: HandshakeOptions, credentials: Credentials, *rounds: list[Reply]
) -> tuple[list[list[bytes]], ServerInfo]:
    """What was said in each round, and what was agreed."""
    conversation = negotiate(options, credentials)
    said: list[list[bytes]] = []
    try:
        said.append(words(next(conversation)))
        for replies in rounds:
            steps = conversation.send(replies)
            said.append(words(steps))
    except StopIteration as done:
        return said, done.value
    raise AssertionError("the conversation goes on")


def test_one_round_trip_is_enough() -> None:
    """HELLO with name and password, SELECT and the rest are written together."""
    options = HandshakeOptions(
        db=3, client_name="me", noevict=True, notouch=True, extra=(HandshakeStep((b"READONLY",)),)
    )
    said, server_info = talk(options, Credentials("user", "secret"), [HELLO, *[b"OK"] * 6])
    assert said == [
        [
            b"HELLO 3 AUTH user secret SETNAME me",
            b"SELECT 3",
            b"CLIENT NO-EVICT ON",
            b"CLIENT NO-TOUCH ON",
            b"READONLY",
            *INFO,
        ]
    ]
    assert server_info == ServerInfo(3, "valkey", "9.1.2", 7, "master", (b"OK",))


def test_nothing_is_said_that_need_not_be() -> None:
    """The default is HELLO and the library's name."""
    said, _ = talk(HandshakeOptions(), Credentials(), [HELLO, b"OK", b"OK"])
    assert said == [[b"HELLO 3", *INFO]]


def test_a_password_alone_is_that_of_the_default_user() -> None:
    """HELLO wants a user name with it."""
    said, _ = talk(HandshakeOptions(), Credentials(None, "secret"), [HELLO, b"OK", b"OK"])
    assert said[0][0] == b"HELLO 3 AUTH default secret"


@pytest.mark.parametrize(
    "refusal",
    [
        UNKNOWN,
        from_server("NOPROTO unsupported protocol version"),
        from_server("NOPERM this user has no permissions to run the 'hello' command"),
    ],
)
def test_resp2_where_hello_is_unknown(refusal: RedisError) -> None:
    """The second round logs in and names the client as of old."""
    options = HandshakeOptions(db=3, client_name="me")
    said, server_info = talk(options, Credentials("user", "secret"), [refusal] * 4, [b"OK"] * 5)
    assert said[1] == [b"AUTH user secret", b"CLIENT SETNAME me", b"SELECT 3", *INFO]
    assert server_info == ServerInfo(protocol=2)


def test_resp2_on_demand() -> None:
    """protocol=2 does not even try HELLO; a password without a user is the old AUTH."""
    said, server_info = talk(HandshakeOptions(protocol=2), Credentials(None, "secret"), [b"OK"] * 3)
    assert said == [[b"AUTH secret", *INFO]]
    assert server_info.protocol == 2


@pytest.mark.parametrize("position", [0, 1])
def test_a_required_step_that_is_refused(position: int) -> None:
    """Its error is raised and names the command, not its arguments (G6, G15)."""
    replies: list[Reply] = [HELLO, b"OK", b"OK", b"OK"]
    replies[position] = from_server("ERR no")
    with pytest.raises(ResponseError, match="ERR no") as caught:
        talk(HandshakeOptions(db=3), Credentials(None, "hunter2"), replies)
    assert ("HELLO", "SELECT")[position] in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_optional_steps_may_be_refused() -> None:
    """ACLs may forbid SETINFO, old servers do not know it."""
    refused = from_server("NOPERM no permissions")
    _, server_info = talk(HandshakeOptions(), Credentials(), [HELLO, refused, refused])
    assert server_info.protocol == 3


def test_a_wrong_password_is_not_tried_again_in_another_way() -> None:
    """WRONGPASS is the end of the conversation."""
    wrong = from_server("WRONGPASS invalid username-password pair")
    with pytest.raises(AuthenticationError):
        talk(HandshakeOptions(), Credentials(None, "x"), [wrong, wrong, wrong])


def test_a_server_that_says_little_of_itself() -> None:
    """What HELLO leaves out is empty."""
    _, server_info = talk(HandshakeOptions(), Credentials(), [{b"proto": 3}, b"OK", b"OK"])
    assert server_info == ServerInfo(3, "", "", 0, "")


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("server", ["valkey", "redis8"])
async def test_all_wishes_come_true(
    server: str, protocol: int, request: pytest.FixtureRequest
) -> None:
    """On real servers: database, name, flags, library and protocol are as wished."""
    real: Server = request.getfixturevalue(server)
    async with Redis(
        real.host,
        real.port,
        5,
        protocol=protocol,
        client_name="me",
        noevict=True,
        notouch=True,
        decode_responses=True,
    ) as client:
        await client.set("k", "v")
        info = await client.client_info()
    assert (info.db, info.name) == (5, "me")
    assert info.fields["lib-name"] == "anyredis"
    assert info.fields["resp"] == str(protocol)
    assert {"e", "T"} <= set(info.flags)


async def test_in_one_round_trip() -> None:
    """The server gets all of it in one piece, before it has answered anything."""
    server = FakeServer(users={"default": "secret"})
    server.hold()
    async with (
        server.client(password="secret", db=2, client_name="me") as client,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(client.get, "k")
        await server.wait_for("CLIENT", 2)
        assert [name for name, *_ in server.received] == [b"HELLO", b"SELECT", b"CLIENT", b"CLIENT"]
        server.release()
    assert server.received[-1] == (b"GET", b"k")
    assert server.accepted == 1


async def test_an_old_server() -> None:
    """A server without HELLO is spoken to in RESP2, on the same connection."""
    server = FakeServer()
    server.on("HELLO", UNKNOWN)
    server.on("CLIENT", from_server("ERR unknown command 'CLIENT'"))
    async with server.client(db=2) as client:
        await client.set("k", "v")
    assert server.memory.databases[2] == {b"k": b"v"}
    assert server.accepted == 1
