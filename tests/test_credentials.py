"""Tests of `anyredis.credentials`: the credentials of a connection."""

from __future__ import annotations

from anyredis.credentials import Credentials


def test_no_repr_shows_the_password() -> None:
    """Credentials do not show their password (G15)."""
    assert "hunter2" not in repr(Credentials("me", "hunter2"))
    assert "me" in repr(Credentials("me", "hunter2"))


def test_what_there_is_to_log_in_with() -> None:
    """An empty text is none."""
    assert not Credentials().given
    assert not Credentials("", "").given
    assert Credentials("me").given
    assert Credentials(password="secret").given
