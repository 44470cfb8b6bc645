"""Tests of `anyredis.excerpt`: short texts for values of any size."""

from __future__ import annotations

import time
from typing import Any

import pytest

from anyredis.exceptions import ResponseError
from anyredis.excerpt import LENGTH, excerpt


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "'text'"),
        (b"bytes", "b'bytes'"),
        (None, "None"),
        (1.5, "1.5"),
        (-12, "-12"),
        ([1, [2, b"x"]], "[1, [2, b'x']]"),
        ((1,), "(1)"),
        ({b"k": 1}, "{b'k': 1}"),
        ({7}, "{7}"),
        (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, …]"),
        ([[[[1]]]], "[[[[…]]]]"),
        (memoryview(b"abc"), "<memoryview of 3 bytes>"),
        (ResponseError("ERR no"), "ResponseError('ERR no')"),
    ],
)
def test_a_value_is_shown(value: object, shown: str) -> None:
    """It is the value's repr, or its beginning."""
    assert excerpt(value) == shown


def test_a_number_too_long_to_write() -> None:
    """It is described, because Python refuses to write it."""
    assert excerpt([10**5000]) == "[an integer of many digits]"


class Counted(list[Any]):
    """A list that counts the items that are read."""

    read = 0

    def __iter__(self) -> Any:
        for each in super().__iter__():
            self.read += 1
            yield each


def test_the_work_is_bounded_by_the_text() -> None:
    """Of a large value, only the beginning is read and shown."""
    items = Counted(range(1_000_000))
    begin = time.process_time()
    values = [b"x" * 100_000_000, "é" * 50_000_000, items, {n: n for n in range(100_000)}]
    for value in [*values, values, ResponseError("x" * 50_000_000)]:
        assert len(excerpt(value)) <= LENGTH
    assert items.read < 50
    assert time.process_time() - begin < 30
