"""Commands as one types them, to a fake server's memory."""

from __future__ import annotations

from anyredis.exceptions import RedisError
from anyredis.testing.memory import Memory
from anyredis.testing.resp import Answer


def answers(*lines: str, memory: Memory | None = None) -> list[Answer]:
    """The answers to *lines*, from a new client; an error is its message behind a minus."""
    memory = Memory() if memory is None else memory
    client = memory.new_client()
    found = [memory.run(client, tuple(line.encode().split())) for line in lines]
    return [f"-{each}" if isinstance(each, RedisError) else each for each in found]


def last(*lines: str, memory: Memory | None = None) -> Answer:
    """The last of the answers."""
    return answers(*lines, memory=memory)[-1]
