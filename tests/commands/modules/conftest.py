"""Fixtures of the tests of modules' commands."""

from __future__ import annotations

import pytest

from anyredis.server import Server
from tests.commands.modules.goods import fill


@pytest.fixture
def goods(redis_stack: Server) -> Server:
    """A server with an index of three hashes."""
    fill(redis_stack)
    return redis_stack
