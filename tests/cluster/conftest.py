"""What all tests of the cluster client share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def quick_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layout may be asked for again at once: a fake cluster does not mind."""
    monkeypatch.setattr("anyredis.pool.topology.PAUSE", 0.005)
    monkeypatch.setattr("anyredis.pool.topology.GRACE", 0.005)
