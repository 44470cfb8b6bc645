"""Tests of `anyredis.wire.decode`: bytes to replies, and the cases that hiredis leaves open."""

from __future__ import annotations

import socket
from typing import Any

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyredis.exceptions import ProtocolError, ReplyDecodeError, ResponseError, WrongTypeError
from anyredis.server import Server
from anyredis.testing.resp import encode
from anyredis.wire.decode import MORE, UNDECODABLE, Decoder, Push, Reply, text_decoder, types_in


def decoded(data: bytes, encoding: str | None = None) -> list[Any]:
    """All replies in *data*; a spoiled one is its error."""
    decoder = Decoder(encoding)
    decoder.feed(data)
    replies: list[Any] = []
    while True:
        reply = decoder.next_reply()
        if reply is MORE:
            return replies
        replies.append(reply)


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"+OK\r\n", b"OK"),
        (b":-7\r\n", -7),
        (b"$3\r\na\0b\r\n", b"a\0b"),
        (b"$0\r\n\r\n", b""),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"_\r\n", None),
        (b"*0\r\n", []),
        (b"*2\r\n:1\r\n*1\r\n$1\r\na\r\n", [1, [b"a"]]),
        (b"#t\r\n", True),
        (b"#f\r\n", False),
        (b",1.5\r\n", 1.5),
        (b",inf\r\n", float("inf")),
        (b"%1\r\n$1\r\na\r\n:1\r\n", {b"a": 1}),
        (b"~2\r\n:1\r\n:2\r\n", [1, 2]),
        (b"=8\r\ntxt:some\r\n", b"some"),
    ],
)
def test_replies_of_both_protocols(data: bytes, reply: object) -> None:
    """Every type that servers send has its Python value."""
    assert decoded(data) == [reply]


def test_text_is_decoded_on_demand() -> None:
    """With an encoding strings are str, and one reply can be had as bytes."""
    assert decoded(b"$2\r\n\xc3\xa9\r\n+OK\r\n", "utf-8") == ["é", "OK"]
    decoder = Decoder("utf-8")
    decoder.feed(b"$1\r\n\xff\r\n$1\r\na\r\n")
    assert decoder.gets(False) == b"\xff"
    assert decoder.gets() == "a"


def test_an_error_reply_is_a_value() -> None:
    """An error reply is given back as its exception, also inside an array."""
    alone, nested = decoded(b"-WRONGTYPE no\r\n*2\r\n:1\r\n-ERR bad\r\n")
    assert isinstance(alone, WrongTypeError)
    assert isinstance(nested[1], ResponseError)
    assert str(nested[1]) == "ERR bad"


def test_a_push_is_told_apart() -> None:
    """A push is a list of its own type."""
    push, reply = decoded(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n*1\r\n:1\r\n")
    assert type(push) is Push
    assert push == [b"invalidate", [b"k"]]
    assert type(reply) is list


REPLIES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=40)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.lists(REPLIES, max_size=5), st.data())
def test_replies_come_whole_however_they_arrive(replies: list[Any], data: st.DataObject) -> None:
    """Cut anywhere, replies come out in order, each exactly once, none before it is complete."""
    stream = b"".join(encode(reply) for reply in replies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder = Decoder()
    found: list[Reply] = []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        decoder.feed(stream[start:stop])
        while (reply := decoder.gets()) is not MORE:
            found.append(reply)
    assert found == replies


def test_text_that_does_not_decode_spoils_its_own_reply_only() -> None:
    """Replies before and after a bad text are as they were; the error says that it was run."""
    before, bad, after = decoded(b"+a\r\n$2\r\n\xff\xfe\r\n+b\r\n", "utf-8")
    assert (before, after) == ("a", "b")
    assert isinstance(bad, ReplyDecodeError)
    assert "the command was run" in str(bad)
    assert "decode_responses=False" in str(bad)
    assert isinstance(bad.__cause__, UnicodeDecodeError)


def test_bad_text_in_a_push_spoils_the_push_only() -> None:
    """A push that cannot be read is still no reply."""
    decoder = Decoder("utf-8")
    decoder.feed(b">2\r\n+invalidate\r\n$1\r\n\xff\r\n+mine\r\n")
    assert type(decoder.next_reply()) is Push
    assert not UNDECODABLE
    assert decoder.next_reply() == "mine"


def test_two_streams_of_one_thread_do_not_mix() -> None:
    """Bad text in the half of one reply does not affect the next stream."""
    one, two = Decoder("utf-8"), Decoder("utf-8")
    one.feed(b"*2\r\n$1\r\n\xff\r\n")
    assert one.next_reply() is MORE
    two.feed(b"+good\r\n")
    assert two.next_reply() == "good"
    one.feed(b":7\r\n")
    assert isinstance(one.next_reply(), ReplyDecodeError)
    assert not UNDECODABLE


def test_bad_text_inside_an_array_spoils_the_array_only() -> None:
    """The reply that holds it is consumed to its end."""
    bad, after = decoded(b"*3\r\n+a\r\n$1\r\n\xff\r\n:7\r\n+b\r\n", "utf-8")
    assert isinstance(bad, ReplyDecodeError)
    assert after == "b"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "shift_jis", "utf-16"])
