"""Tests of `anyredis.connection.handshake`: the handshake before the first command."""

from __future__ import annotations

import anyio
import pytest

from anyredis import ConnectionError, Redis
from anyredis.connection.handshake import HandshakeOptions, HandshakeStep, ServerInfo, negotiate
from anyredis.credentials import Credentials
from anyredis.exceptions import AuthenticationError, RedisError, ResponseError, from_server
from anyredis.server import Server
from anyredis.testing import FakeConnection, FakePeer, FakeServer, Raw, run_then_reset
from anyredis.testing.data import Words
from anyredis.testing.resp import NOTHING, Answer
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


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (Credentials(), ()),
        (Credentials("", ""), ()),
        (Credentials(None, ""), ()),
        (Credentials("", "secret"), ("secret",)),
        (Credentials(None, "secret"), ("secret",)),
        (Credentials("me"), ("me", "")),
        (Credentials("me", ""), ("me", "")),
        (Credentials("me", "secret"), ("me", "secret")),
    ],
)
def test_the_words_of_a_login(
    protocol: int, credentials: Credentials, words: tuple[str, ...]
) -> None:
    """A user who needs no password gives an empty one; without both nobody logs in."""
    steps = next(negotiate(HandshakeOptions(protocol), credentials))
    sent = steps[0].args
    if protocol == 3:
        user = words if len(words) != 1 else ("default", *words)
        assert sent == (b"HELLO", 3, *((b"AUTH", *user) if words else ()))
    elif words:
        assert sent == (b"AUTH", *words)
    else:
        assert sent[0] == b"CLIENT"


# -- proxies ------------------------------------------------------------------------------------


REFUSALS_OF_PROXIES = [
    "ERR unsupported command [HELLO]",
    "ERR unknown command `HELLO`",
    "ERR wrong number of arguments for 'hello' command",
    "ERR Protocol error: unsupported",
    "ERR invalid request",
    "NOAUTH Authentication required.",
    "-proxy does not allow this",
]

REFUSALS_OF_CREDENTIALS = [
    "WRONGPASS invalid username-password pair or user is disabled.",
    "ERR invalid password",
    "ERR AUTH <password> called without any password configured for the default user.",
    "NOAUTH HELLO must be called with the client already authenticated, otherwise …",
    "LOADING Redis is loading the dataset in memory",
    "ERR max number of clients reached",
]


@pytest.mark.parametrize("words", REFUSALS_OF_PROXIES)
async def test_a_proxy_that_refuses_hello(words: str) -> None:
    """Whatever its words, the same connection goes on in RESP2."""
    server = FakeServer()
    server.on("HELLO", from_server(words))
    async with server.client(client_name="me", retry=None) as client:
        assert await client.set("k", "v")
        assert client.connection_pool.connections()[0].server_info.protocol == 2
    assert server.accepted == 1
    assert (b"CLIENT", b"SETNAME", b"me") in server.received


@pytest.mark.parametrize("words", REFUSALS_OF_CREDENTIALS)
async def test_a_refusal_that_is_not_about_hello(words: str) -> None:
    """Credentials that are refused, or a server that takes nobody now, are the caller's error."""
    server = FakeServer()
    server.on("HELLO", from_server(words))
    async with server.client(retry=None) as client:
        with pytest.raises(ConnectionError):
            await client.get("k")
    assert server.count("GET") == server.count("AUTH") == 0


async def test_noauth_after_a_password_was_offered() -> None:
    """It is about the credentials: they are not offered again."""
    server = FakeServer()
    server.on("HELLO", from_server("NOAUTH Authentication required."))
    async with server.client(password="x", retry=None) as client:
        with pytest.raises(AuthenticationError):
            await client.get("k")
    assert server.count("AUTH") == 0


async def test_noauth_without_a_password_where_one_is_required() -> None:
    """G6: a server whose every answer is NOAUTH is not connected to."""
    server = FakeServer()
    server.on("HELLO", from_server("NOAUTH Authentication required."))
    server.on("PING", from_server("NOAUTH Authentication required."))
    async with server.client(retry=None) as client:
        with pytest.raises(AuthenticationError):
            await client.get("k")
    assert server.count("GET") == 0


def refuse_hello_and_close(peer: FakePeer, words: Words) -> Answer:
    """The handler of a proxy that knows no HELLO, and closes after an error."""
    del words
    peer.send(Raw(b"-ERR unknown command 'HELLO'\r\n"))
    peer.half_close()
    return NOTHING


async def test_a_proxy_that_refuses_hello_and_closes() -> None:
    """A second stream gets RESP2, without HELLO; credentials go along."""
    server = FakeServer(users={"default": "x"})
    server.on("HELLO", refuse_hello_and_close)
    async with server.client(password="x", retry=None) as client:
        assert await client.set("k", "v")
        assert client.connection_pool.connections()[0].server_info.protocol == 2
    assert server.accepted == 2
    assert server.count("HELLO") == 1


@pytest.mark.parametrize("steps", range(0, 16, 3))
async def test_a_second_stream_that_is_cancelled_leaves_nothing_open(steps: int) -> None:
    """G6, G8: whichever of the two streams the connect has by then."""
    server = FakeServer()
    server.on("HELLO", refuse_hello_and_close)
    connection = FakeConnection(server=server)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.connect)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    await connection.disconnect()  # it was ready before it was cancelled, or is closed already
    assert server.peers == []


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_proxy_that_hangs_up_on_client(protocol: int) -> None:
    """`lib_name=None` sends no CLIENT command."""
    server = FakeServer()
    server.on("CLIENT", run_then_reset)
    async with server.client(lib_name=None, protocol=protocol) as client:
        assert await client.set("k", "v")
    assert server.count("CLIENT") == 0


async def test_the_name_of_another_library() -> None:
    """`lib_name` is the name that the server shows."""
    server = FakeServer()
    async with server.client(lib_name="mine") as client:
        await client.ping()
    assert (b"CLIENT", b"SETINFO", b"LIB-NAME", b"mine") in server.received


def test_no_repr_of_a_step_shows_a_password() -> None:
    """G15: tracebacks with local variables show the steps."""
    for protocol in (2, 3):
        options = HandshakeOptions(protocol=protocol)
        steps = next(negotiate(options, Credentials(None, "hunter2")))
        assert "hunter2" not in repr(steps)
        assert ("HELLO", "AUTH")[protocol == 2] in repr(steps)
