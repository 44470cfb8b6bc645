"""Codecs for JSON: of the standard library, of orjson, msgspec and pydantic.

Law: nothing but the standard library is imported before it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final

from anyredis.commands.modules.typed_values import (
    library,
    pydantic_filler_if_any,
    pydantic_reader,
    typed_filler,
    typed_reader,
)
from anyredis.exceptions import DataTypeError
from anyredis.json_codec import JsonCodec
from anyredis.replies import TextReaders

Hook = Callable[[Any], Any]
"""Gives a value that can be encoded in place of one that cannot."""

NULL: Final = (b"null",)
"""What orjson and msgspec write for a NaN or an infinity."""


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
    encode: Callable[[Any], bytes] = msgspec.Encoder(enc_hook=enc_hook).encode
    return JsonCodec(
        encode,
        msgspec.Decoder().decode,
        partial(typed_reader, dec_hook=dec_hook),
        convert_as=partial(typed_filler, dec_hook=dec_hook),
        not_finite=NULL,
    )


def pydantic_codec() -> JsonCodec:
    """The codec of pydantic, which also writes models, dataclasses, dates and so on.

    Raises `DataTypeError` if pydantic is not installed.
    """
    core = _installed("pydantic_core")

    return JsonCodec(
        core.to_json, core.from_json, pydantic_reader, convert_as=pydantic_filler_if_any
    )


STANDARD: Final = standard_codec()


def codec_of(read: TextReaders[Any]) -> JsonCodec:
    """The codec of the client whose replies *read* reads."""
    return read.json_codec or STANDARD


def _installed(name: str) -> ModuleType:
    package = name.partition(".")[0].partition("_")[0]
    found = library(name)
    if found is None:
        raise DataTypeError(f"{package}_codec: {package} is not installed: pip install {package}")
    return found
