"""Reports on streams: every field of four servers, and those of servers to come."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis.exceptions import ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.stream_reports import (
    DeliveredEntry,
    FullStreamConsumer,
    FullStreamGroup,
    FullStreamInfo,
    StreamIdempotence,
    StreamReportReader,
)
from anyredis.stream_entries import StreamEntry
from anyredis.wire.decode import Reply

READ: Any = StreamReportReader(TextReaders(str))
"""Without its types: the reports below are given as a decoder gives them."""

OLD: Any = {
    "length": 2,
    "radix-tree-keys": 1,
    "radix-tree-nodes": 2,
    "last-generated-id": "5-0",
}
SINCE_7: Any = {
    "max-deleted-entry-id": "1-0",
    "entries-added": 3,
    "recorded-first-entry-id": "2-0",
}
SINCE_8_6: Any = {
    "idmp-duration": 100,
    "idmp-maxsize": 200,
    "pids-tracked": 1,
    "iids-tracked": 2,
    "iids-added": 3,
    "iids-duplicates": 4,
}
FIRST, LAST = ["2-0", ["a", "1", "a", "2"]], ["5-0", ["b", "1"]]
ENDS: Any = {"groups": 1, "first-entry": FIRST, "last-entry": LAST}

CONSUMER: Any = {
    "name": "c",
    "seen-time": 1700,
    "active-time": 1600,
    "pel-count": 1,
    "pending": [["2-0", 1600, 4]],
}
GROUP: Any = {
    "name": "g",
    "last-delivered-id": "2-0",
    "entries-read": 2,
    "lag": 1,
    "pel-count": 2,
    "pending": [["2-0", "c", 1600, 4], ["3-0", "", 0, 5]],
    "consumers": [CONSUMER],
}


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """The *fields* but those of *names*."""
    return {name: value for name, value in fields.items() if name not in names}


READ_CONSUMER = FullStreamConsumer(
    "c", 1700, 1600, 1, [DeliveredEntry("2-0", "c", 1600, 4)], fields=without(CONSUMER, "pending")
)
READ_GROUP = FullStreamGroup(
    *("g", "2-0", 2, 1, 2, None),
    pending=[DeliveredEntry("2-0", "c", 1600, 4), DeliveredEntry("3-0", "", 0, 5)],
    consumers=[READ_CONSUMER],
    fields=without(GROUP, "pending", "consumers"),
)


def flat(report: Reply) -> Reply:
    """The report as RESP2 has it: a list of names and values, with such lists in it."""
    if isinstance(report, dict):
        return [word for name, value in report.items() for word in (name, flat(value))]
    return [flat(each) for each in report] if isinstance(report, list) else report


def test_a_stream() -> None:
    """Its oldest and newest entry are entries, with all pairs."""
    info = READ.stream(OLD | SINCE_7 | ENDS)
    assert info[:8] == (2, 1, 2, "5-0", "1-0", 3, "2-0", 1)
    assert info.first_entry is not None
    assert info.first_entry.pairs == [("a", "1"), ("a", "2")]
    assert info.last_entry == StreamEntry("5-0", {"b": "1"})
    assert info.idempotence is None
    assert READ.stream(flat(OLD | SINCE_7 | ENDS)) == info


def test_an_empty_stream_of_an_old_server() -> None:
    """What the server does not have or cannot tell is None."""
    info = READ.stream(OLD | {"groups": 0, "first-entry": None, "last-entry": None})
    assert (info.max_deleted_entry_id, info.entries_added) == (None, None)
    assert (info.first_entry, info.last_entry) == (None, None)


def test_idempotence() -> None:
    """What Redis 8.6 remembers of producers' messages is one value."""
    expected = StreamIdempotence(100, 200, 1, 2, 3, 4)
    assert READ.stream(OLD | SINCE_8_6 | ENDS).idempotence == expected
    full: dict[str, Any] = {"entries": [], "groups": []}
    assert READ.full_stream(OLD | SINCE_8_6 | full).idempotence == expected


def test_a_field_of_a_server_to_come() -> None:
    """It is among the fields, under the server's name."""
    info = READ.stream(OLD | ENDS | {"of-tomorrow": [1, "x"]})
    assert info.fields["of-tomorrow"] == [1, "x"]
    [consumer] = READ.consumers([{"name": "c", "pending": 1, "idle": 2, "of-tomorrow": 3}])
    assert consumer.fields["of-tomorrow"] == 3


def test_all_about_a_stream() -> None:
    """Entries, groups, their consumers, and what is pending for each, in both protocols."""
    report: Any = OLD | SINCE_7 | {"entries": [FIRST, LAST], "groups": [GROUP]}
    info = READ.full_stream(report)
    assert info == FullStreamInfo(
        *(2, 1, 2, "5-0", "1-0", 3, "2-0"),
        entries=[StreamEntry("2-0", {"a": "2"}), StreamEntry("5-0", {"b": "1"})],
        groups=[READ_GROUP],
        idempotence=None,
        fields=OLD | SINCE_7,
    )
    assert READ.full_stream(flat(report))[:-1][:7] == info[:7]
    [group] = READ.full_stream(flat(report)).groups
    assert group[:7] == READ_GROUP[:7]
    assert [each[:5] for each in group.consumers] == [READ_CONSUMER[:5]]


def test_a_group_with_entries_handed_back() -> None:
    """Redis 8.8 says how many, and a lag that it cannot tell is None."""
    changed = GROUP | {"nacked-count": 1, "lag": None, "entries-read": None}
    [group] = READ.full_stream(OLD | {"entries": [], "groups": [changed]}).groups
    assert (group.nacked_count, group.lag, group.entries_read) == (1, None, None)


@pytest.mark.parametrize("missing", [*OLD, *ENDS])
def test_a_field_that_is_missing(missing: str) -> None:
    """A report without a field that every server has is refused, and names it."""
    report = {name: value for name, value in (OLD | ENDS).items() if name != missing}
    with pytest.raises(ProtocolError, match=f"a report with {missing}"):
        READ.stream(report)


@pytest.mark.parametrize(
    "change", [{"pending": [["2-0", "c", 1]]}, {"consumers": None}, {"lag": "x"}]
)
def test_a_group_of_another_shape(change: dict[str, Any]) -> None:
    """What cannot be read is a `ProtocolError`."""
    with pytest.raises(ProtocolError):
        READ.full_stream(OLD | {"entries": [], "groups": [GROUP | change]})
