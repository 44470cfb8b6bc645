"""Tests of `anyredis.connection.handshake_io`: the handshake over a stream."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from anyio.abc import TaskGroup

from anyredis.connection.handshake import (
    HandshakeOptions,
    HandshakeStep,
    HandshakeSteps,
    ServerInfo,
    negotiate,
)
from anyredis.connection.handshake_io import perform_handshake
from anyredis.credentials import Credentials
from anyredis.exceptions import (
    MaxClientsError,
    NoPermissionError,
    ProtocolError,
    ReplyDecodeError,
    UnknownCommandError,
)
from anyredis.testing import (
    NOTHING,
    Answer,
    FakePeer,
    FakeServer,
    FakeStream,
    Handler,
    Raw,
    Words,
    run_then_half_close,
    run_then_reset,
)
from anyredis.wire.decode import MORE, Decoder, Reply
from anyredis.wire.encode import encoder
from tests.blocked_tasks import all_tasks_blocked

MAX_CLIENTS = b"-ERR max number of clients reached\r\n"
HELLO = (
    b"%5\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n9.1.2\r\n$5\r\nproto\r\n:3\r\n"
    b"$2\r\nid\r\n:7\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
)
WELCOME = HELLO + b"+OK\r\n+OK\r\n"
UNKNOWN = b"-ERR unknown command 'HELLO'\r\n"
SERVER_INFO = ServerInfo(protocol=3, server="valkey", version="9.1.2", client_id=7, role="master")

each_end = pytest.mark.parametrize("end", [FakeStream.half_close, FakeStream.reset])
each_close = pytest.mark.parametrize("close", [run_then_reset, run_then_half_close])


class ScriptedStream(FakeStream):
    """A stream whose other end sends *answers*, one for each send, and then calls *close*.

    `sent` has the data of each send.  The first `receive` gives at most *cut* bytes, each at most
    *most* bytes.
    """

    def __init__(
        self,
        *answers: bytes,
        close: Callable[[FakeStream], None] | None = None,
        cut: int = 0,
        most: int = 1 << 20,
    ) -> None:
        super().__init__(self._on_sent, lambda: None)
        self.sent: list[bytes] = []
        self._answers = list(answers)
        self._close_after_answers = close
        self._cut = cut
        self._most = most

    def _on_sent(self, data: bytes) -> None:
        self.sent.append(data)
        if self._answers:
            self.deliver(self._answers.pop(0))
        if self._close_after_answers is not None and not self._answers:
            self._close_after_answers(self)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """At most *max_bytes* bytes."""
        chunk = await super().receive(min(max_bytes, self._most, self._cut or max_bytes))
        self._cut -= min(len(chunk), self._cut)
        return chunk


async def handshake_over(stream: FakeStream, encoding: str | None = None) -> ServerInfo:
    """The result of the default handshake over *stream*."""
    steps = negotiate(HandshakeOptions(), Credentials())
    return await perform_handshake(steps, stream, Decoder(encoding), encoder())


async def handshake_with(server: FakeServer) -> ServerInfo:
    """The result of the default handshake with *server*."""
    steps = negotiate(HandshakeOptions(), Credentials())
    async with await server.connect() as stream:
        return await perform_handshake(steps, stream, Decoder(), encoder())


# -- rounds -------------------------------------------------------------------------------------


async def test_it_gives_the_server_info() -> None:
    """The replies are sent to the generator, and its result is returned."""
    server_info = await handshake_with(FakeServer())
    assert (server_info.protocol, server_info.server) == (3, "fake")


async def test_a_second_round() -> None:
    """The next steps are sent on the same stream."""
    server = FakeServer()
    server.on("HELLO", UnknownCommandError("ERR unknown command 'HELLO'"))
    assert (await handshake_with(server)).protocol == 2
    assert server.accepted == 1


async def test_one_round_is_one_send() -> None:
    """All steps of a round leave together, encoded in their order."""
    stream = ScriptedStream(b"+a\r\n:2\r\n", b"$-1\r\n")
    received: list[list[Reply]] = []

    def steps() -> HandshakeSteps:
        received.append((yield [HandshakeStep((b"ONE",)), HandshakeStep((b"TWO", "x", 2))]))
        received.append((yield [HandshakeStep((b"THREE",))]))
        return SERVER_INFO

    assert await perform_handshake(steps(), stream, Decoder(), encoder()) is SERVER_INFO
    assert stream.sent == [
        b"*1\r\n$3\r\nONE\r\n*3\r\n$3\r\nTWO\r\n$1\r\nx\r\n$1\r\n2\r\n",
        b"*1\r\n$5\r\nTHREE\r\n",
    ]
    assert received == [[b"a", 2], [None]]


async def test_an_error_of_the_generator() -> None:
    """The error that it raises for a reply is raised unchanged."""
    with pytest.raises(NoPermissionError, match="HELLO while connecting"):
        await perform_handshake(
            negotiate(HandshakeOptions(), Credentials("me", "secret")),
            ScriptedStream(
                UNKNOWN + b"-NOPERM a\r\n" * 2, b"-NOPERM HELLO while connecting\r\n" * 3
            ),
            Decoder(),
            encoder(),
        )


async def test_a_push_between_the_replies() -> None:
    """G1: a push is not the reply to a step."""
    push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
    decoder = Decoder()
    received: list[list[Reply]] = []

    def steps() -> HandshakeSteps:
        received.append(
            (yield [HandshakeStep((b"CLIENT", b"TRACKING", b"ON")), HandshakeStep((b"GET", b"k"))])
        )
        return SERVER_INFO

    await perform_handshake(
        steps(), ScriptedStream(b"+OK\r\n" + push + b"$1\r\nv\r\n"), decoder, encoder()
    )
    assert received == [[b"OK", b"v"]]
    assert decoder.next_reply() is MORE


# -- bytes in pieces ----------------------------------------------------------------------------


async def test_replies_split_at_every_byte() -> None:
    """For every end of the first piece, the rest is awaited."""
    for cut in range(1, len(WELCOME)):
        assert await handshake_over(ScriptedStream(WELCOME, cut=cut), "utf-8") == SERVER_INFO


async def test_two_rounds_split_at_every_byte() -> None:
    """The same in the second round, for a server that does not know HELLO."""
    first, second = UNKNOWN + b"+OK\r\n" * 2, b"+OK\r\n" * 2
    for cut in range(1, len(first + second)):
        stream = ScriptedStream(first, second, cut=cut)
        assert await handshake_over(stream) == ServerInfo(protocol=2)
        assert [b"HELLO" in data for data in stream.sent] == [True, False]


async def test_replies_that_come_byte_by_byte() -> None:
    """Each `receive` may give a single byte."""
    assert await handshake_over(ScriptedStream(WELCOME, most=1), "utf-8") == SERVER_INFO


# -- the server closes the stream ---------------------------------------------------------------


@each_close
async def test_a_close_without_a_reply(close: Handler) -> None:
    """The stream's own error is raised."""
    server = FakeServer()
    server.on("HELLO", close)
    with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
        await handshake_with(server)


