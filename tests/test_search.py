"""Tests of `anyredis.search`: the public names for users of `client.ft`."""

from __future__ import annotations

import anyredis.search


def test_all_names_exist() -> None:
    """Each name in `__all__` is there, once."""
    names = anyredis.search.__all__
    assert [name for name in names if not hasattr(anyredis.search, name)] == []
    assert len(set(names)) == len(names)


def test_nothing_else_is_public() -> None:
    """What the file imports is what it says that it has."""
    public = {name for name in vars(anyredis.search) if not name.startswith("_")}
    assert public - {"annotations"} == set(anyredis.search.__all__)
