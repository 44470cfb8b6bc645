"""Vectors as bytes: each way to give one, each type, and what is refused."""

from __future__ import annotations

import math
import struct
import sys
from array import array
from typing import Any, cast, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.commands.vectors import SIZES, VectorType, vector_bytes
from anyredis.exceptions import DataTypeError, DataValueError

BYTES = struct.pack("<3f", 1, -2.5, 3)


class Tensor:
    """An array of a library, as far as a vector needs one."""

    def __init__(self, numbers: object) -> None:
        self.numbers = numbers

    def tolist(self) -> object:
        """The numbers."""
        return self.numbers


WAYS: list[Any] = [
    [1, -2.5, 3],
    (1.0, -2.5, 3.0),
    array("d", [1, -2.5, 3]),
    array("f", [1, -2.5, 3]),
    memoryview(array("f", [1, -2.5, 3])),
    Tensor([1.0, -2.5, 3.0]),
    np.array([1, -2.5, 3], "f4"),
    np.array([1, -2.5, 3], "f8"),
    np.array([1, -2.5, 3], "f2"),
    np.array([1, -2.5, 3], ">f4"),
    np.array([1, 0, -2.5, 0, 3, 0], "f4")[::2],
    BYTES,
    bytearray(BYTES),
    memoryview(BYTES),
]


@pytest.mark.parametrize("vector", WAYS, ids=lambda vector: type(vector).__name__)
def test_ways_to_give_a_vector(vector: Any) -> None:
    """Each gives the same bytes."""
    assert vector_bytes(vector) == BYTES
    assert vector_bytes(vector, dim=3) == BYTES


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_kept(numbers: list[float]) -> None:
    """Numbers of 32 bits are the same afterwards."""
    assert list(struct.unpack(f"<{len(numbers)}f", vector_bytes(numbers))) == numbers


TYPES: list[tuple[VectorType, str, bytes]] = [
    ("FLOAT32", "f4", struct.pack("<2f", 1, -2)),
    ("FLOAT64", "f8", struct.pack("<2d", 1, -2)),
    ("FLOAT16", "f2", struct.pack("<2e", 1, -2)),
    ("BFLOAT16", "f4", b"\x80\x3f\x00\xc0"),
    ("INT8", "i1", b"\x01\xfe"),
]


@pytest.mark.parametrize(("kind", "dtype", "data"), TYPES)
def test_each_type(kind: VectorType, dtype: str, data: bytes) -> None:
    """Numbers of any origin become those of the type; an array of that type is the same."""
    for vector in ([1, -2], np.array([1, -2], dtype), np.array([1.0, -2.0]), array("i", [1, -2])):
        assert vector_bytes(vector, kind) == data
    assert vector_bytes(data, kind, dim=2) == data


def test_unsigned_bytes() -> None:
    """UINT8 takes 0 to 255: an array is numbers, bytes are the vector itself."""
    assert vector_bytes([1, 255], "UINT8") == b"\x01\xff"
    assert vector_bytes(np.array([1, 255], "u1"), "UINT8") == b"\x01\xff"
    assert vector_bytes(np.array([1, 255], "u1")) == struct.pack("<2f", 1, 255)
    assert vector_bytes(b"\x01\xff", "UINT8") == b"\x01\xff"
    assert {*SIZES} == {*get_args(VectorType)}


@given(
    st.floats(
        width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**127), max_value=2.0**127
    )
)
def test_bfloat16_is_the_nearest(number: float) -> None:
    """No other number of that type is nearer."""
    [half] = struct.unpack("<H", vector_bytes([number], "BFLOAT16"))

    def value(bits: int) -> float:
        [number] = struct.unpack("<f", struct.pack("<I", bits << 16))
        return float(number)

    chosen = abs(value(half) - number)
    others = [value(bits) for bits in (half - 1, half + 1) if 0 <= bits < 0x10000]
    assert all(math.isnan(each) or chosen <= abs(each - number) for each in others)


