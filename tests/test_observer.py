"""Tests of `anyredis.observer`: what an observer is, and that it harms nobody."""

from __future__ import annotations

import inspect
import logging

import pytest

from anyredis import BaseObserver, CommandEvent, DataTypeError, Observer, Redis, RedisCluster
from anyredis.observer import METHODS, check_observer, notify


def test_a_base_observer_has_all_methods() -> None:
    """A class derived from it is an observer, whatever it overrides."""
    observer: Observer = BaseObserver()
    declared = {name for name in vars(Observer) if not name.startswith("_")}
    assert declared == set(METHODS)
    for name in METHODS:
        mine = inspect.signature(getattr(BaseObserver, name))
        assert mine == inspect.signature(getattr(Observer, name))
    check_observer(observer)
    check_observer(None)


@pytest.mark.parametrize("client", [Redis, RedisCluster])
def test_an_object_that_is_no_observer_is_refused(client: type[Redis[bytes]]) -> None:
    """The error names the method that is missing, and what to derive from."""
    with pytest.raises(
        DataTypeError, match=r"command_started: derive it from anyredis\.BaseObserver"
    ):
        client(observer=object())  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


def test_an_exception_of_an_observer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It is told in the log, and goes no further."""

    def fail(_event: CommandEvent) -> None:
        raise ZeroDivisionError("mine")

    with caplog.at_level(logging.ERROR, "anyredis"):
        notify(fail, CommandEvent("GET", "h:1"))
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)


def test_two_events_are_two_events() -> None:
    """An observer may keep them as keys of a dict: equal calls do not mix."""
    one, other = CommandEvent("GET", "h:1"), CommandEvent("GET", "h:1")
    assert one != other
    assert len({one, other}) == 2
