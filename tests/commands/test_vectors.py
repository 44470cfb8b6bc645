"""Vectors as bytes: each way to give one, and what is refused."""

from __future__ import annotations

import math
import struct
import sys
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.commands.vectors import float32
from anyredis.exceptions import DataTypeError, DataValueError

BYTES = struct.pack("<3f", 1, -2.5, 3)


class Tensor:
    """An array of a library, as far as a vector needs one."""

    def __init__(self, numbers: object) -> None:
        self.numbers = numbers

    def tolist(self) -> object:
        """The numbers."""
        return self.numbers


@pytest.mark.parametrize(
    "vector",
    [
        [1, -2.5, 3],
        (1.0, -2.5, 3.0),
        array("d", [1, -2.5, 3]),
        array("f", [1, -2.5, 3]),
        memoryview(array("f", [1, -2.5, 3])),
        Tensor([1.0, -2.5, 3.0]),
        BYTES,
        bytearray(BYTES),
    ],
    ids=lambda vector: type(vector).__name__,
)
def test_ways_to_give_a_vector(vector: object) -> None:
    """Each gives the same bytes."""
    assert float32("vector", vector) == BYTES


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_kept(numbers: list[float]) -> None:
    """Numbers of 32 bits are the same afterwards."""
    assert list(struct.unpack(f"<{len(numbers)}f", float32("v", numbers))) == numbers


@pytest.mark.parametrize(
    ("vector", "error", "message"),
    [
        ([], DataValueError, "v is empty"),
        (b"", DataValueError, "v has 0 bytes"),
        (b"12345", DataValueError, "v has 5 bytes"),
        ([1.0, math.nan], DataValueError, "v holds NaN"),
        ([math.inf], DataValueError, "v holds NaN"),
        ([1e300], DataValueError, "v holds NaN"),
        ("1.0", DataTypeError, "v is a str"),
        ({1: 2}, DataTypeError, "v is a dict"),
        ({1.0, 2.0}, DataTypeError, "v is a set"),
        (["1"], DataTypeError, "v is a list"),
        (Tensor([[1.0], [2.0]]), DataTypeError, "v is a Tensor"),
        (Tensor(1.0), DataTypeError, "v is a Tensor"),
        (None, DataTypeError, "v is a NoneType"),
        (7, DataTypeError, "v is a int"),
    ],
)
def test_no_vectors(vector: object, error: type[Exception], message: str) -> None:
    """Whatever is no vector of finite numbers is refused, and the message says where it stands."""
    with pytest.raises(error, match=message):
        float32("v", vector)


def test_the_order_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of the other byte order the bytes are swapped."""
    there = "big" if sys.byteorder == "little" else "little"
    here = float32("v", [1.0])
    monkeypatch.setattr(sys, "byteorder", there)
    swapped = float32("v", [1.0])
    assert {here, swapped} == {struct.pack("<f", 1), struct.pack(">f", 1)}
