"""Entries of streams: what is read, the quick way and the slow one, and what is kept of it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.exceptions import ProtocolError
from anyredis.replies import TextReaders
from anyredis.stream_entries import (
    ClaimedEntry,
    EntryReader,
    RepeatedFields,
    StreamEntry,
    auto_claim_ids,
    ids,
    ids_or_nones,
)
from anyredis.wire.decode import Reply

TEXT, BINARY = EntryReader(TextReaders(str)), EntryReader(TextReaders(bytes))


def test_an_entry_can_be_taken_apart() -> None:
    """It is a pair of its ID and its fields, as in redis-py."""
    [entry] = TEXT.entries([["1-0", ["a", "1"]]])
    entry_id, fields = entry
    assert (entry_id, fields) == ("1-0", {"a": "1"})
    assert entry == ("1-0", {"a": "1"})
    assert type(entry) is StreamEntry
    assert repr(entry) == "StreamEntry(id='1-0', fields={'a': '1'})"


def test_pairs_are_the_fields_in_order() -> None:
    """An ordinary entry keeps a plain dict, and its pairs are those of the dict."""
    [entry] = TEXT.entries([["1-0", ["b", "1", "a", "2"]]])
    assert type(entry.fields) is dict
    assert entry.pairs == [("b", "1"), ("a", "2")]
    assert not entry.deleted


def test_a_field_that_repeats() -> None:
    """The dict has its last value, as in redis-py; the pairs have all, in order."""
    plain, repeated = TEXT.entries([["1-0", ["a", "1"]], ["2-0", ["a", "1", "b", "2", "a", "3"]]])
    assert repeated.fields == {"a": "3", "b": "2"}
    assert repeated.pairs == [("a", "1"), ("b", "2"), ("a", "3")]
    assert plain.pairs == [("a", "1")]


def test_a_field_that_repeats_survives_copies() -> None:
    """An entry that is copied or pickled keeps all pairs."""
    entry = StreamEntry("1-0", RepeatedFields([("a", "1"), ("a", "2")]))
    for other in (copy.deepcopy(entry), pickle.loads(pickle.dumps(entry))):
        assert other == entry
        assert other.pairs == [("a", "1"), ("a", "2")]


def test_an_entry_that_was_deleted() -> None:
    """A pending entry without content has no fields, and says so."""
    entry, other = TEXT.entries([["1-0", None], ["2-0", ["a", "1"]]])
    assert (entry.id, entry.fields) == ("1-0", {})
    assert entry.deleted
    assert entry.pairs == []
    assert not other.deleted


def test_a_null_is_left_out() -> None:
    """Old servers claim entries that have been deleted, and give a null for each."""
    assert TEXT.entries([None, ["2-0", ["a", "1"]], None]) == [("2-0", {"a": "1"})]
    assert ids_or_nones([None, "2-0"]) == ["2-0"]


@pytest.mark.parametrize("text", [True, False])
@given(
    entries=st.lists(
        st.tuples(
            st.from_regex(r"[0-9]{1,4}-[0-9]{1,4}", fullmatch=True),
            st.none() | st.lists(st.tuples(st.text(max_size=2), st.text(max_size=2)), min_size=1),
        )
    )
)
def test_any_entries(text: bool, entries: list[tuple[str, list[tuple[str, str]] | None]]) -> None:
    """Whether all are ordinary or not, each keeps its ID, its fields and their order."""

    def sent(value: str) -> Any:
        return value if text else value.encode()

    reply: list[Reply] = [
        [sent(each), None if pairs is None else [sent(word) for pair in pairs for word in pair]]
        for each, pairs in entries
    ]
    read: list[StreamEntry[Any]] = [*(TEXT if text else BINARY).entries(reply)]
    assert [each.id for each in read] == [each for each, _ in entries]
    for entry, (_, pairs) in zip(read, entries, strict=True):
        expected = [(sent(field), sent(value)) for field, value in pairs or ()]
        assert entry.pairs == expected
        assert entry.fields == dict(expected)
        assert entry.deleted is (pairs is None)


@pytest.mark.parametrize(
    "reply",
    [
        *(None, 1, "x", {"a": "b"}),
        *(["1-0"], [["1-0"]], [["1-0", ["a", "1"], 1]], [[1, ["a", "1"]]]),
        *([["1-0", ["a"]]], [["1-0", ["a", "1", "b"]]], [["1-0", ["a", None]]]),
        *([["1-0", ["a", 1]]], [["1-0", "ab"]], [["1-0", ["a", b"1"]]]),
        [["1-0", ["a", "1"]], ["2-0", ["a"]]],
    ],
)
def test_no_entries(reply: Any) -> None:
    """Anything else is a `ProtocolError`, also if only one entry of many is wrong."""
    with pytest.raises(ProtocolError, match="the server answered"):
        TEXT.entries(reply)


def test_an_id_that_is_no_text() -> None:
    """Bytes that are no ASCII cannot be an ID, and do not break the others."""
    assert [each.id for each in BINARY.entries([[b"\xff", [b"a", b"1"]]])] == ["\ufffd"]


def test_entries_by_stream() -> None:
    """Each stream has its own list, under its key; a null is none at all."""
    entry: Reply = ["1-0", ["a", "1"]]
    assert TEXT.by_stream([["s", [entry]], ["t", []]]) == {"s": [("1-0", {"a": "1"})], "t": []}
    assert TEXT.by_stream({"s": [entry]}) == TEXT.by_stream([["s", [entry]]])
    assert TEXT.by_stream(None) == {}
    with pytest.raises(ProtocolError):
        TEXT.by_stream([["s", None]])


def test_claimed_entries_by_stream() -> None:
    """Each entry has the deliveries before; one without them is refused."""
    claimed: Reply = {"s": [["1-0", ["a", "1", "a", "2"], 70, 2], ["2-0", ["b", "1"], 0, 0]]}
    [first, second] = TEXT.claimed_by_stream(claimed)["s"]
    assert first == ClaimedEntry("1-0", {"a": "2"}, 70, 2)
    assert first.pairs == [("a", "1"), ("a", "2")]
    assert second.pairs == [("b", "1")]
    with pytest.raises(ProtocolError, match="the deliveries before"):
        TEXT.claimed_by_stream({"s": [["1-0", ["a", "1"]]]})


def test_ids() -> None:
    """IDs are text, from bytes too."""
    assert ids([b"1-0", "2-0"]) == ["1-0", "2-0"]
    assert auto_claim_ids([b"0-0", [b"1-0", None], []]) == ("0-0", ["1-0"], [])
    with pytest.raises(ProtocolError):
        ids([None])
