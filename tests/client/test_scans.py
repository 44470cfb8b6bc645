"""Scans: the items of pages, by a client whose replies come from a list."""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from anyredis.client.scans import Pages, ScanIterator, Scans
from anyredis.command import Command, T
from anyredis.exceptions import DataError, TimeoutError
from anyredis.replies import TextReaders
from anyredis.testing import FakeCluster
from anyredis.wire.decode import Reply
from tests.commands.tables import words


class Scripted(Scans[str]):
    """A client with *replies*, one for each request; an error is raised."""

    read = TextReaders(str)

    def __init__(self, *replies: list[Reply] | Exception) -> None:
        self.replies = list(replies)
        self.sent: list[str] = []

    async def submit(self, command: Command[T]) -> T:
        """The next reply."""
        self.sent.append(" ".join(words(command)))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return command.parse(reply)


async def every(items: AsyncIterator[T]) -> list[T]:
    """All items."""
    return [item async for item in items]


async def test_scan_iter() -> None:
    """Pages are requested one by one until the cursor is 0; an empty page does not end the scan."""
    client = Scripted(["7", ["a", "b"]], ["9", []], ["0", ["c", "a"]])
    assert await every(client.scan_iter("a*", 10, "hash")) == ["a", "b", "c", "a"]
    options = "MATCH a* COUNT 10 TYPE hash"
    assert client.sent == [f"SCAN 0 {options}", f"SCAN 7 {options}", f"SCAN 9 {options}"]


async def test_scan_iter_of_nothing() -> None:
    """An empty database is one empty page."""
    client = Scripted(["0", []])
    assert await every(client.scan_iter()) == []
    assert client.sent == ["SCAN 0"]


async def test_hscan_iter() -> None:
    """Fields come with their values."""
    client = Scripted(["7", ["a", "1", "b", "2"]], ["0", {"c": "3"}])
    assert await every(client.hscan_iter("h", count=2)) == [("a", "1"), ("b", "2"), ("c", "3")]
    assert client.sent == ["HSCAN h 0 COUNT 2", "HSCAN h 7 COUNT 2"]


async def test_hscan_iter_no_values() -> None:
    """Fields come alone."""
    client = Scripted(["7", ["a"]], ["0", ["b"]])
    assert await every(client.hscan_iter_no_values("h", "*")) == ["a", "b"]
    assert client.sent == ["HSCAN h 0 MATCH * NOVALUES", "HSCAN h 7 MATCH * NOVALUES"]


async def test_sscan_iter() -> None:
    """Members come."""
    client = Scripted(["7", ["a"]], ["0", ["b"]])
    assert await every(client.sscan_iter("s", "*", 1)) == ["a", "b"]
    assert client.sent == ["SSCAN s 0 MATCH * COUNT 1", "SSCAN s 7 MATCH * COUNT 1"]


async def test_zscan_iter() -> None:
    """Members come with their scores."""
    client = Scripted(["7", ["a", "1"]], ["0", ["b", "inf"]])
    assert await every(client.zscan_iter("z", "*", 1)) == [("a", 1.0), ("b", float("inf"))]
    assert client.sent == ["ZSCAN z 0 MATCH * COUNT 1", "ZSCAN z 7 MATCH * COUNT 1"]


async def test_zscan_iter_no_scores() -> None:
    """Members come alone."""
    client = Scripted(["0", ["a"]])
    assert await every(client.zscan_iter_no_scores("z")) == ["a"]
    assert client.sent == ["ZSCAN z 0 NOSCORES"]


async def test_after_an_error() -> None:
    """G10: the next item requests a page again that did not arrive, and no item is lost."""
    client = Scripted(["7", ["a"]], TimeoutError("late"), ["0", ["b"]])
    scan = client.scan_iter()
    assert await anext(scan) == "a"
    with pytest.raises(TimeoutError):
        await anext(scan)
    assert await every(scan) == ["b"]
    assert client.sent == ["SCAN 0", "SCAN 7", "SCAN 7"]
    assert await every(scan) == []


ALL: list[Callable[[Scripted], ScanIterator[Any]]] = [
    lambda client: client.scan_iter(),
    lambda client: client.hscan_iter("k"),
    lambda client: client.hscan_iter_no_values("k"),
    lambda client: client.sscan_iter("k"),
    lambda client: client.zscan_iter("k"),
    lambda client: client.zscan_iter_no_scores("k"),
]


@pytest.mark.parametrize("scan", ALL)
async def test_closed(scan: Callable[[Scripted], ScanIterator[Any]]) -> None:
    """`contextlib.aclosing` ends the iteration: no item and no request comes after it."""
    client = Scripted(["7", ["1", "2", "3", "4"]])
    async with aclosing(scan(client)) as items:
        await anext(items)
    assert await anext(items, None) is None
    await items.aclose()
    assert len(client.sent) == 1


@pytest.mark.parametrize("count", [1.5, True, math.nan, "10"])
async def test_a_count_that_is_not_whole(count: Any) -> None:
    """It is refused at the call, by every scan, of a cluster too."""
    client = Scripted()
    refused = pytest.raises(DataError, match=r"scan_iter\w*: count is .* give a whole number")
    for scan in (client.scan_iter, FakeCluster().client().scan_iter):
        with refused:
            scan(count=count)
    for scan_key in (
        client.hscan_iter,
        client.hscan_iter_no_values,
        client.sscan_iter,
        client.zscan_iter,
        client.zscan_iter_no_scores,
    ):
        with refused:
            scan_key("k", count=count)
    assert client.sent == []


async def test_left_early() -> None:
    """A scan that is left holds nothing, needs no close, and can be continued."""
    scan = Scripted(["0", ["a", "b"]]).scan_iter()
    assert isinstance(scan, Pages)
    assert not inspect.isasyncgen(scan)
    async for key in scan:
        assert key == "a"
        break
    assert await every(scan) == ["b"]
