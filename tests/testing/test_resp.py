"""Tests of `anyredis.testing.resp`: replies as a server writes them."""

from __future__ import annotations

import pytest

from anyredis.exceptions import from_server
from anyredis.testing.resp import NOTHING, Answer, Pairs, Raw, encode, encode_push


@pytest.mark.parametrize(
    ("answer", "resp3", "resp2"),
    [
        ("OK", b"+OK\r\n", None),
        (b"a\r\nb", b"$4\r\na\r\nb\r\n", None),
        (7, b":7\r\n", None),
        (None, b"_\r\n", b"$-1\r\n"),
        (True, b"#t\r\n", b":1\r\n"),
        (False, b"#f\r\n", b":0\r\n"),
        (3.0, b",3\r\n", b"$1\r\n3\r\n"),
        (float("-inf"), b",-inf\r\n", b"$4\r\n-inf\r\n"),
        (frozenset({b"a"}), b"~1\r\n$1\r\na\r\n", b"*1\r\n$1\r\na\r\n"),
        (
            Pairs([(b"a", 1.0)]),
            b"*1\r\n*2\r\n$1\r\na\r\n,1\r\n",
            b"*2\r\n$1\r\na\r\n$1\r\n1\r\n",
        ),
        (1.5, b",1.5\r\n", b"$3\r\n1.5\r\n"),
        ([1, [None]], b"*2\r\n:1\r\n*1\r\n_\r\n", b"*2\r\n:1\r\n*1\r\n$-1\r\n"),
        ({b"a": 1}, b"%1\r\n$1\r\na\r\n:1\r\n", b"*2\r\n$1\r\na\r\n:1\r\n"),
        (from_server("WRONGTYPE no"), b"-WRONGTYPE no\r\n", None),
        (Raw(b"any\0thing"), b"any\0thing", None),
        (NOTHING, b"", None),
    ],
)
def test_answers(answer: Answer, resp3: bytes, resp2: bytes | None) -> None:
    """Each Python value has its bytes in both protocols."""
    assert encode(answer) == resp3
    assert encode(answer, 2) == (resp3 if resp2 is None else resp2)


def test_a_push() -> None:
    """A push is RESP3's own."""
    assert encode_push(["invalidate", [b"k"]]) == b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n"


def test_nothing_says_what_it_is() -> None:
    """It shows its name."""
    assert repr(NOTHING) == "NOTHING"
