"""Tests of `anyredis.address_remap`: the address for the one that a server told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from anyredis import ConnectionError, DataTypeError, Outcome, RedisCluster, Sentinel, TCPAddress
from anyredis.address_remap import check_address_remap, reachable

TOLD = TCPAddress("10.0.0.1", 6379)


def test_the_address_of_the_function() -> None:
    """It gets host and port as a pair, as in redis-py; without a function the address stays."""
    asked: list[tuple[str, int]] = []

    def remap(address: tuple[str, int]) -> tuple[str, int]:
        asked.append(address)
        return "gate", 7000 + address[1] % 10

    assert reachable(TOLD, remap) == TCPAddress("gate", 7009)
    assert asked == [("10.0.0.1", 6379)]
    assert reachable(TOLD, None) is TOLD


@pytest.mark.parametrize(
    "answer",
    [
        *(None, "gate:1", ("gate",), ("gate", 1, 2), ("", 1), (b"gate", 1), (1, "gate"), {}),
        *(("gate", "1"), ("gate", 0), ("gate", 65536), ("gate", -1), ("gate", True)),
    ],
)
def test_an_answer_that_is_no_address(answer: object) -> None:
    """It is an error that shows the answer, and the command was not run."""

    def remap(_address: tuple[str, int]) -> Any:
        return answer

    with pytest.raises(ConnectionError, match=r"has to return \(host, port\), not") as caught:
        reachable(TOLD, remap)
    assert caught.value.outcome is Outcome.NOT_SENT
    assert str(TOLD) in str(caught.value)


def test_a_function_that_fails() -> None:
    """Its exception is the cause of an error that names the address."""
    table: dict[tuple[str, int], tuple[str, int]] = {}
    message = r"address_remap failed for 10\.0\.0\.1:6379: KeyError"
    with pytest.raises(ConnectionError, match=message) as caught:
        reachable(TOLD, table.__getitem__)
    assert isinstance(caught.value.__cause__, KeyError)


async def remap_later(address: tuple[str, int]) -> tuple[str, int]:
    """A function that nobody would await."""
    return address


def checked(*, address_remap: object) -> None:
    """The check itself."""
    check_address_remap(address_remap)


@pytest.mark.parametrize("wrong", [{}, "gate:1", remap_later])
@pytest.mark.parametrize(
    "make",
    [
        checked,
        RedisCluster,
        partial(Sentinel, ["h:1"]),
    ],
)
def test_what_is_no_function(make: Callable[..., object], wrong: object) -> None:
    """It is refused at once."""
    with pytest.raises(DataTypeError, match="address_remap has to be a function, not async"):
        make(address_remap=wrong)
