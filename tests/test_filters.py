"""Tests of `anyredis.filters`: the public names of filters and sketches."""

from __future__ import annotations

import subprocess
import sys

from anyredis import filters


def test_all_names_are_there() -> None:
    """In the order of the alphabet, each once."""
    assert filters.__all__ == sorted(set(filters.__all__))
    assert all(hasattr(filters, name) for name in filters.__all__)


def test_it_is_not_loaded_with_the_package() -> None:
    """Those who use none of it pay nothing for it."""
    program = "import sys, anyredis; print('anyredis.filters' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.split() == [b"False"]
