"""Commands on indexes as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from anyredis.command import Command
from anyredis.commands.modules.ft import BlueprintSearch
from anyredis.commands.modules.search_fields import NumericField, TagField, TextField
from anyredis.commands.modules.search_vector_fields import FLAT, VectorField
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.tables import parsed, resp2, resp3, unchecked, words

text: BlueprintSearch[str] = TextPlan().ft
binary: BlueprintSearch[bytes] = BytesPlan().ft

TITLE = TextField("title", weight=2)
VECTOR = VectorField("$.v", FLAT(dim=2, distance_metric="L2"), as_name="v")

SENT: list[tuple[str, Command[object]]] = [
    ("FT.CREATE i SCHEMA title TEXT WEIGHT 2", text.create("i", TITLE)),
    ("FT.CREATE i SCHEMA title TEXT WEIGHT 2", text.create("i", [TITLE])),
    (
        ("FT.CREATE i ON JSON PREFIX 1 d: SCHEMA title TEXT WEIGHT 2 "
        "$.v AS v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 n NUMERIC"),
        text.create("i", (TITLE, VECTOR, NumericField("n")), on="JSON", prefix="d:"),
    ),
    (
        ("FT.CREATE i ON HASH PREFIX 2 a: b: FILTER @n>0 LANGUAGE german LANGUAGE_FIELD l SCORE 0.5 "
        "SCORE_FIELD s PAYLOAD_FIELD p MAXTEXTFIELDS TEMPORARY 60 NOOFFSETS NOHL NOFIELDS NOFREQS "
        "STOPWORDS 2 the a SKIPINITIALSCAN INDEXALL ENABLE SCHEMA g TAG"),
        text.create(
            "i",
            TagField("g"),
            on="HASH",
            prefix=["a:", "b:"],
            filter="@n>0",
            language="german",
            language_field="l",
            score=0.5,
            score_field="s",
            payload_field="p",
            maxtextfields=True,
            temporary=timedelta(minutes=1),
            nooffsets=True,
            nohl=True,
            nofields=True,
            nofreqs=True,
            stopwords=["the", "a"],
            skipinitialscan=True,
            indexall=True,
        ),
    ),
    ("FT.CREATE i SCORE 0 STOPWORDS 0 SCHEMA g TAG", text.create("i", TagField("g"), score=0, stopwords=[])),
    ("FT.CREATE i STOPWORDS 1 the SCHEMA g TAG", text.create("i", TagField("g"), stopwords="the")),
    (
        "FT.CREATE i SCHEMA a AS x TAG a AS y TEXT",
        text.create("i", [TagField("a", as_name="x"), TextField("a", as_name="y")]),
    ),
    ("FT.CREATE i ON HASH SCHEMA $.a TAG", text.create("i", TagField("$.a"), on="HASH")),
    ("FT.ALTER i SCHEMA ADD $.a TAG", text.alter("i", TagField("$.a"))),
    ("FT.ALTER i SCHEMA ADD g TAG", text.alter("i", TagField("g"))),
    (
        "FT.ALTER i SKIPINITIALSCAN SCHEMA ADD g TAG n NUMERIC",
        text.alter("i", [TagField("g"), NumericField("n")], skipinitialscan=True),
    ),
    ("FT.DROPINDEX i", text.dropindex("i")),
    ("FT.DROPINDEX i DD", text.dropindex("i", dd=True)),
    ("FT.INFO i", text.info("i")),
    ("FT._LIST", text.list()),
    ("FT.TAGVALS i g", text.tagvals("i", "g")),
    ("FT.ALIASADD a i", text.aliasadd("a", "i")),
    ("FT.ALIASDEL a", text.aliasdel("a")),
    ("FT.ALIASLIST i", text.aliaslist("i")),
    ("FT.ALIASUPDATE a i", text.aliasupdate("a", "i")),
    ("FT.CONFIG GET *", text.config_get("*")),
    ("FT.CONFIG SET TIMEOUT 100", text.config_set("TIMEOUT", 100)),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


OK: list[Command[object]] = [
    *(text.create("i", TITLE), text.alter("i", TITLE), text.dropindex("i")),
    *(text.aliasadd("a", "i"), text.aliasdel("a"), text.aliasupdate("a", "i")),
    text.config_set("TIMEOUT", 100),
]

READ: list[tuple[Command[object], bytes, object]] = [
    *((command, b"+OK\r\n", True) for command in OK),
    (text.list(), resp2(["a", "b"]), ["a", "b"]),
    (text.list(), b"~1\r\n$1\r\na\r\n", ["a"]),
    (text.list(), resp2([]), []),
    (text.tagvals("i", "g"), resp2(["a", "b"]), ["a", "b"]),
    (text.tagvals("i", "g"), b"~1\r\n$1\r\na\r\n", ["a"]),
    (text.aliaslist("i"), resp2(["a", "b"]), {"a", "b"}),
    (text.aliaslist("i"), b"~1\r\n$1\r\na\r\n", {"a"}),
    (text.config_get("*"), resp2([["TIMEOUT", "500"], ["EXTLOAD", None]]), {"TIMEOUT": "500", "EXTLOAD": None}),
    (text.config_get("*"), resp3({"TIMEOUT": "500", "EXTLOAD": None}), {"TIMEOUT": "500", "EXTLOAD": None}),
    (text.config_get("no"), resp2([]), {}),
    (text.config_get("no"), resp3({}), {}),
]  # fmt: skip


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_text_that_is_not_decoded() -> None:
    """Names are bytes on a client that does not decode; settings are str on each."""
    assert parsed(binary.list(), resp2(["a"]), None) == [b"a"]
    assert parsed(binary.tagvals("i", "g"), resp2(["a"]), None) == [b"a"]
    assert parsed(binary.aliaslist("i"), resp2(["a"]), None) == {b"a"}
    assert parsed(binary.config_get("*"), resp2([["A", "1"]]), None) == {"A": "1"}


ODD: list[tuple[Command[object], bytes]] = [
    *((command, b":1\r\n") for command in OK),
    (text.list(), b":1\r\n"),
    (text.tagvals("i", "g"), resp2([1])),
    (text.aliaslist("i"), resp2("a")),
    (text.config_get("*"), resp2([["A", 1]])),
    (text.config_get("*"), resp2(["A"])),
    (text.info("i"), resp2(["index_name"])),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


class TheirField:
    """A field of another library."""


create = unchecked(text.create)

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "FT.CREATE: fields is empty", lambda: text.create("i", [])),
    (DataTypeError, "FT.CREATE: fields is a builtins.str: give fields of", lambda: create("i", "title")),
    (DataTypeError, "FT.CREATE: fields is a builtins.dict", lambda: create("i", {"title": TITLE})),
    (DataTypeError, "FT.CREATE: fields is a builtins.set", lambda: create("i", {TITLE})),
    (DataTypeError, "FT.CREATE: fields is a builtins.list_iterator", lambda: create("i", iter([TITLE]))),
    (DataTypeError, "fields[1] is a tests.commands.modules.test_search_indexes.TheirField", lambda: create("i", [TITLE, TheirField()])),
    (DataValueError, "fields has 'title' twice: give as_name=", lambda: text.create("i", [TITLE, TITLE])),
    (DataValueError, "fields has b'v' twice", lambda: text.alter("i", [VECTOR, TagField(b"v")])),
    (DataValueError, "'$.v' is a JSON path: give on='JSON', or on='HASH'", lambda: text.create("i", VECTOR)),
    (DataValueError, "FT.CREATE: on is 'SET': give HASH or JSON", lambda: create("i", TITLE, on="SET")),
    (DataValueError, "FT.CREATE: prefix is empty", lambda: text.create("i", TITLE, prefix=[])),
    (DataValueError, "FT.CREATE: score is 2", lambda: text.create("i", TITLE, score=2)),
    (DataTypeError, "score is '1'", lambda: create("i", TITLE, score="1")),
    (DataValueError, "FT.CREATE: temporary is 0", lambda: text.create("i", TITLE, temporary=0)),
    (DataTypeError, "temporary is 1.5", lambda: create("i", TITLE, temporary=1.5)),
    (DataTypeError, "stopwords is a mapping", lambda: create("i", TITLE, stopwords={"a": 1})),
    (DataTypeError, "nohl is 'yes'", lambda: create("i", TITLE, nohl="yes")),
    (DataTypeError, "FT.ALTER: fields is a builtins.bytes", lambda: unchecked(text.alter)("i", b"t")),
    (DataTypeError, "write its options by name: on=, prefix=", lambda: create("i", TITLE, definition=1)),
    (DataTypeError, "create() takes 2 positional arguments, not 3", lambda: create("i", TITLE, ["the"])),
    (DataTypeError, "write nooffsets=True", lambda: create("i", TITLE, no_term_offsets=True)),
    (DataTypeError, "write nofields=True", lambda: create("i", TITLE, no_field_flags=True)),
    (DataTypeError, "write maxtextfields=True", lambda: create("i", TITLE, max_text_fields=True)),
    (DataTypeError, "write nohl=True", lambda: create("i", TITLE, no_highlight=True)),
    (DataTypeError, "write nofreqs=True", lambda: create("i", TITLE, no_term_frequencies=True)),
    (DataTypeError, "write skipinitialscan=True", lambda: create("i", TITLE, skip_initial_scan=True)),
    (DataTypeError, "FT.DROPINDEX: dd is 1", lambda: unchecked(text.dropindex)("i", dd=1)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
