"""The loop around everything that may be tried again; `backoff.Retry` says what and how often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from anyredis.backoff import Retry, RetryState
from anyredis.exceptions import RedisError
from anyredis.wire.decode import Reply


async def repeat(
    retry: Retry | None,
    only_reads: Callable[[], bool],
    attempt: Callable[[], Awaitable[Reply]],
    failed: RedisError | None = None,
    on_retry: Callable[[RedisError, float], None] | None = None,
) -> Reply:
    """What *attempt* gives, made until it is no error or *retry* gives up, which raises the error.

    *failed* is the error of a first attempt that was made already.  *on_retry* gets the error of an
    attempt that is followed by another, and the seconds until then.
    """
    state: RetryState | None = None
    while True:
        if failed is None:
            outcome = await _outcome(attempt)
            if not isinstance(outcome, RedisError):
                return outcome
            failed = outcome
        if retry is None:
            raise failed
        state = state or retry.state()
        if state.exhausted:
            raise failed
        if not retry.allows(failed, only_reads=only_reads()):
            raise failed
        delay = state.delay(anyio.current_time())
        if delay is None:
            raise failed
        if on_retry is not None:
            on_retry(failed, delay)
        failed = None
        await anyio.sleep(delay)


async def _outcome(attempt: Callable[[], Awaitable[Reply]]) -> Reply:
    """What *attempt* gives or raises, if it is an error of ours."""
    try:
        return await attempt()
    except RedisError as error:
        return error
