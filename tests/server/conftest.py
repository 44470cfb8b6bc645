"""The fixtures of tests that start servers by hand."""

from __future__ import annotations

import pytest

from tests.servers import valkey_binary


@pytest.fixture
def the_usual_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of tests that name none: Valkey, independent of the environment."""
    monkeypatch.setenv("ANYREDIS_SERVER", str(valkey_binary()))
