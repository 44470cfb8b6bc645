"""Tests of `anyredis.pool.allocator`: who gets which connection, as a state machine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anyredis.exceptions import ConnectionError, RedisError
from anyredis.pool.allocator import ConnectionAllocator


class Car:
    """A connection that goes nowhere."""

    def __init__(self) -> None:
        self.in_use = 0
        self.dirty = False
        self.usable = True
        self.closed = False


class Ticket:
    """A waiter that nobody awaits."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.given_up = False
        self.answer: Any = None

    def done(self) -> bool:
        """Whether it was served, or given up."""
        return self.given_up or self.answer is not None

    def cancelled(self) -> bool:
        """Whether it was given up before it was served."""
        return self.given_up

    def result(self) -> Any:
        """The connection, or an error."""
        return self.answer

    def set_result(self, result: Any, /) -> None:
        """Serve it, once."""
        assert not self.done()
        self.answer = result

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError


def failed() -> RedisError:
    """The error of a dial."""
    return ConnectionError("no")


def connected(allocator: ConnectionAllocator[Car]) -> Car:
    """A connection that was dialled and is there."""
    assert allocator.assign() == 1
    car = Car()
    allocator.add(car)
    return car


def want_ride(allocator: ConnectionAllocator[Car], count: int = 1) -> list[Ticket]:
    """So many in line for a ride."""
    tickets = [Ticket("ride") for _ in range(count)]
    allocator.multiplexed_waiters.update(dict.fromkeys(tickets))
    return tickets


def want_own(allocator: ConnectionAllocator[Car], count: int = 1) -> list[Ticket]:
    """So many in line for a connection of their own."""
    tickets = [Ticket("own") for _ in range(count)]
    allocator.exclusive_waiters.update(dict.fromkeys(tickets))
    return tickets


def test_one_dial_for_all_who_want_to_ride() -> None:
    """Single flight: 100 first commands want one connection, and share it."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(100, 1)
    tickets = want_ride(allocator, 100)
    assert allocator.assign() == 1
    assert allocator.assign() == 0
    allocator.add(Car())
    assert allocator.assign() == 0
    assert {ticket.answer for ticket in tickets} == set(allocator.multiplexed)
    assert allocator.leased == 100
    assert allocator.connecting == 0


def test_without_sharing_each_has_its_own() -> None:
    """shared_wanted=0: as many dials as leases."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(3, 0)
    want_ride(allocator, 3)
    assert allocator.assign() == 3


def test_an_idle_connection_is_leased_before_one_is_dialled() -> None:
    """What was given back unharmed serves the next."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(2, 1)
    want_own(allocator)
    car = connected(allocator)
    allocator.assign()
    assert allocator.exclusive == {car}
    assert allocator.release_exclusive(car) is None
    assert allocator.acquire_exclusive() is car


def test_a_shared_connection_that_is_idle_may_be_owned() -> None:
    """Rather than one socket too many, and back again."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(1, 1)
    want_ride(allocator)
    car = connected(allocator)
    allocator.assign()
    [owner_ticket] = want_own(allocator)
    assert allocator.assign() == 0
    assert owner_ticket.answer is None
    assert allocator.release_multiplexed(car) is None
    allocator.assign()
    assert owner_ticket.answer is car
    [acquire_multiplexed] = want_ride(allocator)
    assert allocator.assign() == 0
    allocator.release_exclusive(car)
    allocator.assign()
    assert acquire_multiplexed.answer is car


@pytest.mark.parametrize("harm", ["tainted", "unusable"])
def test_a_connection_in_doubt_is_not_kept(harm: str) -> None:
    """G6, G9: what was changed or is broken is to be closed by who gives it back."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(1, 1)
    want_own(allocator)
    car = connected(allocator)
    allocator.assign()
    car.dirty = harm == "tainted"
    car.usable = harm != "unusable"
    assert allocator.release_exclusive(car) is car
    assert allocator.sockets == 0


def test_a_retired_connection_carries_its_riders_to_the_end() -> None:
    """G3, G12: it takes nobody new, counts as a socket, and is closed when the last is done."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(2, 1)
    want_ride(allocator, 2)
    old = connected(allocator)
    allocator.assign()
    old.usable = False
    assert allocator.drain(old) is None
    [late] = want_ride(allocator)
    assert allocator.assign() == 1
    assert allocator.sockets == 2
    allocator.add(Car())
    allocator.assign()
    assert late.answer is not old
    assert allocator.release_multiplexed(old) is None
    assert allocator.release_multiplexed(old) is old
    assert allocator.sockets == 1


