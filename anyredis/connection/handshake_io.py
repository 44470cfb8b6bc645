"""The handshake over a stream: it sends the commands of `negotiate` and reads their replies."""

from __future__ import annotations

import anyio
from anyio.abc import ByteStream

from anyredis.connection.handshake import HandshakeStep, HandshakeSteps, ServerInfo
from anyredis.exceptions import ConnectionError, ProtocolError, ResponseError
from anyredis.wire.decode import Decoder, Incomplete, Push, Reply
from anyredis.wire.encode import Encoder, encode
from anyredis.wire.request_queue import MAX_UNASKED

CHUNK = 256 * 1024
"""Bytes to receive at once; asyncio's streams give at most this many."""


class HungUpOnHelloError(anyio.EndOfStream):
    """The peer refused HELLO and closed the stream."""


async def perform_handshake(
    handshake: HandshakeSteps, stream: ByteStream, decoder: Decoder, pack: Encoder
) -> ServerInfo:
    """The facts that the server gave; raises the error of the server or of the stream."""
    steps = next(handshake)
    while True:
        replies = await _exchange(steps, stream, decoder, pack)
        try:
            steps = handshake.send(replies)
        except StopIteration as done:
            server_info: ServerInfo = done.value
            return server_info


async def _exchange(
    steps: list[HandshakeStep], stream: ByteStream, decoder: Decoder, pack: Encoder
) -> list[Reply]:
    replies: list[Reply] = []
    if not steps:
        return replies
    try:
        await stream.send(b"".join(encode(pack, step.args) for step in steps))
        while len(replies) < len(steps):
            replies.append(await _read_one(stream, decoder))
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        # A server that refuses a client sends one error and closes (-ERR max number of clients …).
        first = replies[0] if replies else await _read_one(stream, decoder)
        if isinstance(first, ConnectionError):
            raise first from None
        if steps[0].args[0] == b"HELLO" and isinstance(first, ResponseError):
            raise HungUpOnHelloError from None
        raise
    return replies


async def _read_one(stream: ByteStream, decoder: Decoder) -> Reply:
    received = 0
    while True:
        reply = decoder.next_reply()
        if isinstance(reply, Incomplete):
            if received > MAX_UNASKED:
                raise ProtocolError(f"the server answered with more than {MAX_UNASKED} bytes")
            data = await stream.receive(CHUNK)
            received += len(data)
            decoder.feed(data)
        elif type(reply) is not Push:
            return reply
