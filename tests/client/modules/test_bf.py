"""Tests of `anyredis.client.modules.bf`; its commands are tested in tests/commands/modules."""

from __future__ import annotations

import pytest

from anyredis import Redis


def test_a_name_of_redis_py() -> None:
    """`create` is refused, with what to write."""
    client = Redis()
    for namespace in (client.bf, client.pipeline().bf):
        with pytest.raises(
            AttributeError, match=r"has no create\(\): it is reserve\(\.\.\.\) here"
        ):
            _ = namespace.create
