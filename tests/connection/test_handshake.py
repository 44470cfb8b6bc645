"""Tests of `anyredis.connection.handshake`: the handshake before the first command."""

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


def commands(steps: list[HandshakeStep]) -> list[bytes]:
    """The steps as lines of text, SETINFO without its values."""
    lines = [
        b" ".join(str(arg).encode() if not isinstance(arg, bytes) else arg for arg in step.args)
        for step in steps
    ]
    return [b"CLIENT SETINFO" if line.startswith(b"CLIENT SETINFO") else line for line in lines]


def perform(
    options: HandshakeOptions, credentials: Credentials, *rounds: list[Reply]
) -> tuple[list[list[bytes]], ServerInfo]:
    """The commands of each round, and the result."""
    handshake = negotiate(options, credentials)
    sent: list[list[bytes]] = []
    try:
        sent.append(commands(next(handshake)))
        for replies in rounds:
            steps = handshake.send(replies)
            sent.append(commands(steps))
    except StopIteration as done:
        return sent, done.value
    raise AssertionError("the handshake has not ended")


def test_one_round_trip_is_enough() -> None:
    """HELLO with name and password, SELECT and the other steps are sent together."""
    options = HandshakeOptions(
        db=3, client_name="me", noevict=True, notouch=True, extra=(HandshakeStep((b"READONLY",)),)
    )
    sent, server_info = perform(options, Credentials("user", "secret"), [HELLO, *[b"OK"] * 6])
    assert sent == [
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


def test_the_default_handshake() -> None:
    """It is HELLO and the library's name."""
    sent, _ = perform(HandshakeOptions(), Credentials(), [HELLO, b"OK", b"OK"])
    assert sent == [[b"HELLO 3", *INFO]]


def test_a_password_alone_is_that_of_the_default_user() -> None:
    """HELLO needs a user name too."""
    sent, _ = perform(HandshakeOptions(), Credentials(None, "secret"), [HELLO, b"OK", b"OK"])
    assert sent[0][0] == b"HELLO 3 AUTH default secret"


@pytest.mark.parametrize(
    "refusal",
    [
        UNKNOWN,
        from_server("NOPROTO unsupported protocol version"),
        from_server("NOPERM this user has no permissions to run the 'hello' command"),
    ],
)
def test_resp2_if_hello_is_unknown(refusal: RedisError) -> None:
    """The second round uses AUTH and CLIENT SETNAME."""
    options = HandshakeOptions(db=3, client_name="me")
    sent, server_info = perform(options, Credentials("user", "secret"), [refusal] * 4, [b"OK"] * 5)
    assert sent[1] == [b"AUTH user secret", b"CLIENT SETNAME me", b"SELECT 3", *INFO]
    assert server_info == ServerInfo(protocol=2)


def test_resp2_on_demand() -> None:
    """protocol=2 sends no HELLO; a password without a user is AUTH with one argument."""
    sent, server_info = perform(
        HandshakeOptions(protocol=2), Credentials(None, "secret"), [b"OK"] * 3
    )
    assert sent == [[b"AUTH secret", *INFO]]
    assert server_info.protocol == 2


@pytest.mark.parametrize("position", [0, 1])
def test_a_required_step_that_is_refused(position: int) -> None:
    """Its error is raised and names the command, not its arguments (G6, G15)."""
    replies: list[Reply] = [b"OK", b"OK", b"OK", b"OK"]
    replies[position] = from_server("ERR no")
    with pytest.raises(ResponseError, match="ERR no") as caught:
        perform(HandshakeOptions(db=3, protocol=2), Credentials(None, "hunter2"), replies)
    assert ("AUTH", "SELECT")[position] in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_optional_steps_may_be_refused() -> None:
    """ACLs may forbid SETINFO, and old servers do not know it."""
    refused = from_server("NOPERM no permissions")
    _, server_info = perform(HandshakeOptions(), Credentials(), [HELLO, refused, refused])
    assert server_info.protocol == 3


def test_a_wrong_password_is_not_sent_again() -> None:
    """WRONGPASS ends the handshake."""
    wrong = from_server("WRONGPASS invalid username-password pair")
    with pytest.raises(AuthenticationError):
        perform(HandshakeOptions(), Credentials(None, "x"), [wrong, wrong, wrong])


def test_a_short_reply_to_hello() -> None:
    """Missing facts are empty."""
    _, server_info = perform(HandshakeOptions(), Credentials(), [{b"proto": 3}, b"OK", b"OK"])
    assert server_info == ServerInfo(3, "", "", 0, "")


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("server", ["valkey", "redis8"])
async def test_all_options_reach_the_server(
    server: str, protocol: int, request: pytest.FixtureRequest
) -> None:
    """On real servers: database, name, flags, library and protocol are as requested."""
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
    """The server gets all steps together, before its first reply."""
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
    """With a server that does not know HELLO, the same connection continues in RESP2."""
    server = FakeServer()
    server.on("HELLO", UNKNOWN)
    server.on("CLIENT", from_server("ERR unknown command 'CLIENT'"))
    async with server.client(db=2) as client:
        await client.set("k", "v")
    assert server.memory.databases[2] == {b"k": b"v"}
    assert server.accepted == 1
