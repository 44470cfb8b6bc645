"""The loop around everything that may be tried again; `backoff.Retry` says what and how often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from anyredis.backoff import Retry
from anyredis.exceptions import RedisError
from anyredis.wire.decode import Reply


async def repeat(
    retry: Retry | None,
    only_reads: Callable[[], bool],
    attempt: Callable[[], Awaitable[Reply]],
    failed: RedisError | None = None,
) -> Reply:
    """What *attempt* gives, made until it is no error or *retry* gives up, which raises the error.

    *failed* is the error of a first attempt that was made already.
    """
    tries = 0
    give_up_at: float | None = None
    while True:
        if failed is None:
            outcome = await _outcome(attempt)
            if not isinstance(outcome, RedisError):
                return outcome
            failed = outcome
        if retry is None or tries >= retry.attempts:
            raise failed
        if not retry.allows(failed, only_reads=only_reads()):
            raise failed
        tries += 1
        delay = retry.backoff.delay(tries)
        if retry.deadline is not None:
            now = anyio.current_time()
            give_up_at = give_up_at or now + retry.deadline
            if now + delay > give_up_at:
                raise failed
        failed = None
        await anyio.sleep(delay)


async def _outcome(attempt: Callable[[], Awaitable[Reply]]) -> Reply:
    """What *attempt* gives or raises, if it is an error of ours."""
    try:
        return await attempt()
    except RedisError as error:
        return error
