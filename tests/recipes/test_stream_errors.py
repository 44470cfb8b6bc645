"""Tests of `anyredis.recipes.stream_errors`: failures that pass, and those that do not."""

from __future__ import annotations

import pytest

from anyredis.exceptions import (
    AuthenticationError,
    ConnectionError,
    MaxConnectionsError,
    RedisError,
    TimeoutError,
    from_server,
)
from anyredis.recipes.stream_errors import passes, raised


@pytest.mark.parametrize(
    "error",
    [
        *(ConnectionError("lost"), TimeoutError("late"), MaxConnectionsError("one too many")),
        from_server("READONLY You can't write against a read only replica."),
        from_server("LOADING Redis is loading the dataset in memory"),
        from_server("CLUSTERDOWN The cluster is down"),
        from_server("MOVED 1 h:7000"),
        from_server("MISCONF Redis is configured to save RDB snapshots"),
        from_server("BUSY Redis is busy running a script. You can only call SCRIPT KILL"),
        from_server("OOM command not allowed when used memory > 'maxmemory'"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_pass(error: RedisError) -> None:
    """What a failover, a slow script or a short lack of connections or memory causes passes."""
    assert passes(error)


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("WRONGPASS"),
        from_server("WRONGTYPE Operation against a key"),
        from_server("NOPERM no permissions"),
        from_server("ERR syntax error"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_do_not_pass(error: RedisError) -> None:
    """What no repetition changes is an error for the user."""
    assert not passes(error)


def test_an_error_for_several_tasks() -> None:
    """Each gets one of its own; a programming error is the cause of what they get."""
    error = from_server("NOPERM no permissions")
    assert raised(error) is not error
    assert type(raised(error)) is type(error)
    fault = KeyError("fault")
    assert raised(fault).__cause__ is fault
