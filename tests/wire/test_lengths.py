"""Tests of `anyredis.wire.lengths`: announced numbers of elements, wherever the bytes are cut."""

from __future__ import annotations

import tracemalloc
from typing import Any

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyredis.exceptions import ProtocolError
from anyredis.testing.resp import encode, encode_push
from anyredis.wire import lengths
from anyredis.wire.decode import MORE, Decoder
from anyredis.wire.lengths import LONG_DATA, MAX_ELEMENTS, MAX_PUSH_ELEMENTS, LengthGuard
from tests.contract.rotation import examples

HUGE = [
    b">65537\r\n",
    b">100000000\r\n",
    b"*16777217\r\n",
    b"*1000000000\r\n",
    b"~100000000\r\n",
    b"|100000000\r\n",
    b"*99999999999999999999999999999\r\n",
]


def received(chunks: list[bytes], *, into: int = 0, **options: Any) -> list[Any]:
    """All replies in *chunks*, which are received one after the other.

    With *into* they are views of one buffer of that many bytes, which is overwritten each time.
    """
    decoder = Decoder(**options)
    buffer = bytearray(into)
    replies: list[Any] = []
    for chunk in chunks:
        if into:
            buffer[: len(chunk)] = chunk
            decoder.feed(memoryview(buffer)[: len(chunk)])
            buffer[:] = b"*" * into
        else:
            decoder.feed(chunk)
        while (reply := decoder.next_reply()) is not MORE:
            replies.append(reply)
    return replies


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """*data*, cut at these positions."""
    ends = [*sorted(cuts), len(data)]
    return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize("header", HUGE)
@pytest.mark.parametrize(
    "before", [b"", b"+OK\r\n", b"$3\r\nabc\r\n", b"*2\r\n:1\r\n", b"%1\r\n+k\r\n", b">2\r\n*1\r\n"]
)
def test_a_huge_header_is_refused(header: bytes, before: bytes) -> None:
    """At any depth and cut at any byte, before memory is reserved; the message names both numbers."""
    data = before + header + b":1\r\n"
    for cut in range(len(data) - 4):
        tracemalloc.start()
        with pytest.raises(
            ProtocolError, match=r"announced .* elements; (the most|max_elements) is"
        ):
            received(pieces(data, [cut]))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
        tracemalloc.stop()
    with pytest.raises(ProtocolError, match="announced"):
        received([data[each : each + 1] for each in range(len(data))])


