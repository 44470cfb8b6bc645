"""Reports of modules: those with a fixed set of fields, and those that grow with each version."""

from __future__ import annotations

from anyredis.exceptions import RedisError
from anyredis.replies import (
    array,
    boolean,
    number,
    others,
    record,
    unexpected,
    whole,
    word,
    word_or_none,
)
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


class ReportFields:
    """The fields of one map: each is taken out by its name, and what is left is not known here."""

    def __init__(self, fields: dict[str, Reply]) -> None:
        self._left = fields

    def raw(self, name: str) -> Reply:
        """The raw value, None if there is none."""
        return self._left.pop(name, None)

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.raw(name)
        return None if value is None else whole(value)

    def number(self, name: str) -> float | None:
        """A number, None for NaN."""
        value = self.raw(name)
        found = None if value is None else number(value)
        return None if found != found else found  # noqa: PLR0124 - NaN

    def truth(self, name: str) -> bool | None:
        """True for 1, `true` or anything counted, False for 0 and `false`."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, (str, bytes)) and word(value) in {"true", "false"}:
            return word(value) == "true"
        return boolean(whole(value))

    def word(self, name: str) -> str | None:
        """A word of the server."""
        return word_or_none(self.raw(name))

    def needed_integer(self, name: str) -> int:
        """A whole number that each server sends."""
        return whole(self.raw(name))

    def needed_word(self, name: str) -> str:
        """A word that each server sends."""
        return word(self.raw(name))

    def other(self) -> dict[str, Reply]:
        """What is left."""
        return others(self._left, ())
