"""Indexes on a real server: each method, in both protocols, and what a cluster does with them."""

from __future__ import annotations

from array import array
from typing import Any, Literal

import anyio
import numpy as np
import pytest

from anyredis import Redis, RedisCluster
from anyredis.commands.modules.search_report import SearchIndexInfo, VectorDescription
from anyredis.exceptions import CrossSlotError, ResponseError, UnknownCommandError
from anyredis.search import (
    FLAT,
    HNSW,
    GeoField,
    GeoShapeField,
    NumericField,
    SearchField,
    SVSVamana,
    TagField,
    TextField,
    VectorField,
    VectorType,
)
from anyredis.server import Cluster, Server
from tests.servers import ask

PROTOCOLS = pytest.mark.parametrize("protocol", [2, 3])

EVERY_OPTION: list[SearchField] = [
    TextField("t", as_name="text", weight=2, nostem=True, phonetic="dm:en", withsuffixtrie=True),
    TextField("t2", indexempty=True, indexmissing=True, sortable=True, unf=True),
    TextField("t3", sortable=True, noindex=True),
    TagField("g", separator=";", casesensitive=True, withsuffixtrie=True, sortable=True, unf=True),
    TagField("g2", indexempty=True, indexmissing=True),
    NumericField("n", sortable=True, noindex=True),
    NumericField("n2", indexmissing=True, sortable=True, unf=True),
    GeoField("p", indexmissing=True, sortable=True),
    GeoShapeField("s", coord_system="FLAT", indexmissing=True),
    GeoShapeField("s2", coord_system="SPHERICAL"),
    VectorField("v", FLAT(dim=2, distance_metric="L2", initial_cap=5, block_size=8), indexmissing=True),
    VectorField(
        "v2",
        HNSW(
            dim=2,
            distance_metric="COSINE",
            type="FLOAT16",
            initial_cap=5,
            m=8,
            ef_construction=100,
            ef_runtime=20,
            epsilon=0.1,
        ),
        as_name="v3",
    ),
]  # fmt: skip


def client_of(server: Server, protocol: Literal[2, 3]) -> Redis[str]:
    """A client that decodes."""
    return Redis(server.host, server.port, protocol=protocol, decode_responses=True)


def asked(server: Server, *words: str) -> Any:
    """The reply of one server, asked without the client under test."""
    return ask(server, *words)


async def indexed(client: Redis[str], index: str, count: int = 0) -> SearchIndexInfo[str]:
    """The report on *index* once it has read all documents, *count* of them at least."""
    with anyio.fail_after(30):
        while True:
            info = await client.ft.info(index)
            if not info.indexing and info.num_docs >= count:
                return info
            await anyio.lowlevel.checkpoint()


