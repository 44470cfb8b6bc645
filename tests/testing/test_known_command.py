"""Tests of `anyredis.testing.known_command`: arguments, patterns and refusals."""

from __future__ import annotations

import pytest

from anyredis.exceptions import ResponseError
from anyredis.testing.known_command import exactly, matcher, real, whole
from tests.testing.speaking import last


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        (b"user:*", [b"user:", b"user:1:name", b"user:\n"], [b"auser:1", b"user"]),
        (b"h?llo", [b"hello", b"h\nllo"], [b"hllo"]),
        (b"h[a-c^]", [b"ha", b"hc", b"h^"], [b"hd", b"h-"]),
        (b"h[^a]", [b"hb"], [b"ha", b"h"]),
        (b"h[c-a]", [b"hb"], [b"hd"]),
        (b"\\*\\[x\\]", [b"*[x]"], [b"a[x]"]),
        (b"[\\]]", [b"]"], [b"\\"]),
        (b"[]", [], [b"", b"[", b"]"]),
        (b"a.b", [b"a.b"], [b"axb"]),
    ],
)
def test_patterns(pattern: bytes, matched: list[bytes], others: list[bytes]) -> None:
    """They mean what they mean in KEYS, whatever they mean in Python."""
    matches = matcher(pattern)
    assert [key for key in (*matched, *others) if matches(key)] == matched


@pytest.mark.parametrize("word", [b"", b"+1", b" 1", b"01", b"1_0", b"-0", b"1.0", b"1" * 20])
def test_no_whole_number(word: bytes) -> None:
    """What Python's int reads and the server does not is refused."""
    with pytest.raises(ResponseError, match="not an integer or out of range"):
        whole(word)


@pytest.mark.parametrize("word", [b"", b"nan", b" 1", b"1_0", b"x"])
def test_no_number(word: bytes) -> None:
    """What Python's float reads and the server does not is refused."""
    with pytest.raises(ResponseError, match="not a valid float"):
        real(word)


def test_the_number_of_arguments() -> None:
    """It is checked before a command is run."""
    known = exactly(2, lambda _d, _w: None)
    assert [known.refusal(b"C", (b"x",) * count) is None for count in (1, 2, 3)] == [
        *(False, True, False)
    ]
    assert last("GET a b") == "-ERR wrong number of arguments for 'get' command"


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        *[("SET k v IFEQ w", "SET IFEQ"), ("GETEX k AGES 1", "GETEX AGES")],
        *[("EXPIRE k 10 SOON", "EXPIRE SOON"), ("COPY a b DB 1", "COPY DB")],
        *[("SCAN 0 SLOT 1", "SCAN SLOT"), ("LPOS l v NONE 1", "LPOS NONE")],
        *[("ZRANGE z 0 1 NEW", "ZRANGE NEW"), ("ZUNION 1 z NEW", "ZUNION NEW")],
        *[("ZRANK z m NEW", "ZRANK NEW"), ("SINTERCARD 1 s NEW 1", "SINTERCARD NEW")],
    ],
)
def test_an_option_that_the_fake_does_not_know(line: str, unknown: str) -> None:
    """It is named, with the two ways on, and nothing is done."""
    wanted = f"-ERR syntax error: the fake does not know {unknown}: script it with server.on("
    assert str(last(line)).startswith(wanted)
    assert "anyredis_server" in str(last(line))