@each_close
async def test_an_error_before_the_close(close: Handler) -> None:
    """The one error reply is raised, although more replies were expected."""
    server = FakeServer(greeting=MAX_CLIENTS)
    server.on("HELLO", close)
    with pytest.raises(MaxClientsError, match="max number of clients"):
        await handshake_with(server)


async def test_an_error_and_a_close_before_the_first_send() -> None:
    """Sending fails, and the error that the server sent before is read."""
    stream = ScriptedStream()
    stream.deliver(MAX_CLIENTS)
    stream.reset()
    with pytest.raises(MaxClientsError, match="max number of clients") as refused:
        await handshake_over(stream)
    assert stream.sent == []
    assert refused.value.__suppress_context__


@each_end
async def test_an_end_at_every_byte(end: Callable[[FakeStream], None]) -> None:
    """An incomplete handshake raises the stream's error, and gives no incomplete result."""
    for size in range(len(WELCOME)):
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await handshake_over(ScriptedStream(WELCOME[:size], close=end))


async def test_an_incomplete_error() -> None:
    """An error reply that arrived only partly is not raised."""
    with pytest.raises(anyio.EndOfStream):
        await handshake_over(ScriptedStream(MAX_CLIENTS[:-1], close=FakeStream.half_close))


async def test_an_end_in_the_second_round() -> None:
    """The error of the first round is not raised for it."""
    stream = ScriptedStream(UNKNOWN + b"+OK\r\n" * 2, b"+OK\r\n", close=FakeStream.half_close)
    with pytest.raises(anyio.EndOfStream):
        await handshake_over(stream)
    assert len(stream.sent) == 2


# -- invalid replies ----------------------------------------------------------------------------


async def test_text_that_does_not_decode() -> None:
    """The error names the encoding and the command of the reply."""
    stream = ScriptedStream(WELCOME.replace(b"valkey", b"\xff\xfe\xfd\xfc\xfb\xfa"))
    with pytest.raises(ReplyDecodeError, match=r"utf-8.*answer to HELLO"):
        await handshake_over(stream, "utf-8")


async def test_text_that_need_not_decode() -> None:
    """The reply to an optional step may be any bytes."""
    assert (
        await handshake_over(ScriptedStream(HELLO + b"$1\r\n\xff\r\n+OK\r\n"), "utf-8")
        == SERVER_INFO
    )


@pytest.mark.parametrize("most", [1, 1 << 20])
@pytest.mark.parametrize("encoding", [None, "utf-8"])
async def test_a_web_server(encoding: str | None, most: int) -> None:
    """The error says that this is not Redis, at the first bytes that violate the protocol."""
    stream = ScriptedStream(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", most=most)
    with pytest.raises(ProtocolError, match="does not speak the Redis protocol"):
        await handshake_over(stream, encoding)


async def test_a_map_that_no_dict_can_hold() -> None:
    """It is a violation of the protocol."""
    with pytest.raises(ProtocolError, match="does not speak the Redis protocol"):
        await handshake_over(ScriptedStream(b"%1\r\n*0\r\n:1\r\n"))


async def test_it_waits_for_a_silent_server() -> None:
    """The caller sets the time limit: a cancellation ends the handshake at once."""
    stream = ScriptedStream()

    async def cancel(tasks: TaskGroup) -> None:
        await all_tasks_blocked()
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancel, tasks)
        await handshake_over(stream)
    assert len(stream.sent) == 1
    assert tasks.cancel_scope.cancelled_caught


# -- refused, and closed ------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [UNKNOWN, b"-NOPERM no HELLO for you\r\n"])
async def test_a_close_after_an_accepted_error(refusal: bytes) -> None:
    """G11: the error of the lost connection is raised, so the command is retried."""
    with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
        await handshake_over(ScriptedStream(refusal, close=FakeStream.half_close))


async def test_a_connection_lost_after_an_accepted_error_is_dialled_again() -> None:
    """G11: the command was not sent, so it is retried."""

    def refuse_and_close(peer: FakePeer, words: Words) -> Answer:
        peer.send(Raw(UNKNOWN))
        peer.half_close()
        return NOTHING

    server = FakeServer()
    server.on("HELLO", refuse_and_close, times=1)
    async with server.client() as client:
        assert await client.ping()
    assert server.accepted == 2
