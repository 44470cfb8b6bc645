"""A fake server for tests, in memory, on every event loop; a real one is in `anyredis.server`.

    server = FakeServer()
    async with server.client(decode_responses=True) as client:
        await client.set("greeting", "hello")
        server.on("GET", run_then_reset, times=1)       # the reply is lost, once
        assert await client.get("greeting") == "hello"  # a read is sent again
    assert server.count("GET") == 2

`FakeCluster` is a cluster of such servers; its slots move and its nodes fail on a test's command.

A `VirtualClock` lets keys expire and blocking commands give up without waiting.  docs/testing.md
lists the commands that the fakes know.

With pytest, the fixtures `anyredis_server`, `anyredis_client` and `anyredis_cluster` are a real
server, a client of it, and a client of a real cluster, emptied for each test.
"""

from anyredis.testing.client_state import ClientState
from anyredis.testing.clock import VirtualClock
from anyredis.testing.cluster import FakeCluster, FakeClusterConnection
from anyredis.testing.data import Database, SortedSet, Words
from anyredis.testing.fake_scripts import PythonFunction, ScriptCall
from anyredis.testing.memory import Memory
from anyredis.testing.nodes import FakeNode
from anyredis.testing.resp import NOTHING, Answer, Raw
from anyredis.testing.server import (
    FakeConnection,
    FakePeer,
    FakeServer,
    Handler,
    run_then_half_close,
    run_then_reset,
    silent,
)
from anyredis.testing.stream import FakeStream
from anyredis.testing.stream_data import StreamData

__all__ = [
    "NOTHING",
    "Answer",
    "ClientState",
    "Database",
    "FakeCluster",
    "FakeClusterConnection",
    "FakeConnection",
    "FakeNode",
    "FakePeer",
    "FakeServer",
    "FakeStream",
    "Handler",
    "Memory",
    "PythonFunction",
    "Raw",
    "ScriptCall",
    "SortedSet",
    "StreamData",
    "VirtualClock",
    "Words",
    "run_then_half_close",
    "run_then_reset",
    "silent",
]
