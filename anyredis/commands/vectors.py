"""Vectors as servers take them: little-endian numbers of one type, one after the other.

Law: a vector is a sequence of numbers, an array of them (`array.array`, NumPy, a tensor with
`tolist()`), or the bytes themselves, which are sent as they are.  Numbers become those of the wanted
type; what that type cannot hold, NaN and infinity are refused: a server would store them, and find
nothing near them.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias, cast

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt


class SupportsToList(Protocol):
    """An array of numbers, such as `array.array` or one of NumPy."""

    def tolist(self) -> Any:
        """The numbers as a list."""
        ...


Vector: TypeAlias = Sequence[float] | SupportsToList | bytes | bytearray
"""A vector: numbers, an array of them, or the bytes as the server stores them."""

VectorType: TypeAlias = Literal["FLOAT32", "FLOAT64", "FLOAT16", "BFLOAT16", "INT8", "UINT8"]
"""The type of the numbers of a vector."""

SIZES: Final[Mapping[str, int]] = {
    "FLOAT32": 4,
    "FLOAT64": 8,
    "FLOAT16": 2,
    "BFLOAT16": 2,
    "INT8": 1,
    "UINT8": 1,
}
"""The bytes of a number of each type."""

_BYTES: Final = (bytes, bytearray)
_NO_VECTOR: Final = (str, Mapping, set, frozenset)
_FORMATS: Final = {"f": "FLOAT32", "d": "FLOAT64", "e": "FLOAT16", "b": "INT8", "B": "UINT8"}
"""The types of buffers whose bytes need no conversion."""

_RANGES: Final = {"INT8": (-128, 127), "UINT8": (0, 255)}


def vector_bytes(
    vector: Vector,
    type: VectorType = "FLOAT32",
    *,
    dim: int | None = None,
    where: str = "vector",
) -> bytes:
    """The bytes of *vector*, as a server stores a vector of this *type*: numbers are converted.

    Raises `DataError`, which names *where* the vector stands, if it is none, has other than *dim*
    dimensions, or holds a number that the type cannot.
    """
    size = SIZES.get(type)
    if size is None:
        raise DataValueError(f"{where}: type is {excerpt(type, 40)}: give {' or '.join(SIZES)}")
    data = _as_sent(where, vector, type, size)
    if dim is not None and len(data) != dim * size:
        raise DataValueError(
            f"{where} has {len(data) // size} dimensions ({len(data)} bytes of {type}): give {dim}"
        )
    return data


def _as_sent(where: str, vector: object, kind: str, size: int) -> bytes:
    """The bytes of a vector of any length."""
    if isinstance(vector, _BYTES) or (isinstance(vector, memoryview) and vector.format in "Bc"):
        data = bytes(vector)
        if not data or len(data) % size:
            raise DataValueError(
                f"{where} has {len(data)} bytes: give {kind} numbers, {_bytes_each(size)}"
            )
        return data
    if (buffer := _buffer_of(vector, kind)) is not None:
        numbers: Sequence[float] = buffer
        data = buffer.tobytes()
    else:
        numbers = _numbers(where, vector)
        data = _packed(where, numbers, kind)
    # A finite sum has finite parts only; the sum alone may also be too large.
    if not math.isfinite(sum(numbers)) and not all(map(math.isfinite, numbers)):
        raise _beyond(where, kind)
    return data


def _bytes_each(size: int) -> str:
    return "a byte each" if size == 1 else f"{size} bytes each"


def _buffer_of(vector: object, kind: str) -> memoryview | None:
    """The numbers of an array that has them in the wanted type and order already, or None."""
    if isinstance(vector, (list, tuple)) or sys.byteorder != "little":
        return None
    try:
        buffer = memoryview(cast("Any", vector))
    except (TypeError, ValueError):
        return None  # no buffer, or one that does not tell its format (bfloat16 of NumPy)
    fits = _FORMATS.get(buffer.format) == kind and buffer.ndim == 1 and buffer.contiguous
    # Python 3.11 cannot read the numbers of format "e" from a memoryview.
    return buffer if fits and buffer.format != "e" and buffer else None


def _numbers(where: str, vector: object) -> Sequence[float]:
    """The numbers of *vector*; raises `DataError` if they are none, or not of one dimension."""
    tolist = getattr(vector, "tolist", None)
    listed: Any = vector if tolist is None else tolist()
    try:
        numbers = None if isinstance(vector, _NO_VECTOR) else array("d", listed)
    except (TypeError, OverflowError):
        numbers = None
    if numbers is None:
        kind = type(vector).__name__
        raise DataTypeError(
            f"{where} is a {kind}: give numbers, an array of one dimension, or bytes"
        )
    if not numbers:
        raise DataValueError(f"{where} is empty: give at least one number")
    return numbers


def _packed(where: str, numbers: Sequence[float], kind: str) -> bytes:
    """*numbers* in little-endian order."""
    count = len(numbers)
    if kind in _RANGES:
        least, most = _RANGES[kind]
        if not all(each.is_integer() and least <= each <= most for each in numbers):
            raise DataValueError(
                f"{where} holds a number that is no {kind}: give whole numbers from {least} to {most}"
            )
        return struct.pack(f"<{count}{'b' if kind == 'INT8' else 'B'}", *map(int, numbers))
    try:
        if kind == "BFLOAT16":
            return _bfloat16(numbers)
        letter = {"FLOAT32": "f", "FLOAT64": "d", "FLOAT16": "e"}[kind]
        return struct.pack(f"<{count}{letter}", *numbers)
    except OverflowError:
        raise _beyond(where, kind) from None


def _bfloat16(numbers: Sequence[float]) -> bytes:
    """The upper halves of floats of 32 bits, rounded to the nearest, ties to even."""
    count = len(numbers)
    whole = struct.unpack(f"<{count}I", struct.pack(f"<{count}f", *numbers))
    halves = [(bits + 0x7FFF + (bits >> 16 & 1)) >> 16 & 0xFFFF for bits in whole]
    if any(half & 0x7F80 == 0x7F80 for half in halves):
        raise OverflowError  # rounded up to infinity
    return struct.pack(f"<{count}H", *halves)


def _beyond(where: str, kind: str) -> DataValueError:
    return DataValueError(f"{where} holds NaN, infinity, or a number beyond {kind}")
