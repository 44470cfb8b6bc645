"""Tests of `anyredis.search`: the public names for users of `client.ft`."""

from __future__ import annotations

import anyredis.search


def test_all_names_exist() -> None:
    """Each name in `__all__` is there, in the order of the alphabet."""
    names = anyredis.search.__all__
    assert [name for name in names if not hasattr(anyredis.search, name)] == []
    assert list(names) == sorted(names)