@PROTOCOLS
async def test_every_option(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """The server understands each field and each option as it was meant."""
    async with client_of(redis_stack, protocol) as client:
        made = await client.ft.create(
            "every",
            EVERY_OPTION,
            on="HASH",
            prefix=["d:", "e:"],
            filter="@n>0",
            language="german",
            language_field="l",
            score=0.5,
            score_field="sc",
            payload_field="pay",
            maxtextfields=True,
            temporary=1000,
            nohl=True,
            nofields=True,
            nofreqs=True,
            stopwords=["the"],
            skipinitialscan=True,
        )
        assert made is True
        with pytest.raises(ResponseError, match="already exists"):
            await client.ft.create("every", TextField("t"))
        info = await client.ft.info("every")
        assert info.index_name == "every"
        options = {"MAXTEXTFIELDS", "NOFIELDS", "NOFREQS", "NOHL"}
        assert options <= set(info.index_options)
        definition = info.index_definition
        assert definition[:8] == ("HASH", ["d:", "e:"], "@n>0", "german", "l", 0.5, "sc", "pay")
        assert info.stopwords_list == ["the"]
        fields = {field.attribute: field for field in info.attributes}
        assert list(fields) == [each.attribute for each in EVERY_OPTION]
        assert [field.identifier for field in info.attributes] == [f.name for f in EVERY_OPTION]
        assert fields["text"].weight == 2
        assert fields["text"].flags == {"NOSTEM", "WITHSUFFIXTRIE"}
        assert fields["t2"].flags == {"INDEXEMPTY", "INDEXMISSING", "SORTABLE", "UNF"}
        assert fields["t3"].flags == {"SORTABLE", "NOINDEX"}
        assert fields["g"].flags == {"CASESENSITIVE", "SORTABLE", "UNF", "WITHSUFFIXTRIE"}
        assert fields["g"].separator == ";"
        assert fields["n"].flags >= {"SORTABLE", "NOINDEX"}
        assert fields["n2"].flags == {"INDEXMISSING", "SORTABLE", "UNF"}
        assert (fields["s"].coord_system, fields["s2"].coord_system) == ("FLAT", "SPHERICAL")
        assert fields["v"].vector == VectorDescription("FLAT", "FLOAT32", 2, "L2", None, None)
        assert fields["v3"].vector == VectorDescription("HNSW", "FLOAT16", 2, "COSINE", 8, 100)
        assert [field.other for field in info.attributes] == [{}] * len(EVERY_OPTION)
        assert info.other == definition.other == {}
        assert await client.ft.dropindex("every") is True


@PROTOCOLS
async def test_documents(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """Documents are indexed, also those written before; fields are added; errors are told."""
    vector = VectorField("v", FLAT(dim=2, distance_metric="L2"))
    async with client_of(redis_stack, protocol) as client:
        await client.hset("d:1", mapping={"g": "A, b", "v": vector.pack([1, 2]), "n": 1})
        await client.ft.create("docs", [TagField("g"), vector], prefix="d:")
        await indexed(client, "docs", 1)
        await client.hset("d:2", mapping={"g": "c", "v": b"too short"})
        info = await client.ft.info("docs")
        assert (info.num_docs, info.hash_indexing_failures) == (1, 1)
        errors = info.index_errors
        assert errors is not None
        assert (errors.failures, errors.last_key) == (1, "d:2")
        assert "blob size" in (errors.last_error or "")
        assert [each.errors.failures for each in info.field_statistics] == [0, 1]
        assert sorted(await client.ft.tagvals("docs", "g")) == ["a", "b"]
        with pytest.raises(ResponseError, match="Not a tag field"):
            await client.ft.tagvals("docs", "v")
        assert await client.ft.alter("docs", NumericField("n", sortable=True)) is True
        assert [each.attribute for each in (await indexed(client, "docs")).attributes] == [*"gvn"]
        assert await client.ft.alter("docs", TextField("t"), skipinitialscan=True) is True
        assert await client.ft.dropindex("docs", dd=True) is True
        assert await client.exists("d:1") == 0
        with pytest.raises(ResponseError, match=r"(?i)unknown index"):
            await client.ft.info("docs")


@PROTOCOLS
async def test_json(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """Fields of JSON are paths with a name; an array of numbers is a vector."""
    fields = [
        TextField("$.title", as_name="title"),
        TagField("$.tags[*]", as_name="tag"),
        VectorField("$.v", HNSW(dim=2, distance_metric="COSINE"), as_name="v"),
    ]
    async with client_of(redis_stack, protocol) as client:
        await client.ft.create("json", fields, on="JSON", prefix="j:")
        document = '{"title": "One", "tags": ["x", "Y"], "v": [1, 2]}'
        await client.execute_command("JSON.SET", "j:1", "$", document)
        info = await client.ft.info("json")
        assert (info.num_docs, info.index_definition.key_type) == (1, "JSON")
        assert [each[:2] for each in info.attributes] == [
            ("$.title", "title"),
            ("$.tags[*]", "tag"),
            ("$.v", "v"),
        ]
        assert sorted(await client.ft.tagvals("json", "tag")) == ["x", "y"]


TYPES: list[VectorType] = ["FLOAT32", "FLOAT64", "FLOAT16", "BFLOAT16"]


@pytest.mark.parametrize("kind", TYPES)
async def test_vectors_of_each_type(redis_stack: Server, kind: VectorType) -> None:
    """What `pack` gives is what the server takes, and what it finds at the distance 0."""
    field = VectorField("v", FLAT(dim=3, distance_metric="L2", type=kind))
    ways: list[Any] = [
        [1, 0, 0.5],
        np.array([1, 0, 0.5]),
        np.array([1, 0, 0.5], "f4"),
        array("d", [1, 0, 0.5]),
    ]
    async with client_of(redis_stack, 3) as client:
        await client.ft.create("typed", field, prefix="d:")
        for number, vector in enumerate(ways):
            await client.hset(f"d:{number}", mapping={"v": field.pack(vector)})
        query = ("*=>[KNN 9 @v $near AS far]", "PARAMS", 2, "near", field.pack([1, 0, 0.5]))
        found = await client.execute_command(
            *("FT.SEARCH", "typed", *query, "RETURN", 1, "far", "DIALECT", 2)
        )
        distances = [each["extra_attributes"]["far"] for each in found["results"]]
        assert [float(each) for each in distances] == [0] * len(ways)
        info = await client.ft.info("typed")
        assert (info.num_docs, info.hash_indexing_failures) == (len(ways), 0)


async def test_what_newer_servers_have(redis_stack: Server) -> None:
    """The server refuses what it does not know yet: it is sent as it should be."""
    async with client_of(redis_stack, 3) as client:
        for field in (
            VectorField("v", SVSVamana(dim=2, distance_metric="L2")),
            VectorField("v", FLAT(dim=2, distance_metric="L2", type="INT8")),
        ):
            with pytest.raises(ResponseError, match=r"(?i)bad arguments for vector similarity"):
                await client.ft.create("later", field)
        with pytest.raises(ResponseError, match="INDEXALL"):
            await client.ft.create("later", TextField("t"), indexall=True)
        with pytest.raises(UnknownCommandError, match="ALIASLIST"):
            await client.ft.aliaslist("later")
        assert await client.ft.list() == []


async def test_a_temporary_index(redis_stack: Server) -> None:
    """It goes by itself, and its documents go with it."""
    async with client_of(redis_stack, 3) as client:
        await client.hset("d:1", mapping={"t": "x"})
        await client.ft.create("short", TextField("t"), prefix="d:", temporary=1)
        with anyio.fail_after(30):
            while await client.exists("d:1"):
                await anyio.lowlevel.checkpoint()
        assert await client.ft.list() == []


@PROTOCOLS
async def test_aliases_and_settings(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """An alias names one index at a time; a setting is read and written."""
    async with client_of(redis_stack, protocol) as client:
        await client.ft.create("one", TextField("t"))
        await client.ft.create("two", TextField("t"))
        assert sorted(await client.ft.list()) == ["one", "two"]
        assert await client.ft.aliasadd("now", "one") is True
        with pytest.raises(ResponseError, match="already exists"):
            await client.ft.aliasadd("now", "two")
        assert (await client.ft.info("now")).index_name == "one"
        assert await client.ft.aliasupdate("now", "two") is True
        assert (await client.ft.info("now")).index_name == "two"
        assert await client.ft.aliasdel("now") is True
        with pytest.raises(ResponseError, match="does not exist"):
            await client.ft.aliasdel("now")
        [timeout] = (await client.ft.config_get("TIMEOUT")).values()
        assert await client.ft.config_set("TIMEOUT", 499) is True
        assert await client.ft.config_get("TIMEOUT") == {"TIMEOUT": "499"}
        assert await client.ft.config_set("TIMEOUT", timeout or 500) is True
        assert (await client.ft.config_get("*"))["EXTLOAD"] is None
        assert await client.ft.config_get("NO_SUCH") == {}
        with pytest.raises(ResponseError, match="Invalid option"):
            await client.ft.config_set("NO_SUCH", 1)


async def test_pipelines_and_names_in_bytes(redis_stack: Server) -> None:
    """A pipeline queues the commands; on a client that does not decode, names are bytes."""
    async with Redis(redis_stack.host, redis_stack.port) as client:
        async with client.pipeline() as pipe:
            made = pipe.ft.create("bytes", TagField(b"g"), stopwords=[])
            info = pipe.ft.info("bytes")
            names = pipe.ft.list()
        assert (made.value, names.value) == (True, [b"bytes"])
        assert (info.value.index_name, info.value.attributes[0].attribute) == (b"bytes", b"g")
        assert info.value.stopwords_list == []


async def test_a_cluster_without_a_coordinator(redis_stack_cluster: Cluster) -> None:
    """An index is at the node of its name's slot and has the documents of that node alone."""
    cluster = redis_stack_cluster
    async with RedisCluster(cluster.host, cluster.port, decode_responses=True) as client:
        for name in ("one", "two", "{one}3"):
            assert await client.ft.create(name, TagField("g"), prefix="d:") is True
        for number in range(30):
            await client.hset(f"d:{number}", mapping={"g": f"g{number}"})
        held = {
            name.decode(): server.port
            for server in cluster.primaries
            for name in asked(server, "FT._LIST")
        }
        assert held["one"] == held["{one}3"]
        assert sorted(await client.ft.list()) == ["one", "two", "{one}3"]
        [own] = [each for each in cluster.primaries if each.port == held["one"]]
        with anyio.fail_after(20):
            while (await client.ft.info("one")).num_docs < asked(own, "DBSIZE"):
                await anyio.lowlevel.checkpoint()
        assert asked(own, "DBSIZE") < 30
        assert await client.ft.aliasadd("{one}now", "one") is True
        assert (await client.ft.info("{one}now")).index_name == "one"
        assert await client.ft.aliasupdate("{one}now", "{one}3") is True
        assert await client.ft.aliasdel("{one}now") is True
        with pytest.raises(CrossSlotError):
            await client.ft.aliasadd("elsewhere", "one")
        await client.ft.dictdel("words", "hello", "world", "again")  # of another event loop
        assert await client.ft.dictadd("words", "hello", "world") == 2
        assert await client.ft.dictadd("words", "hello", "again") == 1
        everywhere = [sorted(asked(each, "FT.DICTDUMP", "words")) for each in cluster.primaries]
        assert everywhere == [[b"again", b"hello", b"world"]] * 3
        found = await client.ft.spellcheck("one", "hella", include="words")
        assert found == {"hella": [("hello", 0)]}
        assert await client.ft.dictdel("words", "hello", "none") == 1
        assert sorted(await client.ft.dictdump("words")) == ["again", "world"]
        assert await client.ft.config_set("TIMEOUT", 321) is True
        settings = [ask(each, "FT.CONFIG", "GET", "TIMEOUT") for each in cluster.primaries]
        assert settings == [[[b"TIMEOUT", b"321"]]] * 3
        assert await client.ft.config_get("TIMEOUT") == {"TIMEOUT": "321"}
