"""Tests of the wire: bytes and values, no event loop."""