@pytest.mark.parametrize("size", [10, LONG_DATA, 3 * LONG_DATA])
def test_a_huge_header_behind_a_long_string(size: int) -> None:
    """The end of a string that is skipped is found, wherever it is cut."""
    string = b"$%d\r\n%b\r\n" % (size, b"\n>100000000\r\n" * (size // 13) + b"x" * (size % 13))
    for cut in (0, 5, 8, size // 2, len(string) - 1, len(string), len(string) + 3):
        with pytest.raises(ProtocolError, match="100000000 elements"):
            received(pieces(string * 2 + b"*100000000\r\n", [cut, cut + len(string)]))
        assert len(received(pieces(string * 2, [cut, cut + len(string)]))) == 2


@pytest.mark.parametrize("cut", range(40))
def test_what_looks_like_a_header(cut: int) -> None:
    """Text with the same bytes is a value, wherever it is cut."""
    text = b"a\n>100000000\r\n*999999999\r\n|"
    data = b"$%d\r\n%b\r\n:5\r\n" % (len(text), text)
    assert received(pieces(data, [cut])) == [text, 5]


def test_the_limits() -> None:
    """What is not more than the limit is read; `max_elements` may be any number."""
    data = b"*%d\r\n" % 1000 + b":1\r\n" * 1000
    assert received([data], max_elements=1000) == [[1] * 1000]
    with pytest.raises(ProtocolError, match="max_elements is 999"):
        received([data], max_elements=999)
    for header in (b">%d\r\n" % MAX_PUSH_ELEMENTS, b"*%d\r\n" % MAX_ELEMENTS):
        assert received([header]) == []
    push = b">%d\r\n" % MAX_PUSH_ELEMENTS + b":1\r\n" * MAX_PUSH_ELEMENTS
    assert received([push]) == [[1] * MAX_PUSH_ELEMENTS]


def test_replies_before_it_are_given_out() -> None:
    """They arrived whole."""
    decoder = Decoder()
    decoder.feed(b"+a\r\n+b\r\n>100000000\r\n")
    assert decoder.next_reply() == b"a"
    assert decoder.next_reply() == b"b"
    with pytest.raises(ProtocolError):
        decoder.next_reply()


def test_bytes_that_come_before_the_replies_were_taken() -> None:
    """They are kept behind the others: a handshake takes one reply and leaves the next."""
    decoder = Decoder()
    decoder.feed(b"+a\r\n+b\r\n>65536\r\n")
    assert decoder.next_reply() == b"a"
    decoder.feed(b":1\r\n")
    assert decoder.next_reply() == b"b"
    assert decoder.next_reply() is MORE
    decoder = Decoder()
    decoder.feed(b"+a\r\n+b\r\n>65537\r\n")
    assert decoder.next_reply() == b"a"
    decoder.feed(b":1\r\n")
    assert decoder.next_reply() == b"b"
    with pytest.raises(ProtocolError):
        decoder.next_reply()


@pytest.mark.parametrize("reply", [b"*1\r\n:1\r\n", b"$3\r\nabc\r\n", b":1\r\n"])
def test_many_replies_are_fed_in_pieces(reply: bytes) -> None:
    """Hiredis never has more than a piece of them at a time; a long string is not cut."""
    for data, most in ((reply * 20_000, lengths.PIECE), (b"$200000\r\n" + b"x" * 199_999, 200_008)):
        reader = hiredis.Reader(notEnoughData=MORE)
        fed: list[bytes] = []

        def feed(piece: bytes | memoryview, fed: list[bytes] = fed, reader: Any = reader) -> None:
            fed.append(bytes(piece))
            reader.feed(piece)

        guard = LengthGuard(feed, reader.has_data)
        guard.feed(data)
        while reader.gets() is not MORE or guard.feed_rest():
            pass
        assert b"".join(fed) == data
        assert max(map(len, fed)) == most
        assert not guard.busy or most > lengths.PIECE


def test_bytes_that_come_before_all_pieces_were_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are kept behind the others, with a header that was cut; it is refused if it is large."""
    monkeypatch.setattr(lengths, "PIECE", 4)
    begin = b">1\r\n:1\r\n" + b"+a\r\n" * 5 + b">6"
    decoder = Decoder()
    decoder.feed(begin)
    assert decoder.next_reply() == [1]
    decoder.feed(b"5536\r\n")
    assert [decoder.next_reply() for _ in range(6)] == [*[b"a"] * 5, MORE]
    decoder = Decoder()
    decoder.feed(begin)
    assert decoder.next_reply() == [1]
    decoder.feed(b"5537\r\n")
    assert [decoder.next_reply() for _ in range(5)] == [b"a"] * 5
    with pytest.raises(ProtocolError):
        decoder.next_reply()


@pytest.mark.parametrize("depth", [5000, 100_000])
def test_nesting_is_bounded(depth: int) -> None:
    """By hiredis: a reply that is nested too deeply ends the stream, and the process goes on."""
    with pytest.raises(ProtocolError):
        received([b"*1\r\n" * depth])


# -- any bytes ----------------------------------------------------------------------------------

TEXT = st.sampled_from(
    [b"\n>1000000", b"\n*123456789\r\n", b"~", b"|9", b">", b"*1\r\n", b"\r\n", b"$5000\r\n", b"x"]
)


def repeated(text: bytes, times: int) -> bytes:
    """A long string of a short text."""
    return text * times


STRINGS: st.SearchStrategy[bytes] = st.lists(TEXT, max_size=8).map(b"".join) | st.builds(
    repeated, TEXT, st.integers(400, 700)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), STRINGS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=12,
)
PUSHES: st.SearchStrategy[list[Any]] = st.lists(VALUES, min_size=1, max_size=3)


@pytest.mark.parametrize("most", [3, lengths.PIECE])
@settings(deadline=None, max_examples=examples(100))
@given(st.lists(VALUES.map(encode) | PUSHES.map(encode_push), max_size=6).map(b"".join), st.data())
def test_the_guard_changes_nothing(most: int, data: bytes, draw: st.DataObject) -> None:
    """Cut anywhere, in pieces of any size, hiredis gets the same bytes as without a guard, and gives the same replies."""
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=8))
    plain = hiredis.Reader(notEnoughData=MORE)
    plain.feed(data)
    expected: list[Any] = []
    while (reply := plain.gets()) is not MORE:
        expected.append(reply)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lengths, "PIECE", most)
        assert received(pieces(data, cuts)) == expected
        assert received(pieces(data, cuts), into=len(data) + 1) == expected, "nothing keeps a view"


@pytest.mark.parametrize("most", [3, lengths.PIECE])
@settings(deadline=None, max_examples=examples(100))
@given(st.lists(VALUES.map(encode), max_size=4).map(b"".join), st.data())
def test_no_huge_header_gets_through(most: int, data: bytes, draw: st.DataObject) -> None:
    """Behind any replies, cut anywhere, it never reaches the reader."""
    whole = data + draw.draw(st.sampled_from(HUGE))
    cuts = draw.draw(st.lists(st.integers(0, len(whole)), max_size=8))
    reader: Any = hiredis.Reader(notEnoughData=MORE)
    fed = bytearray()

    def feed(piece: bytes | memoryview) -> None:
        fed.extend(piece)
        reader.feed(piece)

    guard = LengthGuard(feed, reader.has_data)

    def feed_all() -> None:
        for piece in pieces(whole, cuts):
            guard.feed(piece)
            while reader.gets() is not MORE:
                pass
            while guard.feed_rest():
                while reader.gets() is not MORE:
                    pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lengths, "PIECE", most)
        with pytest.raises(ProtocolError):
            feed_all()
    assert bytes(fed) == data


@pytest.mark.parametrize("into", [0, 100_000])
@pytest.mark.parametrize("content", [b"x" * 6000, b"$99999\r\n" + b"x" * 5992, b"*" * 6000])
@pytest.mark.parametrize("header", [HUGE[0], HUGE[3]])
def test_what_follows_a_long_string_in_pieces(header: bytes, content: bytes, into: int) -> None:
    """However the string is cut, what follows is a header again; its own bytes never are one."""
    string = b"$6000\r\n" + content + b"\r\n"
    for cuts in (
        [5000],
        [6009],
        [6008],
        [5000, 6009],
        [7],
        [7, 6000],
        [4500, 5500],
        [7, 5000, 6008],
    ):
        chunks = pieces(string, [cut for cut in cuts if cut < len(string)])
        assert received(chunks, into=into) == [content]
        assert received([*chunks, string], into=into) == [content] * 2
        with pytest.raises(ProtocolError):
            received([*chunks, header], into=into)


@pytest.mark.parametrize("into", [0, 100_000])
def test_the_header_of_a_long_string_in_a_string(into: int) -> None:
    """It is none, so a header behind the string is one."""
    begin, rest = b"$30\r\n", b"$99999\r\n" + b"x" * 22 + b"\r\n"
    long_rest = rest + b"$4200\r\n" + b"x" * 4200 + b"\r\n"  # so long that it is searched
    for chunks in ([begin, rest], [begin, long_rest], [begin + b"$", rest[1:]]):
        assert received(chunks, into=into)[0] == rest[:-2]
        with pytest.raises(ProtocolError):
            received([*chunks, HUGE[3]], into=into)
