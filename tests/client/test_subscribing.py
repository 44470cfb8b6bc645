"""Tests of `client.pubsub` and `client.subscribe`: their arguments, and redis-py's spellings."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import DataError, PubSub, Redis
from tests.client.subscription_server import SubscriptionServer


def client() -> Redis[str]:
    """A client that is not open."""
    return SubscriptionServer().text_client()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"on_full": "block"}, "on_full has to be one of 'wait', 'drop_oldest', 'fail'"),
        ({"max_messages": 0}, "max_messages"),
        ({"max_bytes": 1.5}, "max_bytes"),
        ({"ignore_subscribe_messages": "no"}, "ignore_subscribe_messages"),
        ({"push_handler_func": print}, "has no argument 'push_handler_func'; leave it out"),
        ({"shard_hint": "x"}, "has no argument 'shard_hint'; leave it out"),
    ],
)
def test_arguments_that_do_not_fit(options: dict[str, Any], text: str) -> None:
    """A wrong option, or one of redis-py's, is refused at once, by both methods."""
    with pytest.raises(DataError, match=text):
        client().pubsub(**options)
    with pytest.raises(DataError, match=text):
        client().subscribe("a", **options)


def test_positional_arguments() -> None:
    """redis-py's `pubsub` takes none, and neither does ours."""
    with pytest.raises(DataError, match="takes 0 positional arguments"):
        client().pubsub(True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


NO_NAMES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    (([],), {}),
    ((5,), {}),
    (({"a": 1},), {}),
    ((), {"patterns": []}),
    ((), {"patterns": 5}),
    ((), {"shard_channels": {"a": 1}}),
]


@pytest.mark.parametrize(("channels", "options"), NO_NAMES)
def test_names_that_are_none(channels: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Nothing to subscribe to, numbers and mappings are refused before anything is sent."""
    with pytest.raises(DataError):
        client().subscribe(*channels, **options)


@pytest.mark.parametrize(
    ("channels", "options", "sent"),
    [
        (("a", "b"), {}, [(b"SUBSCRIBE", b"a", b"b")]),
        ((["a", b"b"], "c"), {}, [(b"SUBSCRIBE", b"a", b"b", b"c")]),
        ((), {"patterns": "p*"}, [(b"PSUBSCRIBE", b"p*")]),
        (
            ("a",),
            {"patterns": ["p", "q"], "shard_channels": ("s",)},
            [(b"SUBSCRIBE", b"a"), (b"PSUBSCRIBE", b"p", b"q"), (b"SSUBSCRIBE", b"s")],
        ),
    ],
)
async def test_what_the_shorthand_sends(
    channels: tuple[Any, ...], options: dict[str, Any], sent: list[tuple[bytes, ...]]
) -> None:
    """One command for each kind, with all names."""
    server = SubscriptionServer()
    async with server.text_client() as open_client, open_client.subscribe(*channels, **options):
        assert [words for words in server.received if b"SUBSCRIBE" in words[0]] == sent


async def test_a_closed_client() -> None:
    """A client that is not open says so when the block is entered."""
    pubsub = client().pubsub()
    assert isinstance(pubsub, PubSub)
    assert repr(pubsub) == "<PubSub not open>"
    with pytest.raises(RuntimeError, match="not open"):
        await pubsub.__aenter__()
