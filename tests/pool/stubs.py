"""Connections without a server, waiters without a task, and an allocator that has them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from anyredis.exceptions import ConnectionError, RedisError
from anyredis.pool.allocator import ConnectionAllocator


class StubConnection:
    """A connection without a server."""

    def __init__(self) -> None:
        self.in_use = 0
        self.dirty = False
        self.usable = True
        self.closed = False


class StubWaiter:
    """A waiter that no task awaits."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.abandoned = False
        self.answer: Any = None

    def done(self) -> bool:
        """Whether it has its answer, or was cancelled."""
        return self.abandoned or self.answer is not None

    def cancelled(self) -> bool:
        """Whether it was cancelled before it had its answer."""
        return self.abandoned

    def result(self) -> Any:
        """The connection, or an error."""
        return self.answer

    def set_result(self, result: Any, /) -> None:
        """Set the answer, once."""
        assert not self.done()
        self.answer = result

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError


def failed() -> RedisError:
    """The error of a dial."""
    return ConnectionError("no")


def connected(allocator: ConnectionAllocator[StubConnection]) -> StubConnection:
    """A connection whose dial has succeeded."""
    assert allocator.assign() == 1
    connection = StubConnection()
    allocator.add(connection)
    return connection


def wait_multiplexed(
    allocator: ConnectionAllocator[StubConnection], count: int = 1
) -> list[StubWaiter]:
    """Waiters for a multiplexed connection, *count* of them."""
    waiters = [StubWaiter("multiplexed") for _ in range(count)]
    allocator.multiplexed_waiters.update(dict.fromkeys(waiters))
    return waiters


def wait_exclusive(
    allocator: ConnectionAllocator[StubConnection], count: int = 1
) -> list[StubWaiter]:
    """Waiters for an exclusive connection, *count* of them."""
    waiters = [StubWaiter("exclusive") for _ in range(count)]
    allocator.exclusive_waiters.update(dict.fromkeys(waiters))
    return waiters
