"""Tests of `anyredis.timeseries`: the public names of time series."""

from __future__ import annotations

import subprocess
import sys

from anyredis import timeseries


def test_all_names_are_there() -> None:
    """In the order of the alphabet, each once."""
    assert timeseries.__all__ == sorted(set(timeseries.__all__))
    assert all(hasattr(timeseries, name) for name in timeseries.__all__)


def test_it_is_not_loaded_with_the_package() -> None:
    """Those who use none of it pay nothing for it."""
    program = "import sys, anyredis; print('anyredis.timeseries' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.split() == [b"False"]
