"""Replies to searches, for tests."""

from __future__ import annotations

from tests.commands.tables import resp3


def map_of(*results: object, total: int = 1, warning: list[object] | None = None) -> bytes:
    """A reply of RESP3 with these results."""
    return resp3(
        {
            "attributes": [],
            "total_results": total,
            "format": "STRING",
            "results": [*results],
            "warning": warning or [],
        }
    )
