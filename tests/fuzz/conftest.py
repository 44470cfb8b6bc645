"""The seed of the cases, that of the whole run, and how many there are.

`ANYREDIS_FUZZ_SEED` repeats a run; `ANYREDIS_FUZZ_CASES` sets the number of cases of each test.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.contract.rotation import draw_seed

SEED = int(os.environ.get("ANYREDIS_FUZZ_SEED") or draw_seed())
CASES = int(os.environ.get("ANYREDIS_FUZZ_CASES", "300"))


def pytest_report_header() -> str:
    """The seed, to repeat this run with."""
    return f"fuzz: ANYREDIS_FUZZ_SEED={SEED} repeats it, {CASES} cases each"


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers of this test; a failure shows the seed."""
    print(f"ANYREDIS_FUZZ_SEED={SEED}")  # noqa: T201 - pytest shows it if the test fails
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def cases() -> int:
    """The number of cases."""
    return CASES
