"""The loop that repeats failed commands; `backoff.Retry` decides which ones and how often.

Law: the lease stays held, so no repeat waits for one.  While the server cannot be reached, a repeat
waits for the dials of the pool, which go on one after the other for all callers together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import anyio

from anyredis.backoff import Retry, RetryState
from anyredis.exceptions import RedisError
from anyredis.pool.lease import Lease

T = TypeVar("T")


async def repeat(
    retry: Retry | None,
    only_reads: Callable[[], bool],
    attempt: Callable[[], Awaitable[T | RedisError]],
    failed: RedisError | None = None,
    on_retry: Callable[[RedisError, float], None] | None = None,
    *,
    lease: Lease | None = None,
    runs_commands: bool = False,
) -> T:
    """The first reply of *attempt* that is not an error; raises the error if *retry* gives up.

    *failed* is the error of an earlier first attempt.  *on_retry* gets the error of an attempt that
    another one follows, and the seconds until then.  *lease* is the one that *attempt* attaches.
    *runs_commands*: see `Retry.allows`.
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
        if state.exhausted or not retry.allows(
            failed, only_reads=only_reads(), runs_commands=runs_commands
        ):
            raise failed
        delay = state.delay(anyio.current_time())
        if delay is None:
            raise failed
        if on_retry is not None:
            on_retry(failed, delay)
        if lease is not None and retry.joins_dials:
            lease.patience = partial(retry.waits_for_dial, state)
        await anyio.sleep(delay)
        if lease is not None and not lease.endpoint.server.open:
            raise failed
        failed = None


async def _outcome(attempt: Callable[[], Awaitable[T | RedisError]]) -> T | RedisError:
    """The reply of *attempt*, or the `RedisError` that it raises."""
    try:
        return await attempt()
    except RedisError as error:
        return error
