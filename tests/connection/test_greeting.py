"""Tests of `anyredis.connection.greeting`: the handshake over a stream."""

from __future__ import annotations

import anyio
import pytest

from anyredis.connection.greeting import hold
from anyredis.connection.handshake import Agreed, Wishes, negotiate
from anyredis.credentials import Credentials
from anyredis.exceptions import MaxClientsError, UnknownCommandError
from anyredis.testing import FakeServer, run_then_half_close, run_then_reset
from anyredis.wire.decode import Decoder
from anyredis.wire.encode import encoder


async def greet(server: FakeServer) -> Agreed:
    """What is agreed with *server*."""
    conversation = negotiate(Wishes(), Credentials())
    async with await server.connect() as stream:
        return await hold(conversation, stream, Decoder(), encoder())


async def test_it_comes_to_an_agreement() -> None:
    """The replies go to the conversation, and what it returns is given."""
    agreed = await greet(FakeServer())
    assert (agreed.protocol, agreed.server) == (3, "fake")


async def test_a_second_round() -> None:
    """What the conversation wants to say next is said on the same stream."""
    server = FakeServer()
    server.on("HELLO", UnknownCommandError("ERR unknown command 'HELLO'"))
    assert (await greet(server)).protocol == 2
    assert server.accepted == 1


@pytest.mark.parametrize("hang_up", [run_then_reset, run_then_half_close])
async def test_who_hangs_up_without_a_word(hang_up: object) -> None:
    """The stream's own error is raised."""
    server = FakeServer()
    server.on("HELLO", run_then_reset if hang_up is run_then_reset else run_then_half_close)
    with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
        await greet(server)


@pytest.mark.parametrize("hang_up", [run_then_reset, run_then_half_close])
async def test_who_says_why_and_hangs_up(hang_up: object) -> None:
    """The one line that was said is the error, however many replies were to come."""
    server = FakeServer(greeting=b"-ERR max number of clients reached\r\n")
    server.on("HELLO", run_then_reset if hang_up is run_then_reset else run_then_half_close)
    with pytest.raises(MaxClientsError, match="max number of clients"):
        await greet(server)
