"""Batches of a few commands or many."""

from __future__ import annotations

from typing import Any

from anyredis import Command
from anyredis.client.batch import CommandBatch
from anyredis.command import raw_command
from anyredis.wire.encode import encoder

PACK = encoder()
KB = b"x" * 1024


def batch(*commands: Command[Any], transaction: bool = False) -> CommandBatch:
    """A batch of *commands*."""
    return CommandBatch(commands, transaction=transaction)


def many(count: int, value: bytes = b"v", *, transaction: bool = False) -> CommandBatch:
    """A batch of *count* SETs."""
    return batch(*(raw_command("SET", b"k", value) for _ in range(count)), transaction=transaction)


def dumped() -> Command[Any]:
    """A command whose reply stays bytes."""
    plain = raw_command("DUMP", "k")
    return Command(plain.args, plain.parse, binary=True)
