"""Tests of `anyredis.commands.modules.json_codecs`."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib import import_module
from types import ModuleType
from typing import Any, TypedDict

import msgspec
import orjson
import pydantic
import pytest

from anyredis.commands.modules import json_codecs
from anyredis.commands.modules.json_codecs import (
    STANDARD,
    is_of_pydantic,
    msgspec_codec,
    orjson_codec,
    pydantic_codec,
    pydantic_reader,
    standard_codec,
    typed_reader,
)
from anyredis.exceptions import DataTypeError
from anyredis.json_codec import JsonCodec

VALUE = {"a": [1, 2.5, "é", None, True], "b": {"c": -0.0, "d": 10**15, "e": '"\\/\n'}}

CODECS = {
    "json": STANDARD,
    "orjson": orjson_codec(),
    "orjson with options": orjson_codec(option=orjson.OPT_SORT_KEYS),
    "msgspec": msgspec_codec(),
    "pydantic": pydantic_codec(),
}


@pytest.mark.parametrize("name", CODECS)
def test_a_value_is_written_and_read(name: str) -> None:
    """In UTF-8, without spaces."""
    codec = CODECS[name]
    text = codec.dumps(VALUE)
    data = text.encode() if isinstance(text, str) else text
    assert data.startswith('{"a":[1,2.5,"é",null,true],"b":{'.encode())
    assert codec.loads(data) == VALUE


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


class Money:
    """Of nobody."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __repr__(self) -> str:
        return f"<Money {self.cents}>"


def cents(money: Any) -> int:
    """What is written for `Money`."""
    if isinstance(money, Money):
        return money.cents
    raise TypeError(money)


def money(_kind: type, value: Any) -> Money:
    """What is read as `Money`."""
    return Money(value)


def test_hooks() -> None:
    """Each library takes its own for values that it does not know."""
    for codec in (
        standard_codec(default=cents),
        orjson_codec(default=cents),
        msgspec_codec(enc_hook=cents),
    ):
        text = codec.dumps([Money(5)])
        assert codec.loads(text if isinstance(text, bytes) else text.encode()) == [5]
    reader = msgspec_codec(dec_hook=money).loads_as
    assert reader is not None
    assert str(reader(list[Money])(b"[5]")) == "[<Money 5>]"


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


def without(*names: str) -> Any:
    """An `import_module` that does not find these packages."""

    def find(name: str) -> ModuleType:
        if name.partition(".")[0] in names:
            raise ModuleNotFoundError(name)
        return import_module(name)

    return find


def test_without_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, with the command that installs it."""
    monkeypatch.setattr(json_codecs, "import_module", without("msgspec"))
    assert typed_reader(Dot)(b'{"x":1}') == Dot(1), "pydantic reads it"
    with pytest.raises(DataTypeError, match="msgspec is not installed: pip install msgspec"):
        msgspec_codec()
    monkeypatch.setattr(
        json_codecs, "import_module", without("msgspec", "pydantic", "pydantic_core", "orjson")
    )
    with pytest.raises(DataTypeError, match="orjson is not installed"):
        orjson_codec()
    with pytest.raises(DataTypeError, match="pydantic_codec: pydantic is not installed"):
        pydantic_codec()
    with pytest.raises(DataTypeError, match="install msgspec or pydantic"):
        typed_reader(Dot)


def test_nothing_is_imported_unasked() -> None:
    """The default codec is the standard library's, alone."""
    program = """
import sys, anyredis.json, anyredis
anyredis.Redis().json.set("k", "$", 1).close()
print(*{"msgspec", "orjson", "pydantic", "pydantic_core"} & set(sys.modules), "none")
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.split() == [b"none"]


def test_the_standard_codec_is_made_once() -> None:
    """Clients without one share it."""
    assert isinstance(STANDARD, JsonCodec)
    with pytest.raises(ValueError, match="JSON"):
        STANDARD.dumps(float("nan"))
