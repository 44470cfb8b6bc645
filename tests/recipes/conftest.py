"""Fixtures of the tests of the recipes."""

from __future__ import annotations

import pytest

from tests.recipes.stream_bench import StreamBench


@pytest.fixture
def bench() -> StreamBench:
    """A fake server with streams."""
    return StreamBench()
