"""The same random commands through redis-py and through anyredis, each to a server of its own.

Both send the same words, and give the same replies, but for the differences of type that
`redis_py_replies.py` lists.  `ANYREDIS_FUZZ_SEED` repeats a conversation.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import hiredis
import pytest
import redis
from anyio.abc import ByteStream
from redis.connection import Connection as TheirConnection

import anyredis
from anyredis.server import Server, run
from tests.commands.test_redis_py import SCAN_METHODS
from tests.fuzz.conftest import SEED
from tests.fuzz.conversation import Step, conversation
from tests.fuzz.grammar import same_meaning
from tests.fuzz.redis_py_replies import OURS_FOR, plain, typed
from tests.servers import redis8_binary, valkey_binary

pytestmark = pytest.mark.server

LENGTH = 1000

HANDSHAKE = {b"CLIENT", b"HELLO"}
"""What a new connection sends first: a blocking command has one of its own."""


class Recorder(ByteStream):
    """A stream that keeps what is sent."""

    def __init__(self, stream: ByteStream, sent: bytearray) -> None:
        self._stream = stream
        self._sent = sent

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What the server sends."""
        return await self._stream.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        """Keep *item*, and send it."""
        self._sent += item
        await self._stream.send(item)

    async def send_eof(self) -> None:
        """Nothing more is sent."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


class RecordedConnection(anyredis.Connection):
    """A connection that keeps what it sends."""

    def __init__(self, *, sent: bytearray, **options: Any) -> None:
        super().__init__(**options)
        self._sent = sent

    async def open_stream(self) -> ByteStream:
        """A recorded stream."""
        return Recorder(await super().open_stream(), self._sent)


class TheirRecordedConnection(TheirConnection):
    """A connection of redis-py that keeps what it sends."""

    sent = bytearray()

    def send_packed_command(self, command: Any, check_health: bool = True) -> Any:
        """Keep *command*, and send it."""
        for part in [command] if isinstance(command, bytes) else command:
            self.sent += part
        send: Any = getattr(super(), "send_packed_command")  # noqa: B009 - it has no types
        return send(command, check_health)


class Conversation:
    """Both clients, each with its server."""

    def __init__(
        self, ours: Any, our_bytes: bytearray, theirs: Any, their_bytes: bytearray
    ) -> None:
        self._ours, self._our_bytes = ours, our_bytes
        self._theirs, self._their_bytes = theirs, their_bytes
        self.refused = 0
        """The calls to which the server's reply was an error."""

    async def difference(self, step: Step) -> str | None:
        """What differs in one call; None if nothing does."""
        our_bytes, their_bytes = self._our_bytes, self._their_bytes
        our_bytes.clear()
        their_bytes.clear()
        ours, theirs = await self._our_reply(step), self._their_reply(step)
        self.refused += isinstance(ours, anyredis.RedisError)
        if not same_requests(step, bytes(our_bytes), bytes(their_bytes)):
            return f"{step.call}: sent {bytes(our_bytes)!r}, redis-py {bytes(their_bytes)!r}"
        if isinstance(ours, anyredis.RedisError) or isinstance(theirs, Exception):
            return None if same_errors(ours, theirs) else f"{step.call}: {ours!r}, not {theirs!r}"
        convert, _ = OURS_FOR.get(step.method, (None, ""))
        expected = theirs if convert is None else convert(theirs)
        if typed(plain(ours)) != typed(plain(expected)):
            return f"{step.call}: {ours!r}, not {theirs!r}"
        return None

    async def _our_reply(self, step: Step) -> Any:
        try:
            called: Any = eval(f"client.{step.call}", {"client": self._ours})
            if step.method in SCAN_METHODS:
                return sorted([each async for each in called])
            return await called
        except anyredis.RedisError as error:
            return error

    def _their_reply(self, step: Step) -> Any:
        try:
            called: Any = eval(f"client.{step.call}", {"client": self._theirs})
            return sorted(called) if step.method in SCAN_METHODS else called
        except (redis.RedisError, UnicodeDecodeError) as error:
            return error


