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

MAX_CLIENTS = b"-ERR max number of clients reached\r\n"
HELLO = (
    b"%5\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n9.1.2\r\n$5\r\nproto\r\n:3\r\n"
    b"$2\r\nid\r\n:7\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
)
WELCOME = HELLO + b"+OK\r\n+OK\r\n"
UNKNOWN = b"-ERR unknown command 'HELLO'\r\n"
AGREED = ServerInfo(protocol=3, server="valkey", version="9.1.2", client_id=7, role="master")

each_end = pytest.mark.parametrize("end", [FakeStream.half_close, FakeStream.reset])
each_hang_up = pytest.mark.parametrize("hang_up", [run_then_reset, run_then_half_close])


class Scripted(FakeStream):
    """A stream whose other end says *answers*, one for each send, and then may hang up.

    `sent` is what it was told.  The first `receive` gives *cut* bytes at most, each one *most*.
    """

    def __init__(
        self,
        *answers: bytes,
        hang_up: Callable[[FakeStream], None] | None = None,
        cut: int = 0,
        most: int = 1 << 20,
    ) -> None:
        super().__init__(self._heard, lambda: None)
        self.sent: list[bytes] = []
        self._answers = list(answers)
        self._hang_up = hang_up
        self._cut = cut
        self._most = most

    def _heard(self, data: bytes) -> None:
        self.sent.append(data)
        if self._answers:
            self.deliver(self._answers.pop(0))
        if self._hang_up is not None and not self._answers:
            self._hang_up(self)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """At most what was asked for."""
        chunk = await super().receive(min(max_bytes, self._most, self._cut or max_bytes))
        self._cut -= min(len(chunk), self._cut)
        return chunk


async def held(stream: FakeStream, encoding: str | None = None) -> ServerInfo:
    """What the usual conversation over *stream* comes to."""
    conversation = negotiate(HandshakeOptions(), Credentials())
    return await perform_handshake(conversation, stream, Decoder(encoding), encoder())


async def greet(server: FakeServer) -> ServerInfo:
    """What is agreed with *server*."""
    conversation = negotiate(HandshakeOptions(), Credentials())
    async with await server.connect() as stream:
        return await perform_handshake(conversation, stream, Decoder(), encoder())


# -- the conversation ---------------------------------------------------------------------------


async def test_it_comes_to_an_agreement() -> None:
    """The replies go to the conversation, and what it returns is given."""
    server_info = await greet(FakeServer())
    assert (server_info.protocol, server_info.server) == (3, "fake")


async def test_a_second_round() -> None:
    """What the conversation wants to say next is said on the same stream."""
    server = FakeServer()
    server.on("HELLO", UnknownCommandError("ERR unknown command 'HELLO'"))
    assert (await greet(server)).protocol == 2
    assert server.accepted == 1


async def test_one_round_is_one_send() -> None:
    """All steps of a round leave together, packed in their order."""
    stream = Scripted(b"+a\r\n:2\r\n", b"$-1\r\n")
    heard: list[list[Reply]] = []

    def conversation() -> HandshakeSteps:
        heard.append((yield [HandshakeStep((b"ONE",)), HandshakeStep((b"TWO", "x", 2))]))
        heard.append((yield [HandshakeStep((b"THREE",))]))
        return AGREED

    assert await perform_handshake(conversation(), stream, Decoder(), encoder()) is AGREED
    assert stream.sent == [
        b"*1\r\n$3\r\nONE\r\n*3\r\n$3\r\nTWO\r\n$1\r\nx\r\n$1\r\n2\r\n",
        b"*1\r\n$5\r\nTHREE\r\n",
    ]
    assert heard == [[b"a", 2], [None]]


async def test_what_the_conversation_raises() -> None:
    """Its judgement of the replies is raised as it is."""
    with pytest.raises(NoPermissionError, match="HELLO while connecting"):
        await perform_handshake(
            negotiate(HandshakeOptions(), Credentials("me", "secret")),
            Scripted(UNKNOWN + b"-NOPERM a\r\n" * 2, b"-NOPERM HELLO while connecting\r\n" * 3),
            Decoder(),
            encoder(),
        )


async def test_a_push_between_the_replies() -> None:
    """G1: what the server says unasked answers no step."""
    push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
    decoder = Decoder()
    heard: list[list[Reply]] = []

    def conversation() -> HandshakeSteps:
        heard.append(
            (yield [HandshakeStep((b"CLIENT", b"TRACKING", b"ON")), HandshakeStep((b"GET", b"k"))])
        )
        return AGREED

    await perform_handshake(
        conversation(), Scripted(b"+OK\r\n" + push + b"$1\r\nv\r\n"), decoder, encoder()
    )
    assert heard == [[b"OK", b"v"]]
    assert decoder.next_reply() is MORE


# -- bytes in pieces ----------------------------------------------------------------------------


async def test_replies_split_at_every_byte() -> None:
    """Wherever the first piece ends, the rest is waited for."""
    for cut in range(1, len(WELCOME)):
        assert await held(Scripted(WELCOME, cut=cut), "utf-8") == AGREED


