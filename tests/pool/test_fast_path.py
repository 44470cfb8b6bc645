"""The straight pass of `Endpoint.run` beside the plain way through `Lease`: they never differ.

Two pools get the same random steps.  In one, ordinary commands go through `Endpoint.run`, where the
conditions of acquiring, attaching and releasing stand in place; in the other, they go through
`Lease`.  After each turn of the event loop the whole state of both has to be the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anyredis.backoff import Backoff
from anyredis.exceptions import ResponseError
from anyredis.pool import dials as module
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.limit import StrictLimit, WaitingLimit
from tests.contract.rotation import examples
from tests.pool.twins import BAD, TURNS, Run, Twin, plainly


class Twins(RuleBasedStateMachine):
    """The same steps for both."""

    twins: Sequence[Twin] = ()  # the pools are made by the first step

    @initialize(
        capacity=st.sampled_from([2, 3, 1, 4]),
        waiting=st.booleans(),
        shared=st.sampled_from([1, 0, 2]),
        nodes=st.integers(1, 2),
    )
    def start(self, capacity: int, waiting: bool, shared: int, nodes: int) -> None:
        """Two pools of some shape."""
        self.runner = asyncio.Runner()
        twins: list[Twin] = []

        async def make() -> None:
            ways: tuple[Run, Run] = (Endpoint.run, plainly)
            for run in ways:
                limit = WaitingLimit(capacity) if waiting else StrictLimit(capacity)
                twins.append(Twin(run, limit=limit, shared=shared, nodes=nodes))

        self.runner.run(make())
        self.twins = twins
        self.node_count = nodes
        self.do(lambda _twin: None)
        for node in range(nodes):  # most conditions are about connections that are there
            self.do(partial(Twin.ask, node=node, name=b"GET"))
            self.do(Twin.all_dialled)
            self.do(Twin.all_answered)

    def do(self, step: Callable[[Twin], object]) -> None:
        """Have both make a *step*, and look at them as long as something moves."""

        async def turns() -> None:
            for twin in self.twins:
                step(twin)
            for _ in range(TURNS):
                await asyncio.sleep(0)
                fast, plain = self.twins
                assert fast.state() == plain.state()

        self.runner.run(turns())

    def pick(self, data: st.DataObject, count: int) -> int:
        """One of *count*."""
        return data.draw(st.integers(0, count - 1))

    @property
    def one(self) -> Twin:
        """Either of them, as they are the same."""
        return self.twins[0]

    @rule(data=st.data(), name=st.sampled_from([b"GET", b"GET", b"GET", BAD]))
    def ask(self, data: st.DataObject, name: bytes) -> None:
        """Somebody runs an ordinary command."""
        node = self.pick(data, self.node_count)
        self.do(lambda twin: twin.ask(node, name))

    @rule(data=st.data(), beside=st.sampled_from(["own", "ask", "renew"]))
    def overlap(self, data: st.DataObject, beside: str) -> None:
        """While an ordinary command is under way, something else begins, here or elsewhere."""
        here, there = self.pick(data, self.node_count), self.pick(data, self.node_count)
        self.do(lambda twin: twin.ask(here, b"GET"))
        if beside == "own":
            self.do(lambda twin: twin.own(there))
        elif beside == "ask":
            self.do(lambda twin: twin.ask(there, b"GET"))
        else:
            self.do(lambda twin: twin.nodes[there].replace_connections("the machine wants it"))
        self.do(Twin.all_answered)

    @rule(data=st.data())
    def own(self, data: st.DataObject) -> None:
        """Somebody wants an exclusive connection."""
        node = self.pick(data, self.node_count)
        self.do(lambda twin: twin.own(node))

    @precondition(lambda self: self.one.holders)
    @rule(data=st.data())
    def release_exclusive(self, data: st.DataObject) -> None:
        """Somebody is done with an exclusive connection."""
        number = self.pick(data, len(self.one.holders))
        self.do(lambda twin: twin.holders[number].set())

    @precondition(lambda self: self.one.holders)
    @rule()
    def all_given_back(self) -> None:
        """All are done with their exclusive connections."""
        self.do(Twin.all_given_back)

    @precondition(lambda self: self.one.dials)
    @rule(data=st.data(), succeeds=st.sampled_from([True, True, False]))
    def dialled(self, data: st.DataObject, succeeds: bool) -> None:
        """A dial ends."""
        number = self.pick(data, len(self.one.dials))
        self.do(lambda twin: twin.dialled(number, succeeds=succeeds))

    @precondition(lambda self: self.one.asked)
    @rule(data=st.data(), fails=st.sampled_from([False, False, True]))
    def answer(self, data: st.DataObject, fails: bool) -> None:
        """A request gets its reply."""
        connection = self.pick(data, len(self.one.asked))
        request = self.pick(data, len(self.one.asked[connection].requests))
        reply = ResponseError("ERR no") if fails else b"yes"
        self.do(lambda twin: twin.asked[connection].answer_one(request, reply))

    @precondition(lambda self: self.one.unfinished)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A caller gives up."""
        number = self.pick(data, len(self.one.unfinished))

        def cancel(twin: Twin) -> None:
            twin.unfinished[number].cancel()

        self.do(cancel)

    @precondition(lambda self: self.one.asked and self.one.unfinished)
    @rule(data=st.data())
    def answer_and_cancel(self, data: st.DataObject) -> None:
        """A reply and a cancellation in one turn, whoever it is that each concerns."""
        connection = self.pick(data, len(self.one.asked))
        number = self.pick(data, len(self.one.unfinished))

        def both(twin: Twin) -> None:
            twin.asked[connection].answer_one(0, b"yes")
            twin.unfinished[number].cancel()

        self.do(both)

    @precondition(lambda self: self.one.unfinished and (self.one.dials or self.one.holders))
    @rule(data=st.data())
    def serve_and_cancel(self, data: st.DataObject) -> None:
        """Connections come, and a caller is cancelled in the very turn in which it gets one."""
        number = self.pick(data, len(self.one.unfinished))

        def both(twin: Twin) -> None:
            caller = twin.unfinished[number]
            twin.all_dialled()
            twin.all_given_back()
            asyncio.get_running_loop().call_soon(caller.cancel)

        self.do(both)

    @precondition(lambda self: self.one.dials)
    @rule()
    def all_dialled(self) -> None:
        """All dials succeed."""
        self.do(Twin.all_dialled)

    @precondition(lambda self: self.one.connections)
    @rule(data=st.data(), harm=st.sampled_from(["hold up", "lose", "renew"]))
    def harm(self, data: st.DataObject, harm: str) -> None:
        """A connection takes no command for once, is lost, or is replaced with all of its node."""
        number = self.pick(data, len(self.one.connections))
        node = self.pick(data, self.node_count)

        def do_harm(twin: Twin) -> None:
            if harm == "hold up":
                twin.connections[number].holds_up = True
            elif harm == "lose":
                twin.connections[number].close("it was lost")
            else:
                twin.nodes[node].replace_connections("the machine wants it")

        self.do(do_harm)

    @invariant()
    def leases_are_counted(self) -> None:
        """G5: at rest each lease is in one place, and no more are taken than there are."""
        for twin in self.twins:
            assert twin.is_whole, twin.state()
            assert 0 <= twin.limit.acquired <= twin.limit.capacity

    def teardown(self) -> None:
        """Afterwards nothing is taken."""
        if not self.twins:
            return

        async def end() -> None:
            for twin in self.twins:
                await twin.end()

        with self.runner:
            self.runner.run(end())
        for twin in self.twins:
            assert twin.is_whole
            assert twin.limit.acquired == 0
            assert twin.limit.leases == set()


@pytest.fixture(scope="module", autouse=True)
def no_pauses() -> Generator[None]:
    """A server that failed is dialled again at once: the machine has no clock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "REDIAL", Backoff(base=0.0, cap=0.0))
        yield


Twins.TestCase.settings = settings(
    deadline=None,
    max_examples=examples(200),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
TestTwins = Twins.TestCase
