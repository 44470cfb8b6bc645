"""JSON of clients: the codecs, for the argument `json_codec`.

from anyredis.json import msgspec_codec

client = anyredis.Redis(json_codec=msgspec_codec())
"""

from anyredis.commands.modules.json_codecs import (
    msgspec_codec,
    orjson_codec,
    pydantic_codec,
    standard_codec,
)
from anyredis.json_codec import JsonCodec

__all__ = ["JsonCodec", "msgspec_codec", "orjson_codec", "pydantic_codec", "standard_codec"]
