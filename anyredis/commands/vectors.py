"""Vectors as the servers take them: little-endian floats of 32 bits, one after the other.

Law: a vector is a sequence of numbers, an array with `tolist()` (`array.array`, NumPy), or the bytes
themselves.  NaN and infinity are refused: a server would store them, and find nothing near them.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from anyredis.exceptions import DataTypeError, DataValueError


class SupportsToList(Protocol):
    """An array of numbers, such as `array.array` or one of NumPy."""

    def tolist(self) -> Any:
        """The numbers as a list."""
        ...


Vector: TypeAlias = Sequence[float] | SupportsToList | bytes | bytearray
"""A vector: numbers, an array of them, or the bytes of little-endian floats of 32 bits."""

_BYTES: Final = (bytes, bytearray)
_NO_VECTOR: Final = (str, Mapping, set, frozenset)


def float32(where: str, vector: object) -> bytes:
    """The bytes of *vector*; raises `DataError` that names *where* it stands."""
    if isinstance(vector, _BYTES):
        if not vector or len(vector) % 4:
            raise DataValueError(
                f"{where} has {len(vector)} bytes: give floats of 32 bits, four bytes each"
            )
        return bytes(vector)
    kind = type(vector).__name__
    tolist = getattr(vector, "tolist", None)
    numbers: Any = vector if tolist is None else tolist()
    try:
        values = None if isinstance(vector, _NO_VECTOR) else array("f", numbers)
    except (TypeError, OverflowError):
        values = None
    if values is None:
        raise DataTypeError(
            f"{where} is a {kind}: give numbers, an array of one dimension, or bytes"
        )
    if not values:
        raise DataValueError(f"{where} is empty: give at least one number")
    if not all(map(math.isfinite, values)):
        raise DataValueError(f"{where} holds NaN, infinity, or a number beyond 32 bits")
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()
