"""Tests of `anyredis.credentials`: the credentials of a connection."""

from __future__ import annotations

from anyredis.credentials import Credentials


def test_no_repr_shows_the_password() -> None:
    """Credentials do not show their password (G15)."""
    assert "hunter2" not in repr(Credentials("me", "hunter2"))
    assert "me" in repr(Credentials("me", "hunter2"))
