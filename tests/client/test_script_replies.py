"""Readers by return annotations: the values that fit, and `ProtocolError` for all others."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from anyredis.client.script_replies import reading_of
from anyredis.exceptions import DataTypeError, ProtocolError, ReplyDecodeError
from anyredis.wire.decode import Reply

FITTING: list[tuple[object, Reply, object]] = [
    (Any, [1, b"a", None], [1, b"a", None]),
    (int, 7, 7),
    (float, 7, 7.0),
    (float, "0.5", 0.5),
    (float, b"0.5", 0.5),
    (float, 0.5, 0.5),
    (str, "a", "a"),
    (str, "é".encode(), "é"),
    (bytes, b"\xff", b"\xff"),
    (bool, 1, True),
    (bool, 0, False),
    (bool, None, False),
    (bool, True, True),
    (bool, False, False),
    (None, None, None),
    (int | None, None, None),
    (int | None, 7, 7),
    (list[int], [], []),
    (list[int], [1, 2], [1, 2]),
    (list[str | None], ["a", None, b"b"], ["a", None, "b"]),
    (list[list[int]], [[1], []], [[1], []]),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
    (dict[str, int], ["a", 1, "b", 2], {"a": 1, "b": 2}),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (dict[str, bytes] | None, [b"a", b"b"], {"a": b"b"}),
]


@pytest.mark.parametrize(("annotation", "reply", "value"), FITTING)
def test_values(annotation: object, reply: Reply, value: object) -> None:
    """A reply that fits becomes a value of exactly the type."""
    found = reading_of("f()", annotation).read(reply)
    assert found == value
    assert type(found) is type(value)


UNFIT: list[tuple[object, list[Reply]]] = [
    (int, ["7", 1.5, None, True, [7]]),
    (float, ["x", None, []]),
    (str, [7, None, ["a"]]),
    (bytes, ["a", 7, None]),
    (bool, [2, "1", []]),
    (None, ["OK", 0, []]),
    (list[int], [["1"], None, 7]),
    (tuple[int, str], [[1], [1, 2], [1, "a", "b"], None]),
    (tuple[int, ...], [["a"], None]),
    (dict[str, int], [["a"], ["a", "b"], 7]),
    (int | None, ["7"]),
]


@pytest.mark.parametrize(("annotation", "replies"), UNFIT)
def test_other_replies(annotation: object, replies: list[Reply]) -> None:
    """Any other reply is a `ProtocolError`."""
    read = reading_of("f()", annotation).read
    for reply in replies:
        with pytest.raises(ProtocolError):
            read(reply)


def test_text_that_is_none() -> None:
    """Bytes that are no UTF-8 are an error that says what to annotate."""
    with pytest.raises(ReplyDecodeError, match="annotate it with bytes"):
        reading_of("f()", str).read(b"\xff")


@pytest.mark.parametrize(
    "annotation", [bytes, list[bytes], bytes | None, tuple[int, bytes], dict[str, bytes]]
)
def test_bytes_stay_bytes(annotation: object) -> None:
    """With bytes anywhere in it, the reply is not decoded."""
    assert reading_of("f()", annotation).binary
    assert not reading_of("f()", list[str]).binary


@pytest.mark.parametrize(
    "annotation", [set[int], int | str, object, complex, TypeVar("T"), list, tuple, dict, "int"]
)
def test_annotations_that_are_refused(annotation: object) -> None:
    """A type that no reply has, or that says too little, is refused in words that name the others."""
    with pytest.raises(DataTypeError, match=r"^f\(\) returns .*: give int, float, str"):
        reading_of("f()", annotation)