def test_a_failed_dial_is_the_error_of_all_who_shared_it() -> None:
    """All would-be riders and the first would-be owner get an error of their own."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(10, 1)
    in_use = want_ride(allocator, 3)
    owners = want_own(allocator, 2)
    assert allocator.assign() == 3
    allocator.dial_failed(failed)
    answers = [ticket.answer for ticket in [*in_use, owners[0]]]
    assert all(isinstance(answer, ConnectionError) for answer in answers)
    assert len({id(answer) for answer in answers}) == 4
    assert owners[1].answer is None
    assert allocator.dialling == 2


def test_who_gave_up_is_passed_over() -> None:
    """G7: an asyncio future is cancelled before its task has left the line."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(1, 1)
    first, second = want_own(allocator, 2)
    first.given_up = True
    car = connected(allocator)
    allocator.assign()
    assert second.answer is car


def test_failing_all_leaves_nobody_in_line() -> None:
    """G8: on closing, whoever waits is told."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(1, 1)
    tickets = [*want_ride(allocator), *want_own(allocator)]
    allocator.fail_all(failed)
    assert all(isinstance(ticket.answer, ConnectionError) for ticket in tickets)
    assert allocator.connecting == 0


def test_what_is_spare() -> None:
    """What no lease uses, idle or shared."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(3, 1)
    want_ride(allocator)
    car = connected(allocator)
    allocator.assign()
    assert allocator.spare() is None
    allocator.release_multiplexed(car)
    assert allocator.spare() is car


