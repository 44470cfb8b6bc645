"""Tests of `anyredis.facts.secrets`: the commands whose arguments may be secrets."""

from __future__ import annotations

import pytest

from anyredis.facts.secrets import may_be_secret


@pytest.mark.parametrize(
    "args",
    [
        (b"AUTH", "x"),
        ("auth", "x"),
        (b"HELLO", 3, b"AUTH", "u", "x"),
        (b"ACL", b"SETUSER", "u", ">x"),
        ("config", bytearray(b"set"), "requirepass", "x"),
        (b"MIGRATE", "h", 1, "k", 0, 5, b"AUTH2", "u", "x"),
        (b"SENTINEL", b"SET", "m", "auth-pass", "x"),
    ],
)
def test_commands_with_secrets(args: tuple[object, ...]) -> None:
    """They are known in every spelling (G15)."""
    assert may_be_secret(args)


@pytest.mark.parametrize("args", [(b"SET", "k", "v"), (b"CONFIG", b"GET", "x"), (b"ACL",), (3,)])
def test_other_commands(args: tuple[object, ...]) -> None:
    """Their arguments may be shown."""
    assert not may_be_secret(args)