def same_requests(step: Step, ours: bytes, theirs: bytes) -> bool:
    """Whether the same words were sent, perhaps with the options in another order.

    Calls that the table of redis-py's calls lists with words of ours send those.
    """
    ours_read, theirs_read = requests(ours), requests(theirs)
    if ours == theirs and ours_read == [step.ours]:
        return True
    if not step.same_words:
        return ours_read == [step.ours] and theirs_read == [step.theirs]
    return len(ours_read) == len(theirs_read) and all(map(same_meaning, ours_read, theirs_read))


def requests(data: bytes) -> list[list[bytes]]:
    """The words of each request, those of the handshake left out."""
    reader = hiredis.Reader()
    reader.feed(data)
    found: list[list[bytes]] = []
    while (words := reader.gets()) is not False:
        if words[0] not in HANDSHAKE:
            found.append(words)
    return found


def same_errors(ours: Any, theirs: Any) -> bool:
    """Whether both are errors of the server with the same text; redis-py cuts off its code."""
    if isinstance(theirs, UnicodeDecodeError):
        return isinstance(ours, anyredis.ReplyDecodeError)
    if not isinstance(ours, anyredis.ResponseError) or not isinstance(theirs, redis.ResponseError):
        return False
    said, told = str(ours), str(theirs)
    _, _, text = said.partition(" ")
    return told in {said, text} or told.startswith(text)


@asynccontextmanager
async def both(binary: Path, protocol: int, decode: bool) -> AsyncGenerator[Conversation, None]:
    """Both clients with two fresh servers."""
    our_bytes = bytearray()
    async with run(binary=binary) as first, run(binary=binary) as second:
        pool = anyredis.ConnectionPool(
            connection_class=RecordedConnection,
            host=first.host,
            port=first.port,
            protocol=protocol,
            decode_responses=decode,
            sent=our_bytes,
        )
        async with anyredis.Redis(connection_pool=pool, decode_responses=decode) as ours:
            with redis_py(second, protocol, decode) as (theirs, their_bytes):
                yield Conversation(ours, our_bytes, theirs, their_bytes)


@contextmanager
def redis_py(
    server: Server, protocol: int, decode: bool
) -> Generator[tuple[Any, bytearray], None, None]:
    """redis-py's client, and what it sends."""
    sent = bytearray()
    kind = type("Recorded", (TheirRecordedConnection,), {"sent": sent})
    pool = redis.ConnectionPool(
        connection_class=kind,
        host=server.host,
        port=server.port,
        protocol=protocol,
        decode_responses=decode,
    )
    client = redis.Redis(connection_pool=pool)
    try:
        yield client, sent
    finally:
        client.close()
        pool.disconnect()


CASES = [
    ("Valkey 9.1", 2, "trio"),
    ("Valkey 9.1", 3, "asyncio"),
    ("Redis 8.2", 2, "asyncio"),
    ("Redis 8.2", 3, "trio"),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("server", "protocol", "backend"), CASES)
def test_the_same_conversation(server: str, protocol: int, backend: str) -> None:
    """A thousand random calls send the same bytes, and have the same replies."""
    print(f"ANYREDIS_FUZZ_SEED={SEED}")  # noqa: T201 - pytest shows it if the test fails
    dice = random.Random(f"{SEED} {server} {protocol}")
    steps = conversation(dice, LENGTH)
    binary = valkey_binary() if server.startswith("Valkey") else redis8_binary()

    async def compare() -> list[str]:
        async with both(binary, protocol, decode=dice.random() < 0.5) as clients:
            told = [await clients.difference(step) for step in steps]
        assert clients.refused < LENGTH / 2
        return [each for each in told if each is not None]

    assert anyio.run(compare, backend=backend) == []