@pytest.mark.parametrize("shared", [0, 1])
def test_a_dial_that_nobody_waits_for_is_pointless(shared: int) -> None:
    """As soon as its lease has given up."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(3, shared)
    [acquire_multiplexed] = want_ride(allocator)
    assert allocator.assign() == 1
    assert allocator.surplus_dials == 0
    del allocator.multiplexed_waiters[acquire_multiplexed]
    assert allocator.surplus_dials == 1


def test_a_closed_connection_counts_until_its_stream_is_closed() -> None:
    """Sockets are bounded as the server counts them; whoever still has it counts it once."""
    allocator: ConnectionAllocator[Car] = ConnectionAllocator(2, 1)
    want_ride(allocator)
    car = connected(allocator)
    allocator.assign()
    allocator.closing.add(car)
    allocator.remove(car)
    assert (allocator.sockets, allocator.closing_soon) == (1, 0)
    allocator.release_multiplexed(car)
    assert (allocator.sockets, allocator.closing_soon) == (1, 1)
    allocator.closing.discard(car)
    assert allocator.sockets == 0


class Leases(RuleBasedStateMachine):
    """Leases come, wait, are served, give up and end; connections are dialled, fail and die."""

    @initialize(capacity=st.integers(1, 5), shared=st.integers(0, 3))
    def start(self, capacity: int, shared: int) -> None:
        """A pool of some shape."""
        self.capacity = capacity
        self.allocator: ConnectionAllocator[Car] = ConnectionAllocator(capacity, shared)
        self.waiting: list[Ticket] = []
        self.holding: list[tuple[str, Car]] = []
        self.dials = 0

    def assign(self) -> None:
        """What the pool does after each change."""
        self.dials += self.allocator.assign()
        for ticket in list(self.waiting):
            if ticket.answer is not None:
                first = next(each for each in self.waiting if each.kind == ticket.kind)
                assert first is ticket, "served out of turn"
                self.waiting.remove(ticket)
                if isinstance(ticket.answer, Car):
                    assert ticket.answer.usable
                    assert not ticket.answer.dirty
                    self.holding.append((ticket.kind, ticket.answer))

    @property
    def leases(self) -> int:
        """Leases that the limit has let in."""
        return len(self.waiting) + len(self.holding)

    @precondition(lambda self: self.leases < self.capacity)
    @rule(kind=st.sampled_from(["ride", "own"]))
    def ask(self, kind: str) -> None:
        """A lease wants a connection."""
        car = (
            self.allocator.acquire_multiplexed()
            if kind == "ride"
            else self.allocator.acquire_exclusive()
        )
        if car is not None:
            self.holding.append((kind, car))
        else:
            ticket = Ticket(kind)
            line = (
                self.allocator.multiplexed_waiters
                if kind == "ride"
                else self.allocator.exclusive_waiters
            )
            line[ticket] = None
            self.waiting.append(ticket)
        self.assign()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), late=st.booleans())
    def give_up(self, data: st.DataObject, late: bool) -> None:
        """Somebody in line is cancelled; its task leaves the line at once, or later."""
        ticket = data.draw(st.sampled_from(self.waiting))
        ticket.given_up = True
        self.waiting.remove(ticket)
        if not late:
            self.allocator.multiplexed_waiters.pop(ticket, None)
            self.allocator.exclusive_waiters.pop(ticket, None)
        self.assign()

    @precondition(lambda self: self.holding)
    @rule(data=st.data(), taint=st.booleans())
    def end(self, data: st.DataObject, taint: bool) -> None:
        """A lease ends."""
        index = data.draw(st.integers(0, len(self.holding) - 1))
        kind, car = self.holding.pop(index)
        if kind == "own":
            car.dirty = car.dirty or taint
            leftover = self.allocator.release_exclusive(car)
        else:
            leftover = self.allocator.release_multiplexed(car)
        if leftover is not None:
            self.allocator.remove(leftover)
        self.assign()

    @precondition(lambda self: self.dials)
    @rule(succeeds=st.booleans())
    def dialled(self, succeeds: bool) -> None:
        """A dial ends."""
        self.dials -= 1
        if succeeds:
            self.allocator.add(Car())
        else:
            self.allocator.dial_failed(failed)
        self.assign()

    @precondition(lambda self: self.cars())
    @rule(data=st.data(), slowly=st.booleans())
    def die(self, data: st.DataObject, slowly: bool) -> None:
        """A connection is lost, or takes no new requests and is lost later."""
        car = data.draw(st.sampled_from(self.cars()))
        car.usable = False
        if slowly:
            leftover = self.allocator.drain(car)
            if leftover is not None:
                self.allocator.remove(leftover)
        else:
            self.allocator.remove(car)
        self.assign()

    def cars(self) -> list[Car]:
        """All connections, in a fixed order."""
        allocator = self.allocator
        return [
            *allocator.multiplexed,
            *allocator.idle,
            *dict.fromkeys(car for _, car in self.holding),
        ]

    @invariant()
    def sockets_are_bounded(self) -> None:
        """Never more sockets than capacity, dials included."""
        assert self.allocator.sockets <= self.capacity
        assert self.allocator.dialling == self.dials

    @invariant()
    def leases_are_counted(self) -> None:
        """G5: every lease holds a connection, dead or alive, or stands in line for one."""
        allocator = self.allocator
        assert allocator.leased == len(self.holding)
        line = [*allocator.multiplexed_waiters, *allocator.exclusive_waiters]
        assert sum(not ticket.done() for ticket in line) == len(self.waiting)

    @invariant()
    def nobody_starves(self) -> None:
        """G7: who stands in line has a dial under way, or waits for one who holds a connection."""
        if self.waiting:
            assert self.dials or any(
                car in self.allocator.exclusive or car.in_use or car in self.allocator.draining
                for _, car in self.holding
            )

    @invariant()
    def each_connection_is_in_one_place(self) -> None:
        """Shared, idle, owned or retiring."""
        allocator = self.allocator
        places = [
            *allocator.multiplexed,
            *allocator.idle,
            *allocator.exclusive,
            *allocator.draining,
        ]
        assert len(places) == len(set(places))
        for car in allocator.exclusive:
            assert sum(held is car for _, held in self.holding) == 1
        for car in allocator.idle:
            assert not car.in_use
            assert not car.dirty

    def teardown(self) -> None:
        """When all dials succeed and all leases end, all who wait are served."""
        if not hasattr(self, "roster"):
            return
        for _ in range(100):
            while self.dials:
                self.dials -= 1
                self.allocator.add(Car())
                self.assign()
            if not self.holding:
                break
            kind, car = self.holding.pop(0)
            leftover = (
                self.allocator.release_exclusive(car)
                if kind == "own"
                else self.allocator.release_multiplexed(car)
            )
            if leftover is not None:
                self.allocator.remove(leftover)
            self.assign()
        assert self.waiting == []
        assert self.allocator.leased == 0


Leases.TestCase.settings = settings(
    deadline=None,
    max_examples=300,
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLeases = Leases.TestCase
