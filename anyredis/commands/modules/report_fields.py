"""Reports of modules with a fixed set of fields."""

from __future__ import annotations

from anyredis.exceptions import RedisError
from anyredis.replies import array, record, unexpected
from anyredis.wire.decode import Reply


def fields_of(reply: Reply, *names: str) -> list[Reply]:
    """The fields called *names* of a report, raw; raises `ProtocolError` if one is missing."""
    fields = record(reply)
    missing = [name for name in names if name not in fields]
    if missing:
        unexpected(reply, f"a report with {', '.join(missing)}")
    return [fields[name] for name in names]


def results(reply: Reply) -> list[Reply]:
    """The items of an array of results; raises the error that a server put in place of one."""
    items = array(reply)
    for item in items:
        if isinstance(item, RedisError):
            raise item
    return items
