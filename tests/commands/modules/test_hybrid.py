"""Tests of `anyredis.commands.modules.hybrid`: the words of its parts, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.search import Combine, VectorQuery, geoshape
from tests.commands.tables import unchecked

WORDS: list[tuple[VectorQuery | Combine, str]] = [
    (VectorQuery("@v", b"x"), "VSIM @v $vector"),
    (VectorQuery("v", b"x", k=3), "VSIM @v $vector KNN 2 K 3"),
    (VectorQuery("v", b"x", radius=0.5, epsilon=0.1), "VSIM @v $vector RANGE 4 RADIUS 0.5 EPSILON 0.1"),
    (VectorQuery("v", b"x", filter="@a:x"), "VSIM @v $vector FILTER @a:x"),
    (Combine.rrf(), "COMBINE RRF 0"),
    (Combine.rrf(constant=60, window=20, score_as="s"),
     "COMBINE RRF 6 CONSTANT 60 WINDOW 20 YIELD_SCORE_AS s"),
    (Combine.linear(1, 0.5), "COMBINE LINEAR 4 ALPHA 1 BETA 0.5"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "words"), WORDS)
def test_words(part: VectorQuery | Combine, words: str) -> None:
    """A part becomes these words."""
    sent = (each.decode() if isinstance(each, bytes) else str(each) for each in part.words)
    assert " ".join(sent) == words


def test_parameters() -> None:
    """The vector and what the filter has are parameters."""
    part = VectorQuery("v", [1, 1], filter=geoshape("a", "WITHIN", "POINT(1 1)"), param="q")
    assert part.params == (("q", b"\0\0\x80?\0\0\x80?"), ("shape", "POINT(1 1)"))


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "k and radius exclude each other", lambda: VectorQuery("v", b"x", k=1, radius=1)),
    (DataValueError, "ef_runtime goes with k", lambda: VectorQuery("v", b"x", ef_runtime=1)),
    (DataValueError, "epsilon with radius", lambda: VectorQuery("v", b"x", k=1, epsilon=1)),
    (DataValueError, "VectorQuery: k is -1", lambda: VectorQuery("v", b"x", k=-1)),
    (DataTypeError, "VectorQuery: radius is 'x'", lambda: unchecked(VectorQuery)("v", b"x", radius="x")),
    (DataValueError, "VectorQuery: param is '$q'", lambda: VectorQuery("v", b"x", param="$q")),
    (DataValueError, "filter has a parameter $shape",
     lambda: VectorQuery("v", b"x", filter=geoshape("a", "WITHIN", "P"), param="shape")),
    (DataTypeError, "write Combine.rrf(", Combine),
    (DataTypeError, "alpha is 'x'", lambda: unchecked(Combine.linear)("x", 1)),
    (DataValueError, "window is -1", lambda: Combine.rrf(window=-1)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad part is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
