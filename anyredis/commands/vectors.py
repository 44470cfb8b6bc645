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
_CODES: Final = {"FLOAT32": "f", "FLOAT64": "d", "INT8": "b", "UINT8": "B"}
"""The codes of `array` for the types that it has."""

_ARRAYS: Final = frozenset("fdbBhHiIlLqQ")
"""The formats of buffers that are codes of `array`, too."""

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
    size = SIZES.get(type) if isinstance(type, str) else None
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
    if _is_bytes(vector):
        data = bytes(cast("bytes", vector))
        if not data or len(data) % size:
            raise DataValueError(
                f"{where} has {len(data)} bytes: give {kind} numbers, {_bytes_each(size)}"
            )
        return data
    numbers = _array_of(vector)
    if numbers is None:
        numbers = _converted(where, vector)
    return _packed(where, numbers, kind)


def _is_bytes(vector: object) -> bool:
    """Whether it is bytes, not numbers: a `memoryview` of floats is numbers."""
    view = isinstance(vector, memoryview)
    return isinstance(vector, _BYTES) or (view and cast("Any", vector).format in {"B", "c"})


def _bytes_each(size: int) -> str:
    return "a byte each" if size == 1 else f"{size} bytes each"


def _array_of(vector: object) -> array[float] | None:
    """The numbers of what has them in a buffer, in the same type; None for anything else."""
    if isinstance(vector, (list, tuple)):
        return None
    try:
        buffer = memoryview(cast("Any", vector))
    except (TypeError, ValueError):
        return None  # no buffer, or one that does not tell its format (bfloat16 of NumPy)
    if buffer.ndim != 1 or not buffer.contiguous or not buffer or buffer.format not in _ARRAYS:
        return None
    numbers = array(cast('Literal["d"]', buffer.format))
    numbers.frombytes(buffer.cast("B"))
    return numbers


def _converted(where: str, vector: object) -> array[float]:
    """The numbers of *vector*; raises `DataError` if they are none, or not of one dimension."""
    tolist = getattr(vector, "tolist", None)
    listed: Any = vector if tolist is None else tolist()
    try:
        numbers = None if _is_no_vector(vector) else array("d", listed)
    except (TypeError, OverflowError):
        numbers = None
    if numbers is None:
        raise DataTypeError(
            f"{where} is a {type(vector).__name__}: give numbers, an array of one dimension, or bytes"
        )
    if not numbers:
        raise DataValueError(f"{where} is empty: give at least one number")
    return numbers


def _is_no_vector(vector: object) -> bool:
    return isinstance(vector, _NO_VECTOR)


def _packed(where: str, numbers: array[float], kind: str) -> bytes:
    """*numbers* of this *kind*, in little-endian order."""
    if kind in _RANGES:
        least, most = _RANGES[kind]
        if not all(least <= each <= most and each == int(each) for each in numbers):
            raise DataValueError(
                f"{where} holds a number that is no {kind}: give whole numbers from {least} to {most}"
            )
        numbers = array(_CODES[kind], map(int, numbers))
    elif kind in _CODES:
        numbers = numbers if numbers.typecode == _CODES[kind] else array(_CODES[kind], numbers)
    else:
        return _of_16_bits(where, numbers, kind)
    # A finite sum has finite parts only; the sum alone may also be too large.
    if not math.isfinite(sum(numbers)) and not all(map(math.isfinite, numbers)):
        raise _beyond(where, kind)
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def _of_16_bits(where: str, numbers: array[float], kind: str) -> bytes:
    """The same for floats of half the size, which `array` does not have."""
    if all(map(math.isfinite, numbers)):
        try:
            packed = struct.pack(f"<{len(numbers)}e", *numbers) if kind == "FLOAT16" else None
            return packed or _bfloat16(numbers)
        except OverflowError:
            pass  # the error below says so
    raise _beyond(where, kind)


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
