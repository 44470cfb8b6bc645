"""Tests of `anyredis.commands.modules.document_types`: documents as values of a user's type."""

from __future__ import annotations

import dataclasses
import importlib
import json
from typing import Any, NamedTuple, TypedDict

import msgspec
import pydantic
import pytest

from anyredis.commands.modules.document_types import DocumentType, converter
from anyredis.commands.modules.json_codecs import msgspec_codec
from anyredis.exceptions import DataTypeError, ReplyDecodeError
from anyredis.json_codec import JsonCodec
from tests.commands.tables import unchecked


class LampStruct(msgspec.Struct):
    """A type of msgspec."""

    name: str
    price: float


class LampModel(pydantic.BaseModel):
    """A model of pydantic."""

    name: str
    price: float


@dataclasses.dataclass
class LampData:
    """A dataclass."""

    name: str
    price: float


class LampDict(TypedDict):
    """A dict with known keys."""

    name: str
    price: float


class LampTuple(NamedTuple):
    """A named tuple."""

    name: str
    price: float


def lamp(fields: dict[str, Any]) -> tuple[str, float]:
    """What a function makes."""
    return fields["name"], float(fields["price"])


TYPES: list[tuple[DocumentType[Any], object]] = [
    (LampStruct, LampStruct("red", 5.0)),
    (LampModel, LampModel(name="red", price=5)),
    (LampData, LampData("red", 5.0)),
    (LampDict, {"name": "red", "price": 5.0}),
    (lamp, ("red", 5.0)),
    (dict[str, str], {"name": "red", "price": "5"}),
]


@pytest.mark.parametrize(("kind", "value"), TYPES)
def test_hashes(kind: DocumentType[Any], value: object) -> None:
    """A number in text becomes a number where the type wants one."""
    assert converter("C", kind, 2)("d:1", {"name": "red", "price": "5"}, {}) == value


@pytest.mark.parametrize(("kind", "value"), TYPES[:-1])
@pytest.mark.parametrize("dialect", [2, 3])
def test_json(kind: DocumentType[Any], value: object, dialect: int) -> None:
    """A document under `$` is parsed, other fields stand beside its own, which come first."""
    text = '{"name": "red", "price": 5}'
    fields = {"$": text if dialect == 2 else f"[{text}]", "price": "7"}
    assert converter("C", kind, dialect)("d:1", fields, {}) == value


class Embedded(msgspec.Struct):
    """A type with a vector."""

    name: str
    vector: bytes | None = None


class EmbeddedModel(pydantic.BaseModel):
    """A model with a vector."""

    name: str
    vector: bytes


@pytest.mark.parametrize("kind", [Embedded, EmbeddedModel])
def test_bytes(kind: type[Any]) -> None:
    """A vector is bytes, whether its bytes happen to be text or not."""
    convert = converter("C", kind, 2)
    assert convert("d", {"name": "a"}, {"vector": b"\0\0\x80?"}).vector == b"\0\0\x80?"
    assert convert("d", {"name": "a", "vector": "\0\0\0\0"}, {}).vector == b"\0\0\0\0"
    latin = converter("C", kind, 2, "latin-1")
    assert latin("d", {"name": "a", "vector": "\0\xff"}, {}).vector == b"\0\xff"


@pytest.mark.parametrize("kind", [LampStruct, LampModel, LampData, lamp])
def test_a_document_that_does_not_fit(kind: DocumentType[Any]) -> None:
    """The error names it, and the command counts as run."""
    with pytest.raises(ReplyDecodeError, match=r"the document 'd:1' is no (Lamp|lamp)") as failed:
        converter("C", kind, 2)("d:1", {"name": "red", "price": "much"}, {})
    assert failed.value.__cause__ is not None


@pytest.mark.parametrize("text", ["5", "[1, 2]", "{"])
def test_json_that_is_no_object(text: str) -> None:
    """It has no fields for the type, nor has what is no JSON."""
    with pytest.raises(ReplyDecodeError, match="is no JSON"):
        converter("C", LampStruct, 3)("d:1", {"$": text}, {})


