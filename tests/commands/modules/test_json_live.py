"""JSON documents on a real server: each method in both protocols, and on a cluster."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
import pydantic
import pytest

from anyredis import PartialFailureError, Redis, RedisCluster
from anyredis.exceptions import DataError, ReplyDecodeError, ResponseError
from anyredis.json import JsonCodec, msgspec_codec, orjson_codec, pydantic_codec
from anyredis.server import Cluster, Server

Protocol: TypeAlias = Literal[2, 3]

BOTH = pytest.mark.parametrize("protocol", [2, 3])

DOCUMENT: dict[str, Any] = {
    "text": "né",
    "count": 5,
    "rate": 1.5,
    "on": True,
    "none": None,
    "list": [1, "two", {"three": 3}],
    "object": {"a": 1, "b": 2},
    "deep": {"count": 7, "list": []},
}


def client_of(server: Server, protocol: Protocol, **options: Any) -> Redis[str]:
    """A client that decodes."""
    return Redis(server.host, server.port, protocol=protocol, decode_responses=True, **options)


@BOTH
async def test_documents(redis_stack: Server, protocol: Protocol) -> None:
    """Written, read, merged, emptied and deleted, by paths of both syntaxes."""
    async with client_of(redis_stack, protocol) as client:
        assert await client.json.get("k") is None
        assert await client.json.set("k", "$", DOCUMENT) is True
        assert await client.json.get("k") == DOCUMENT
        assert await client.json.get("k", "$") == [DOCUMENT]
        assert await client.json.get("k", ".count") == 5
        assert await client.json.get("k", "count", no_escape=True) == 5
        assert await client.json.get("k", "$..count") == [5, 7]
        assert await client.json.get("k", "$.no") == []
        assert await client.json.get("k", "$.count", ".text") == {"$.count": [5], ".text": ["né"]}
        assert await client.json.get("k", ".count", ".text") == {".count": 5, ".text": "né"}
        with pytest.raises(ResponseError, match="does not exist"):
            await client.json.get("k", ".no")
        assert await client.json.set("k", "$", 1, nx=True) is False
        assert await client.json.set("no", "$", 1, xx=True) is False
        assert await client.json.set("k", "$.no.deeper", 1) is False
        assert await client.json.set("k", "$.new", {b"a": 1}, decode_keys=True) is True
        assert await client.json.merge("k", "$.new", {"a": None, "b": [2]}) is True
        assert await client.json.get("k", ".new") == {"b": [2]}
        assert await client.json.merge("k", "$.no.deeper", 1) is False
        assert await client.json.delete("k", "$.new") == 1
        assert await client.json.delete("k", ".no") == 0
        assert await client.json.clear("k", "$..list") == 1
        assert await client.json.get("k", "$..list") == [[], []]
        assert await client.json.forget("k", ".text") == 1
        assert await client.json.forget("k") == 1
        with pytest.raises(ResponseError, match="doesn't exist"):
            await client.json.clear("k")
        assert await client.exists("k") == 0


@BOTH
async def test_several_documents(redis_stack: Server, protocol: Protocol) -> None:
    """Written at once, and read in the order of the keys."""
    async with client_of(redis_stack, protocol) as client:
        assert await client.json.mset([("a", "$", {"n": 1}), ("b", ".", {"n": "x"})]) is True
        assert await client.json.mget(["a", "no", "b"], "$.n") == [[1], None, ["x"]]
        assert await client.json.mget(["a", "no", "b"], ".n") == [1, None, "x"]
        assert await client.json.mget("a", ".no") == [None]
        async with client.pipeline(raise_on_error=False) as pipe:
            made = pipe.json.set("a", "$.n", 2)
            count = pipe.json.numincrby("a", "$.n", 3)
            wrong = pipe.json.get("b", ".n", type=int)
            read = pipe.json.get("a", type=dict[str, int])
        assert (made.value, count.value, read.value) == (True, [5], {"n": 5})
        assert isinstance(wrong.error, ReplyDecodeError)


@BOTH
async def test_types_and_sizes(redis_stack: Server, protocol: Protocol) -> None:
    """What is there, in both syntaxes; and nothing, where there is no such key."""
    async with client_of(redis_stack, protocol) as client:
        await client.json.set("k", "$", DOCUMENT)
        assert await client.json.type("k") == "object"
        assert await client.json.type("k", "$") == ["object"]
        assert await client.json.type("k", "$.*") == [
            *("string", "integer", "number", "boolean", "null", "array", "object", "object")
        ]
        assert await client.json.type("k", ".no") is None
        assert await client.json.type("k", "$.no") == []
        assert await client.json.type("no") is None
        assert await client.json.type("no", "$") is None
        memory = await client.json.debug("MEMORY", "k")
        assert isinstance(memory, int)
        assert memory > 100
        assert await client.json.debug("MEMORY", "k", "$..count") == [8, 8]
        assert await client.json.debug("MEMORY", "no") == 0
        assert await client.json.objkeys("k", ".object") == ["a", "b"]
        assert await client.json.objkeys("k", "$.*") == [*[None] * 6, ["a", "b"], ["count", "list"]]
        assert await client.json.objkeys("no") is None
        assert await client.json.objlen("k") == 8
        assert await client.json.objlen("k", "$.object") == [2]
        assert await client.json.objlen("no") is None
        assert await client.json.resp("k", ".object") == ["{", "a", 1, "b", 2]
        assert await client.json.resp("k", "$.list") == [["[", 1, "two", ["{", "three", 3]]]
        assert await client.json.resp("k", "$.on") == ["true"]
        assert await client.json.resp("k", "$.rate") == ["1.5"]
        assert await client.json.resp("no") is None


@BOTH
async def test_arrays(redis_stack: Server, protocol: Protocol) -> None:
    """Each change gives the new length, one for each match of a JSONPath."""
    async with client_of(redis_stack, protocol) as client:
        await client.json.set("k", "$", DOCUMENT)
        assert await client.json.arrlen("k", ".list") == 3
        assert await client.json.arrlen("k", "$.*") == [*[None] * 5, 3, None, None]
        assert await client.json.arrlen("no") is None
        assert await client.json.arrappend("k", "$..list", 4, [5]) == [5, 2]
        assert await client.json.arrinsert("k", ".list", 0, "zero") == 6
        assert await client.json.arrindex("k", ".list", [5]) == 5
        assert await client.json.arrindex("k", "$.list", "two", 0, 2) == [-1]
        assert await client.json.arrindex("k", "$.count", 1) == [None]
        assert await client.json.arrpop("k", ".list") == [5]
        assert await client.json.arrpop("k", "$.list", 3) == [{"three": 3}]
        assert await client.json.arrpop("k", "$.count") == [None]
        assert await client.json.arrtrim("k", ".list", 1, -1) == 3
        assert await client.json.get("k", ".list") == [1, "two", 4]
        with pytest.raises(ResponseError, match="not an array"):
            await client.json.arrappend("k", ".count", 1)
        assert await client.json.arrtrim("k", "$.list", 9, 10) == [0]
        assert await client.json.arrpop("k", ".list") is None


@BOTH
async def test_numbers_text_and_booleans(redis_stack: Server, protocol: Protocol) -> None:
    """Each change gives the new value, one for each match of a JSONPath."""
    async with client_of(redis_stack, protocol) as client:
        await client.json.set("k", "$", DOCUMENT)
        assert await client.json.numincrby("k", ".count", 2) == 7
        assert await client.json.numincrby("k", "$..count", 1) == [8, 8]
        assert await client.json.numincrby("k", "..count", -1) == 7
        assert await client.json.numincrby("k", "$.*", 1) == [
            *(None, 8, 2.5, None, None, None, None, None)
        ]
        assert await client.json.nummultby("k", ".rate", 2) == 5.0
        assert await client.json.nummultby("k", "$.no", 2) == []
        assert await client.json.numpowby("k", "$.count", 2) == [64]
        assert await client.json.numpowby("k", ".rate", 0.5) == pytest.approx(5.0**0.5)
        for path in (".text", ".no"):
            with pytest.raises(ResponseError, match="number"):
                await client.json.numincrby("k", path, 1)
        assert await client.json.strappend("k", "ée", ".text") == 6
        assert await client.json.strappend("k", "!", "$.*") == [7, *[None] * 7]
        assert await client.json.strlen("k", ".text") == 7
        assert await client.json.strlen("k", "$..count") == [None, None]
        assert await client.json.strlen("no") is None
        assert await client.json.toggle("k", ".on") is False
        assert await client.json.toggle("k", "$.*") == [None, None, None, True, *[None] * 4]


NUMBERS = [
    *(0.5, 1e8, 123456789.0, 1e21, 1.5e300, 1e-7, 0.00001, 1.25e-5, 3.0, -0.0, -2.5, 1 / 3),
    *(2.0**53, 1e15, 1e16, 4e18, 5e18, -1e15, -1e19, 123456.789, 1e22, 5e-324, 100.5, 0.0),
]


async def test_numbers_are_shown_alike(redis_stack: Server) -> None:
    """JSON.RESP writes a number with a fraction in RESP2; ours of RESP3 are the same text."""
    async with client_of(redis_stack, 2) as two, client_of(redis_stack, 3) as three:
        await two.json.set("k", "$", NUMBERS)
        assert await three.json.resp("k", "$") == await two.json.resp("k", "$")


# -- types and codecs ---------------------------------------------------------------------------


class Address(msgspec.Struct):
    """A part of a user."""

    city: str


class User(msgspec.Struct):
    """A document."""

    name: str
    addresses: list[Address]


class Model(pydantic.BaseModel):
    """The same, by pydantic."""

    name: str


RAW = {"name": "Zoë", "addresses": [{"city": "Bern"}, {"city": "Basel"}]}
USER = User("Zoë", [Address("Bern"), Address("Basel")])


@BOTH
async def test_typed_reads(redis_stack: Server, protocol: Protocol) -> None:
    """A document is of the type asked for; so are lists of matches, and many documents."""
    async with client_of(redis_stack, protocol) as client:
        await client.json.set("u", "$", RAW)
        assert await client.json.get("u", type=User) == USER
        assert await client.json.get("u", type=Model) == Model(name="Zoë")
        assert await client.json.get("u", "$.addresses[*]", type=list[Address]) == USER.addresses
        assert await client.json.get("u", ".name", type=str) == "Zoë"
        assert await client.json.get("no", type=User) is None
        assert await client.json.mget(["u", "no"], ".", type=User) == [USER, None]
        with pytest.raises(ReplyDecodeError, match="cannot be read as Address"):
            await client.json.get("u", type=Address)
        with pytest.raises(ReplyDecodeError, match="cannot be read as int"):
            await client.json.get("u", ".name", type=int)


CODECS = [msgspec_codec(), orjson_codec(), pydantic_codec()]


@pytest.mark.parametrize("codec", CODECS, ids=["msgspec", "orjson", "pydantic"])
async def test_codecs(redis_stack: Server, codec: JsonCodec) -> None:
    """Clients, their pipelines and their sessions write and read by the codec of the client."""
    async with client_of(redis_stack, 3, json_codec=codec) as client, client.session() as session:
        await client.json.set("k", "$", RAW)
        assert await client.json.get("k") == RAW
        async with session.pipeline() as pipe:
            read = pipe.json.get("k", type=Model)
        assert read.value == Model(name="Zoë")
        if codec is not CODECS[1]:
            await session.json.set("k", "$", USER if codec is CODECS[0] else Model(name="M"))
            assert await session.json.get("k", ".name") in {"Zoë", "M"}
        with pytest.raises(DataError, match=r"value\['a'\]\[0\] is nan"):
            await client.json.set("k", "$", {"a": [float("nan")]})


async def test_a_pair_of_functions(redis_stack: Server) -> None:
    """A codec is any two functions; watches and pipelines of the client have it too."""
    codec = JsonCodec(lambda value: f'"<{value}>"', lambda text: text.decode().upper())
    url = f"redis://{redis_stack.host}:{redis_stack.port}"
    async with Redis.from_url(url, json_codec=codec) as client:
        assert await client.json.set("k", "$", "a") is True
        assert await client.json.get("k") == '"<A>"'
        async with client.watch("k") as tx:
            assert await tx.json.get("k") == '"<A>"'
            async with tx.pipeline() as pipe:
                read = pipe.json.get("k", "$")
        assert read.value == '["<A>"]'


async def test_nothing_is_written_that_cannot_be_encoded(redis_stack: Server) -> None:
    """The server hears of nothing, not even of the good half of an MSET."""
    async with client_of(redis_stack, 3) as client:
        with pytest.raises(DataError, match=r"triplets\[1\]\[2\]\['tags'\]\[1\] is a set"):
            await client.json.mset([("a", "$", 1), ("b", "$", {"tags": ["x", {"y"}]})])
        endless: list[object] = []
        endless.append(endless)
        with pytest.raises(DataError, match="contains itself"):
            await client.json.set("a", "$", endless)
        assert await client.dbsize() == 0


# -- clusters -----------------------------------------------------------------------------------


@BOTH
async def test_a_cluster(redis_stack_cluster: Cluster, protocol: Protocol) -> None:
    """Documents in all slots are written and read by one call, each node has its own."""
    host, port = redis_stack_cluster.host, redis_stack_cluster.port
    keys = [f"k{number}" for number in range(30)]
    codec = msgspec_codec()
    async with RedisCluster(host, port, protocol=protocol, json_codec=codec) as client:
        await client.flushall()
        assert await client.json.mset([(key, "$", {"n": key}) for key in keys]) is True
        sizes = await client.dbsize_by_node()
        assert len(sizes) == 3
        assert all(sizes.values()), "no node has all of them"
        assert await client.json.mget([*keys, "no"], ".n") == [*keys, None]
        found = await client.json.mget(keys, "$", type=list[dict[str, str]])
        assert found == [[{"n": key}] for key in keys]
        assert await client.json.numincrby("k1", "$.n", 1) == [None]
        assert await client.json.debug("MEMORY", "k2", "$.n") == [10]
        async with client.pipeline() as pipe:
            read = [pipe.json.get(key, ".n") for key in keys[:5]]
        assert [each.value for each in read] == keys[:5]
        await client.set("{k3}text", "no JSON")
        with pytest.raises(PartialFailureError, match=r"JSON\.MSET failed in part"):
            await client.json.mset([(key, "$", 1) for key in ("{k3}text", "k1", "k2", "k4")])
        assert await client.json.get("k1") == 1
        assert await client.json.mget(["{k3}text", "k1"], "$") == [None, [1]]