NO_VECTORS: list[tuple[Any, type[Exception], str]] = [
    ([], DataValueError, "v is empty"),
    (b"", DataValueError, "v has 0 bytes"),
    (b"12345", DataValueError, "v has 5 bytes: give FLOAT32 numbers, 4 bytes each"),
    ([1.0, math.nan], DataValueError, "v holds NaN"),
    ([math.inf], DataValueError, "v holds NaN"),
    ([math.inf, -math.inf], DataValueError, "v holds NaN"),
    (np.array([1, np.nan], "f4"), DataValueError, "v holds NaN"),
    ([1e300], DataValueError, "v holds NaN"),
    ("1.0", DataTypeError, "v is a str"),
    ({1: 2}, DataTypeError, "v is a dict"),
    ({1.0, 2.0}, DataTypeError, "v is a set"),
    (["1"], DataTypeError, "v is a list"),
    (Tensor([[1.0], [2.0]]), DataTypeError, "v is a Tensor"),
    (Tensor(1.0), DataTypeError, "v is a Tensor"),
    (np.zeros((1, 3), "f4"), DataTypeError, "v is a ndarray: give numbers, an array of one"),
    (None, DataTypeError, "v is a NoneType"),
    (7, DataTypeError, "v is a int"),
]


@pytest.mark.parametrize(("vector", "error", "message"), NO_VECTORS)
def test_no_vectors(vector: Any, error: type[Exception], message: str) -> None:
    """Whatever is no vector of finite numbers is refused, and the message says where it stands."""
    with pytest.raises(error, match=message):
        vector_bytes(vector, where="v")


def test_large_numbers_whose_sum_is_infinite() -> None:
    """Each is finite, so the vector is."""
    assert vector_bytes([1.7e308, 1.7e308], "FLOAT64") == struct.pack("<2d", 1.7e308, 1.7e308)


BEYOND: list[tuple[VectorType, list[float], str]] = [
    ("FLOAT16", [70000], "beyond FLOAT16"),
    ("FLOAT64", [math.nan], "beyond FLOAT64"),
    ("BFLOAT16", [3.4e38], "beyond BFLOAT16"),
    ("BFLOAT16", [math.nan], "beyond BFLOAT16"),
    ("INT8", [128], "no INT8: give whole numbers from -128 to 127"),
    ("INT8", [0.5], "no INT8"),
    ("UINT8", [-1], "no UINT8: give whole numbers from 0 to 255"),
    ("UINT8", [math.nan], "no UINT8"),
    (cast("VectorType", ["FLOAT32"]), [1], "type is .'FLOAT32'.: give FLOAT32"),
    (cast("VectorType", "float"), [1], "type is 'float': give FLOAT32 or FLOAT64"),
]


@pytest.mark.parametrize(("kind", "numbers", "message"), BEYOND)
def test_numbers_that_the_type_does_not_have(
    kind: VectorType, numbers: list[float], message: str
) -> None:
    """They are refused: rounding to infinity, or by a half, would be silent."""
    with pytest.raises(DataValueError, match=message):
        vector_bytes(numbers, kind)


def test_the_number_of_dimensions() -> None:
    """A vector of another length is refused, and the message has both."""
    with pytest.raises(DataValueError, match=r"v has 2 dimensions \(8 bytes of FLOAT32\): give 3"):
        vector_bytes([1, 2], dim=3, where="v")
    with pytest.raises(DataValueError, match=r"vector has 3 dimensions \(12 bytes of FLOAT32\)"):
        vector_bytes(BYTES, dim=4)


def test_the_order_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of the other byte order the bytes are swapped, and the caller's array is not."""
    there = "big" if sys.byteorder == "little" else "little"
    given = array("f", [1.0])
    here = vector_bytes(given)
    monkeypatch.setattr(sys, "byteorder", there)
    swapped = vector_bytes(given)
    assert {here, swapped} == {struct.pack("<f", 1), struct.pack(">f", 1)}
    assert given == array("f", [1.0])
