"""Helpers for the tests of subscriptions: waiters, subscribers, and a server's side of a table."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any

from anyredis.exceptions import RedisError
from anyredis.wire.subscription_table import SubscriptionTable
from anyredis.wire.subscriptions import (
    Loss,
    Subscriber,
    SubscriptionCall,
    SubscriptionKind,
    SubscriptionRequest,
)

LOSS = Loss(1.0, "it was lost")


class NotedWaiter:
    """A waiter without an event loop."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    def done(self) -> bool:
        """Whether it has a result."""
        return bool(self.results)

    def cancelled(self) -> bool:
        """False."""
        return False

    def set_result(self, result: Any, /) -> None:
        """Note it."""
        self.results.append(result)

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError


class NotedSubscriber:
    """A subscriber that notes all it is told."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.items: deque[list[Any]] = deque()
        self.settled = 0
        self.runs: list[int] = []
        self.events: list[tuple[Any, ...]] = []

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def put_run(self, kind: bytes, channel: bytes, run: list[Any], /) -> None:
        """Take the messages as they came."""
        self.items.extend([kind, channel, data] for data in run)
        self.runs.append(len(run))

    def settle(self) -> None:
        """Note it."""
        self.settled += 1

    def subscribed_to(self, kind: SubscriptionKind, name: bytes, /) -> None:
        """Note it."""
        self.events.append((kind.subscribe, name))

    def unsubscribed_from(self, kind: SubscriptionKind, name: bytes, /) -> None:
        """Note it."""
        self.events.append((kind.unsubscribe, name))

    def missed(self, loss: Loss, kind: SubscriptionKind, names: list[bytes], /) -> None:
        """Note it."""
        self.events.append(("missed", loss, kind, names))

    def fail(self, error: RedisError, /) -> None:
        """Note it."""
        self.events.append(("failed", str(error)))


class ServerSide:
    """A table, and a server that answers its requests one name at a time, when a test says so."""

    def __init__(self) -> None:
        self.answers = 0
        self.revoked: list[tuple[SubscriptionKind, bytes]] = []
        self.refused_by: list[SubscriptionRequest] = []
        self.handles_refusals = False
        self.table = SubscriptionTable(
            refused=self._refused,
            revoked=lambda kind, name: self.revoked.append((kind, name)),
            answered=self._answered,
        )
        self.sent: list[tuple[bytes, ...]] = []
        self.inflight: deque[SubscriptionRequest] = deque()
        self.subscribed: set[tuple[SubscriptionKind, bytes]] = set()

    def _answered(self, _settled: bool) -> None:
        self.answers += 1

    def _refused(self, request: SubscriptionRequest, error: RedisError) -> bool:
        self.refused_by.append(request)
        return self.handles_refusals

    def connect(self) -> None:
        """A new connection."""
        self.inflight.clear()
        self.subscribed.clear()
        self.table.connected(self.take)

    def lose(self, loss: Loss = LOSS) -> None:
        """The connection is lost, with the requests on it."""
        lost = [*self.inflight]
        self.inflight.clear()
        self.subscribed.clear()
        self.table.lost(loss)
        for request in lost:
            request.set_result(RedisError("lost"))

    def take(self, request: SubscriptionRequest) -> None:
        """Take a request."""
        self.sent.append(request.args)
        self.inflight.append(request)

    def answer_one(self) -> bool:
        """Acknowledge the next name; False if there is none."""
        if not self.inflight:
            return False
        request = self.inflight[0]
        key = (request.kind, request.names[request.acknowledged])
        if request.subscribes:
            self.subscribed.add(key)
        else:
            self.subscribed.discard(key)
        if self.table.acknowledged(request):
            self.inflight.remove(request)
            request.set_result(None)
        return True

    def answer(self) -> None:
        """Acknowledge everything."""
        while self.answer_one():
            pass

    def refuse(self, error: RedisError) -> None:
        """Refuse the next request."""
        error.answered = True
        request = self.inflight.popleft()
        request.set_result(error)

    def subscribe(
        self, subscriber: Subscriber, kind: SubscriptionKind, *names: bytes
    ) -> tuple[SubscriptionCall, list[Any]]:
        """A call, and the list of its results."""
        waiter = NotedWaiter()
        call = SubscriptionCall(subscriber, waiter)
        self.table.subscribe(call, kind, names)
        return call, waiter.results
