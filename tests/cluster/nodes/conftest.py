"""The fixtures of tests of a cluster's nodes."""

from __future__ import annotations

import pytest

from anyredis.cluster.nodes import topology
from tests.cluster.nodes.refreshes import FOR_EVER


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes hundredths here; a deadline, which a test sets for itself, for ever.

    So a machine that stands still for a moment is no node that does not answer.
    """
    monkeypatch.setattr(topology, "DEADLINE", FOR_EVER)
    monkeypatch.setattr(topology, "PAUSE", 0.02)
