"""Tests of `anyredis.commands.modules.typed_values`: who makes a value of a type."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Annotated, Any, TypedDict

import msgspec
import pydantic
import pytest

from anyredis.commands.modules.json_codecs import STANDARD, msgspec_codec
from anyredis.commands.modules.typed_values import (
    bytes_fields,
    describes_fields,
    for_type,
    is_of_pydantic,
    library,
    pydantic_filler,
    pydantic_filler_if_any,
    pydantic_reader,
    typed_filler,
    typed_reader,
)
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.json_codec import JsonCodec
from tests.commands.modules.libraries import without


class Point(msgspec.Struct):
    """Of msgspec."""

    x: int


@dataclasses.dataclass
class Dot:
    """Of the standard library."""

    x: int


class Spot(TypedDict):
    """A dict."""

    x: int


class Model(pydantic.BaseModel):
    """Of pydantic."""

    x: int


class Checked:
    """A class with the method by which models are made."""

    @classmethod
    def model_validate(cls, fields: dict[str, Any]) -> object:
        """What is made of the fields."""
        return sorted(fields)


KINDS: list[tuple[Any, object]] = [
    (Point, Point(1)),
    (Dot, Dot(1)),
    (Spot, {"x": 1}),
    (Model, Model(x=1)),
    (dict[str, int], {"x": 1}),
]


@pytest.mark.parametrize(("kind", "value"), KINDS, ids=str)
def test_a_type_is_read_by_who_knows_it(kind: Any, value: object) -> None:
    """A model by pydantic, all others by msgspec; also within lists."""
    codec = msgspec_codec().loads_as
    assert codec is not None
    for reader in (typed_reader, codec):
        assert reader(kind)(b'{"x":1}') == value
        assert reader(list[kind])(b'[{"x":1}]') == [value]
    if kind not in (Point, Spot):  # pydantic wants another TypedDict before Python 3.12
        assert pydantic_reader(kind)(b'{"x":1}') == value


def test_who_knows_a_type() -> None:
    """Models and dataclasses of pydantic, alone or within a type."""
    assert is_of_pydantic(Model)
    assert is_of_pydantic(dict[str, list[Model | None]])
    assert is_of_pydantic(pydantic.dataclasses.dataclass(Dot))
    assert not is_of_pydantic(list[Dot])
    assert not is_of_pydantic(Point)


@pytest.mark.parametrize(("kind", "value"), KINDS, ids=str)
def test_fields_are_filled_in_by_who_knows_a_type(kind: Any, value: object) -> None:
    """The same library as for JSON; numbers may be texts, and what is beside them is left out."""
    codec = msgspec_codec().convert_as
    assert codec is not None
    for filler in (typed_filler, codec, pydantic_filler_if_any):
        assert filler(kind)({"x": "1"}) == value
        if kind != dict[str, int]:
            assert filler(kind)({"x": 1, "y": "beside"}) == value
    if kind not in (Point, Spot):
        assert pydantic_filler(kind)({"x": "1"}) == value


def test_models_of_another_library() -> None:
    """What makes values as models of pydantic do is filled by itself."""
    assert typed_filler(Checked)({"b": 1, "a": 2}) == ["a", "b"]
    assert describes_fields(Checked)


def test_dataclasses_of_pydantic_keep_their_rules() -> None:
    """They are filled by it, also within another type."""
    kind: Any = pydantic.dataclasses.dataclass(Dot)
    assert typed_filler(kind)({"x": " 1 "}) == kind(1)
    assert typed_filler(dict[str, Model])({"a": {"x": "1"}}) == {"a": Model(x=1)}


def test_without_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """One takes the place of the other; without both the error says what to install."""
    monkeypatch.setattr(importlib, "import_module", without("msgspec"))
    assert library("msgspec") is None
    assert typed_reader(Dot)(b'{"x":1}') == Dot(1), "pydantic reads it"
    assert typed_filler(Dot)({"x": "1"}) == Dot(1), "pydantic fills it"
    monkeypatch.setattr(importlib, "import_module", without("pydantic"))
    assert pydantic_filler_if_any(Dot)({"x": "1"}) == Dot(1), "msgspec fills it"
    monkeypatch.setattr(importlib, "import_module", without("msgspec", "pydantic"))
    for make in (typed_reader, typed_filler, pydantic_filler_if_any):
        with pytest.raises(DataTypeError, match="install msgspec or pydantic"):
            make(Dot)
    assert typed_filler(Model)({"x": "1"}) == Model(x=1)


def test_types_that_nobody_fills() -> None:
    """They are refused in the words of who does not know them; its own errors stay as they are."""

    def fill(_codec: JsonCodec, kind: Any) -> Any:
        return typed_filler(kind)

    def refuse(_codec: JsonCodec, _kind: Any) -> Any:
        raise DataValueError("no")

    with pytest.raises(DataTypeError, match=r"type= is list\[int\] \| set\[int\]: TypeError"):
        for_type(fill, STANDARD, list[int] | set[int])
    with pytest.raises(DataValueError, match="no"):
        for_type(refuse, STANDARD, int)


def test_what_types_say_of_their_fields() -> None:
    """Those with annotations can be filled, and of classes the fields of bytes are known."""
    described = (Point, Dot, Spot, Model, dict[str, int], Annotated[Point, 1])
    assert all(map(describes_fields, described))
    assert not any(map(describes_fields, (dict, sorted, lambda: 0, "Point")))

    @dataclasses.dataclass
    class Vectors:
        a: bytes
        b: bytes | None
        c: list[bytes]

    Vectors.__annotations__["b"] = bytes | None
    Vectors.__annotations__["a"] = bytes
    assert bytes_fields(Vectors) >= {"a", "b"}
    assert bytes_fields(dict[str, bytes]) == frozenset()
    Vectors.__annotations__["a"] = "Missing"
    assert bytes_fields(Vectors) == frozenset()
