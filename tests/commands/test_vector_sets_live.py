"""Vector sets on a real server: each method once, in both protocols."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator

import numpy as np
import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError, UnknownCommandError
from anyredis.server import Server


@pytest.fixture(params=[2, 3])
async def client(request: pytest.FixtureRequest, redis8: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes; there are three elements."""
    async with Redis(
        host=redis8.host, port=redis8.port, protocol=request.param, decode_responses=True
    ) as client:
        assert await client.vadd("v", [1, 0], "east", attributes='{"x": 1}') is True
        assert await client.vadd("v", array("d", [0, 1]), "north") is True
        assert await client.vadd("v", np.array([-1.0, 0.0]), "west") is True
        yield client


async def test_elements(client: Redis[str]) -> None:
    """Elements are counted, known, and removed; the vector of one that exists is replaced."""
    assert await client.vadd("v", [1, 0.5], "east") is False
    assert (await client.vcard("v"), await client.vdim("v")) == (3, 2)
    assert (await client.vismember("v", "east"), await client.vismember("v", "up")) == (True, False)
    assert await client.vrandmember("v") in {"east", "north", "west"}
    assert sorted(await client.vrandmember_many("v", 5)) == ["east", "north", "west"]
    assert await client.vrem("v", "east") is True
    assert await client.vrem("v", "east") is False
    assert await client.vcard("nothing") == 0
    assert await client.vrandmember("nothing") is None
    with pytest.raises(ResponseError):
        await client.vdim("nothing")


async def test_vsim(client: Redis[str]) -> None:
    """The nearest come first, to a vector or to an element."""
    assert (await client.vsim("v", [2, 0.1]))[0] == "east"
    assert (await client.vsim("v", np.array([2, 0.1], "f4")))[0] == "east"
    assert (await client.vsim("v", array("f", [2, 0.1])))[0] == "east"
    assert await client.vsim("v", "north", count=1) == ["north"]
    assert await client.vsim("v", "east", filter=".x == 1", filter_ef=10) == ["east"]
    assert await client.vsim("v", "east", truth=True, no_thread=True, ef=20, epsilon=0.1) == [
        "east"
    ]
    scores = await client.vsim_with_scores("v", "east")
    assert [element for element, _ in scores] == ["east", "north", "west"]
    assert [score for _, score in scores] == pytest.approx([1.0, 0.5, 0.0], abs=0.01)
    [first, *_] = await client.vsim_with_attributes("v", "east")
    assert (first.element, first.attributes) == ("east", '{"x": 1}')
    assert first.score == pytest.approx(1.0, abs=0.01)


async def test_vectors_and_attributes(client: Redis[str]) -> None:
    """A vector comes back as exact as it is stored."""
    vector = await client.vemb("v", "east")
    assert vector == pytest.approx([1, 0], abs=0.01)
    raw = await client.vemb_raw("v", "east")
    assert raw is not None
    assert (raw.quantization, len(raw.data), raw.norm) == ("int8", 2, 1.0)
    assert await client.vemb("v", "up") is None
    assert await client.vemb_raw("v", "up") is None
    assert await client.vgetattr("v", "east") == '{"x": 1}'
    assert await client.vgetattr("v", "north") is None
    assert await client.vsetattr("v", "north", '{"x": 2}') is True
    assert await client.vgetattr("v", "north") == '{"x": 2}'
    assert await client.vsetattr("v", "up", "{}") is False


async def test_state(client: Redis[str]) -> None:
    """The kind, the dimensions and the neighbours of a set."""
    state = await client.vinfo("v")
    assert state is not None
    assert (state.quant_type, state.vector_dim, state.size) == ("int8", 2, 3)
    assert state.other["hnsw-m"] == 16
    assert await client.vinfo("nothing") is None
    layers = await client.vlinks("v", "east")
    assert layers is not None
    assert sorted(layers[-1]) == ["north", "west"]
    scored = await client.vlinks_with_scores("v", "east")
    assert scored is not None
    assert {element for element, _ in scored[-1]} == {"north", "west"}
    assert await client.vlinks("v", "up") is None


async def test_vrange(client: Redis[str]) -> None:
    """Elements come in the order of their bytes, from Redis 8.4 on."""
    version = tuple(map(int, str((await client.info("server"))["redis_version"]).split(".")))
    if version < (8, 4):
        with pytest.raises(UnknownCommandError):
            await client.vrange("v", "-", "+")
        return
    assert await client.vrange("v", "-", "+") == ["east", "north", "west"]
    assert await client.vrange("v", "(east", "+", count=1) == ["north"]


async def test_options(client: Redis[str]) -> None:
    """Kind, reduction and links are those of the first element."""
    vector = [float(number) for number in range(8)]
    added = await client.vadd(
        "w", vector, "a", reduce_dim=4, quantization="NOQUANT", numlinks=8, ef=50, cas=True
    )
    assert added is True
    state = await client.vinfo("w")
    assert state is not None
    assert (state.quant_type, state.vector_dim, state.other["hnsw-m"]) == ("f32", 4, 8)
