"""Tests of `anyredis.wire.encode`: the values that can be sent, and their bytes."""

from __future__ import annotations

import enum
import math
from typing import Any

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.wire.encode import NotSendable, encode, encoder, name_of, ready, refusal


class Text(str):
    """Text of another class, which shows itself differently."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not what it holds"


class Number(enum.IntEnum):
    """An int of another class."""

    ONE = 1


class Word(enum.StrEnum):
    """Text of another class."""

    HELLO = "hello"


class Real(float):
    """A float of another class."""


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (b"a\r\n\0", b"a\r\n\0"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (memoryview(b"abcd")[::2], b"ac"),
        ("héllo", "héllo".encode()),
        ("", b""),
        (0, b"0"),
        (-(2**70), str(-(2**70)).encode()),
        (1.5, b"1.5"),
        (1e300, b"1e+300"),
        (math.inf, b"inf"),
        (Text("held"), b"held"),
        (Number.ONE, b"1"),
        (Word.HELLO, b"hello"),
        (Real(2.5), b"2.5"),
    ],
)
def test_what_can_be_sent(value: Any, sent: bytes) -> None:
    """Bytes, text and numbers are sent as their content, subclasses as their base."""
    packed = encoder()(ready((b"ECHO", value)))
    assert packed == b"*2\r\n$4\r\nECHO\r\n$%d\r\n%b\r\n" % (len(sent), sent)


@pytest.mark.parametrize("value", [None, True, False, [1], (1,), {"a": 1}, {1}, object(), 1j])
def test_what_cannot_be_sent(value: Any) -> None:
    """A bool, None or anything else is refused, with the very value."""
    with pytest.raises(NotSendable) as caught:
        ready((b"SET", b"k", value))
    assert caught.value.value is value


def test_arguments_that_are_ready_are_not_copied() -> None:
    """The usual arguments are not touched."""
    args = (b"SET", "k", 1, 1.5)
    assert ready(args) is args


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(), st.text(), st.integers(), st.floats()), min_size=1))
def test_packing_is_what_servers_read(args: list[Any]) -> None:
    """A packed command reads back as an array of as many bulk strings."""
    try:
        packed = encoder()(ready(tuple(args)))
    except UnicodeEncodeError:
        return  # a lone surrogate is no text
    reader = hiredis.Reader()
    reader.feed(packed)
    words = reader.gets()
    assert reader.gets() is False
    assert len(words) == len(args)
    for word, arg in zip(words, args, strict=True):
        if isinstance(arg, bytes):
            assert word == arg
        elif isinstance(arg, float):
            assert float(word) == arg or math.isnan(arg)
        else:
            assert word == str(arg).encode()


def test_another_encoding() -> None:
    """Text is packed in the client's encoding, bytes as they are."""
    assert encoder("latin-1")((b"ECHO", "é", 1)) == b"*3\r\n$4\r\nECHO\r\n$1\r\n\xe9\r\n$1\r\n1\r\n"


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "utf_8"])
def test_utf_8_by_any_name(name: str) -> None:
    """The usual encoding takes the short way, however it is spelled."""
    assert encoder(name) is encoder()


def test_an_unknown_encoding() -> None:
    """An encoding that Python does not know is an error at once."""
    with pytest.raises(LookupError, match="klingon"):
        encoder("klingon")


@pytest.mark.parametrize(("encoding", "text"), [("utf-8", "\ud800"), ("latin-1", "€")])
def test_text_that_the_encoding_cannot_express(encoding: str, text: str) -> None:
    """The caller's error names command and encoding, not the text, which may be secret (G15)."""
    args = (b"SET", b"k", f"hunter2{text}")
    with pytest.raises(DataValueError) as caught:
        encode(encoder(encoding), args)
    assert str(caught.value).startswith("SET: an argument has characters that")
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value.__cause__, UnicodeEncodeError)


def test_one_argument_of_a_command() -> None:
    """The error for a part of a command names the whole."""
    with pytest.raises(DataValueError, match=r"^SET: an argument has characters that"):
        encode(encoder(), ("\ud800",), (b"SET", "k", "\ud800"))
    with pytest.raises(DataTypeError, match=r"^SET: "):
        encode(encoder(), (object(),), (b"SET", "k", "v"))  # type: ignore[arg-type]


def test_what_can_be_encoded() -> None:
    """The bytes are those of the encoder itself."""
    assert encode(encoder("latin-1"), (b"SET", "é", 1)) == encoder("latin-1")((b"SET", "é", 1))


def test_a_refusal_tells_what_to_do() -> None:
    """The caller's error names command, argument, value and type."""
    error = refusal("SET", "value", True)
    assert isinstance(error, DataTypeError)
    assert str(error).startswith("SET: value is True (bool);")
    assert "leave it out" in str(refusal("SET", "value", None))
    assert len(str(refusal("SET", "value", ["x" * 1000]))) < 250


@pytest.mark.parametrize(
    ("args", "name"),
    [((b"GET", b"k"), "GET"), (("get", b"k"), "get"), ((), "?"), ((b"\xff",), "�")],
)
def test_names_for_messages(args: tuple[Any, ...], name: str) -> None:
    """A command is called by its name alone: its arguments may be secrets."""
    assert name_of(args) == name
