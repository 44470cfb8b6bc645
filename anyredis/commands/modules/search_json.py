"""JSON documents that a search found: the text under `$`, parsed by the codec of the client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from anyredis.commands.modules.json_decoding import is_json
from anyredis.exceptions import ReplyDecodeError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec

ROOT: Final = ("$", b"$")
"""The name of the field with the whole document."""


def json_of(
    key: object, places: Iterable[object], codec: JsonCodec, encoding: tuple[str, str]
) -> Any:
    """The parsed document at *key*: the field `$` of the first of *places* that has it.

    *encoding* is that in which the client reads text, with its error handler.  Raises `KeyError` if
    there is no such field.
    """
    for fields in places:
        if isinstance(fields, Mapping):
            known = cast("Mapping[object, str | bytes]", fields)
            for name in ROOT:
                if name in known:
                    return parsed_json(codec, key, known[name], encoding)
    raise KeyError("$")


def parsed_json(
    codec: JsonCodec,
    key: object,
    text: str | bytes,
    encoding: tuple[str, str] = ("utf-8", "strict"),
) -> Any:
    """The value of JSON *text*, which the client read in *encoding*, as *codec* reads it.

    Raises `ReplyDecodeError` that names the document, by its *key*, if the codec fails.
    """
    sent = b""
    try:
        sent = text.encode(*encoding) if isinstance(text, str) else text
        return codec.loads(sent)
    except Exception as error:
        # The command was run, and whatever a function of the user raises concerns this document only.
        name, reason = f"the document {excerpt(key, 80)}", excerpt(error, 200)
        if is_json(sent):
            msg = f"{name} cannot be read by {codec}: {reason}"
        else:
            msg = f"{name} is no JSON ({reason}): {excerpt(text, 80)}"
        raise ReplyDecodeError(msg) from error
