"""The counts of a pool, and helpers of the tests that look at them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio
import anyio.lowlevel

from anyredis.pool.base import BasePool


def counts(pool: BasePool) -> tuple[int, int, int]:
    """Free, leased and connecting leases, which add up to the capacity (G5)."""
    assert pool.free + pool.leased + pool.connecting == pool.capacity
    return pool.free, pool.leased, pool.connecting


def shown(pool: BasePool) -> dict[str, int]:
    """The numbers in the repr by name, without those that are 0."""
    numbers = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", repr(pool))}
    return {name: number for name, number in numbers.items() if number}


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until *condition* holds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def fail_in(block: AbstractAsyncContextManager[object]) -> None:
    """Enter *block* and raise KeyError in it."""
    async with block:
        raise KeyError