def test_what_is_no_type() -> None:
    """It is refused at the call."""
    with pytest.raises(DataTypeError, match="C: type is 'Lamp': give a class, or a function"):
        unchecked(converter)("C", "Lamp", 2)
    with pytest.raises(DataTypeError, match="a named tuple, which msgspec fills by position"):
        converter("C", LampTuple, 2)


def test_without_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that only it fills is refused at the call; a function and a model are not."""

    @dataclasses.dataclass
    class New:
        name: str

    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(DataTypeError, match="install msgspec"):
        converter("C", New, 2)
    for kind in (lamp, LampModel):
        converter("C", kind, 2)


TEXT = '{"name": "red", "price": 5}'


def shouting(text: bytes) -> Any:
    """A reader of JSON whose values show that it was called."""
    return json.loads(text.replace(b"red", b"RED"))


@pytest.mark.parametrize("kind", [LampStruct, LampModel, LampData, lamp])
@pytest.mark.parametrize("text", [TEXT, TEXT.encode()])
def test_the_codec_parses(kind: DocumentType[Any], text: Any) -> None:
    """A JSON document is parsed by that of the client, for every kind of type."""
    convert = converter("C", kind, 2, codec=JsonCodec(json.dumps, shouting))
    made = convert("d:1", {"$": text}, {})
    assert "RED" in (made if isinstance(made, tuple) else [made.name])


def test_a_codec_that_fails() -> None:
    """The error names the document."""

    def loads(text: bytes) -> Any:
        raise LookupError(text)

    convert = converter("C", LampStruct, 2, codec=JsonCodec(json.dumps, loads))
    with pytest.raises(
        ReplyDecodeError, match=r"the document 'd:1' cannot be read by .*LookupError"
    ):
        convert("d:1", {"$": TEXT}, {})
    assert convert("d:1", {"name": "red", "price": "5"}, {}) == LampStruct("red", 5.0)


class Cents:
    """A type that no library knows."""

    def __init__(self, number: int) -> None:
        self.number = number


class Priced(msgspec.Struct):
    """A type with one of those."""

    price: Cents
    distance: float = 0


def test_the_codec_converts() -> None:
    """Its hooks make the values that no library knows; hashes are filled by it, too."""
    codec = msgspec_codec(dec_hook=lambda kind, value: kind(value))
    convert = converter("C", Priced, 2, codec=codec)
    found = convert("d:1", {"$": '{"price": 5}', "distance": "0.5"}, {})
    assert (found.price.number, found.distance) == (5, 0.5)
    asked: list[object] = []

    def convert_as(kind: Any) -> Any:
        asked.append(kind)
        return sorted

    own = JsonCodec(json.dumps, json.loads, convert_as=convert_as)
    for _ in range(2):
        made: object = converter("C", LampStruct, 2, codec=own)("d", {"b": "1", "a": "2"}, {})
        assert made == ["a", "b"]
    assert asked == [LampStruct], "once for each codec and type"
    assert converter("C", lamp, 2, codec=own)("d", {"name": "a", "price": "1"}, {}) == ("a", 1.0)


def test_bytes_in_json() -> None:
    """They are read as `client.json.get` reads them, because the codec wrote them: as base64."""
    text: Any = msgspec_codec().dumps(Embedded("a", b"\0\xff"))
    assert converter("C", Embedded, 2)("d", {"$": text}, {}) == Embedded("a", b"\0\xff")


def test_types_that_nobody_fills() -> None:
    """They are refused at the call, as those of `client.json.get` are."""
    with pytest.raises(
        DataTypeError, match=r"type= is dict\[str, list\[int\] \| set\[int\]\]: TypeError"
    ):
        converter("C", dict[str, list[int] | set[int]], 2)
