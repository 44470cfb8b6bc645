"""Tests of `anyredis.pool.allocator`: the assignment of connections, case by case."""

from __future__ import annotations

import pytest

from anyredis.exceptions import ConnectionError
from anyredis.pool.allocator import ConnectionAllocator
from tests.pool.stubs import StubConnection, connected, failed, wait_exclusive, wait_multiplexed


def test_one_dial_for_all_multiplexed_waiters() -> None:
    """Single flight: 100 first commands need one connection, and share it."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(100, 1)
    waiters = wait_multiplexed(allocator, 100)
    assert allocator.assign() == 1
    assert allocator.assign() == 0
    allocator.add(StubConnection())
    assert allocator.assign() == 0
    assert {waiter.answer for waiter in waiters} == set(allocator.multiplexed)
    assert allocator.leased == 100
    assert allocator.connecting == 0


def test_without_multiplexing_each_lease_is_exclusive() -> None:
    """multiplexed_wanted=0: there are as many dials as leases."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(3, 0)
    wait_multiplexed(allocator, 3)
    assert allocator.assign() == 3


def test_an_idle_connection_is_leased_before_one_is_dialled() -> None:
    """A connection that was released unchanged is for the next lease."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(2, 1)
    wait_exclusive(allocator)
    connection = connected(allocator)
    allocator.assign()
    assert allocator.exclusive == {connection}
    assert allocator.release_exclusive(connection) is None
    assert allocator.acquire_exclusive() is connection


def test_an_unused_multiplexed_connection_may_become_exclusive() -> None:
    """If no socket may be opened; and the other way round."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(1, 1)
    wait_multiplexed(allocator)
    connection = connected(allocator)
    allocator.assign()
    [exclusive_waiter] = wait_exclusive(allocator)
    assert allocator.assign() == 0
    assert exclusive_waiter.answer is None
    assert allocator.release_multiplexed(connection) is None
    allocator.assign()
    assert exclusive_waiter.answer is connection
    [waiter] = wait_multiplexed(allocator)
    assert allocator.assign() == 0
    allocator.release_exclusive(connection)
    allocator.assign()
    assert waiter.answer is connection


@pytest.mark.parametrize("harm", ["dirty", "unusable"])
def test_a_connection_in_doubt_is_not_kept(harm: str) -> None:
    """G6, G9: a dirty or broken connection has to be closed when it is released."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(1, 1)
    wait_exclusive(allocator)
    connection = connected(allocator)
    allocator.assign()
    connection.dirty = harm == "dirty"
    connection.usable = harm != "unusable"
    assert allocator.release_exclusive(connection) is connection
    assert allocator.sockets == 0


def test_a_draining_connection_is_closed_after_its_last_use() -> None:
    """G3, G12: it takes no new lease, counts as a socket, and is closed after the last release."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(2, 1)
    wait_multiplexed(allocator, 2)
    old = connected(allocator)
    allocator.assign()
    old.usable = False
    assert allocator.drain(old) is None
    [late] = wait_multiplexed(allocator)
    assert allocator.assign() == 1
    assert allocator.sockets == 2
    allocator.add(StubConnection())
    allocator.assign()
    assert late.answer is not old
    assert allocator.release_multiplexed(old) is None
    assert allocator.release_multiplexed(old) is old
    assert allocator.sockets == 1


def test_a_failed_dial_fails_all_leases_that_share_it() -> None:
    """All multiplexed waiters and the first exclusive one get an error object of their own."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(10, 1)
    in_use = wait_multiplexed(allocator, 3)
    exclusive = wait_exclusive(allocator, 2)
    assert allocator.assign() == 3
    allocator.dial_failed(failed)
    answers = [waiter.answer for waiter in [*in_use, exclusive[0]]]
    assert all(isinstance(answer, ConnectionError) for answer in answers)
    assert len({id(answer) for answer in answers}) == 4
    assert exclusive[1].answer is None
    assert allocator.dialling == 2


def test_a_failed_dial_leaves_those_who_wait_for_the_next() -> None:
    """A waiter with patience stays in line, in its place, and is asked once for each dial."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(100, 1)
    hasty, patient = wait_multiplexed(allocator, 2)
    told: list[float] = []
    allocator.multiplexed_waiters[patient] = lambda _error, at: not told.append(at)  # type: ignore[func-returns-value]
    assert allocator.assign() == 1
    allocator.dial_failed(failed, 7.0)
    assert isinstance(hasty.answer, ConnectionError)
    assert (list(allocator.multiplexed_waiters), told) == ([patient], [7.0])
    assert allocator.assign() == 1
    allocator.add(connection := StubConnection())
    assert allocator.assign() == 0
    assert patient.answer is connection


def test_one_dial_at_a_time_while_the_server_is_down() -> None:
    """Exclusive leases that no other dial is for share the one that fails."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(100, 1)
    waiters = wait_exclusive(allocator, 5)
    assert allocator.assign() == 5
    allocator.dial_failed(failed)
    assert [each.done() for each in waiters] == [True, False, False, False, False]
    allocator.most_dials = 1
    for _ in range(4):
        allocator.dial_failed(failed)
    assert all(each.done() for each in waiters)
    waiters = [*wait_exclusive(allocator, 3), *wait_multiplexed(allocator, 3)]
    assert allocator.assign() == 1
    allocator.dial_failed(failed)
    assert all(each.done() for each in waiters)
    assert allocator.assign() == 0


def test_a_cancelled_waiter_is_skipped() -> None:
    """G7: an asyncio future is cancelled before its task removes it."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(1, 1)
    first, second = wait_exclusive(allocator, 2)
    first.abandoned = True
    connection = connected(allocator)
    allocator.assign()
    assert second.answer is connection


def test_failing_all_leaves_no_waiter() -> None:
    """G8: on closing, every waiting lease gets an error."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(1, 1)
    waiters = [*wait_multiplexed(allocator), *wait_exclusive(allocator)]
    allocator.fail_all(failed)
    assert all(isinstance(waiter.answer, ConnectionError) for waiter in waiters)
    assert allocator.connecting == 0


def test_a_spare_connection() -> None:
    """It is one that no lease uses, idle or multiplexed."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(3, 1)
    wait_multiplexed(allocator)
    connection = connected(allocator)
    allocator.assign()
    assert allocator.spare() is None
    allocator.release_multiplexed(connection)
    assert allocator.spare() is connection


@pytest.mark.parametrize("shared", [0, 1])
def test_a_dial_without_a_waiting_lease_is_surplus(shared: int) -> None:
    """As soon as its lease is cancelled."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(3, shared)
    [waiter] = wait_multiplexed(allocator)
    assert allocator.assign() == 1
    assert allocator.surplus_dials == 0
    del allocator.multiplexed_waiters[waiter]
    assert allocator.surplus_dials == 1


def test_a_closed_connection_counts_until_its_stream_is_closed() -> None:
    """Sockets are bounded as the server counts them; one still in use is counted once."""
    allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(2, 1)
    wait_multiplexed(allocator)
    connection = connected(allocator)
    allocator.assign()
    allocator.closing.add(connection)
    allocator.remove(connection)
    assert (allocator.sockets, allocator.closing_soon) == (1, 0)
    allocator.release_multiplexed(connection)
    assert (allocator.sockets, allocator.closing_soon) == (1, 1)
    allocator.closing.discard(connection)
    assert allocator.sockets == 0
