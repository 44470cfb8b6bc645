"""Arguments that say how exact a filter or a sketch is."""

from __future__ import annotations

from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt


def ratio(where: str, value: float) -> float:
    """*value*, which is between 0 and 1; raises `DataValueError` for any other."""
    if not 0 < value < 1:
        raise DataValueError(f"{where} is {excerpt(value, 40)}: give a number between 0 and 1")
    return value


def positive(where: str, value: int) -> int:
    """*value*, which is at least 1; raises `DataValueError` for 0."""
    if value < 1:
        raise DataValueError(f"{where} is {value}: give a whole number, 1 or more")
    return value
