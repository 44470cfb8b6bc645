"""The table of subscriptions of one connection: who gets the messages of which channel.

Law: the server's replies come in the order of the commands, so the last command sent for a channel
decides its state.  A channel with one subscriber or many is subscribed once; the last one out
unsubscribes it.  Nothing here waits: calls and acknowledgements go in, commands to send and events
for the subscribers come out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from anyredis.exceptions import RedisError, fresh
from anyredis.wire.slots import slot_of
from anyredis.wire.subscriptions import (
    KINDS,
    SHARD,
    Channel,
    Loss,
    Subscriber,
    SubscriptionCall,
    SubscriptionKind,
    SubscriptionRequest,
)

MAX_NAMES = 1000
"""The most channels of one command."""


class SubscriptionTable:
    """The channels that are wanted on one connection.

    *refused* gives True if it has handled a server's error to a request.  *revoked* handles that
    the server has unsubscribed a channel by itself, for example by `ask_again`.  *answered* is
    called after each request is over; with True if the server has answered, and *refused* has not
    handled that.
    """

    def __init__(
        self,
        *,
        refused: Callable[[SubscriptionRequest, RedisError], bool],
        revoked: Callable[[SubscriptionKind, bytes], None],
        answered: Callable[[bool], None],
    ) -> None:
        self.channels: dict[SubscriptionKind, dict[bytes, Channel]] = {kind: {} for kind in KINDS}
        self.by_message = {kind.message: self.channels[kind] for kind in KINDS}
        """The same, by the first word of a message."""
        self.unanswered = 0
        """The number of requests that the server has not answered."""
        self._send: Callable[[SubscriptionRequest], None] | None = None
        self._refused = refused
        self._revoked = revoked
        self._answered = answered

    @property
    def wanted(self) -> bool:
        """Whether anything is to be subscribed."""
        return any(self.channels.values())

    # -- calls ----------------------------------------------------------------------------------

    def subscribe(
        self, call: SubscriptionCall, kind: SubscriptionKind, names: Iterable[bytes]
    ) -> None:
        """Add the subscriber of *call* to the channels *names*, which are asked for if necessary."""
        channels, ask = self.channels[kind], list[bytes]()
        call.missing += 1  # so that it does not finish before all names are added
        for name in dict.fromkeys(names):
            channel = channels.get(name)
            if channel is None:
                channel = channels[name] = Channel()
            if call.subscriber not in channel.subscribers:
                channel.subscribers += (call.subscriber,)
                call.added[kind, name] = None
            if channel.confirmed:
                call.subscriber.subscribed_to(kind, name)
            else:
                channel.calls.append(call)
                call.names.append((kind, name))
                call.missing += 1
                if channel.asked is None:
                    ask.append(name)
        self._ask(kind, ask, call)
        call.acknowledged()

    def withdraw(self, call: SubscriptionCall) -> None:
        """Undo `subscribe`, unless another call of the same subscriber wants the same."""
        for kind, name in call.names:
            channel = self.channels[kind].get(name)
            if channel is not None and call in channel.calls:
                channel.calls.remove(call)
        alone: dict[SubscriptionKind, list[bytes]] = {}
        for kind, name in [*call.added]:
            channel = self.channels[kind].get(name)
            if channel is None:
                continue  # it has moved to another connection's table
            del call.added[kind, name]
            mine = (each for each in channel.calls if each.subscriber is call.subscriber)
            other = next(mine, None)
            if other is not None:
                other.added[kind, name] = None
            else:
                alone.setdefault(kind, []).append(name)
        for kind, names in alone.items():
            self.unsubscribe(call.subscriber, kind, names)

    def unsubscribe(
        self,
        subscriber: Subscriber,
        kind: SubscriptionKind,
        names: Iterable[bytes],
        call: SubscriptionCall | None = None,
    ) -> None:
        """Remove *subscriber* from the channels *names*; the last one out unsubscribes.

        *call* finishes once the server has acknowledged that, or at once.
        """
        channels, drop = self.channels[kind], list[bytes]()
        if call is not None:
            call.missing += 1
        for name in names:
            channel = channels.get(name)
            if channel is None or subscriber not in channel.subscribers:
                continue
            channel.subscribers = tuple(
                each for each in channel.subscribers if each is not subscriber
            )
            for waiting in [each for each in channel.calls if each.subscriber is subscriber]:
                channel.calls.remove(waiting)
                waiting.added.pop((kind, name), None)
                waiting.acknowledged()
            subscriber.unsubscribed_from(kind, name)
            if not channel.subscribers:
                del channels[name]
                if channel.confirmed or channel.asked is not None:
                    drop.append(name)
        self._request(kind, drop, call, subscribes=False)
        if call is not None:
            call.acknowledged()

    def names_of(self, subscriber: Subscriber, kind: SubscriptionKind) -> list[bytes]:
        """The channels of *subscriber*."""
        channels = self.channels[kind].items()
        return [name for name, channel in channels if subscriber in channel.subscribers]

    def remove(self, subscriber: Subscriber) -> None:
        """Remove *subscriber* from all its channels."""
        for kind in KINDS:
            self.unsubscribe(subscriber, kind, self.names_of(subscriber, kind))

    # -- requests -------------------------------------------------------------------------------

    def _ask(
        self, kind: SubscriptionKind, names: Sequence[bytes], call: SubscriptionCall | None
    ) -> None:
        self._request(kind, names, call, subscribes=True)

    def _request(
        self,
        kind: SubscriptionKind,
        names: Sequence[bytes],
        call: SubscriptionCall | None,
        *,
        subscribes: bool,
    ) -> None:
        """Send commands for *names*, if there is a connection; `connected` asks for all otherwise."""
        send = self._send
        if send is None:
            return
        for some in _commands(kind, names):
            request = SubscriptionRequest(self.failed, kind, some, call, subscribes=subscribes)
            if subscribes:
                for name in some:
                    self.channels[kind][name].asked = request
            elif call is not None:
                call.missing += 1
            self.unanswered += 1
            send(request)

    def ask_again(self, kind: SubscriptionKind, names: Iterable[bytes]) -> None:
        """Ask for those of *names* that are wanted and neither subscribed nor asked for."""
        channels = self.channels[kind]
        wanted = [name for name in names if name in channels]
        missing = [
            name for name in wanted if not channels[name].confirmed and channels[name].asked is None
        ]
        self._ask(kind, missing, None)

    def connected(self, send: Callable[[SubscriptionRequest], None]) -> None:
        """There is a connection: *send* sends requests on it; all channels are asked for."""
        self._send = send
        for kind, channels in self.channels.items():
            self._ask(kind, [*channels], None)

    def acknowledged(self, request: SubscriptionRequest) -> bool:
        """The server has acknowledged the next name of *request*; whether that was the last."""
        name = request.names[request.acknowledged]
        request.acknowledged += 1
        complete = request.acknowledged == len(request.names)
        channel = self.channels[request.kind].get(name)
        if request.subscribes and channel is not None and channel.asked is request:
            self._confirm(request.kind, name, channel)
        if complete:
            self._complete(request)
        return complete

    def _confirm(self, kind: SubscriptionKind, name: bytes, channel: Channel) -> None:
        channel.asked, channel.confirmed = None, True
        calls, channel.calls = channel.calls, []
        several = len(calls) > len({id(call.subscriber) for call in calls})
        for call in calls:
            call.subscriber.subscribed_to(kind, name)
            if several:  # if one of them is cancelled at this moment, another has it all the same
                call.added.pop((kind, name), None)
            call.acknowledged()

    def _complete(self, request: SubscriptionRequest) -> None:
        """All of *request* is acknowledged, and no message came in between."""
        self.unanswered -= 1
        if request.subscribes:
            self._tell_of_losses(request)
        elif request.call is not None:
            request.call.acknowledged()
        self._answered(True)

    def _tell_of_losses(self, request: SubscriptionRequest) -> None:
        lost: dict[int, tuple[Subscriber, Loss, list[bytes]]] = {}
        for name in request.names:
            channel = self.channels[request.kind].get(name)
            if channel is None or channel.loss is None or not channel.confirmed:
                continue
            for subscriber in channel.lost_by:
                if subscriber in channel.subscribers:
                    entry = lost.setdefault(id(subscriber), (subscriber, channel.loss, []))
                    entry[2].append(name)
            channel.loss, channel.lost_by = None, ()
        for subscriber, loss, names in lost.values():
            subscriber.missed(loss, request.kind, names)

    # -- failures -------------------------------------------------------------------------------

    def failed(self, request: SubscriptionRequest, error: RedisError) -> None:
        """The server has refused *request*, or its connection was lost."""
        self.unanswered -= 1
        settled = error.answered
        if not request.subscribes:
            if request.call is not None:
                request.call.acknowledged()
        elif settled:
            settled = self._refuse(request, error)
        self._answered(settled)

    def _refuse(self, request: SubscriptionRequest, error: RedisError) -> bool:
        """Fail the call that *request* was sent for; what others want is asked for one by one.

        False if `refused` has handled the error.
        """
        kind, channels = request.kind, self.channels[request.kind]
        asked = {
            name: channel
            for name in request.names
            if (channel := channels.get(name)) is not None and channel.asked is request
        }
        for channel in asked.values():
            channel.asked = None
        if self._refused(request, error):
            return False
        if request.call is not None:
            self._fail_call(request.call, error)
        for name, channel in asked.items():
            if channels.get(name) is not channel:
                continue
            if len(request.names) > 1:
                self._ask(kind, [name], None)
                continue
            for call in [*channel.calls]:
                self._fail_call(call, error)
            for subscriber in channel.subscribers:
                subscriber.fail(error)
                self.unsubscribe(subscriber, kind, [name])
        return True

    def _fail_call(self, call: SubscriptionCall, error: RedisError) -> None:
        self.withdraw(call)
        call.finish(fresh(error))

    def fail_calls(self, error: RedisError, *, until: float = math.inf) -> None:
        """Fail the calls that wait for an acknowledgement, and that began *until* then."""
        calls = [
            call
            for channels in self.channels.values()
            for channel in channels.values()
            for call in channel.calls
        ]
        for call in dict.fromkeys(calls):
            if call.began <= until:
                self._fail_call(call, error)

    def fail(self, error: Callable[[], RedisError]) -> None:
        """Fail all calls and all subscribers, each with its own *error*; nothing is wanted then."""
        self._send = None
        subscribers = {
            id(subscriber): subscriber
            for channels in self.channels.values()
            for channel in channels.values()
            for subscriber in channel.subscribers
        }
        self.fail_calls(error())
        for subscriber in subscribers.values():
            subscriber.fail(error())
            self.remove(subscriber)

    def disconnect(self) -> None:
        """Send nothing from now on: nothing is wanted, and the connection is given back."""
        self._send = None
        for channels in self.channels.values():
            for channel in channels.values():
                channel.asked = None

    def lost(self, loss: Loss) -> None:
        """The connection is gone; its channels are wanted all the same."""
        self._send = None
        for channels in self.channels.values():
            for channel in channels.values():
                channel.lose(loss)

    def unsubscribed(self, kind: SubscriptionKind, name: bytes, loss: Loss) -> None:
        """The server has unsubscribed *name* by itself, because its slot has moved."""
        channel = self.channels[kind].get(name)
        if channel is None or not channel.confirmed:
            return
        channel.lose(loss)
        self._revoked(kind, name)

    # -- moves ----------------------------------------------------------------------------------

    def take(
        self, kind: SubscriptionKind, names: Collection[bytes], loss: Loss
    ) -> dict[bytes, Channel]:
        """Remove the channels *names*, to `adopt` them in another table; each is lost by that."""
        taken: dict[bytes, Channel] = {}
        drop: list[bytes] = []
        for name in names:
            channel = self.channels[kind].pop(name, None)
            if channel is not None:
                if channel.confirmed or channel.asked is not None:
                    drop.append(name)
                channel.lose(loss)
                taken[name] = channel
        self._request(kind, drop, None, subscribes=False)
        return taken

    def adopt(self, kind: SubscriptionKind, taken: dict[bytes, Channel]) -> None:
        """Ask for the channels that another table had, for their subscribers."""
        channels, ask = self.channels[kind], list[bytes]()
        for name, channel in taken.items():
            mine = channels.setdefault(name, channel)
            if mine is not channel:
                _merge(mine, channel)
            if mine.confirmed:
                self._settle(kind, name, mine)
            elif mine.asked is None:
                ask.append(name)
        self._ask(kind, ask, None)

    def _settle(self, kind: SubscriptionKind, name: bytes, channel: Channel) -> None:
        """Tell those who joined *channel*, which is subscribed already."""
        loss, lost_by, channel.loss, channel.lost_by = channel.loss, channel.lost_by, None, ()
        self._confirm(kind, name, channel)
        for subscriber in lost_by if loss is not None else ():
            if loss is not None and subscriber in channel.subscribers:
                subscriber.missed(loss, kind, [name])


def _commands(kind: SubscriptionKind, names: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """*names* as the servers take them in one command: sharded channels of one slot each."""
    groups: dict[int, list[bytes]] = {}
    for name in names:
        groups.setdefault(slot_of(name) if kind is SHARD else 0, []).append(name)
    for group in groups.values():
        for begin in range(0, len(group), MAX_NAMES):
            yield tuple(group[begin : begin + MAX_NAMES])


def _merge(mine: Channel, other: Channel) -> None:
    mine.subscribers += tuple(each for each in other.subscribers if each not in mine.subscribers)
    mine.calls += other.calls
    if other.loss is not None:
        mine.loss = mine.loss or other.loss
        mine.lost_by += tuple(each for each in other.lost_by if each not in mine.lost_by)
