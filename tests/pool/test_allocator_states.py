"""Tests of `anyredis.pool.allocator` as a state machine: what holds whatever happens."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anyredis.pool.allocator import ConnectionAllocator
from tests.contract.rotation import examples
from tests.pool.stubs import StubConnection, StubWaiter, failed


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
