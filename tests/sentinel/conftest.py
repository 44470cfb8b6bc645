"""Fixtures of the tests about sentinels."""

from __future__ import annotations

import pytest

from anyredis.sentinel import managed_connection as sentinel_module
from tests.sentinels import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Where the servers are."""
    return World(monkeypatch)


@pytest.fixture
def grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demoted primary gets a shorter time."""
    monkeypatch.setattr(sentinel_module, "GRACE", 0.05)
