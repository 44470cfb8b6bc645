"""Codecs for JSON: of the standard library, of orjson, msgspec and pydantic; and readers of types.

Law: nothing but the standard library is imported before it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, Final, get_args

from anyredis.exceptions import DataTypeError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec

Hook = Callable[[Any], Any]
"""Gives a value that can be encoded in place of one that cannot."""

NULL: Final = (b"null",)
"""What orjson and msgspec write for a NaN or an infinity."""

Reader = Callable[[bytes], Any]
"""Reads JSON text as a value of one type."""


def standard_codec(*, default: Hook | None = None) -> JsonCodec:
    """The codec of the standard library's `json`, which clients have by default.

    *default* gives a value that can be encoded in place of one that cannot, and raises `TypeError`
    if there is none, as in `json.dumps`.
    """
    encoder = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default
    )
    decode = json.JSONDecoder().decode

    def loads(text: bytes) -> Any:
        return decode(text.decode())

    return JsonCodec(encoder.encode, loads, not_finite=())  # the encoder refuses them


def orjson_codec(*, default: Hook | None = None, option: int | None = None) -> JsonCodec:
    """The codec of orjson; *default* and *option* are those of `orjson.dumps`.

    Raises `DataTypeError` if orjson is not installed.
    """
    orjson = _installed("orjson")
    write: Callable[..., bytes] = orjson.dumps
    if default is None and option is None:
        return JsonCodec(write, orjson.loads, not_finite=NULL)

    def dumps(value: Any) -> bytes:
        return write(value, default, option)

    return JsonCodec(dumps, orjson.loads, not_finite=NULL)


def msgspec_codec(
    *, enc_hook: Hook | None = None, dec_hook: Callable[[type, Any], Any] | None = None
) -> JsonCodec:
    """The codec of msgspec, which also writes Structs, dataclasses, sets, dates and so on.

    *enc_hook* and *dec_hook* are those of `msgspec.json.Encoder` and `Decoder`.  Raises
    `DataTypeError` if msgspec is not installed.
    """
    msgspec = _installed("msgspec.json")

    def loads_as(kind: Any) -> Reader:
        if is_of_pydantic(kind):
            return pydantic_reader(kind)
        reader: Reader = msgspec.Decoder(kind, dec_hook=dec_hook).decode
        return reader

    encode: Callable[[Any], bytes] = msgspec.Encoder(enc_hook=enc_hook).encode
    return JsonCodec(encode, msgspec.Decoder().decode, loads_as, not_finite=NULL)


def pydantic_codec() -> JsonCodec:
    """The codec of pydantic, which also writes models, dataclasses, dates and so on.

    Raises `DataTypeError` if pydantic is not installed.
    """
    core = _installed("pydantic_core")

    return JsonCodec(core.to_json, core.from_json, pydantic_reader)


STANDARD: Final = standard_codec()


# -- readers of types ---------------------------------------------------------------------------


def typed_reader(kind: Any) -> Reader:
    """A function that reads JSON as *kind*, by pydantic if that made it, otherwise by msgspec.

    Without msgspec it is pydantic's.  Raises `DataTypeError` if neither is installed, and what they
    raise for a type that they do not know.
    """
    if is_of_pydantic(kind) or (msgspec := _module("msgspec.json")) is None:
        return pydantic_reader(kind)
    reader: Reader = msgspec.Decoder(kind).decode
    return reader


def pydantic_reader(kind: Any) -> Reader:
    """A function that reads JSON as *kind*, by pydantic."""
    pydantic = _module("pydantic")
    if pydantic is None:
        raise DataTypeError(
            f"type= is {excerpt(kind)}: install msgspec or pydantic, which read JSON as a type, or "
            "give the client json_codec=JsonCodec(dumps, loads, loads_as)"
        )
    reader: Reader = pydantic.TypeAdapter(kind).validate_json
    return reader


def is_of_pydantic(kind: Any) -> bool:
    """Whether *kind*, or a type within it, is a model or dataclass of pydantic."""
    return hasattr(kind, "__pydantic_validator__") or any(map(is_of_pydantic, get_args(kind)))


def _module(name: str) -> ModuleType | None:
    """The module *name*, or None if it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None


def _installed(name: str) -> ModuleType:
    package = name.partition(".")[0].partition("_")[0]
    found = _module(name)
    if found is None:
        raise DataTypeError(f"{package}_codec: {package} is not installed: pip install {package}")
    return found
