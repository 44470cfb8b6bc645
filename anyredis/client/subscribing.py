"""The methods of clients that subscribe: `pubsub`, and the shorthand `subscribe`.

Law: `on_full` decides about connections when the `PubSub` is made, and nothing changes that: "wait"
has subscribed connections of its own, all others share those of the client.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Generic, get_args

from anyredis.client.channel_subscriptions import MAX_BYTES, MAX_MESSAGES
from anyredis.client.inbox import OnFull
from anyredis.client.placement import Placement
from anyredis.client.pubsub import PubSub
from anyredis.client.subscriber import Encoding
from anyredis.commands.several import all_keys, keys_of
from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt
from anyredis.pool.base import BasePool
from anyredis.replies import S
from anyredis.unfit_calls import explained
from anyredis.wire.encode import Key
from anyredis.wire.subscriptions import CHANNEL, PATTERN, SHARD, SubscriptionKind


def check_on_full(on_full: object) -> None:
    """Raise `DataValueError` unless *on_full* is one of `OnFull`."""
    if on_full not in get_args(OnFull):
        allowed = ", ".join(map(repr, get_args(OnFull)))
        raise DataValueError(f"on_full has to be one of {allowed}, not {excerpt(on_full)}")


class Subscribing(ABC, Generic[S]):
    """The base of clients that can subscribe; it has no state before the first subscription."""

    _shared_placement: Placement | None = None

    @abstractmethod
    def new_placement(self) -> Placement:
        """A placement for subscriptions of this client."""

    @property
    @abstractmethod
    def _subscribing_pool(self) -> BasePool:
        """The pool, which tells the encoding."""

    @explained
    def pubsub(
        self,
        *,
        ignore_subscribe_messages: bool = False,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        on_full: OnFull = "wait",
    ) -> PubSub[S]:
        """A `PubSub`, to subscribe with and to read messages from, for an `async with` block.

        With *ignore_subscribe_messages*, `listen` and `get_message` give no confirmations of
        subscriptions.  Up to about *max_messages* messages and *max_bytes* bytes are buffered.
        *on_full* says what happens if they are not read in time: "wait" stops reading from the
        server, and has a connection and a lease of its own for each server; "drop_oldest" drops the
        oldest messages and tells their number in the stream; "fail" ends the subscription with
        `SubscriptionOverflowError`.  With these two, all `PubSub` of this client share one
        connection and one lease for each server.

        It connects again by itself if a connection is lost, and tells a `Gap` in the stream.
        Raises `DataError` for invalid arguments.
        """
        return self._pubsub(ignore_subscribe_messages, max_messages, max_bytes, on_full, {})

    @explained
    def subscribe(
        self,
        *channels: Key | Collection[Key],
        patterns: Key | Collection[Key] = (),
        shard_channels: Key | Collection[Key] = (),
        ignore_subscribe_messages: bool = False,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        on_full: OnFull = "wait",
    ) -> PubSub[S]:
        """A `PubSub` that is subscribed as soon as its `async with` block is entered.

            async with client.subscribe("news", patterns=["chat.*"]) as messages:
                async for message in messages:
                    ...

        *patterns* are globs, *shard_channels* are sharded channels; the other arguments are those
        of `pubsub`.  Entering raises the errors of `PubSub.subscribe`.
        """
        first: dict[SubscriptionKind, tuple[Key, ...]] = {}
        if channels:
            first[CHANNEL] = all_keys("subscribe", "channels", channels)
        if patterns != ():
            first[PATTERN] = keys_of("subscribe", patterns)
        if shard_channels != ():
            first[SHARD] = keys_of("subscribe", shard_channels)
        if not first:
            raise DataValueError("subscribe: give channels, patterns= or shard_channels=")
        return self._pubsub(ignore_subscribe_messages, max_messages, max_bytes, on_full, first)

    def _pubsub(
        self,
        ignore_subscribe_messages: bool,
        max_messages: int,
        max_bytes: int,
        on_full: OnFull,
        first: dict[SubscriptionKind, tuple[Key, ...]],
    ) -> PubSub[S]:
        check_on_full(on_full)
        if on_full == "wait":
            placement = self.new_placement()
        else:
            placement = self._shared_placement = self._shared_placement or self.new_placement()
        return self._pubsub_at(
            placement, ignore_subscribe_messages, max_messages, max_bytes, on_full, first
        )

    def _pubsub_at(
        self,
        placement: Placement,
        ignore_subscribe_messages: bool,
        max_messages: int,
        max_bytes: int,
        on_full: OnFull,
        first: dict[SubscriptionKind, tuple[Key, ...]],
    ) -> PubSub[S]:
        pool = self._subscribing_pool
        return PubSub(
            placement,
            Encoding(pool.encoding, pool.encoding_errors, decodes=pool.decode_responses),
            ignore_subscribe_messages=ignore_subscribe_messages,
            max_messages=max_messages,
            max_bytes=max_bytes,
            on_full=on_full,
            first=first,
        )
