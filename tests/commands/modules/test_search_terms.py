"""Commands on words as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Command
from anyredis.commands.modules.ft import BlueprintSearch
from anyredis.commands.modules.search_terms import Suggestion
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.tables import parsed, resp2, resp3, unchecked, words

text: BlueprintSearch[str] = TextPlan().ft
binary: BlueprintSearch[bytes] = BytesPlan().ft

SENT: list[tuple[str, Command[object]]] = [
    ("FT.DICTADD d a", text.dictadd("d", "a")),
    ("FT.DICTADD d a b", text.dictadd("d", ["a", "b"])),
    ("FT.DICTDEL d a b", text.dictdel("d", "a", "b")),
    ("FT.DICTDUMP d", text.dictdump("d")),
    ("FT.SPELLCHECK i hallo", text.spellcheck("i", "hallo")),
    (
        "FT.SPELLCHECK i hallo DISTANCE 2 TERMS INCLUDE d TERMS INCLUDE e TERMS EXCLUDE f DIALECT 2",
        text.spellcheck("i", "hallo", distance=2, include=["d", "e"], exclude="f", dialect=2),
    ),
    ("FT.SYNDUMP i", text.syndump("i")),
    ("FT.SYNUPDATE i g a b", text.synupdate("i", "g", "a", "b")),
    ("FT.SYNUPDATE i g SKIPINITIALSCAN a", text.synupdate("i", "g", ["a"], skipinitialscan=True)),
    ("FT.SUGADD k hello 1.5", text.sugadd("k", "hello", 1.5)),
    (
        "FT.SUGADD k hello 1 INCR PAYLOAD p",
        text.sugadd("k", "hello", 1, incr=True, payload="p"),
    ),
    ("FT.SUGDEL k hello", text.sugdel("k", "hello")),
    ("FT.SUGGET k he MAX 10", text.sugget("k", "he")),
    ("FT.SUGGET k he FUZZY MAX 2", text.sugget("k", "he", fuzzy=True, max=2)),
    ("FT.SUGGET k he FUZZY WITHSCORES MAX 2", text.sugget_with_scores("k", "he", fuzzy=True, max=2)),
    ("FT.SUGGET k he WITHSCORES MAX 10", text.sugget_with_scores("k", "he")),
    (
        "FT.SUGGET k he FUZZY WITHSCORES WITHPAYLOADS MAX 2",
        text.sugget_with_payloads("k", "he", fuzzy=True, max=2),
    ),
    ("FT.SUGGET k he WITHSCORES WITHPAYLOADS MAX 10", text.sugget_with_payloads("k", "he")),
    ("FT.SUGLEN k", text.suglen("k")),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


NONE: list[object] = []
SPELLED = {"hallo": [("hello", 0.5), ("hall", 0.0)], "zz": []}

READ: list[tuple[Command[object], bytes, object]] = [
    (text.dictadd("d", "a"), b":1\r\n", 1),
    (text.dictdel("d", "a"), b":0\r\n", 0),
    (text.dictdump("d"), resp2(["a", "b"]), ["a", "b"]),
    (text.dictdump("d"), b"~1\r\n$1\r\na\r\n", ["a"]),
    (
        text.spellcheck("i", "q"),
        resp2([["TERM", "hallo", [["0.5", "hello"], ["0", "hall"]]], ["TERM", "zz", NONE]]),
        SPELLED,
    ),
    (
        text.spellcheck("i", "q"),
        resp3({"results": {"hallo": [{"hello": 0.5}, {"hall": 0.0}], "zz": []}}),
        SPELLED,
    ),
    (text.spellcheck("i", "q"), resp2([]), {}),
    (text.spellcheck("i", "q"), resp3({"results": {}}), {}),
    (text.syndump("i"), resp2({"a": ["g", "h"], "b": ["g"]}), {"a": ["g", "h"], "b": ["g"]}),
    (text.syndump("i"), resp3({"a": ["g", "h"], "b": ["g"]}), {"a": ["g", "h"], "b": ["g"]}),
    (text.syndump("i"), resp2([]), {}),
    (text.synupdate("i", "g", "a"), b"+OK\r\n", True),
    (text.sugadd("k", "a", 1), b":3\r\n", 3),
    (text.sugdel("k", "a"), b":1\r\n", True),
    (text.sugdel("k", "a"), b":0\r\n", False),
    (text.suglen("k"), b":3\r\n", 3),
    (text.sugget("k", "a"), resp2(["a", "b"]), ["a", "b"]),
    (text.sugget("k", "a"), resp2(None), []),
    (text.sugget("k", "a"), resp3(None), []),
    (text.sugget_with_scores("k", "a"), resp2(["a", 0.75, "b", 0.5]), [("a", 0.75), ("b", 0.5)]),
    (text.sugget_with_scores("k", "a"), resp3(["a", 0.75, "b", 0.5]), [("a", 0.75), ("b", 0.5)]),
    (text.sugget_with_scores("k", "a"), resp3(None), []),
    (
        text.sugget_with_payloads("k", "a"),
        resp2(["a", 0.75, "p", "b", 0.5, None]),
        [Suggestion("a", 0.75, "p"), Suggestion("b", 0.5, None)],
    ),
    (
        text.sugget_with_payloads("k", "a"),
        resp3(["a", 0.75, "p", "b", 0.5, None]),
        [Suggestion("a", 0.75, "p"), Suggestion("b", 0.5, None)],
    ),
    (text.sugget_with_payloads("k", "a"), resp2(None), []),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_text_that_is_not_decoded() -> None:
    """All words are bytes on a client that does not decode."""
    spelled = resp3({"results": {"hallo": [{"hello": 0.5}]}})
    assert parsed(binary.spellcheck("i", "q"), spelled, None) == {b"hallo": [(b"hello", 0.5)]}
    spelled = resp2([["TERM", "hallo", [["0.5", "hello"]]]])
    assert parsed(binary.spellcheck("i", "q"), spelled, None) == {b"hallo": [(b"hello", 0.5)]}
    assert parsed(binary.syndump("i"), resp2({"a": ["g"]}), None) == {b"a": [b"g"]}
    suggested = resp2(["a", 0.5, "p"])
    assert parsed(binary.sugget_with_payloads("k", "a"), suggested, None) == [
        Suggestion(b"a", 0.5, b"p")
    ]


ODD: list[tuple[Command[object], bytes]] = [
    (text.dictadd("d", "a"), b"+OK\r\n"),
    (text.dictdump("d"), b":1\r\n"),
    (text.spellcheck("i", "q"), resp2([["WORD", "hallo", NONE]])),
    (text.spellcheck("i", "q"), resp2([["TERM", "hallo"]])),
    (text.spellcheck("i", "q"), resp3({"found": {}})),
    (text.spellcheck("i", "q"), resp3({"results": {"hallo": 1}})),
    (text.syndump("i"), resp2(["a"])),
    (text.synupdate("i", "g", "a"), b":1\r\n"),
    (text.sugdel("k", "a"), b":2\r\n"),
    (text.sugget("k", "a"), b":1\r\n"),
    (text.sugget_with_scores("k", "a"), resp2(["a"])),
    (text.sugget_with_payloads("k", "a"), resp2(["a", "1"])),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "FT.DICTADD: terms is empty", lambda: text.dictadd("d")),
    (DataValueError, "FT.DICTDEL: terms is empty", lambda: text.dictdel("d", [])),
    (DataValueError, "FT.SYNUPDATE: terms is empty", lambda: text.synupdate("i", "g")),
    (DataTypeError, "FT.DICTADD: terms is a mapping", lambda: unchecked(text.dictadd)("d", {"a": 1})),
    (DataValueError, "distance is 5: give 1 to 4", lambda: text.spellcheck("i", "q", distance=5)),
    (DataTypeError, "distance is 1.5", lambda: unchecked(text.spellcheck)("i", "q", distance=1.5)),
    (DataValueError, "include is empty", lambda: text.spellcheck("i", "q", include=[])),
    (DataTypeError, "include[0] is 1", lambda: unchecked(text.spellcheck)("i", "q", include=[1])),
    (DataValueError, "max is -1", lambda: text.sugget("k", "a", max=-1)),
    (DataTypeError, "score is '1'", lambda: unchecked(text.sugadd)("k", "a", "1")),
    (DataTypeError, "FT.SYNUPDATE", lambda: unchecked(text.synupdate)("i", "g", False, "a")),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
