"""The fixtures of all tests of the cluster client."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def quick_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot map may be refreshed again at once: a fake cluster has no load."""
    monkeypatch.setattr("anyredis.cluster.nodes.topology.PAUSE", 0.005)
    monkeypatch.setattr("anyredis.cluster.nodes.topology.GRACE", 0.005)
