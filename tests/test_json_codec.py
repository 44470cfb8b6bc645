"""Tests of `anyredis.json_codec`, and of the clients that have one."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from anyredis import Redis, RedisCluster, Sentinel
from anyredis.commands.modules.json_codecs import STANDARD, codec_of
from anyredis.exceptions import DataTypeError
from anyredis.json_codec import JsonCodec, checked_codec

CODEC = JsonCodec(orjson.dumps, json.loads)


def test_a_codec_is_two_functions() -> None:
    """They are kept as given, and its `repr` names them."""
    assert (CODEC.dumps, CODEC.loads, CODEC.loads_as) == (orjson.dumps, json.loads, None)
    assert repr(CODEC) == "<JsonCodec orjson.dumps, json.loads>"
    assert CODEC.not_finite == (b"null", b"NaN", b"Infinity"), "whatever it is, it is searched for"
    assert checked_codec(CODEC) is CODEC
    assert checked_codec(None) is None


def test_what_is_no_codec() -> None:
    """A module, or what cannot be called, is refused, with what to write."""
    wrong: Any = orjson
    with pytest.raises(DataTypeError, match=r"write JsonCodec\(dumps, loads\); .*orjson_codec\(\)"):
        checked_codec(wrong)
    wrong = "json"
    with pytest.raises(DataTypeError, match="JsonCodec: loads is 'json': give a function"):
        JsonCodec(json.dumps, wrong)
    with pytest.raises(DataTypeError, match="JsonCodec: loads_as is 'json'"):
        JsonCodec(json.dumps, json.loads, wrong)
    with pytest.raises(DataTypeError, match="JsonCodec: convert_as is 'json'"):
        JsonCodec(json.dumps, json.loads, convert_as=wrong)


def test_every_client_takes_one() -> None:
    """As an argument, beside a URL, and for the clients of a service."""
    sentinel = Sentinel([("h", 1)], json_codec=CODEC)
    other = JsonCodec(json.dumps, json.loads)
    clients: list[tuple[Redis[Any] | RedisCluster[Any], JsonCodec]] = [
        (Redis(), STANDARD),
        (Redis(json_codec=None), STANDARD),
        (Redis(json_codec=CODEC), CODEC),
        (Redis(connection_pool=Redis().connection_pool, json_codec=CODEC), CODEC),
        (Redis(json_codec=CODEC, decode_responses=True), CODEC),
        (Redis.from_url("redis://h", json_codec=CODEC), CODEC),
        (Redis.from_url("redis+sentinel://h/name", json_codec=CODEC), CODEC),
        (RedisCluster("h", json_codec=CODEC), CODEC),
        (RedisCluster.from_url("redis://h", json_codec=CODEC), CODEC),
        (sentinel.primary_for("name"), CODEC),
        (sentinel.replica_for("name", json_codec=other), other),
        (Sentinel([("h", 1)]).primary_for("name"), STANDARD),
    ]
    for client, codec in clients:
        assert client.json.codec is codec
        assert client.pipeline().json.codec is codec
        for search in (client.ft, client.pipeline().ft, client.ft.plan):
            assert codec_of(search.read) is codec


def test_every_client_refuses_what_is_none() -> None:
    """At once, before anything is connected."""
    wrong: Any = json
    message = "json_codec has to be an anyredis.json.JsonCodec or None"
    with pytest.raises(DataTypeError, match=message):
        Redis(json_codec=wrong)
    with pytest.raises(DataTypeError, match=message):
        RedisCluster("h", json_codec=wrong)
    with pytest.raises(DataTypeError, match=message):
        Sentinel([("h", 1)], json_codec=wrong)
    with pytest.raises(DataTypeError, match=message):
        Redis.from_url("redis+sentinel://h/name", json_codec=wrong)
