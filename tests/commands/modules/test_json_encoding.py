"""Tests of `anyredis.commands.modules.json_encoding`."""

from __future__ import annotations

import dataclasses
import json
from collections import UserDict
from typing import Any, cast

import attrs
import msgspec
import numpy
import orjson
import pydantic
import pytest

from anyredis.commands.modules.json_codecs import (
    msgspec_codec,
    orjson_codec,
    pydantic_codec,
    standard_codec,
)
from anyredis.commands.modules.json_encoding import encoded, is_finite, with_text_keys
from anyredis.exceptions import DataError, DataTypeError, DataValueError
from anyredis.json_codec import JsonCodec

CODECS: dict[str, JsonCodec] = {
    "json": standard_codec(),
    "orjson": orjson_codec(),
    "msgspec": msgspec_codec(),
    "pydantic": pydantic_codec(),
    "a pair": JsonCodec(json.dumps, json.loads),
}

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name", CODECS)
def test_text_in_utf_8(name: str) -> None:
    """Whatever the codec gives, text or bytes."""
    data = encoded("X", "value", {"a": [None, "NaN", "é", "null", "Infinity"]}, CODECS[name])
    assert json.loads(data) == {"a": [None, "NaN", "é", "null", "Infinity"]}


@dataclasses.dataclass
class Dot:
    """Of the standard library."""

    x: Any


class Point(msgspec.Struct):
    """Of msgspec."""

    x: Any


class Model(pydantic.BaseModel):
    """Of pydantic."""

    x: Any


@attrs.define
class Mark:
    """Of attrs."""

    x: Any


NOT_FINITE: list[tuple[object, str]] = [
    (NAN, "value is nan"),
    ([1.0, INF], "value[1] is inf"),
    ({"a": {"b": [0.5, {"c": -INF}]}, "d": None}, "value['a']['b'][1]['c'] is -inf"),
    ({"a": ("x", NAN)}, "value['a'][1] is nan"),
]


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize(("value", "message"), NOT_FINITE)
def test_nan_and_infinity(name: str, value: object, message: str) -> None:
    """No codec writes them: some would write null, and the server would store that."""
    with pytest.raises(DataValueError) as refused:
        encoded("JSON.SET", "value", value, CODECS[name])
    assert f"JSON.SET: {message}: JSON has no NaN and no infinity" in str(refused.value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Dot(NAN), "orjson"),
        (Dot(NAN), "msgspec"),
        (Point(NAN), "msgspec"),
        (Model(x=NAN), "pydantic"),
        (Mark(NAN), "msgspec"),
    ],
)
def test_nan_in_an_object(value: object, name: str) -> None:
    """It is found in the fields of dataclasses, Structs and models too."""
    with pytest.raises(DataValueError, match=r"JSON\.SET: value\[0\]\.x is nan"):
        encoded("JSON.SET", "value", [value], CODECS[name])


def test_nan_in_an_array_of_numpy() -> None:
    """A codec would write null for it, as for a number of numpy."""
    codec = orjson_codec(option=orjson.OPT_SERIALIZE_NUMPY)
    value = {"a": numpy.array([[1.0, 2.0], [3.0, NAN]]), "b": None}
    with pytest.raises(DataValueError, match=r"value\['a'\]\[1\]\[1\] is nan"):
        encoded("X", "value", value, codec)
    with pytest.raises(DataValueError, match=r"value\[1\] is nan"):
        encoded("X", "value", [1, numpy.float32(NAN)], codec)
    assert encoded("X", "value", [numpy.array([1.5]), None], codec) == b"[[1.5],null]"


def test_finite_values() -> None:
    """Only a NaN or an infinity makes a value otherwise, at whatever depth."""
    assert is_finite({"a": [1, 2.5, (None, "x"), {"b": Dot(1e308)}], "c": True, "d": {1, 2}})
    assert is_finite([10**400])
    for value in (NAN, [[[INF]]], {"a": {"b": (NAN,)}}, [Dot([NAN])], UserDict({"a": NAN})):
        assert not is_finite(value)


AT_FAULT: list[tuple[object, str]] = [
    (object(), "JSON.SET: value is an object, which has no JSON text: TypeError("),
    ({"tags": ["a", "b", {1}]}, "JSON.SET: value['tags'][2] is a set"),
    ({"a": 1, "b": {"c": (1, b"x")}}, "JSON.SET: value['b']['c'][1] is a bytes"),
    ({"a": {(1, 2): 3}}, "JSON.SET: the key (1, 2) of value['a'] is a tuple"),
    ({"a": ["\ud800"]}, "JSON.SET: value['a'][0] is a str"),
    ([Dot(1)], "JSON.SET: value[0] is a Dot"),
]


@pytest.mark.parametrize(("value", "message"), AT_FAULT)
def test_the_part_at_fault(value: object, message: str) -> None:
    """The message has its place and type, and what the codec says of it."""
    with pytest.raises(DataError) as refused:
        encoded("JSON.SET", "value", value, CODECS["json"])
    assert str(refused.value).startswith(message)
    assert refused.value.__cause__ is not None


@pytest.mark.parametrize("name", ["json", "orjson", "a pair"])
def test_the_part_at_fault_by_any_codec(name: str) -> None:
    """What one codec cannot write another can; each is asked for itself."""
    with pytest.raises(DataTypeError, match=r"JSON\.SET: value\['a'\]\[1\] is a set"):
        encoded("JSON.SET", "value", {"a": ["x", {1}]}, CODECS[name])
    assert encoded("JSON.SET", "value", {"a": ["x", {1}]}, CODECS["msgspec"]) == b'{"a":["x",[1]]}'


def test_an_exception_of_the_codecs_own() -> None:
    """Whatever it raises, and whatever it gives, is an error of the call."""

    def dumps(value: object) -> str:
        if value == "bad":
            raise KeyError(value)
        return f"[{value}]"

    def of_several(value: object) -> str:
        return (
            ",".join(map(dumps, cast("list[object]", value)))
            if isinstance(value, list)
            else dumps(value)
        )

    with pytest.raises(DataValueError, match=r"value\[1\] is a str, .* KeyError"):
        encoded("X", "value", ["good", "bad"], JsonCodec(of_several, json.loads))
    number: Any = len
    with pytest.raises(DataTypeError, match=r"value is a str, .*dumps gave 3, which is neither"):
        encoded("X", "value", "abc", JsonCodec(number, json.loads))


@pytest.mark.parametrize("name", CODECS)
def test_endless_values(name: str) -> None:
    """A value that contains itself, or is nested too deeply, is refused without a place."""
    endless: list[object] = []
    endless.append(endless)
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    for value in (endless, deep):
        with pytest.raises(DataValueError, match="value is nested too deeply, or contains itself"):
            encoded("X", "value", value, CODECS[name])


def test_keys_as_text() -> None:
    """Bytes as keys become text at all levels; values stay as they are."""
    assert with_text_keys({b"a": [{b"b": b"c"}], "d": ({b"\xc3\xa9": 1},)}) == {
        "a": [{"b": b"c"}],
        "d": [{"é": 1}],
    }
    with pytest.raises(DataValueError, match=r"the key b'\\xff' is no UTF-8"):
        with_text_keys([{b"\xff": 1}])


def test_orjson_alone_would_write_null() -> None:
    """The reason for the check."""
    assert orjson.dumps(NAN) == msgspec.json.encode(NAN) == b"null"
