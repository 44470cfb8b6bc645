"""Tests of `anyredis.client.modules.cf`; its commands are tested in tests/commands/modules."""

from __future__ import annotations

import pytest

from anyredis import Redis


def test_a_name_of_redis_py() -> None:
    """`create` is refused, with what to write."""
    client = Redis()
    for namespace in (client.cf, client.pipeline().cf):
        with pytest.raises(
            AttributeError, match=r"has no create\(\): it is reserve\(\.\.\.\) here"
        ):
            _ = namespace.create
