"""A server seen from outside the client under test: its connections and its data."""

from __future__ import annotations

import socket
import time
from typing import Any, Final, Protocol, Self

import anyio
import hiredis

from anyredis.exceptions import RedisError
from anyredis.server import Server
from anyredis.testing import Answer, FakeServer

PATIENCE = 30.0
"""Seconds until the server has to have noticed that a client is gone."""


def fields(line: str) -> dict[str, str]:
    """The fields of a line of CLIENT LIST, by name."""
    pairs = (pair.partition("=") for pair in line.split())
    return {name: value for name, _, value in pairs}


class Outside(Protocol):
    """A look at a server that does not use the client under test."""

    def ask(self, *words: str | bytes | int) -> Any:
        """The reply to one command; raises the error if the reply is one."""

    async def all_gone(self) -> None:
        """Wait until no client under test is connected."""


class Control:
    """A blocking connection to *server* over its Unix socket."""

    def __init__(self, server: Server, password: str | None = None) -> None:
        assert server.unix_socket_path is not None
        self._reader = hiredis.Reader(encoding="utf-8")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(server.unix_socket_path)
        if password is not None:
            self.ask("AUTH", password)
        self.ask("SELECT", 0)
        self.before = self.clients()
        """The ids of the connections from before the test."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, *words: str | bytes | int) -> Any:
        """The reply to one command; raises the error if the reply is one."""
        self._socket.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]
        while (reply := self._reader.gets()) is False:
            chunk = self._socket.recv(65536)
            assert chunk, "the server hung up"
            self._reader.feed(chunk)
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def client_list(self) -> list[dict[str, str]]:
        """All connections except those from before the test."""
        found = [fields(line) for line in self.ask("CLIENT", "LIST").splitlines()]
        before = getattr(self, "before", frozenset[str]())
        return [client for client in found if client["id"] not in before]

    def clients(self) -> frozenset[str]:
        """The ids of all connections that were not there before."""
        return frozenset(client["id"] for client in self.client_list())

    async def all_gone(self) -> None:
        """Wait until all connections are closed except those from before the test."""
        deadline = time.monotonic() + PATIENCE
        while left := self.client_list():
            assert time.monotonic() < deadline, f"clients are left on the server: {left}"
            await anyio.sleep(0.001)


STEP: Final = 0.02
"""Seconds that pass between two steps of a task, on the clock of a server in memory."""


class FakeControl:
    """The same for a server in memory, whose time passes with the steps of tasks."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._me = server.memory.new_client()

    def ask(self, *words: str | bytes | int) -> Any:
        """The reply to one command; raises the error if the reply is one."""
        packed = tuple(word if isinstance(word, bytes) else str(word).encode() for word in words)
        reply = self._server.memory.run(self._me, packed)
        if isinstance(reply, RedisError):
            raise reply
        return _decoded(reply)

    def let_time_pass(self) -> None:
        """Let keys expire and blocking commands give up whose time is over now."""
        assert self._server.clock is not None
        self._server.clock.advance(STEP)

    async def all_gone(self) -> None:
        """Assert that no client is connected: in memory, closing takes no time."""
        assert not self._server.peers, f"clients are left on {self._server!r}"


def _decoded(reply: Answer) -> Any:
    if isinstance(reply, bytes):
        return reply.decode()
    return [_decoded(item) for item in reply] if isinstance(reply, list) else reply
