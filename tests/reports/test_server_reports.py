"""What a server tells about itself, as values."""

from __future__ import annotations

import inspect
from typing import Any

from anyredis.reports import server_reports
from anyredis.reports.server_reports import AclUser


def test_an_enabled_user() -> None:
    """It has the flag `on`."""
    user = AclUser([], [], "-@all", "", "", [], {})
    assert not user.enabled
    assert user._replace(flags=["off"]).enabled is False
    assert user._replace(flags=["on", "nopass"]).enabled is True


def test_unknown_fields_come_last() -> None:
    """A value that keeps the fields not known here has them in `other`, behind all others."""
    classes: list[Any] = [
        each
        for _, each in inspect.getmembers(server_reports, inspect.isclass)
        if hasattr(each, "_fields")
    ]
    keeping = [each for each in classes if "other" in each._fields]
    assert {"AclUser", "CommandDoc", "LatencyEvent"} <= {each.__name__ for each in keeping}
    assert [each.__name__ for each in keeping if each._fields[-1] != "other"] == []
