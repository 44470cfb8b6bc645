"""Tests of `anyredis.json`."""

from __future__ import annotations

import anyredis.json
from anyredis.commands.modules import json_codecs
from anyredis.json_codec import JsonCodec


def test_public_names() -> None:
    """The codec, and one function for each library, are public here."""
    assert anyredis.json.JsonCodec is JsonCodec
    made = {name for name in vars(json_codecs) if name.endswith("_codec")}
    assert set(anyredis.json.__all__) == made | {"JsonCodec"}
