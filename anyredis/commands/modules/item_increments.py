"""Items, each with what its count is raised by: for count-min sketches and top-k lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from anyredis.commands.checks import natural
from anyredis.commands.group import SupportsItems, flat
from anyredis.commands.several import SomeValues, all_values
from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt
from anyredis.wire.encode import Value

SomeItems: TypeAlias = SomeValues | SupportsItems
"""One item, a collection of items, or a mapping of items to their increments."""


def item_increments(
    command: str, items: SomeItems, increments: int | Sequence[int] | None
) -> tuple[Value, ...]:
    """Items and increments in turn; raises `DataError` unless each item has a whole increment."""
    if isinstance(items, Mapping):
        if increments is not None:
            msg = f"{command}: items is a mapping with increments: leave increments= out"
            raise DataValueError(msg)
        words = flat(command, "items", cast("SupportsItems", items))
    else:
        names = all_values(command, "items", (items,))
        counts = (increments,) if isinstance(increments, int) else tuple(increments or ())
        if len(names) != len(counts):
            msg = f"{command}: {len(counts)} increments for {len(names)} items: give one for each"
            raise DataValueError(msg)
        words = tuple(word for both in zip(names, counts, strict=True) for word in both)
    for item, count in zip(words[::2], words[1::2], strict=True):
        natural(f"{command}: the increment of {excerpt(item, 40)}", count)
    return words
