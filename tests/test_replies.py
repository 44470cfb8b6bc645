"""Tests of `anyredis.replies`: raw replies to typed values, RESP2 and RESP3 shapes both."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from anyredis import replies
from anyredis.exceptions import ProtocolError, ResponseError
from anyredis.replies import TextReaders

TEXT = TextReaders(str)
BYTES = TextReaders(bytes)


READ: list[tuple[Any, Any, Any]] = [
    (replies.integer, 7, 7),
    (replies.integer_or_none, None, None),
    (replies.integers, [1, 2], [1, 2]),
    (replies.integers_or_nones, [1, None], [1, None]),
    (replies.number, 1.5, 1.5),
    (replies.number, 2, 2.0),
    (replies.number, b"1.5", 1.5),
    (replies.number, "-inf", -math.inf),
    (replies.number_or_none, None, None),
    (replies.boolean, 1, True),
    (replies.boolean, 0, False),
    (replies.boolean, True, True),
    (replies.booleans, [1, 0, True], [True, False, True]),
    (replies.ok, b"OK", True),
    (replies.ok, "OK", True),
    (replies.ok_or_none, None, False),
    (replies.binary, b"\xff", b"\xff"),
    (replies.binary_or_none, None, None),
    (replies.word, b"list", "list"),
    (replies.word, "list", "list"),
    (replies.word_or_none, None, None),
    (replies.array, [1], [1]),
    (replies.array_or_none, None, None),
    (replies.pair, [1, 2], (1, 2)),
    (replies.integer_pair, [1, 2], (1, 2)),
    (replies.triple, [1, 2, 3], (1, 2, 3)),
    (replies.record, {b"a": 1}, {"a": 1}),
    (replies.record, [b"a", 1, "b", None], {"a": 1, "b": None}),
    (replies.record, [], {}),
    (TEXT.text, "a", "a"),
    (BYTES.text, b"a", b"a"),
    (TEXT.text_or_none, None, None),
    (TEXT.texts, ["a", "b"], ["a", "b"]),
    (TEXT.texts_or_none, None, None),
    (TEXT.texts_or_nones, ["a", None], ["a", None]),
    (TEXT.text_set, ["a", "b", "a"], {"a", "b"}),
    (TEXT.text_map, {"a": "b"}, {"a": "b"}),
    (TEXT.text_map, ["a", "b"], {"a": "b"}),
    (TEXT.text_map, [], {}),
    (TEXT.text_pairs, ["a", "b", "a", "c"], [("a", "b"), ("a", "c")]),
    (TEXT.text_pairs, [["a", "b"], ["a", "c"]], [("a", "b"), ("a", "c")]),
    (BYTES.scored, [b"a", b"1.5"], [(b"a", 1.5)]),
    (BYTES.scored, [[b"a", 1.5], [b"b", 2.0]], [(b"a", 1.5), (b"b", 2.0)]),
    (TEXT.page(TEXT.texts), ["0", ["a"]], (0, ["a"])),
    (BYTES.page(BYTES.texts), [b"12", []], (12, [])),
    (TEXT.keyed(TEXT.texts), ["k", ["a"]], ("k", ["a"])),
    (TEXT.keyed(TEXT.text), None, None),
]


@pytest.mark.parametrize(("read", "raw", "value"), READ)
def test_replies_that_are_read(read: Any, raw: Any, value: Any) -> None:
    """Each reader gives the value of its type, from either protocol's shape."""
    found = read(raw)
    assert found == value
    assert type(found) is type(value)


REFUSED: list[tuple[Any, Any]] = [
    (replies.integer, None),
    (replies.integer, b"7"),
    (replies.integer, 1.5),
    (replies.number, b"many"),
    (replies.number, None),
    (replies.number, [1]),
    (replies.boolean, 2),
    (replies.boolean, b"1"),
    (replies.ok, b"QUEUED"),
    (replies.ok, None),
    (replies.binary, "text"),
    (replies.word, 7),
    (replies.array, b"a"),
    (replies.array, {b"a": 1}),
    (replies.pair, [1]),
    (replies.triple, [1, 2]),
    (replies.record, [b"a"]),
    (replies.record, None),
    (TEXT.text, b"bytes"),
    (TEXT.text, None),
    (BYTES.text, "text"),
    (BYTES.text_or_none, "text"),
    (TEXT.texts, ["a", None]),
    (TEXT.texts, ["a", b"b"]),
    (TEXT.text_set, [1]),
    (TEXT.text_map, ["a", "b", "c"]),
    (BYTES.scored, [b"a", b"high"]),
    (TEXT.page(TEXT.texts), ["0"]),
    (TEXT.keyed(TEXT.text), ["k"]),
]


@pytest.mark.parametrize(("read", "raw"), REFUSED)
def test_replies_that_are_refused(read: Any, raw: Any) -> None:
    """Anything else is a ProtocolError: never a guess, never a default."""
    with pytest.raises(ProtocolError, match=r"^the server answered .* where .* was expected$"):
        read(raw)


def test_a_message_is_short() -> None:
    """For a reply of any length."""
    with pytest.raises(ProtocolError) as caught:
        replies.integer(b"x" * 10_000)
    assert len(str(caught.value)) < 200


def test_fields_that_are_not_known() -> None:
    """They are kept, and their text is str on a client that does not decode too."""
    fields: dict[str, Any] = {"known": 1, "new": b"x", "more": [{b"a": b"b"}, None, 2]}
    assert replies.others(fields, ("known",)) == {"new": "x", "more": [{"a": "b"}, None, 2]}
    assert replies.others({"known": 1}, ("known",)) == replies.NO_OTHERS


@pytest.mark.parametrize("read", [replies.number, replies.whole, replies.word_or_integer])
def test_a_bool_is_no_number(read: Callable[[Any], object]) -> None:
    """RESP3 has both."""
    with pytest.raises(ProtocolError):
        read(True)


def test_text_or_an_integer() -> None:
    """As the server sent it."""
    assert (replies.word_or_integer(b"a"), replies.word_or_integer(7)) == ("a", 7)


@pytest.mark.parametrize("kind", [bytes, str])
def test_a_list_of_texts_has_nothing_else(kind: type[Any]) -> None:
    """Wherever it stands, also behind an empty text, which every text begins with."""
    readers: TextReaders[Any] = TextReaders(kind)
    text, other = (b"a", "a") if kind is bytes else ("a", b"a")
    empty = kind()
    fits: list[list[Any]] = [[], [empty], [text, empty], [empty] * 3 + [text]]
    for items in fits:
        assert readers.texts(items) is items
        for wrong in (other, None, 1, 1.5, True, [text], {text: text}, ResponseError("ERR")):
            for place in range(len(items) + 1):
                mixed: list[Any] = [*items[:place], wrong, *items[place:]]
                assert not readers.are_texts(mixed)
                with pytest.raises(ProtocolError, match=kind.__name__):
                    readers.texts(mixed)
