"""JSON documents of 10 kB and 1 MB, written and read, beside the codec alone, redis-py and coredis.

    python -m benchmarks.json_documents --port 6379     # of a server with the JSON module

The clients take turns, so that whatever slows the machine slows them all; the figure is the median of
the processor time that each takes for one call, which other processes disturb least.  The time of the
server is not in it.  redis-py is used once as it is, once with orjson; coredis takes orjson by itself.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple

import anyio
import msgspec
import orjson

import anyredis
from anyredis.json import msgspec_codec, orjson_codec

KEY: Final = "bench:json"
SIZES: Final = {10_000: 100, 1_000_000: 5}
"""Bytes of a document, with the number of calls in a row."""


class Calls(NamedTuple):
    """What a contestant does: it writes the document at `KEY`, and reads it."""

    write: Callable[[], Awaitable[Any]]
    read: Callable[[], Awaitable[Any]]


class OrjsonEncoder:
    """What redis-py asks of an encoder."""

    def encode(self, value: Any) -> str:
        """JSON text."""
        return orjson.dumps(value).decode()


class OrjsonDecoder:
    """What redis-py asks of a decoder."""

    def decode(self, text: str | bytes) -> Any:
        """The value of JSON text."""
        return orjson.loads(text)


def document(size: int, *, nulls: bool) -> dict[str, Any]:
    """A catalogue of at least *size* bytes."""
    products: list[dict[str, Any]] = []
    length = 0
    while length < size:
        number = len(products)
        product: dict[str, Any] = {
            "id": number,
            "name": f"product {number}",
            "price": number * 1.25,
            "tags": ["kitchen", "iron", "sale"],
            "stock": {"north": number % 7, "south": number % 5},
            "text": "x" * 60,
            "on": True,
        }
        if nulls:
            product["until"] = None
        products.append(product)
        length += len(orjson.dumps(product)) + 1
    return {"products": products}


def alone(dumps: Callable[[Any], bytes], loads: Callable[[bytes], Any], value: Any) -> Calls:
    """A codec without a client."""
    text = orjson.dumps(value)

    async def write() -> Any:
        return dumps(value)

    async def read() -> Any:
        return loads(text)

    return Calls(write, read)


def of_anyredis(client: anyredis.Redis[bytes], value: Any) -> Calls:
    """`client.json`, with the client's codec."""
    return Calls(lambda: client.json.set(KEY, "$", value), lambda: client.json.get(KEY))


def of_bytes(client: anyredis.Redis[bytes], value: Any) -> Calls:
    """The same commands without a codec: the lower bound of the rest."""
    text = orjson.dumps(value)
    return Calls(
        lambda: client.execute_command("JSON.SET", KEY, "$", text),
        lambda: client.execute_command("JSON.GET", KEY, "."),
    )


async def contestants(port: int, value: Any, stack: AsyncExitStack) -> dict[str, Calls]:
    """Each with a client of its own: redis-py's hold the codec that was given last."""
    codecs = {"msgspec": msgspec_codec(), "orjson": orjson_codec(), "json": None}
    ours = {
        name: await stack.enter_async_context(anyredis.Redis(port=port, json_codec=codec))
        for name, codec in codecs.items()
    }
    redis = importlib.import_module("redis.asyncio")
    plain = (await stack.enter_async_context(redis.Redis(port=port))).json()
    fast = (await stack.enter_async_context(redis.Redis(port=port))).json(
        encoder=OrjsonEncoder(), decoder=OrjsonDecoder()
    )
    core = await stack.enter_async_context(importlib.import_module("coredis").Redis(port=port))
    return {
        "msgspec alone": alone(msgspec.json.encode, msgspec.json.decode, value),
        "orjson alone": alone(orjson.dumps, orjson.loads, value),
        "anyredis, bytes": of_bytes(ours["json"], value),
        **{f"anyredis, {name}": of_anyredis(client, value) for name, client in ours.items()},
        "redis-py, json": Calls(lambda: plain.set(KEY, "$", value), lambda: plain.get(KEY)),
        "redis-py, orjson": Calls(lambda: fast.set(KEY, "$", value), lambda: fast.get(KEY)),
        "coredis, orjson": Calls(
            lambda: core.json.set(KEY, "$", value), lambda: core.json.get(KEY, ".")
        ),
    }


async def microseconds(call: Callable[[], Awaitable[Any]], count: int) -> float:
    """The processor time of one of *count* calls."""
    gc.collect()
    begin = time.process_time()
    for _ in range(count):
        await call()
    return (time.process_time() - begin) / count * 1_000_000


async def measure(port: int, rounds: int) -> None:
    """Measure and print."""
    for size, count in SIZES.items():
        for nulls in (False, True):
            value = document(size, nulls=nulls)
            async with AsyncExitStack() as stack:
                found = await contestants(port, value, stack)
                times: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
                for turn in range(rounds + 1):
                    for name, calls in found.items():
                        both = (
                            await microseconds(calls.write, count),
                            await microseconds(calls.read, count),
                        )
                        if turn:  # the first fills caches
                            times[name].append(both)
            print(f"{len(orjson.dumps(value)):,} bytes{', with nulls' if nulls else ''}: set, get")
            for name, pairs in times.items():
                set_time, get_time = (statistics.median(each) for each in zip(*pairs, strict=True))
                print(f"  {name:18} {set_time:9.0f} µs {get_time:9.0f} µs")


def main() -> None:
    """Read the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--port", type=int, required=True, help="of a server with the JSON module")
    options = parser.parse_args()
    anyio.run(measure, options.port, options.rounds)


if __name__ == "__main__":
    main()
