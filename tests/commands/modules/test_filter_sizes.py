"""Tests of `anyredis.commands.modules.filter_sizes`."""

from __future__ import annotations

import pytest

from anyredis.commands.modules.filter_sizes import positive, ratio
from anyredis.exceptions import DataValueError


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, float("inf")])
def test_a_ratio_is_between_0_and_1(value: float) -> None:
    """Anything else is refused, naming the argument."""
    assert ratio("X: error", 0.5) == 0.5
    with pytest.raises(DataValueError, match=r"X: error is .*: give a number between 0 and 1"):
        ratio("X: error", value)


def test_a_size_is_positive() -> None:
    """0 is refused."""
    assert positive("X: k", 1) == 1
    with pytest.raises(DataValueError, match="X: k is 0: give a whole number, 1 or more"):
        positive("X: k", 0)
