"""Functions for `client.transaction`, and changes that another client makes."""

from __future__ import annotations

from anyredis import Backoff, Transaction
from anyredis.testing import Answer, FakePeer, FakeServer, Words

AT_ONCE = Backoff(base=0, cap=0)


async def add_one(tx: Transaction[str]) -> int:
    """Increment `k` by reading and writing; the new value."""
    value = int(await tx.get("k") or 0) + 1
    async with tx.pipeline() as pipe:
        pipe.set("k", value)
    return value


def changing(server: FakeServer, times: int) -> None:
    """Let another client change `k` after each of the next reads."""

    def change(peer: FakePeer, words: Words) -> Answer:
        answer = peer.run(words)
        server.memory.run(server.memory.new_client(), (b"INCRBY", b"k", b"100"))
        return answer

    server.on("GET", change, times=times)