def test_bad_text_in_one_element(encoding: str) -> None:
    """By element, one that does not decode is an error, nested too; the others are values."""
    good = "ab".encode(encoding)
    bad = b"\x81" if encoding != "latin-1" else good
    texts = [b"$%d\r\n%b\r\n" % (len(each), each) for each in (good, bad)]
    data = b"*6\r\n:1\r\n" + texts[1] + texts[0] + b"*2\r\n:2\r\n" + texts[1]
    data += b"-ERR no\r\n" + b"%1\r\n" + texts[0] + texts[0]
    for cut in range(len(data)):
        decoder = Decoder(encoding)
        decoder.feed(data[:cut])
        reply = decoder.checked(decoder.gets(), by_element=True)
        assert reply is MORE
        decoder.feed(data[cut:] + b"+after\r\n")
        reply = decoder.checked(decoder.gets(), by_element=True)
        assert isinstance(reply, list)
        number, spoiled, text, nested, error, pairs = reply
        assert (number, text, pairs) == (1, "ab", {"ab": "ab"})
        assert isinstance(error, ResponseError)
        for each in (spoiled, nested):
            assert isinstance(each, ReplyDecodeError) == (encoding != "latin-1")
        assert not UNDECODABLE


@pytest.mark.parametrize("cut", range(1, 26))
def test_bad_text_in_pieces(cut: int) -> None:
    """The position of a cut in the bytes of a bad text makes no difference."""
    data = b"*2\r\n$2\r\n\xff\xfe\r\n:7\r\n+after\r\n"
    decoder = Decoder("utf-8")
    found: list[object] = []
    for piece in (data[:cut], data[cut:]):
        decoder.feed(piece)
        while (reply := decoder.next_reply()) is not MORE:
            found.append(reply)
    assert isinstance(found[0], ReplyDecodeError)
    assert found[1:] == ["after"]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x15\x03\x03\x00\x02\x02",
        b"?\r\n",
        b"$abc\r\n",
        b"$-2\r\n",
        b"*-2\r\n",
        b":x\r\n",
        b"#x\r\n",
        b",x\r\n",
        b"$1\r\nabc\r\n",
        b"%1\r\n*0\r\n:1\r\n",
        b"%1\r\n%0\r\n:1\r\n",
    ],
)
def test_anything_else_is_the_end_of_the_stream(data: bytes) -> None:
    """After a bad type byte, a bad length, or a bad map key the stream cannot be read on."""
    with pytest.raises(ProtocolError, match="does not speak the Redis protocol"):
        decoded(data)


def test_a_streamed_string_is_the_end_of_the_stream() -> None:
    """RESP3 allows one, but hiredis does not read it, and no server sends it."""
    with pytest.raises(ProtocolError):
        decoded(b"$?\r\n;4\r\nabcd\r\n;0\r\n")


def test_an_attribute_is_taken_for_a_reply() -> None:
    """The trap: hiredis gives an attribute as if it were a reply, so there is one too many.

    No server sends one unasked; if hiredis learns to read it, this test fails.
    """
    assert decoded(b"|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n") == [[b"ttl", 3600], b"v"]


@pytest.mark.parametrize("server", ["valkey", "redis8"])
def test_the_trap_on_a_real_server(server: str, request: pytest.FixtureRequest) -> None:
    """`DEBUG PROTOCOL ATTRIB` is how to make a server send an attribute: two replies for one."""
    real: Server = request.getfixturevalue(server)
    assert real.unix_socket_path is not None
    decoder = Decoder()
    replies: list[Any] = []
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(10)
        plain.connect(real.unix_socket_path)
        plain.sendall(b"HELLO 3\r\nDEBUG PROTOCOL ATTRIB\r\nECHO last\r\n")
        while not replies or replies[-1] != b"last":
            decoder.feed(plain.recv(65536))
            while (reply := decoder.gets()) is not MORE:
                replies.append(reply)
    _, attribute, text, last = replies
    assert attribute == [b"key-popularity", [b"key:123", 90]]
    assert text == b"Some real reply following the attribute"
    assert last == b"last"


def test_decoding_afterwards() -> None:
    """A reply that was read as bytes is given as text, keys and items too, bad text as an error."""
    decode = text_decoder("utf-8")
    assert decode([b"a", 1, None, {b"k": [b"\xc3\xa9"]}, True]) == [
        "a",
        1,
        None,
        {"k": ["é"]},
        True,
    ]
    assert isinstance(decode(b"\xff"), ReplyDecodeError)
    assert isinstance(decode([b"a", {b"k": b"\xff"}]), ReplyDecodeError)  # one reply, one error


def test_an_error_is_not_decoded() -> None:
    """An error reply stays what it is."""
    error = ResponseError("ERR no")
    assert text_decoder("utf-8")(error) is error


