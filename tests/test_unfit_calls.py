"""Tests of `anyredis.unfit_calls`: calls that fit no parameters, refused with the form that does."""

from __future__ import annotations

import inspect
from typing import Any, Never, cast

import pytest

from anyredis import DataTypeError, Redis
from anyredis.command import Blueprint, Command, command
from anyredis.commands.group import Group
from anyredis.replies import integer
from anyredis.testing import FakeServer
from anyredis.unfit_calls import ambiguous_names, coroutine_method, explained, refused
from anyredis.wire.encode import Key


class Own(Blueprint, Group[str]):
    """A command of a user."""

    @command
    def tally(self, key: Key, field: Key, step: int = 1, *, limit: int = 0) -> Command[int]:
        """A number."""
        return Command((b"TALLY", key, field, step, limit), integer)


FITTING: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("k", "f", 2), {"limit": 3}),
    (("k",), {"field": "f", "step": 2, "limit": 3}),
    ((), {"key": "k", "field": "f", "step": 2, "limit": 3}),
]


@pytest.mark.parametrize(("args", "kwargs"), FITTING)
def test_a_call_that_fits(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Every parameter may be given by its own name."""
    tally: Any = Own().tally
    assert tally(*args, **kwargs).args == (b"TALLY", "k", "f", 2, 3)


UNFIT: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    ((), {}, "is missing the argument 'key'"),
    (("k",), {}, "is missing the argument 'field'"),
    (("k", "f", 1, 2), {}, "takes 3 positional arguments, not 4; write limit=... by name"),
    (("k", "f"), {"limits": 1}, "has no argument 'limits'"),
    ((), {"name": "k", "key": "f"}, "has no argument 'name'; it is key here"),
    (("k",), {"key": "f"}, "got 'key' by position and by name; its arguments are key and field"),
]


@pytest.mark.parametrize(("args", "kwargs", "problem"), UNFIT)
def test_a_call_that_does_not_fit(
    args: tuple[Any, ...], kwargs: dict[str, Any], problem: str
) -> None:
    """The error is a TypeError that has the problem, the remedy, and the form of the method."""
    tally: Any = Own().tally
    with pytest.raises(DataTypeError) as refused:
        tally(*args, **kwargs)
    form = "its form is tally(key, field, step=1, *, limit=0)"
    assert str(refused.value) == f"Own.tally() {problem}; {form}"


def test_no_message_shows_a_value() -> None:
    """The values may be secrets."""
    tally: Any = Own().tally
    with pytest.raises(DataTypeError) as refused:
        tally("s3cret", "s3cret", 1, "s3cret", password="s3cret")
    assert "s3cret" not in str(refused.value)


async def test_nothing_is_sent() -> None:
    """A client refuses at the call, and a coroutine that is never awaited is not made."""
    server = FakeServer()
    async with server.client() as client:
        anything: Any = client
        with pytest.raises(TypeError, match="write ex="):
            anything.set("k", "v", 60)
        with pytest.raises(TypeError, match="it is key here"):
            anything.get(name="k")
        with pytest.raises(TypeError, match="zrange_with_scores"):
            anything.zrange("k", 0, -1, withscores=True)
    assert server.received == []


async def test_mget_of_an_empty_list() -> None:
    """A client answers without a request; a pipeline refuses it."""
    server = FakeServer()
    async with server.client() as client:
        assert await client.mget([]) == []
        with pytest.raises(ValueError, match="no keys, so there is no command to queue"):
            client.pipeline().mget([])
        with pytest.raises(ValueError, match="MGET: keys is empty"):
            await client.mget()
    assert server.received == []


def test_ambiguous_names() -> None:
    """Those by which redis-py passes something else: the field as *key*, or numbers of keys."""
    assert ambiguous_names(inspect.signature(Redis.hget)) == {"key"}
    assert ambiguous_names(inspect.signature(Redis.get)) == set()
    assert ambiguous_names(inspect.signature(Redis.lmpop)) == {"keys", "direction"}


class Scanner:
    """Has a method that is no command."""

    @explained
    def scan_iter(self, match: str, count: int = 0) -> str:
        """The arguments."""
        return match * count + str(len(match))


def test_a_method_that_is_no_command() -> None:
    """It is refused in the same words; an error in the method itself stays as it is."""
    scan: Any = Scanner().scan_iter
    assert scan("a", count=2) == "aa1"
    with pytest.raises(DataTypeError, match="has no argument '_type'; write type=; its form is"):
        scan("a", _type="x")
    with pytest.raises(DataTypeError, match="takes 2 positional arguments, not 3"):
        scan("a", 1, 2)
    with pytest.raises(DataTypeError, match="got 'match' by position and by name"):
        scan("a", match="b")
    with pytest.raises(DataTypeError, match="is missing the argument 'match'"):
        scan()
    with pytest.raises(TypeError) as own:
        scan(1, 2)
    assert not isinstance(own.value, DataTypeError)


# -- methods that are no commands ---------------------------------------------------------------


class Methods:
    """Methods with the decorators for those that are no commands."""

    @explained
    def several(self, *keys: str, last: int = 0) -> tuple[str, ...]:
        """As many keys as one likes."""
        return keys

    @coroutine_method
    async def slow(self, first: int) -> int:
        """Its argument."""
        return first

    @refused("write several()")
    def theirs(self, *, not_here: Never) -> None:
        """A method of another client."""


def test_any_number_of_keys_fits() -> None:
    """A wrong option is what is told, not the number of keys."""
    assert Methods().several("a", "b", "c") == ("a", "b", "c")
    with pytest.raises(DataTypeError, match=r"several\(\) has no argument 'other'"):
        cast("Any", Methods()).several("a", "b", other=1)


async def test_a_coroutine_function_refuses_at_the_call() -> None:
    """It is one in every sense, and a call that does not fit raises before any await."""
    marked = inspect.iscoroutinefunction(Methods.slow)  # on Python 3.11 only asyncio has a marker
    assert marked or hasattr(Methods.slow, "_is_coroutine")
    assert await Methods().slow(3) == 3
    with pytest.raises(DataTypeError, match=r"slow\(first\)"):
        cast("Any", Methods()).slow(1, 2)


def test_a_method_of_another_client_names_ours() -> None:
    """Whatever it is given."""
    theirs: Any = Methods().theirs
    for call in (theirs, lambda: theirs(1, 2), lambda: theirs(a=1)):
        with pytest.raises(DataTypeError, match=r"Methods\.theirs\(\): write several\(\)"):
            call()
