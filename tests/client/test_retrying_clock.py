"""Tests of `anyredis.client.retrying` by the clock: exact delays, deadlines, repeated commands."""

from __future__ import annotations

import pytest

from anyredis import (
    AuthenticationError,
    Backoff,
    BusyLoadingError,
    ConnectionError,
    ConnectTimeoutError,
    MaxConnectionsError,
    Outcome,
    PoolTimeoutError,
    RedisError,
    ResponseError,
    Retry,
    TimeoutError,
)
from anyredis.client import retrying
from anyredis.client.retrying import repeat
from anyredis.testing import FakeServer, run_then_reset
from anyredis.wire.decode import Reply

AT_ONCE = Backoff(base=0, cap=0)
STEADY = Backoff(base=1.0, cap=8.0, random=lambda: 0.0)

NEVER_REPEATED = (
    MaxConnectionsError("full"),
    PoolTimeoutError("full for long"),
    ConnectTimeoutError("no answer"),
    TimeoutError("no reply", outcome=Outcome.NOT_SENT),
    AuthenticationError("WRONGPASS"),
    ResponseError("ERR no"),
)


class Attempts:
    """Attempts that fail with each of *errors* in turn, and then give `done`."""

    def __init__(self, *errors: RedisError) -> None:
        self.errors = list(errors)
        self.made = 0

    async def __call__(self) -> Reply:
        """Make one."""
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


class Clock:
    """Replaces anyio: a sleep ends at once, and is recorded."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.slept.append(seconds)
        self.now += seconds

    def current_time(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of `repeat` in this test."""
    stand_in = Clock()
    monkeypatch.setattr(retrying, "anyio", stand_in)
    return stand_in


def reads() -> bool:
    """Yes."""
    return True


def writes() -> bool:
    """No."""
    return False


def lost(outcome: Outcome = Outcome.UNKNOWN) -> ConnectionError:
    """The error of a lost connection."""
    return ConnectionError("lost", outcome=outcome)


async def test_a_success_is_tried_once(sleeps: Clock) -> None:
    """A first attempt that succeeds is the only one, without a sleep."""
    attempt = Attempts()
    assert await repeat(Retry(), reads, attempt) == "done"
    assert (attempt.made, sleeps.slept) == (1, [])


async def test_a_read_is_tried_again(sleeps: Clock) -> None:
    """G11: a command that only reads is sent again, with any outcome."""
    attempt = Attempts(lost(), lost(Outcome.NOT_SENT), lost())
    assert await repeat(Retry(), reads, attempt) == "done"
    assert attempt.made == 4


@pytest.mark.parametrize("attempts", [0, 1, 5])
async def test_attempts_are_the_repeats_after_the_first_try(attempts: int, sleeps: Clock) -> None:
    """G13: after that many repeats the error of the last try is raised."""
    errors = [lost() for _ in range(10)]
    attempt = Attempts(*errors)
    with pytest.raises(ConnectionError) as caught:
        await repeat(Retry(attempts=attempts), reads, attempt)
    assert attempt.made == attempts + 1
    assert caught.value is errors[attempts]


async def test_the_backoff_decides_the_delay(sleeps: Clock) -> None:
    """Each wait is the backoff's delay after that many failures."""
    attempt = Attempts(*(lost() for _ in range(5)))
    await repeat(Retry(attempts=5, backoff=STEADY, deadline=None), reads, attempt)
    assert sleeps.slept == [1.0, 2.0, 4.0, 8.0, 8.0]


async def test_the_deadline_counts_from_the_first_failure(sleeps: Clock) -> None:
    """An attempt that would begin after the deadline is not made, and no time is spent on it."""
    attempt = Attempts(*(lost() for _ in range(5)))
    with pytest.raises(ConnectionError):
        await repeat(Retry(attempts=5, backoff=STEADY, deadline=3.5), reads, attempt)
    assert (attempt.made, sleeps.slept) == (3, [1.0, 2.0])


async def test_a_repeat_at_the_very_deadline_is_made(sleeps: Clock) -> None:
    """A try at the deadline itself is still made."""
    attempt = Attempts(lost())
    assert await repeat(Retry(backoff=STEADY, deadline=1.0), reads, attempt) == "done"


async def test_a_write_of_unknown_outcome_is_not_repeated(sleeps: Clock) -> None:
    """G11: the server may have run it, so its caller has to decide."""
    attempt = Attempts(lost(Outcome.UNKNOWN))
    with pytest.raises(ConnectionError) as caught:
        await repeat(Retry(), writes, attempt)
    assert caught.value.outcome is Outcome.UNKNOWN
    assert attempt.made == 1


async def test_a_write_that_was_not_sent_is_repeated(sleeps: Clock) -> None:
    """G11: the server cannot have run it."""
    attempt = Attempts(lost(Outcome.NOT_SENT), BusyLoadingError("LOADING"))
    assert await repeat(Retry(), writes, attempt) == "done"
    assert attempt.made == 3


