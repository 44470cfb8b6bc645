"""Tests of `anyredis.commands.modules.json_codecs`."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any

import orjson
import pytest

from anyredis.commands.modules.json_codecs import (
    STANDARD,
    codec_of,
    msgspec_codec,
    orjson_codec,
    pydantic_codec,
    standard_codec,
)
from anyredis.exceptions import DataTypeError
from anyredis.json_codec import JsonCodec
from anyredis.replies import TextReaders
from tests.commands.modules.libraries import without

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
    filler = msgspec_codec(dec_hook=money).convert_as
    assert filler is not None
    assert str(filler(dict[str, Money])({"a": 5})) == "{'a': <Money 5>}"


def test_without_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, with the command that installs it."""
    monkeypatch.setattr(importlib, "import_module", without("msgspec"))
    with pytest.raises(DataTypeError, match="msgspec is not installed: pip install msgspec"):
        msgspec_codec()
    monkeypatch.setattr(
        importlib, "import_module", without("msgspec", "pydantic", "pydantic_core", "orjson")
    )
    with pytest.raises(DataTypeError, match="orjson is not installed"):
        orjson_codec()
    with pytest.raises(DataTypeError, match="pydantic_codec: pydantic is not installed"):
        pydantic_codec()


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


def test_the_codec_of_a_client() -> None:
    """It stands with the readers of its replies."""
    own = orjson_codec()
    assert codec_of(TextReaders(str, json_codec=own)) is own
    assert codec_of(TextReaders(bytes)) is STANDARD
