"""Vectors of the tests of searches."""

from __future__ import annotations

from typing import Final

ONES: Final = b"\0\0\x80?\0\0\x80?"
"""Two ones of 32 bits each, which are no text."""
