"""Tests of `anyredis.pool.allocator`: the assignment of connections, also as a state machine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anyredis.exceptions import ConnectionError, RedisError
from anyredis.pool.allocator import ConnectionAllocator
from tests.contract.rotation import examples


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


class Leases(RuleBasedStateMachine):
    """Leases wait, get connections, are cancelled and end; connections are dialled and lost."""

    @initialize(capacity=st.integers(1, 5), shared=st.integers(0, 3))
    def start(self, capacity: int, shared: int) -> None:
        """A pool of some shape."""
        self.capacity = capacity
        self.allocator: ConnectionAllocator[StubConnection] = ConnectionAllocator(capacity, shared)
        self.waiting: list[StubWaiter] = []
        self.holding: list[tuple[str, StubConnection]] = []
        self.dials = 0

    def assign(self) -> None:
        """Assign, as the pool does after each change."""
        self.dials += self.allocator.assign()
        for waiter in list(self.waiting):
            if waiter.answer is not None:
                first = next(each for each in self.waiting if each.kind == waiter.kind)
                assert first is waiter, "served out of turn"
                self.waiting.remove(waiter)
                if isinstance(waiter.answer, StubConnection):
                    assert waiter.answer.usable
                    assert not waiter.answer.dirty
                    self.holding.append((waiter.kind, waiter.answer))

    @property
    def leases(self) -> int:
        """The leases that the limit has admitted."""
        return len(self.waiting) + len(self.holding)

    @precondition(lambda self: self.leases < self.capacity)
    @rule(kind=st.sampled_from(["multiplexed", "exclusive"]))
    def ask(self, kind: str) -> None:
        """A lease asks for a connection."""
        connection = (
            self.allocator.acquire_multiplexed()
            if kind == "multiplexed"
            else self.allocator.acquire_exclusive()
        )
        if connection is not None:
            self.holding.append((kind, connection))
        else:
            waiter = StubWaiter(kind)
            waiters = (
                self.allocator.multiplexed_waiters
                if kind == "multiplexed"
                else self.allocator.exclusive_waiters
            )
            waiters[waiter] = None
            self.waiting.append(waiter)
        self.assign()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), late=st.booleans())
    def cancel(self, data: st.DataObject, late: bool) -> None:
        """A waiting lease is cancelled; its task removes the waiter at once, or later."""
        waiter = data.draw(st.sampled_from(self.waiting))
        waiter.abandoned = True
        self.waiting.remove(waiter)
        if not late:
            self.allocator.multiplexed_waiters.pop(waiter, None)
            self.allocator.exclusive_waiters.pop(waiter, None)
        self.assign()

    @precondition(lambda self: self.holding)
    @rule(data=st.data(), changes_state=st.booleans())
    def end(self, data: st.DataObject, changes_state: bool) -> None:
        """A lease ends."""
        index = data.draw(st.integers(0, len(self.holding) - 1))
        kind, connection = self.holding.pop(index)
        if kind == "exclusive":
            connection.dirty = connection.dirty or changes_state
            leftover = self.allocator.release_exclusive(connection)
        else:
            leftover = self.allocator.release_multiplexed(connection)
        if leftover is not None:
            self.allocator.remove(leftover)
        self.assign()

    @precondition(lambda self: self.dials)
    @rule(succeeds=st.booleans())
    def dialled(self, succeeds: bool) -> None:
        """A dial ends."""
        self.dials -= 1
        if succeeds:
            self.allocator.add(StubConnection())
        else:
            self.allocator.dial_failed(failed)
        self.assign()

    @precondition(lambda self: self.connections())
    @rule(data=st.data(), drains=st.booleans())
    def lose(self, data: st.DataObject, drains: bool) -> None:
        """A connection is lost, or drains and is lost later."""
        connection = data.draw(st.sampled_from(self.connections()))
        connection.usable = False
        if drains:
            leftover = self.allocator.drain(connection)
            if leftover is not None:
                self.allocator.remove(leftover)
        else:
            self.allocator.remove(connection)
        self.assign()

    def connections(self) -> list[StubConnection]:
        """All connections, in a fixed order."""
        allocator = self.allocator
        return [
            *allocator.multiplexed,
            *allocator.idle,
            *dict.fromkeys(connection for _, connection in self.holding),
        ]

    @invariant()
    def sockets_are_bounded(self) -> None:
        """Never more sockets than capacity, dials included."""
        assert self.allocator.sockets <= self.capacity
        assert self.allocator.dialling == self.dials

    @invariant()
    def leases_are_counted(self) -> None:
        """G5: every lease holds a connection, usable or not, or waits for one."""
        allocator = self.allocator
        assert allocator.leased == len(self.holding)
        waiters = [*allocator.multiplexed_waiters, *allocator.exclusive_waiters]
        assert sum(not waiter.done() for waiter in waiters) == len(self.waiting)

    @invariant()
    def no_lease_waits_for_ever(self) -> None:
        """G7: if leases wait, a connection is being dialled, or another lease holds one."""
        if self.waiting:
            assert self.dials or any(
                connection in self.allocator.exclusive
                or connection.in_use
                or connection in self.allocator.draining
                for _, connection in self.holding
            )

    @invariant()
    def each_connection_is_in_one_place(self) -> None:
        """It is multiplexed, idle, exclusive or draining."""
        allocator = self.allocator
        places = [
            *allocator.multiplexed,
            *allocator.idle,
            *allocator.exclusive,
            *allocator.draining,
        ]
        assert len(places) == len(set(places))
        for connection in allocator.exclusive:
            assert sum(each is connection for _, each in self.holding) == 1
        for connection in allocator.idle:
            assert not connection.in_use
            assert not connection.dirty

    def teardown(self) -> None:
        """If all dials succeed and all leases end, every waiting lease gets a connection."""
        if not hasattr(self, "allocator"):
            return
        for _ in range(100):
            while self.dials:
                self.dials -= 1
                self.allocator.add(StubConnection())
                self.assign()
            if not self.holding:
                break
            kind, connection = self.holding.pop(0)
            leftover = (
                self.allocator.release_exclusive(connection)
                if kind == "exclusive"
                else self.allocator.release_multiplexed(connection)
            )
            if leftover is not None:
                self.allocator.remove(leftover)
            self.assign()
        assert self.waiting == []
        assert self.allocator.leased == 0


Leases.TestCase.settings = settings(
    deadline=None,
    max_examples=examples(300),
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLeases = Leases.TestCase
