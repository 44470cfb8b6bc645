"""All commands on data that the Redis in memory knows, by type and by name.

Law: what is not in one of these tables, or among the connection commands of `Memory`, is refused.
"""

from __future__ import annotations

from typing import Final

from anyredis.testing.fake_hashes import HASHES
from anyredis.testing.fake_keys import KEYS
from anyredis.testing.fake_lists import LISTS
from anyredis.testing.fake_score_ranges import SCORE_RANGES
from anyredis.testing.fake_score_sums import SCORE_SUMS
from anyredis.testing.fake_sets import SETS
from anyredis.testing.fake_sorted_sets import SORTED_SETS
from anyredis.testing.fake_stream_groups import STREAM_GROUPS
from anyredis.testing.fake_stream_pending import STREAM_PENDING
from anyredis.testing.fake_streams import STREAMS
from anyredis.testing.fake_strings import STRINGS
from anyredis.testing.known_command import CommandTable

GROUPS: Final[dict[str, CommandTable]] = {
    "Keys": KEYS,
    "Strings": STRINGS,
    "Lists": LISTS,
    "Hashes": HASHES,
    "Sets": SETS,
    "Sorted sets": {**SORTED_SETS, **SCORE_RANGES, **SCORE_SUMS},
    "Streams": {**STREAMS, **STREAM_GROUPS, **STREAM_PENDING},
}
"""The commands of each type; the page in docs lists them."""

COMMANDS: Final[CommandTable] = {
    name: known for table in GROUPS.values() for name, known in table.items()
}
"""All of them."""
