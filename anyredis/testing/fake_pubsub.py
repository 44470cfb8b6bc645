"""Pub/sub of the Redis in memory: who is subscribed to what, and the commands about it.

Law: a message reaches its subscribers within the command that publishes it.  What a client is sent
beside the reply to its command, acknowledgements too, comes after that reply, as from real servers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

from anyredis.exceptions import RedisError, from_server
from anyredis.testing.data import Words
from anyredis.testing.known_command import matcher, unknown_subcommand, wrong_count
from anyredis.testing.resp import NOTHING, Answer
from anyredis.wire.slots import slot_of

CHANNELS: Final = b"subscribe"
PATTERNS: Final = b"psubscribe"
SHARDED: Final = b"ssubscribe"
KINDS: Final = (CHANNELS, PATTERNS, SHARDED)

UNSUBSCRIBE: Final = {
    CHANNELS: b"unsubscribe",
    PATTERNS: b"punsubscribe",
    SHARDED: b"sunsubscribe",
}

OF_SUBSCRIBERS: Final = frozenset(
    name.upper() for name in (*KINDS, *UNSUBSCRIBE.values(), b"ping", b"quit", b"reset")
)
"""The commands that a RESP2 client may send while it is subscribed."""


class ClientSubscriptions:
    """The subscriptions of one client; *push* sends it a message or an acknowledgement."""

    def __init__(self) -> None:
        self.names: dict[bytes, dict[bytes, None]] = {kind: {} for kind in KINDS}
        """The names of each kind, in the order in which they were subscribed."""
        self.push: Callable[[Sequence[Answer]], None] | None = None

    def __bool__(self) -> bool:
        return any(self.names.values())

    def tell(self, *items: Answer) -> None:
        """Send *items* to the client, unless nobody listens."""
        if self.push is not None:
            self.push(items)

    def count(self, kind: bytes) -> int:
        """The number that an acknowledgement of *kind* has: sharded channels count by themselves."""
        kinds = (SHARDED,) if kind == SHARDED else (CHANNELS, PATTERNS)
        return sum(len(self.names[each]) for each in kinds)


class FakePubSub:
    """The subscribers at one server.

    *reached* gives all servers that a message reaches; its argument says whether it is sharded.
    """

    def __init__(self) -> None:
        self._subscribers: dict[bytes, dict[bytes, list[ClientSubscriptions]]] = {
            kind: {} for kind in KINDS
        }
        self.reached: Callable[[bool], Sequence[FakePubSub]] = lambda _sharded: (self,)
        self.commands: dict[bytes, Callable[[ClientSubscriptions, Words], Answer]] = {
            b"PUBLISH": partial(self._publish, sharded=False),
            b"SPUBLISH": partial(self._publish, sharded=True),
            b"PUBSUB": self._report,
        }
        """The commands, by name: functions of the client's subscriptions and the arguments."""
        for kind, unsubscribe in UNSUBSCRIBE.items():
            self.commands[kind.upper()] = partial(self._subscribe, kind)
            self.commands[unsubscribe.upper()] = partial(self._unsubscribe, kind)

    # -- subscriptions --------------------------------------------------------------------------

    def _subscribe(self, kind: bytes, client: ClientSubscriptions, words: Words) -> Answer:
        if not words:
            raise wrong_count(kind)
        for name in words:
            if name not in client.names[kind]:
                client.names[kind][name] = None
                self._subscribers[kind].setdefault(name, []).append(client)
            client.tell(kind, name, client.count(kind))
        return NOTHING

    def _unsubscribe(self, kind: bytes, client: ClientSubscriptions, words: Words) -> Answer:
        word = UNSUBSCRIBE[kind]
        for name in words or tuple(client.names[kind]):
            self._remove(kind, client, name)
            client.tell(word, name, client.count(kind))
            words = (name,)
        if not words:
            client.tell(word, None, client.count(kind))
        return NOTHING

    def _remove(self, kind: bytes, client: ClientSubscriptions, name: bytes) -> None:
        if name in client.names[kind]:
            del client.names[kind][name]
            subscribers = self._subscribers[kind][name]
            subscribers.remove(client)
            if not subscribers:
                del self._subscribers[kind][name]

    def forget(self, client: ClientSubscriptions) -> None:
        """*client* is gone, or has said RESET: it is subscribed to nothing."""
        for kind in KINDS:
            for name in tuple(client.names[kind]):
                self._remove(kind, client, name)

    def drop_slots(self, slots: Collection[int]) -> None:
        """Unsubscribe all clients from the sharded channels in *slots*, which moved away."""
        for name in [name for name in self._subscribers[SHARDED] if slot_of(name) in slots]:
            for client in tuple(self._subscribers[SHARDED][name]):
                self._remove(SHARDED, client, name)
                client.tell(UNSUBSCRIBE[SHARDED], name, client.count(SHARDED))

    def names(self, kind: str = "subscribe") -> set[bytes]:
        """What clients are subscribed to by *kind*: subscribe, psubscribe or ssubscribe."""
        return set(self._subscribers[kind.encode()])

    # -- messages -------------------------------------------------------------------------------

    def _publish(self, _client: ClientSubscriptions, words: Words, *, sharded: bool) -> Answer:
        if len(words) != 2:
            raise wrong_count(b"SPUBLISH" if sharded else b"PUBLISH")
        channel, message = words
        for other in self.reached(sharded):
            if other is not self:
                other.deliver(channel, message, sharded=sharded)
        return self.deliver(channel, message, sharded=sharded)

    def deliver(self, channel: bytes, message: bytes, *, sharded: bool = False) -> int:
        """Send *message* to the subscribers at this server; gives their number."""
        kind, word = (SHARDED, b"smessage") if sharded else (CHANNELS, b"message")
        receivers: list[tuple[ClientSubscriptions, tuple[bytes, ...]]] = [
            (client, (word, channel, message))
            for client in self._subscribers[kind].get(channel, ())
        ]
        for pattern, clients in self._subscribers[PATTERNS].items():
            if not sharded and matcher(pattern)(channel):
                receivers += [
                    (client, (b"pmessage", pattern, channel, message)) for client in clients
                ]
        for client, items in receivers:
            client.tell(*items)
        return len(receivers)

    # -- reports --------------------------------------------------------------------------------

    def _report(self, _client: ClientSubscriptions, words: Words) -> Answer:
        match [word.upper() for word in words[:1]]:
            case [b"CHANNELS" | b"SHARDCHANNELS" as which] if len(words) <= 2:
                matches = matcher(words[1] if len(words) > 1 else b"*")
                return [name for name in self._of_report(which) if matches(name)]
            case [b"NUMSUB" | b"SHARDNUMSUB" as which]:
                subscribers = self._of_report(which)
                return [
                    item for name in words[1:] for item in (name, len(subscribers.get(name, ())))
                ]
            case [b"NUMPAT"] if len(words) == 1:
                return len(self._subscribers[PATTERNS])
            case [b"CHANNELS" | b"SHARDCHANNELS" | b"NUMPAT" as which]:
                raise wrong_count(b"pubsub|" + which)
            case [other]:
                raise unknown_subcommand("PUBSUB", other)
            case _:
                raise wrong_count(b"PUBSUB")

    def _of_report(self, which: bytes) -> dict[bytes, list[ClientSubscriptions]]:
        return self._subscribers[SHARDED if which.startswith(b"SHARD") else CHANNELS]


KNOWN: Final = frozenset(FakePubSub().commands)
"""The names of these commands."""


def not_while_subscribed(name: bytes) -> RedisError:
    """The error for a command that a RESP2 client may not send while it is subscribed."""
    return from_server(
        f"ERR Can't execute '{name.decode(errors='replace').lower()}': only (P|S)SUBSCRIBE / "
        "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
    )


def not_in_transactions(name: bytes) -> RedisError:
    """The error for a subscription within MULTI, which no client of ours sends."""
    return from_server(f"ERR the fake does not know {name.decode()} in a transaction")
