"""Reads the messages of subscriptions from the replies of a connection.

Law: all messages of one `receive` reach their subscribers in one pass, as bytes, and never the
requests in flight.  Messages in a row that came by one channel are passed on as one run.
Acknowledgements are counted; with the last one of a SUBSCRIBE command, the
request in flight is answered, which RESP2 and RESP3 servers do not do otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from anyredis.exceptions import ProtocolError
from anyredis.excerpt import excerpt
from anyredis.wire.decode import MORE, Incomplete, Push
from anyredis.wire.request_queue import RequestQueue
from anyredis.wire.subscription_table import SubscriptionTable
from anyredis.wire.subscriptions import (
    ACKNOWLEDGEMENTS,
    Channel,
    Loss,
    Subscriber,
    SubscriptionRequest,
)

MOVED_AWAY: Final = "the server unsubscribed it: its slot has moved"


class MessageReader:
    """Passes the messages that *queue* reads to the subscribers in *table*.

    *protocol* is that of the connection; *now* is the wall clock.  Make it while nothing is in
    flight: in RESP2 a reply of another command could look like a message.
    """

    def __init__(
        self,
        queue: RequestQueue,
        table: SubscriptionTable,
        protocol: int,
        now: Callable[[], float],
    ) -> None:
        self.heard_at = now()
        """The time at which bytes were last received."""
        self._queue = queue
        self._table = table
        self._message_type: type[list[Any]] = Push if protocol > 2 else list
        self._now = now
        self._run: list[Any] = []
        """The data of messages in a row, behind one that has been delivered."""
        self._run_of: tuple[bytes, bytes, Channel] = (b"", b"", Channel())
        """The word of their kind, the name of their channel, and that."""
        self._gets = queue.replace_reader(self.gets)

    def gets(self, _decode: bool = True) -> Any:
        """The next reply to a request, or `MORE`; the messages before it are delivered."""
        touched: set[Subscriber] = set()
        try:
            reply = self._deliver(touched)
        except IndexError as error:
            raise ProtocolError(f"the server sent a message without words: {error}") from error
        finally:
            if self._run:
                self._pass_run_on()
            for subscriber in touched:
                subscriber.settle()
        if reply is MORE:
            self.heard_at = self._now()
        return reply

    def _deliver(self, touched: set[Subscriber]) -> Any:
        """The same, with messages in `_run` and subscribers in *touched* that are to settle."""
        gets, message_type, by_message = self._gets, self._message_type, self._table.by_message
        queue, run = self._queue, self._run
        reply: Any
        last: Channel | None = None
        kind: Any = None  # of the last message, if the next one of its channel may be in `_run`
        name: Any = None
        while type(reply := gets(False)) is message_type:
            if reply[0] == kind and reply[1] == name:
                run.append(reply[2])  # saved look-ups: one more of the same channel
                continue
            if run:
                self._pass_run_on()
            kind = None
            channels = by_message.get(reply[0])
            if channels is None:
                if (reply := self._other(reply, touched)) is not MORE:
                    break
                last, queue.unasked = None, 0
            elif (channel := channels.get(reply[1])) is not None:
                for subscriber in channel.subscribers:
                    subscriber.items.append(reply)
                if channel is not last:
                    last = channel
                    touched.update(channel.subscribers)
                    queue.unasked = 0
                if len(reply) == 3:
                    kind, name = reply[0], reply[1]
                    self._run_of = (kind, name, channel)
        return reply

    def _pass_run_on(self) -> None:
        """Pass the messages in a row on, behind the first of them."""
        run = [*self._run]
        self._run.clear()
        kind, name, channel = self._run_of
        for subscriber in channel.subscribers:
            subscriber.put_run(kind, name, run)

    def _other(self, reply: list[Any], touched: set[Subscriber]) -> list[Any] | Incomplete | None:
        """The answer to a request that *reply* completes; `MORE` if it completes none."""
        found = ACKNOWLEDGEMENTS.get(reply[0])
        if found is None:
            return MORE if type(reply) is Push else reply
        for subscriber in touched:
            subscriber.settle()  # before they hear of a change
        touched.clear()
        kind, subscribes = found
        name = reply[1]
        inflight = self._queue.inflight
        request = inflight[0].waiter if inflight else None
        if (
            isinstance(request, SubscriptionRequest)
            and request.kind is kind
            and request.subscribes is subscribes
            and request.names[request.acknowledged] == name
        ):
            return None if self._table.acknowledged(request) else MORE
        if subscribes:
            raise ProtocolError(f"the server acknowledged {excerpt(name)}, which was not asked for")
        self._table.unsubscribed(kind, name, Loss(self._now(), MOVED_AWAY))
        return MORE
