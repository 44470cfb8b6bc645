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
    refused = False
    while True:
        replies: list[Reply] = []
        try:
            await _exchange(steps, replies, stream, decoder, pack)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            # A server that refuses a client sends one error and closes (-ERR max number of clients …).
            if not replies and not refused:
                replies.append(await _read_one(stream, decoder))
            if replies and isinstance(replies[0], ConnectionError):
                raise replies[0] from None
            if refused or _refuses_hello(steps, replies):
                raise HungUpOnHelloError from None
            raise
        refused = _refuses_hello(steps, replies)
        try:
            steps = handshake.send(replies)
        except StopIteration as done:
            info: ServerInfo = done.value
            return info


def _refuses_hello(steps: list[HandshakeStep], replies: list[Reply]) -> bool:
    return bool(steps) and steps[0].args[0] == b"HELLO" and isinstance(replies[0], ResponseError)


async def _exchange(
    steps: list[HandshakeStep],
    replies: list[Reply],
    stream: ByteStream,
    decoder: Decoder,
    pack: Encoder,
) -> None:
    """Send *steps* together, and add their replies to *replies* as they come."""
    if steps:
        await stream.send(b"".join(encode(pack, step.args) for step in steps))
    while len(replies) < len(steps):
        replies.append(await _read_one(stream, decoder))


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
