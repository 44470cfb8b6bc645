"""The fixtures of tests of routing."""

from __future__ import annotations

import pytest


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that refuses has a tenth of a second to sort itself out."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.1)
