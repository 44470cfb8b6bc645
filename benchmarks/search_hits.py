"""Ten thousand search hits: read from bytes, and over the wire, by anyredis, redis-py and coredis.

    python -m benchmarks.search_hits --rounds 15
    python -m benchmarks.search_hits --port 6379     # over the wire too: a server with the search module

The clients take turns, so that whatever slows the machine slows them all; the figure is the median of
the processor time that each takes, which other processes disturb least.  Each gives its own result
objects, with text.  coredis reads RESP3 only.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import anyio
import hiredis

import anyredis
from anyredis.wire.decode import MORE, Decoder

HITS: Final = 10_000
INDEX: Final = "bench"
PREFIX: Final = "bench:hit:"
ENOUGH: Final = 1_000_000

Read = Callable[[bytes], int]
"""Reads a reply, and gives the number of hits in it."""

Ask = Callable[[], Awaitable[int]]
"""Searches, and gives the number of hits."""


def fields_of(number: int) -> dict[str, str]:
    """A document."""
    return {
        "title": f"A lamp of the kind {number}",
        "body": "It gives light, stands on a table, and is switched on and off. " * 2,
        "kind": f"kind-{number % 50}",
        "price": str(number / 10),
        "stock": str(number % 7),
    }


def bulk(text: str) -> bytes:
    """A bulk string."""
    return b"$%d\r\n%b\r\n" % (len(text), text.encode())


def reply_of(protocol: int) -> bytes:
    """What a server answers."""
    hits: list[bytes] = []
    for number in range(HITS):
        fields = fields_of(number)
        pairs = b"".join(bulk(each) for pair in fields.items() for each in pair)
        key = bulk(f"{PREFIX}{number}")
        if protocol == 2:
            hits.append(key + b"*%d\r\n" % (2 * len(fields)) + pairs)
        else:
            content = bulk("extra_attributes") + b"%%%d\r\n" % len(fields) + pairs
            hits.append(b"%3\r\n" + bulk("id") + key + content + bulk("values") + b"*0\r\n")
    if protocol == 2:
        return b"*%d\r\n:%d\r\n" % (1 + 2 * HITS, HITS) + b"".join(hits)
    return (
        b"%5\r\n" + bulk("attributes") + b"*0\r\n" + bulk("format") + bulk("STRING")
        + bulk("results") + b"*%d\r\n" % HITS + b"".join(hits) + bulk("total_results")
        + b":%d\r\n" % HITS + bulk("warning") + b"*0\r\n"
    )  # fmt: skip


# -- from bytes ---------------------------------------------------------------------------------


def read_by_anyredis(*, decode_responses: bool) -> Read:
    """The decoder and the reader of `client.ft.search`."""
    client: anyredis.Redis[Any] = anyredis.Redis(decode_responses=decode_responses)
    command = client.ft.plan.search(INDEX, "*")

    def read(data: bytes) -> int:
        decoder = Decoder("utf-8" if decode_responses else None)
        decoder.feed(data)
        while (reply := decoder.gets(False)) is MORE and decoder.feed_rest():
            pass
        return len(command.parse(reply))

    return read


def read_by_redis_py(protocol: int) -> Read:
    """hiredis, which redis-py uses, and the callback of its search commands."""
    client = importlib.import_module("redis").Redis(
        protocol=protocol, decode_responses=True, legacy_responses=False
    )
    query = importlib.import_module("redis.commands.search.query").Query("*")
    parse = getattr(client.ft(INDEX), "_parse_results")  # noqa: B009 - it has no public name

    def read(data: bytes) -> int:
        reader = hiredis.Reader()
        reader.feed(data)
        raw = reader.gets(False)  # redis-py decodes the replies to FT.SEARCH itself
        return len(parse("FT.SEARCH", raw, query=query, duration=0).docs)

    return read


def read_by_coredis() -> Read:
    """The parser and the callback of coredis."""
    parser_class = importlib.import_module("coredis.parser").Parser
    module = importlib.import_module("coredis.modules.response._callbacks.search")
    callback = module.SearchResultCallback()

    def read(data: bytes) -> int:
        parser = parser_class()
        parser.feed(data)
        return len(callback(parser.parse(True, "utf-8")[1]).documents)

    return read


def read_by_hiredis(data: bytes) -> int:
    """The parser alone, which redis-py and anyredis share: the lower bound of both."""
    reader = hiredis.Reader()
    reader.feed(data)
    return HITS if reader.gets(False) else 0


def readers(protocol: int) -> dict[str, Read]:
    """Those that read this protocol."""
    found = {
        "anyredis": read_by_anyredis(decode_responses=True),
        "anyredis, bytes": read_by_anyredis(decode_responses=False),
        "redis-py": read_by_redis_py(protocol),
        "hiredis alone": read_by_hiredis,
    }
    return found if protocol == 2 else {**found, "coredis": read_by_coredis()}


def measure_reading(protocol: int, rounds: int) -> dict[str, float]:
    """The median of the milliseconds that each takes."""
    data, contestants = reply_of(protocol), readers(protocol)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, read in contestants.items():
            gc.collect()
            begin = time.process_time()
            found = read(data)
            taken = time.process_time() - begin
            assert found == HITS, name
            if turn:
                times[name].append(taken * 1000)
    return {name: statistics.median(each) for name, each in times.items()}


# -- over the wire ------------------------------------------------------------------------------


async def fill(port: int) -> None:
    """The index and its documents."""
    async with anyredis.Redis(port=port, decode_responses=True) as client:
        with contextlib.suppress(anyredis.ResponseError):  # there is none yet
            await client.execute_command("FT.DROPINDEX", INDEX, "DD")
        schema = ("title", "TEXT", "kind", "TAG", "price", "NUMERIC")
        await client.execute_command("FT.CREATE", INDEX, "PREFIX", 1, PREFIX, "SCHEMA", *schema)
        async with client.pipeline(transaction=False) as pipe:
            for number in range(HITS):
                pipe.hset(f"{PREFIX}{number}", mapping=dict(fields_of(number)))
        assert (await client.ft.search(INDEX, "*", limit=(0, 0))).total == HITS


async def clients(port: int, stack: AsyncExitStack) -> dict[str, Ask]:
    """A search by each client."""
    ours = await stack.enter_async_context(anyredis.Redis(port=port, decode_responses=True))
    redis = importlib.import_module("redis.asyncio")
    theirs = await stack.enter_async_context(redis.Redis(port=port, decode_responses=True))
    query = importlib.import_module("redis.commands.search.query").Query("*").paging(0, ENOUGH)
    core = importlib.import_module("coredis").Redis(port=port, decode_responses=True)
    await stack.enter_async_context(core)

    async def by_anyredis() -> int:
        return len(await ours.ft.search(INDEX, "*", limit=(0, ENOUGH)))

    async def by_redis_py() -> int:
        return len((await theirs.ft(INDEX).search(query)).docs)

    async def by_coredis() -> int:
        found = await core.search.search(INDEX, "*", offset=0, limit=ENOUGH)
        return len(found.documents)

    return {"anyredis": by_anyredis, "redis-py": by_redis_py, "coredis": by_coredis}


async def measure_wire(port: int, rounds: int) -> dict[str, float]:
    """The median of the milliseconds that each takes; the time of the server is not in it."""
    await fill(port)
    async with AsyncExitStack() as stack:
        contestants = await clients(port, stack)
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for turn in range(rounds + 1):
            for name, ask in contestants.items():
                gc.collect()
                begin = time.process_time()
                found = await ask()
                taken = time.process_time() - begin
                assert found == HITS, name
                if turn:
                    times[name].append(taken * 1000)
    return {name: statistics.median(each) for name, each in times.items()}


def show(title: str, times: dict[str, float]) -> None:
    """One line for each client."""
    print(title)
    for name, taken in times.items():
        print(f"  {name:16} {taken:8.1f} ms   {taken / times['anyredis']:5.1f} x")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--port", type=int, help="of a server with the search module")
    options = parser.parse_args()
    for protocol in (2, 3):
        title = f"{HITS} hits of five fields, from bytes, RESP{protocol}"
        show(title, measure_reading(protocol, options.rounds))
    if options.port is not None:
        times = anyio.run(measure_wire, options.port, options.rounds)
        show(f"{HITS} hits of five fields, over the wire", times)


if __name__ == "__main__":
    main()
