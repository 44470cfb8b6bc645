"""Tests of `anyredis.connection.tls_lane`: the encrypted stream, its handshake and its end."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Any, cast

import anyio
import pytest
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSAttribute

from anyredis.connection.direct_streams import stream_over
from anyredis.connection.tls_lane import EncryptedStream
from tests.connection.lanes import contexts, opened, passes, tcp_pair
from tests.connection.tls_bench import LARGE
from tests.connection.tls_peer import TLSPeer


async def test_what_is_known_of_it() -> None:
    """The attributes of the socket below, and those of TLS; it was verified."""
    async with opened("tls") as (stream, _):
        assert stream.extra(SocketAttribute.raw_socket).fileno() >= 0
        assert stream.extra(TLSAttribute.tls_version) == "TLSv1.3"
        assert stream.extra(TLSAttribute.cipher)[0].startswith("TLS_")
        assert stream.extra(TLSAttribute.peer_certificate)
        assert stream.extra(TLSAttribute.peer_certificate_binary)
        assert stream.extra(TLSAttribute.alpn_protocol) is None
        assert not stream.extra(TLSAttribute.standard_compatible)
        assert not stream.extra(TLSAttribute.server_side)
        assert isinstance(stream.extra(TLSAttribute.ssl_object), ssl.SSLObject)
        with pytest.raises(NotImplementedError):
            await stream.send_eof()


@pytest.mark.parametrize("host", ["localhost", "elsewhere.example", "127.0.0.1"])
@pytest.mark.parametrize("trusts", [True, False])
async def test_certificate_and_name_are_verified(host: str, trusts: bool) -> None:
    """G15: whoever is not trusted, or is called something else, is sent nothing but a greeting."""
    context = contexts().client if trusts else ssl.create_default_context()
    peer = TLSPeer()
    ours, other = tcp_pair()
    stream = await stream_over(ours)
    async with stream, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, shake_hands, other, peer)
        try:
            if trusts and host == "localhost":
                await EncryptedStream.over(stream, context, host)
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    await EncryptedStream.over(stream, context, host)
        finally:
            await stream.aclose()


def shake_hands(sock: socket.socket, peer: TLSPeer) -> None:
    """Answer as *peer* until the other side has hung up; it sends no byte of data."""
    with sock, suppress(ConnectionResetError):
        while data := sock.recv(65536):
            sock.sendall(peer.shake(data))


class OtherContext(ssl.SSLContext):
    """A context of another library, whose `wrap_bio` may not run in the event loop."""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Assert where it runs."""
        assert threading.current_thread() is not threading.main_thread()
        return super().wrap_bio(*args, **options)


async def test_a_context_of_another_library() -> None:
    """Its `wrap_bio` runs in a thread: it may read files."""
    context = OtherContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    ours, other = tcp_pair()
    stream = await stream_over(ours)
    async with stream, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, shake_hands, other, TLSPeer())
        await EncryptedStream.over(stream, context, "localhost")
        await stream.aclose()


async def test_a_reader_answers_though_another_sends() -> None:
    """G13: one who receives never waits for one who sends, nor fails because of a failed send."""
    async with opened("tls") as (stream, peer), anyio.create_task_group() as tasks:
        tasks.start_soon(stream.send, LARGE * 40)
        await passes()
        peer.sendall(b"heard")
        with anyio.fail_after(10):
            assert await stream.receive() == b"heard"
        tasks.cancel_scope.cancel()


async def test_a_send_that_was_cancelled() -> None:
    """Encrypted bytes may be lost, so nothing can be sent any more: that is said."""
    async with opened("tls") as (stream, peer):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.send, LARGE * 40)
            assert await anyio.to_thread.run_sync(peer.recv, 1) == LARGE[:1]
            tasks.cancel_scope.cancel()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.send(b"x")


async def test_a_closed_stream_gives_nothing() -> None:
    """Not even what it has decrypted."""
    async with opened("tls") as (stream, peer):
        peer.sendall(b"abcdef")
        assert await stream.receive(2) == b"ab"
        await stream.aclose()
        with pytest.raises(anyio.ClosedResourceError):
            await stream.receive()


async def test_close_notify() -> None:
    """It ends the stream, though the socket stays open."""
    async with opened("tls") as (stream, peer):
        peer.sendall(b"last")
        raw = cast("ssl.SSLSocket", peer)
        raw.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            raw.unwrap()
        assert await stream.receive() == b"last"
        for _ in range(2):
            with pytest.raises(anyio.EndOfStream):
                await stream.receive()
