"""Holding the conversation of the handshake over a stream."""

from __future__ import annotations

import anyio
from anyio.abc import ByteStream

from anyredis.connection.handshake import HandshakeStep, HandshakeSteps, ServerInfo
from anyredis.exceptions import ConnectionError
from anyredis.wire.decode import Decoder, Incomplete, Push, Reply
from anyredis.wire.encode import Encoder

CHUNK = 256 * 1024
"""Bytes asked of the stream at once; asyncio hands out up to this much."""


async def perform_handshake(
    conversation: HandshakeSteps, stream: ByteStream, decoder: Decoder, encode: Encoder
) -> ServerInfo:
    """What the two sides agreed on; raises the server's error, or the stream's."""
    steps = next(conversation)
    while True:
        replies = await _exchange(steps, stream, decoder, encode)
        try:
            steps = conversation.send(replies)
        except StopIteration as done:
            server_info: ServerInfo = done.value
            return server_info


async def _exchange(
    steps: list[HandshakeStep], stream: ByteStream, decoder: Decoder, encode: Encoder
) -> list[Reply]:
    replies: list[Reply] = []
    try:
        await stream.send(b"".join(encode(step.args) for step in steps))
        while len(replies) < len(steps):
            replies.append(await _read_one(stream, decoder))
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        # Who turns us away says why in one line, and hangs up (-ERR max number of clients …).
        first = replies[0] if replies else await _read_one(stream, decoder)
        if isinstance(first, ConnectionError):
            raise first from None
        raise
    return replies


async def _read_one(stream: ByteStream, decoder: Decoder) -> Reply:
    while True:
        reply = decoder.next_reply()
        if isinstance(reply, Incomplete):
            decoder.feed(await stream.receive(CHUNK))
        elif type(reply) is not Push:
            return reply
