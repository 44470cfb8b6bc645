"""The keys that the benchmarks use, and their values."""

from __future__ import annotations

import functools
import itertools
import random

from anyredis.wire.slots import SLOTS, slot_of

SMALL_KEY, SMALL = "bench:small", b"x" * 32
LARGE_KEY, LARGE = "bench:large", b"x" * 1024 * 1024
LIST_KEY, LIST = "bench:list", [b"item:%011d" % index for index in range(1000)]


@functools.cache
def key_in_each_slot() -> list[str]:
    """A key for each of the 16384 slots, in an order that is random and always the same."""
    keys: dict[int, str] = {}
    for number in itertools.count():
        key = f"bench:slot:{number}"
        keys.setdefault(slot_of(key.encode()), key)
        if len(keys) == SLOTS:
            break
    shuffled = list(keys.values())
    random.Random(SLOTS).shuffle(shuffled)
    return shuffled