def test_more_says_what_it_is() -> None:
    """The stand-in for a reply that has not arrived shows its name."""
    assert repr(MORE) == "MORE"
    assert isinstance(hiredis.PushNotification, type)


def test_errors_may_be_read_in_another_way() -> None:
    """`read_error` makes the values for error replies, nested ones too."""
    decoder = Decoder(read_error=lambda message: WrongTypeError(message.lower()))
    decoder.feed(b"-ERR A\r\n*1\r\n-ERR B\r\n")
    assert str(decoder.next_reply()) == "err a"
    nested = decoder.next_reply()
    assert isinstance(nested, list)
    assert isinstance(nested[0], WrongTypeError)


# -- pushes as bytes ----------------------------------------------------------------------------

ENCODINGS = ["utf-8", "ascii", "latin-1", "cp1252", "koi8-r", "shift_jis", "utf-16", "utf-7", "hz"]

BYTES = bytes(range(256)) + "ü€\ud800".encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_bytes_of_a_push(encoding: str) -> None:
    """Whatever the encoding is and wherever the push is cut, they are had back as they were sent."""
    data = b">3\r\n+message\r\n*1\r\n%%1\r\n$1\r\n\xff\r\n:1\r\n$%d\r\n%b\r\n" % (len(BYTES), BYTES)
    reply = "yes".encode(encoding)
    after = b"$%d\r\n%b\r\n" % (len(reply), reply)
    for cut in (0, 12, 30, 60, 200, len(data)):
        decoder = Decoder(encoding)
        decoder.feed(data[:cut])
        push = decoder.next_reply()
        decoder.feed(data[cut:] + after)
        push = decoder.next_reply() if push is MORE else push
        assert type(push) is Push
        assert decoder.raw(push) == [b"message", [{b"\xff": 1}], BYTES]
        assert decoder.next_reply() == "yes"
    assert not UNDECODABLE


@pytest.mark.parametrize("encoding", ["shift_jis", "utf-16"])
def test_replies_in_encodings_from_which_bytes_cannot_be_had_back(encoding: str) -> None:
    """They are read as text all the same, nested ones too; what is none spoils its own reply."""
    text = "字"
    data = text.encode(encoding)
    string = b"$%d\r\n%b\r\n" % (len(data), data)
    decoder = Decoder(encoding)
    decoder.feed(string + b"*2\r\n" + string + b"%1\r\n" + string + b":1\r\n" + b"$1\r\n\x81\r\n")
    assert decoder.next_reply() == text
    assert decoder.next_reply() == [text, {text: 1}]
    assert isinstance(decoder.next_reply(), ReplyDecodeError)
    decoder.feed(string)
    assert decoder.gets(False) == data
    assert decoder.next_reply() is MORE


# -- the lines of MONITOR -----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", [None, "utf-8", "utf-16"])
def test_lines_of_monitor_become_pushes(encoding: str | None) -> None:
    """From then on a simple string that looks like one is a push of bytes; replies stay replies."""
    decoder = Decoder(encoding)
    decoder.push_monitor_lines()
    decoder.feed(b'+OK\r\n+1.25 [0 lua] "get" "\\xff"\r\n$4\r\nPONG\r\n-ERR no\r\n:1\r\n+1.25 [0')
    found = [decoder.gets() for _ in range(6)]
    assert found[0] == b"OK"
    assert type(found[1]) is Push
    assert decoder.raw(found[1]) == [b"monitor", b'1.25 [0 lua] "get" "\\xff"']
    assert found[2] == b"PONG"
    assert isinstance(found[3], ResponseError)
    assert found[4] == 1
    assert found[5] is MORE


@pytest.mark.parametrize("text", [b"OK", b"PONG", b"RESET", b"12.5", b"12 [0", b"a.b [0 lua]", b""])
def test_other_simple_strings_are_replies(text: bytes) -> None:
    """What does not begin as a line of MONITOR answers a request."""
    decoder = Decoder()
    decoder.push_monitor_lines()
    decoder.feed(b"+%b\r\n" % text)
    assert decoder.gets() == text


def test_pushes_stay_pushes_on_a_monitor() -> None:
    """Those of RESP3 itself are handed over as they are."""
    decoder = Decoder("utf-8")
    decoder.push_monitor_lines()
    decoder.feed(b">2\r\n$10\r\ninvalidate\r\n_\r\n")
    push = decoder.gets()
    assert type(push) is Push
    assert decoder.raw(push) == [b"invalidate", None]


@pytest.mark.parametrize("text", [b"a", "a"])
def test_the_types_in_a_list(text: Any) -> None:
    """Each type once, whether all are texts, almost all, or none."""
    kind = bytes if isinstance(text, bytes) else str
    empty = kind()
    assert types_in([]) == set()
    assert types_in([text, empty, text]) == {kind}
    for other in (None, 1, True, [text], Push([text]), b"a" if kind is str else "a"):
        for place in range(4):
            mixed = [empty, text, empty]
            mixed.insert(place, other)
            assert types_in(mixed) == {kind, type(other)}
