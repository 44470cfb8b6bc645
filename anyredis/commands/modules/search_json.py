"""JSON documents in results: the text under `$`, parsed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from anyredis.exceptions import ReplyDecodeError
from anyredis.excerpt import excerpt

ROOT: Final = ("$", b"$")
"""The name of the field with the whole document."""


def json_of(fields: object) -> Any:
    """The parsed document of *fields*; raises `KeyError` if they have none."""
    if isinstance(fields, Mapping):
        known = cast("Mapping[object, str | bytes]", fields)
        for name in ROOT:
            if name in known:
                return parsed_json(known[name])
    raise KeyError("$")


def parsed_json(text: str | bytes) -> Any:
    """The value of JSON *text*; raises `ReplyDecodeError` if it is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"the document is no JSON ({error}): {excerpt(text, 80)}"
        raise ReplyDecodeError(msg) from error
