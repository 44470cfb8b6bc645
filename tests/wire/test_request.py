"""Tests of `anyredis.wire.request`: the state of a request."""

from __future__ import annotations

import asyncio
from typing import Any

from anyredis.wire.request import ABANDONED, Request


def waiter() -> asyncio.Future[Any]:
    """Something to wait on."""
    loop = asyncio.new_event_loop()
    try:
        return loop.create_future()
    finally:
        loop.close()


def test_the_ordinary_request_stores_two_things() -> None:
    """All else is read off the class: there are a hundred thousand of these a second."""
    request = Request.of(b"x", waiter())
    assert set(vars(request)) == {"payload", "waiter"}
    assert (request.reply_count, request.missing, request.replies) == (1, 1, None)


def test_a_request_for_many() -> None:
    """It says how many replies it gets in all, and how many its first payload brings."""
    request = Request.of_many(b"x", waiter(), 2, 5)
    assert (request.reply_count, request.missing, request.replies) == (2, 5, [])


def test_a_request_goes_on() -> None:
    """The rest of it waits with whom the first of it does."""
    first = Request.of_many(b"x", waiter(), 2, 5)
    rest = first.continued(b"y", 3)
    assert rest.waiter is first.waiter
    assert (rest.is_first, rest.reply_count, rest.payload) == (False, 3, b"y")


def test_gone_wants_no_answer() -> None:
    """It is done and cancelled, and ignores each result."""
    assert ABANDONED.done()
    assert ABANDONED.cancelled()
    ABANDONED.set_result(None)