async def test_two_rounds_split_at_every_byte() -> None:
    """So it is in the second round, for a server that does not know HELLO."""
    first, second = UNKNOWN + b"+OK\r\n" * 2, b"+OK\r\n" * 2
    for cut in range(1, len(first + second)):
        stream = Scripted(first, second, cut=cut)
        assert await held(stream) == ServerInfo(protocol=2)
        assert [b"HELLO" in data for data in stream.sent] == [True, False]


async def test_replies_that_come_byte_by_byte() -> None:
    """However little each `receive` gives."""
    assert await held(Scripted(WELCOME, most=1), "utf-8") == AGREED


# -- the other side hangs up --------------------------------------------------------------------


@each_hang_up
async def test_who_hangs_up_without_a_word(hang_up: Handler) -> None:
    """The stream's own error is raised."""
    server = FakeServer()
    server.on("HELLO", hang_up)
    with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
        await greet(server)


@each_hang_up
async def test_who_says_why_and_hangs_up(hang_up: Handler) -> None:
    """The one line that was said is the error, however many replies were to come."""
    server = FakeServer(greeting=MAX_CLIENTS)
    server.on("HELLO", hang_up)
    with pytest.raises(MaxClientsError, match="max number of clients"):
        await greet(server)


async def test_who_hangs_up_before_anything_is_said() -> None:
    """Sending fails already: what the server had said is read all the same."""
    stream = Scripted()
    stream.deliver(MAX_CLIENTS)
    stream.reset()
    with pytest.raises(MaxClientsError, match="max number of clients") as refused:
        await held(stream)
    assert stream.sent == []
    assert refused.value.__suppress_context__


@each_end
async def test_an_end_at_every_byte(end: Callable[[FakeStream], None]) -> None:
    """A handshake that breaks off is the stream's error, never half an agreement."""
    for size in range(len(WELCOME)):
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await held(Scripted(WELCOME[:size], hang_up=end))


async def test_half_a_reason() -> None:
    """A last line that did not arrive whole is no reason."""
    with pytest.raises(anyio.EndOfStream):
        await held(Scripted(MAX_CLIENTS[:-1], hang_up=FakeStream.half_close))


async def test_an_end_in_the_second_round() -> None:
    """What was said in the first round is not the reason for it."""
    stream = Scripted(UNKNOWN + b"+OK\r\n" * 2, b"+OK\r\n", hang_up=FakeStream.half_close)
    with pytest.raises(anyio.EndOfStream):
        await held(stream)
    assert len(stream.sent) == 2


# -- bytes that are no greeting -----------------------------------------------------------------


async def test_text_that_does_not_decode() -> None:
    """The error says that it is the text of a reply, and of which one."""
    stream = Scripted(WELCOME.replace(b"valkey", b"\xff\xfe\xfd\xfc\xfb\xfa"))
    with pytest.raises(ReplyDecodeError, match=r"utf-8.*answer to HELLO"):
        await held(stream, "utf-8")


async def test_text_that_need_not_decode() -> None:
    """A reply that nobody reads may be any bytes."""
    assert await held(Scripted(HELLO + b"$1\r\n\xff\r\n+OK\r\n"), "utf-8") == AGREED


@pytest.mark.parametrize("most", [1, 1 << 20])
@pytest.mark.parametrize("encoding", [None, "utf-8"])
async def test_a_web_server(encoding: str | None, most: int) -> None:
    """The error says that this is not Redis, at the first bytes that cannot be it."""
    stream = Scripted(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", most=most)
    with pytest.raises(ProtocolError, match="does not speak the Redis protocol"):
        await held(stream, encoding)


async def test_a_map_that_no_dict_can_hold() -> None:
    """It is as far from the protocol as anything else."""
    with pytest.raises(ProtocolError, match="does not speak the Redis protocol"):
        await held(Scripted(b"%1\r\n*0\r\n:1\r\n"))


async def test_it_waits_for_who_says_nothing() -> None:
    """Its caller sets the limit: a cancellation ends it at once."""
    stream = Scripted()

    async def cancel(tasks: TaskGroup) -> None:
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancel, tasks)
        await held(stream)
    assert len(stream.sent) == 1
    assert tasks.cancel_scope.cancelled_caught


# -- known gaps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [UNKNOWN, b"-NOPERM no HELLO for you\r\n"])
async def test_a_refusal_that_does_not_matter(said: bytes) -> None:
    """G11: a lost connection is told as that, and so is tried again."""
    with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
        await held(Scripted(said, hang_up=FakeStream.half_close))


async def test_a_connection_lost_after_such_a_refusal_is_dialled_again() -> None:
    """G11: nothing was sent, so the command is tried again."""

    def refuse_and_hang_up(peer: FakePeer, words: Words) -> Answer:
        peer.send(Raw(UNKNOWN))
        peer.half_close()
        return NOTHING

    server = FakeServer()
    server.on("HELLO", refuse_and_hang_up, times=1)
    async with server.client() as client:
        assert await client.ping()
    assert server.accepted == 2
