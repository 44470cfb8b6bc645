"""A fake server that keeps subscriptions: for tests that choose what it does at which moment."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import anyio

from anyredis import NoPermissionError, PubSub, Redis
from anyredis.testing import NOTHING, FakePeer, FakeServer, Words
from anyredis.testing.resp import Answer, encode

COMMANDS = ("SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE")


class SubscriptionServer(FakeServer):
    """A `FakeServer` whose peers subscribe; *forbidden* channels are refused, as by an ACL.

    With `silenced` it takes commands about subscriptions without an acknowledgement.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.subscriptions: dict[FakePeer, list[tuple[bytes, bytes]]] = {}
        self.forbidden: Collection[bytes] = ()
        self.silenced = False
        for command in COMMANDS:
            self.on(command, self._change)

    def _change(self, peer: FakePeer, words: Words) -> Answer:
        command = words[0].upper()
        if self.silenced:
            return NOTHING
        mine = self.subscriptions.setdefault(peer, [])
        if self.forbidden and not set(words[1:]).isdisjoint(self.forbidden):
            return NoPermissionError("NOPERM No permissions to access a channel")
        ends = b"UNSUB" in command
        word = command.replace(b"UNSUB", b"SUB") if ends else command
        for name in words[1:]:
            if ends and (word, name) in mine:
                mine.remove((word, name))
            elif not ends and (word, name) not in mine:
                mine.append((word, name))
            self.tell(peer, command.lower(), name, len(mine))
        return NOTHING

    @staticmethod
    def tell(peer: FakePeer, *items: Answer) -> None:
        """Send a push, or in RESP2 an array."""
        if peer.state.protocol == 3:
            peer.push(*items)
        else:
            peer.stream.deliver(encode([*items], 2))  # unlike `send`, which takes commands on

    def forget(self, peer: FakePeer) -> None:
        """*peer* is gone, with its subscriptions."""
        self.subscriptions.pop(peer, None)
        super().forget(peer)

    def publish(self, channel: bytes, data: bytes) -> int:
        """Publish to the subscribers of *channel*, and of the pattern `*`; their number."""
        count = 0
        for peer, mine in [*self.subscriptions.items()]:
            for word, name in [*mine]:
                if word == b"PSUBSCRIBE" and name == b"*":
                    self.tell(peer, b"pmessage", name, channel, data)
                elif name == channel and word != b"PSUBSCRIBE":
                    self.tell(peer, b"message" if word == b"SUBSCRIBE" else b"smessage", name, data)
                else:
                    continue
                count += 1
        return count

    def subscribers(self, name: bytes) -> int:
        """The connections that are subscribed to *name*."""
        return sum(name in [each for _, each in mine] for mine in self.subscriptions.values())

    def text_client(self, **options: Any) -> Redis[str]:
        """A client of it that reads text."""
        return self.client(decode_responses=True, **options)


async def next_of(pubsub: PubSub[Any]) -> Any:
    """The next event, within a generous time."""
    with anyio.fail_after(10):
        return await anext(pubsub)


def subscriber_of(server: SubscriptionServer, name: bytes) -> FakePeer:
    """The connection that is subscribed to *name*."""
    [peer] = [
        peer for peer, mine in server.subscriptions.items() if name in [each for _, each in mine]
    ]
    return peer
