"""Tests of `anyredis.pool.roster`: who gets which connection, as a state machine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anyredis.exceptions import ConnectionError, RedisError
from anyredis.pool.roster import Roster


class Car:
    """A connection that goes nowhere."""

    def __init__(self) -> None:
        self.riders = 0
        self.tainted = False
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


def connected(roster: Roster[Car]) -> Car:
    """A connection that was dialled and is there."""
    assert roster.settle() == 1
    car = Car()
    roster.add(car)
    return car


def want_ride(roster: Roster[Car], count: int = 1) -> list[Ticket]:
    """So many in line for a ride."""
    tickets = [Ticket("ride") for _ in range(count)]
    roster.riders_waiting.update(dict.fromkeys(tickets))
    return tickets


def want_own(roster: Roster[Car], count: int = 1) -> list[Ticket]:
    """So many in line for a connection of their own."""
    tickets = [Ticket("own") for _ in range(count)]
    roster.owners_waiting.update(dict.fromkeys(tickets))
    return tickets


def test_one_dial_for_all_who_want_to_ride() -> None:
    """Single flight: 100 first commands want one connection, and share it."""
    roster: Roster[Car] = Roster(100, 1)
    tickets = want_ride(roster, 100)
    assert roster.settle() == 1
    assert roster.settle() == 0
    roster.add(Car())
    assert roster.settle() == 0
    assert {ticket.answer for ticket in tickets} == set(roster.shared)
    assert roster.leased == 100
    assert roster.connecting == 0


def test_without_sharing_each_has_its_own() -> None:
    """shared_wanted=0: as many dials as leases."""
    roster: Roster[Car] = Roster(3, 0)
    want_ride(roster, 3)
    assert roster.settle() == 3


def test_an_idle_connection_is_leased_before_one_is_dialled() -> None:
    """What was given back unharmed serves the next."""
    roster: Roster[Car] = Roster(2, 1)
    want_own(roster)
    car = connected(roster)
    roster.settle()
    assert roster.own == {car}
    assert roster.give_back(car) is None
    assert roster.claim() is car


def test_a_shared_connection_that_is_idle_may_be_owned() -> None:
    """Rather than one socket too many, and back again."""
    roster: Roster[Car] = Roster(1, 1)
    want_ride(roster)
    car = connected(roster)
    roster.settle()
    [owner_ticket] = want_own(roster)
    assert roster.settle() == 0
    assert owner_ticket.answer is None
    assert roster.alight(car) is None
    roster.settle()
    assert owner_ticket.answer is car
    [ride] = want_ride(roster)
    assert roster.settle() == 0
    roster.give_back(car)
    roster.settle()
    assert ride.answer is car


@pytest.mark.parametrize("harm", ["tainted", "unusable"])
def test_a_connection_in_doubt_is_not_kept(harm: str) -> None:
    """G6, G9: what was changed or is broken is to be closed by who gives it back."""
    roster: Roster[Car] = Roster(1, 1)
    want_own(roster)
    car = connected(roster)
    roster.settle()
    car.tainted = harm == "tainted"
    car.usable = harm != "unusable"
    assert roster.give_back(car) is car
    assert roster.sockets == 0


def test_a_retired_connection_carries_its_riders_to_the_end() -> None:
    """G3, G12: it takes nobody new, counts as a socket, and is closed when the last is done."""
    roster: Roster[Car] = Roster(2, 1)
    want_ride(roster, 2)
    old = connected(roster)
    roster.settle()
    old.usable = False
    assert roster.retire(old) is None
    [late] = want_ride(roster)
    assert roster.settle() == 1
    assert roster.sockets == 2
    roster.add(Car())
    roster.settle()
    assert late.answer is not old
    assert roster.alight(old) is None
    assert roster.alight(old) is old
    assert roster.sockets == 1


def test_a_failed_dial_is_the_error_of_all_who_shared_it() -> None:
    """All would-be riders and the first would-be owner get an error of their own."""
    roster: Roster[Car] = Roster(10, 1)
    riders = want_ride(roster, 3)
    owners = want_own(roster, 2)
    assert roster.settle() == 3
    roster.dial_failed(failed)
    answers = [ticket.answer for ticket in [*riders, owners[0]]]
    assert all(isinstance(answer, ConnectionError) for answer in answers)
    assert len({id(answer) for answer in answers}) == 4
    assert owners[1].answer is None
    assert roster.dialling == 2


def test_who_gave_up_is_passed_over() -> None:
    """G7: an asyncio future is cancelled before its task has left the line."""
    roster: Roster[Car] = Roster(1, 1)
    first, second = want_own(roster, 2)
    first.given_up = True
    car = connected(roster)
    roster.settle()
    assert second.answer is car


def test_failing_all_leaves_nobody_in_line() -> None:
    """G8: on closing, whoever waits is told."""
    roster: Roster[Car] = Roster(1, 1)
    tickets = [*want_ride(roster), *want_own(roster)]
    roster.fail_all(failed)
    assert all(isinstance(ticket.answer, ConnectionError) for ticket in tickets)
    assert roster.connecting == 0


def want_errand(roster: Roster[Car]) -> Ticket:
    """One in line for an errand."""
    ticket = Ticket("errand")
    roster.errands[ticket] = None
    return ticket


@pytest.mark.parametrize("shared", [0, 1])
def test_an_errand_uses_what_is_there(shared: int) -> None:
    """It is no lease, and dials only where there is nothing to be used; many share one dial."""
    roster: Roster[Car] = Roster(3, shared)
    tickets = [want_errand(roster) for _ in range(3)]
    car = connected(roster)
    assert roster.settle() == 0
    assert {ticket.answer for ticket in tickets} == {car}
    assert (roster.leased, roster.connecting, roster.visited[car]) == (0, 0, 3)
    assert roster.visit() is car
    assert roster.claim() is car


def test_an_errand_waits_while_all_is_owned() -> None:
    """Until an owner gives back."""
    roster: Roster[Car] = Roster(1, 1)
    want_own(roster)
    car = connected(roster)
    roster.settle()
    ticket = want_errand(roster)
    assert roster.settle() == 0
    assert ticket.answer is None
    roster.give_back(car)
    roster.settle()
    assert ticket.answer is car


def test_what_is_spare() -> None:
    """What no lease uses and no errand visits; then what only errands visit."""
    roster: Roster[Car] = Roster(3, 1)
    want_ride(roster)
    car = connected(roster)
    roster.settle()
    assert roster.spare(visited=True) is None
    roster.alight(car)
    assert roster.spare() is car
    assert roster.visit() is car
    assert roster.spare() is None
    assert roster.spare(visited=True) is car
    roster.part(car)
    assert roster.spare() is car


@pytest.mark.parametrize("shared", [0, 1])
def test_a_dial_that_nobody_waits_for_is_pointless(shared: int) -> None:
    """One for errands counts only where these do."""
    roster: Roster[Car] = Roster(3, shared)
    [ride] = want_ride(roster)
    assert roster.settle() == 1
    assert roster.pointless(for_errands=False) == 0
    del roster.riders_waiting[ride]
    assert roster.pointless(for_errands=True) == 1
    errand = want_errand(roster)
    assert errand in roster.errands
    assert roster.pointless(for_errands=True) == 0
    assert roster.pointless(for_errands=False) == 1


def test_a_closed_connection_counts_until_its_stream_is_closed() -> None:
    """Sockets are bounded as the server counts them; whoever still has it counts it once."""
    roster: Roster[Car] = Roster(2, 1)
    want_ride(roster)
    car = connected(roster)
    roster.settle()
    roster.closing.add(car)
    roster.remove(car)
    assert (roster.sockets, roster.vanishing) == (1, 0)
    roster.alight(car)
    assert (roster.sockets, roster.vanishing) == (1, 1)
    roster.closing.discard(car)
    assert roster.sockets == 0


class Leases(RuleBasedStateMachine):
    """Leases come, wait, are served, give up and end; connections are dialled, fail and die."""

    @initialize(capacity=st.integers(1, 5), shared=st.integers(0, 3))
    def start(self, capacity: int, shared: int) -> None:
        """A pool of some shape."""
        self.capacity = capacity
        self.roster: Roster[Car] = Roster(capacity, shared)
        self.waiting: list[Ticket] = []
        self.holding: list[tuple[str, Car]] = []
        self.dials = 0

    def settle(self) -> None:
        """What the pool does after each change."""
        self.dials += self.roster.settle()
        for ticket in list(self.waiting):
            if ticket.answer is not None:
                first = next(each for each in self.waiting if each.kind == ticket.kind)
                assert first is ticket, "served out of turn"
                self.waiting.remove(ticket)
                if isinstance(ticket.answer, Car):
                    assert ticket.answer.usable
                    assert not ticket.answer.tainted
                    self.holding.append((ticket.kind, ticket.answer))

    @property
    def leases(self) -> int:
        """Leases that the limit has let in."""
        return len(self.waiting) + len(self.holding)

    @precondition(lambda self: self.leases < self.capacity)
    @rule(kind=st.sampled_from(["ride", "own"]))
    def ask(self, kind: str) -> None:
        """A lease wants a connection."""
        car = self.roster.ride() if kind == "ride" else self.roster.claim()
        if car is not None:
            self.holding.append((kind, car))
        else:
            ticket = Ticket(kind)
            line = self.roster.riders_waiting if kind == "ride" else self.roster.owners_waiting
            line[ticket] = None
            self.waiting.append(ticket)
        self.settle()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), late=st.booleans())
    def give_up(self, data: st.DataObject, late: bool) -> None:
        """Somebody in line is cancelled; its task leaves the line at once, or later."""
        ticket = data.draw(st.sampled_from(self.waiting))
        ticket.given_up = True
        self.waiting.remove(ticket)
        if not late:
            self.roster.riders_waiting.pop(ticket, None)
            self.roster.owners_waiting.pop(ticket, None)
        self.settle()

    @precondition(lambda self: self.holding)
    @rule(data=st.data(), taint=st.booleans())
    def end(self, data: st.DataObject, taint: bool) -> None:
        """A lease ends."""
        index = data.draw(st.integers(0, len(self.holding) - 1))
        kind, car = self.holding.pop(index)
        if kind == "own":
            car.tainted = car.tainted or taint
            leftover = self.roster.give_back(car)
        else:
            leftover = self.roster.alight(car)
        if leftover is not None:
            self.roster.remove(leftover)
        self.settle()

    @precondition(lambda self: self.dials)
    @rule(succeeds=st.booleans())
    def dialled(self, succeeds: bool) -> None:
        """A dial ends."""
        self.dials -= 1
        if succeeds:
            self.roster.add(Car())
        else:
            self.roster.dial_failed(failed)
        self.settle()

    @precondition(lambda self: self.cars())
    @rule(data=st.data(), slowly=st.booleans())
    def die(self, data: st.DataObject, slowly: bool) -> None:
        """A connection is lost, or takes no new requests and is lost later."""
        car = data.draw(st.sampled_from(self.cars()))
        car.usable = False
        if slowly:
            leftover = self.roster.retire(car)
            if leftover is not None:
                self.roster.remove(leftover)
        else:
            self.roster.remove(car)
        self.settle()

    def cars(self) -> list[Car]:
        """All connections, in a fixed order."""
        roster = self.roster
        return [*roster.shared, *roster.idle, *dict.fromkeys(car for _, car in self.holding)]

    @invariant()
    def sockets_are_bounded(self) -> None:
        """Never more sockets than capacity, dials included."""
        assert self.roster.sockets <= self.capacity
        assert self.roster.dialling == self.dials

    @invariant()
    def leases_are_counted(self) -> None:
        """G5: every lease holds a connection, dead or alive, or stands in line for one."""
        roster = self.roster
        assert roster.leased == len(self.holding)
        line = [*roster.riders_waiting, *roster.owners_waiting]
        assert sum(not ticket.done() for ticket in line) == len(self.waiting)

    @invariant()
    def nobody_starves(self) -> None:
        """G7: who stands in line has a dial under way, or waits for one who holds a connection."""
        if self.waiting:
            assert self.dials or any(
                car in self.roster.own or car.riders or car in self.roster.retiring
                for _, car in self.holding
            )

    @invariant()
    def each_connection_is_in_one_place(self) -> None:
        """Shared, idle, owned or retiring."""
        roster = self.roster
        places = [*roster.shared, *roster.idle, *roster.own, *roster.retiring]
        assert len(places) == len(set(places))
        for car in roster.own:
            assert sum(held is car for _, held in self.holding) == 1
        for car in roster.idle:
            assert not car.riders
            assert not car.tainted

    def teardown(self) -> None:
        """When all dials succeed and all leases end, all who wait are served."""
        if not hasattr(self, "roster"):
            return
        for _ in range(100):
            while self.dials:
                self.dials -= 1
                self.roster.add(Car())
                self.settle()
            if not self.holding:
                break
            kind, car = self.holding.pop(0)
            leftover = self.roster.give_back(car) if kind == "own" else self.roster.alight(car)
            if leftover is not None:
                self.roster.remove(leftover)
            self.settle()
        assert self.waiting == []
        assert self.roster.leased == 0


Leases.TestCase.settings = settings(
    deadline=None,
    max_examples=300,
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLeases = Leases.TestCase
