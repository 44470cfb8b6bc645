"""Tests of names that say what to write instead."""

from __future__ import annotations

import inspect

import pytest

from anyredis.client.unavailable import Unavailable


class Example:
    """An object without a method that others have."""

    close = Unavailable("leave the block")

    def leave(self) -> None:
        """Leave it."""


def test_its_access_says_what_to_write() -> None:
    """The object, and its class, tell the remedy before anything is called."""
    for owner in (Example(), Example):
        with pytest.raises(AttributeError, match=r"^Example has no close\(\): leave the block$"):
            owner.close  # noqa: B018


def test_programs_do_not_find_it() -> None:
    """`hasattr` is false, and looking at all members does no harm."""
    assert not hasattr(Example(), "close")
    assert "close" not in dict(inspect.getmembers(Example()))
    assert getattr(Example(), "close", None) is None