async def test_a_second_try_that_was_sent_ends_it(sleeps: Clock) -> None:
    """G11: each failure is judged separately."""
    attempt = Attempts(lost(Outcome.NOT_SENT), lost(Outcome.UNKNOWN))
    with pytest.raises(ConnectionError):
        await repeat(Retry(), writes, attempt)
    assert attempt.made == 2


async def test_writes_are_repeated_on_request(sleeps: Clock) -> None:
    """G11: opting in is explicit."""
    attempt = Attempts(lost(Outcome.UNKNOWN))
    assert await repeat(Retry(repeat_writes=True), writes, attempt) == "done"
    assert attempt.made == 2


@pytest.mark.parametrize("error", NEVER_REPEATED, ids=lambda error: type(error).__name__)
async def test_errors_that_a_repeat_does_not_mend(error: RedisError, sleeps: Clock) -> None:
    """A timeout, a lack of connections, wrong credentials and refusals are final, for reads too."""
    attempt = Attempts(error)
    with pytest.raises(type(error)) as caught:
        await repeat(Retry(repeat_writes=True), reads, attempt)
    assert caught.value is error
    assert attempt.made == 1


async def test_errors_that_are_named_exactly(sleeps: Clock) -> None:
    """An error whose exact class is in `errors` is repeated."""
    attempt = Attempts(TimeoutError("no reply"))
    assert await repeat(Retry(errors=(TimeoutError,)), reads, attempt) == "done"


async def test_no_retry(sleeps: Clock) -> None:
    """`retry=None` repeats nothing."""
    attempt = Attempts(lost(Outcome.NOT_SENT))
    with pytest.raises(ConnectionError):
        await repeat(None, reads, attempt)
    assert attempt.made == 1


async def test_an_error_that_is_a_value(sleeps: Clock) -> None:
    """An attempt may return its error instead of raising it."""
    answers: list[Reply] = [lost(), "done"]

    async def attempt() -> Reply:
        return answers.pop(0)

    assert await repeat(Retry(), reads, attempt) == "done"


async def test_a_first_attempt_that_was_made_already(sleeps: Clock) -> None:
    """Its error counts as the first failure, with a delay before the next attempt."""
    attempt = Attempts()
    assert await repeat(Retry(backoff=STEADY), reads, attempt, lost()) == "done"
    assert (attempt.made, sleeps.slept) == (1, [1.0])
    with pytest.raises(ResponseError):
        await repeat(Retry(), reads, attempt, ResponseError("ERR no"))
    assert attempt.made == 1


async def test_other_exceptions_pass() -> None:
    """G14: an exception of another library is neither repeated nor wrapped."""

    async def attempt() -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await repeat(Retry(), reads, attempt)


@pytest.mark.parametrize(("name", "sent"), [("GET", 3), ("INCRBY", 1)])
async def test_a_client_uses_its_retry(name: str, sent: int) -> None:
    """G11: the table decides which commands only read, and the client's `retry` how often."""
    server = FakeServer()
    server.on(name, run_then_reset)
    async with server.client(retry=Retry(attempts=2, backoff=AT_ONCE)) as client:
        with pytest.raises(ConnectionError):
            await client.execute_command(name, "n", *(["1"] if name == "INCRBY" else []))
    assert server.count(name) == sent


async def test_a_full_pool_is_no_reason_to_try_again() -> None:
    """A lack of leases raises at once: waiting for a lease is outside the retry."""
    server = FakeServer()
    async with server.client(max_connections=1) as client, client.session():
        with pytest.raises(MaxConnectionsError):
            await client.get("k")
    assert server.count("GET") == 0


@pytest.mark.parametrize(("transaction", "sent"), [(False, 3), (True, 3)])
async def test_a_pipeline_that_only_reads_is_sent_again(transaction: bool, sent: int) -> None:
    """G11: a batch may run twice if all its commands may."""
    server = FakeServer()
    server.on("GET", run_then_reset, times=2)
    async with server.client(retry=Retry(backoff=AT_ONCE)) as client:
        async with client.pipeline(transaction=transaction) as pipe:
            got = pipe.get("k")
        assert got.value is None
    assert server.count("GET") == sent


async def test_a_pipeline_that_writes_is_not() -> None:
    """G11: one write among reads is enough."""
    server = FakeServer()
    server.on("GET", run_then_reset, times=1)
    async with server.client(retry=Retry(backoff=AT_ONCE)) as client:
        pipe = client.pipeline(transaction=False)
        pipe.incr("n")
        pipe.get("k")
        with pytest.raises(ConnectionError) as caught:
            await pipe.execute()
        assert caught.value.outcome is Outcome.UNKNOWN
    assert server.memory.ran[b"INCRBY"] == 1
