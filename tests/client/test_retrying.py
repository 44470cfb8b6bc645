"""The loop that repeats failed commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from anyredis import (
    AuthenticationError,
    Backoff,
    ConnectionError,
    MaxConnectionsError,
    Outcome,
    RedisError,
    ResponseError,
    Retry,
    TimeoutError,
)
from anyredis.client.retrying import repeat
from anyredis.wire.decode import Reply
from tests.blocked_tasks import cancelled_once_blocked

AT_ONCE = Backoff(base=0, cap=0)
LOST = ConnectionError("lost", outcome=Outcome.UNKNOWN)
NOT_SENT = ConnectionError("not sent", outcome=Outcome.NOT_SENT)


class Script:
    """Attempts that raise or return the next of a list; counted."""

    def __init__(self, *outcomes: Reply | Exception) -> None:
        self.outcomes = list(outcomes)
        self.tries = 0

    async def __call__(self) -> Reply:
        """The next outcome."""
        self.tries += 1
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception) and not isinstance(outcome, ResponseError):
            raise outcome
        return outcome


async def run(
    attempt: Callable[[], Awaitable[Reply]],
    retry: Retry | None = Retry(backoff=AT_ONCE),  # noqa: B008 - a value
    *,
    reads: bool = True,
    failed: RedisError | None = None,
) -> Reply:
    """`repeat`, for a command that only reads or for one that writes."""
    return await repeat(retry, lambda: reads, attempt, failed)


async def test_a_success_is_tried_once() -> None:
    """Its reply is returned."""
    script = Script(b"1")
    assert await run(script) == b"1"
    assert script.tries == 1


async def test_a_read_is_tried_again() -> None:
    """Up to `attempts` more times."""
    script = Script(LOST, LOST, LOST, b"1")
    assert await run(script) == b"1"
    assert script.tries == 4


async def test_it_gives_up() -> None:
    """The last error is raised."""
    last = ConnectionError("last")
    script = Script(LOST, LOST, last, b"never")
    with pytest.raises(ConnectionError) as caught:
        await run(script, Retry(attempts=2, backoff=AT_ONCE))
    assert caught.value is last
    assert script.tries == 3


async def test_a_write_is_tried_again_if_it_was_not_sent() -> None:
    """But not with an unknown outcome."""
    script = Script(NOT_SENT, LOST, b"never")
    with pytest.raises(ConnectionError) as caught:
        await run(script, reads=False)
    assert caught.value is LOST
    assert script.tries == 2


async def test_a_write_can_be_allowed_to_run_twice() -> None:
    """With `repeat_writes`."""
    script = Script(LOST, b"1")
    assert await run(script, Retry(backoff=AT_ONCE, repeat_writes=True), reads=False) == b"1"


@pytest.mark.parametrize(
    "error",
    [TimeoutError("late"), MaxConnectionsError("full"), AuthenticationError("who"), NOT_SENT],
    ids=lambda error: type(error).__name__,
)
async def test_without_a_policy_nothing_is(error: RedisError) -> None:
    """By default a timeout, a lack of connections and a wrong password are not repeated."""
    script = Script(error, b"never")
    with pytest.raises(type(error)):
        await run(script, None)
    if error is not NOT_SENT:
        with pytest.raises(type(error)):
            await run(Script(error, b"never"))


async def test_an_error_reply_counts_as_one() -> None:
    """Both if it is raised and if it is returned."""
    retry = Retry(backoff=AT_ONCE, errors=(ResponseError,))
    assert await run(Script(ResponseError("ERR"), b"1"), retry) == b"1"
    with pytest.raises(ResponseError):
        await run(Script(ResponseError("ERR"), b"never"))


async def test_a_first_attempt_may_have_failed_before() -> None:
    """It counts as the first try."""
    script = Script(LOST, b"1")
    assert await run(script, Retry(attempts=2, backoff=AT_ONCE), failed=LOST) == b"1"
    script = Script(LOST, b"never")
    with pytest.raises(ConnectionError):
        await run(script, Retry(attempts=1, backoff=AT_ONCE), failed=LOST)
    assert script.tries == 1


async def test_foreign_errors_pass() -> None:
    """An exception that is not a `RedisError` is not repeated."""
    script = Script(KeyError("mine"), b"never")
    with pytest.raises(KeyError):
        await run(script)
    assert script.tries == 1


async def test_a_deadline_bounds_all_attempts() -> None:
    """No try begins after it, counted from the first failure."""
    retry = Retry(attempts=100, backoff=Backoff(base=60, cap=60), deadline=1)
    script = Script(LOST, b"never")
    with pytest.raises(ConnectionError):
        await run(script, retry)
    assert script.tries == 1


async def test_waiting_can_be_cancelled() -> None:
    """The delay between two tries can be cancelled by the caller."""
    script = Script(LOST, b"never")
    async with cancelled_once_blocked() as scope:
        await run(script, Retry(backoff=Backoff(base=60, cap=60), deadline=100))
    assert scope.cancelled_caught
    assert script.tries == 1
