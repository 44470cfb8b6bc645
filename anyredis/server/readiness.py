"""Readiness of servers: they are asked over their Unix sockets, without TLS and redirects."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TypeAlias, TypeVar

import anyio

from anyredis.client.redis import Redis
from anyredis.exceptions import RedisError
from anyredis.server.running import Server, ServerStartError, end_of_log
from anyredis.server.server_group import gather

REPLY_TIMEOUT = 2.0  # seconds that one reply may take
PROBE_TIMEOUT = 0.5  # seconds for a reply that is asked for repeatedly
POLL_INTERVAL = 0.02  # seconds

T = TypeVar("T")

Clients: TypeAlias = Mapping[Server, Redis[str]]
"""A client of each of some servers."""

Problems: TypeAlias = Mapping[int, Sequence[str]]
"""The problems of each server, by its port; empty if all is well."""


class NotReadyError(ServerStartError):
    """Servers run but do not work together in time; the message has the view of each of them."""


@asynccontextmanager
async def connect_to(server: Server) -> AsyncGenerator[Redis[str]]:
    """A client of a server, over its Unix socket, without retries."""
    async with Redis(
        unix_socket_path=server.unix_socket_path,
        password=server.password,
        decode_responses=True,
        protocol=2,
        connect_timeout=REPLY_TIMEOUT,
        stream_timeout=REPLY_TIMEOUT,
        retry=None,
    ) as client:
        yield client


@asynccontextmanager
async def connect_to_all(servers: Sequence[Server]) -> AsyncGenerator[Clients]:
    """A client of each server."""
    async with AsyncExitStack() as stack:
        yield {server: await stack.enter_async_context(connect_to(server)) for server in servers}


async def replies_of(
    clients: Clients, ask: Callable[[Redis[str]], Awaitable[T]]
) -> dict[int, T | str]:
    """The reply of each server, by its port; an error text for one that does not answer soon."""

    async def answer(client: Redis[str]) -> T | str:
        try:
            with anyio.move_on_after(PROBE_TIMEOUT):
                return await ask(client)
        except RedisError as error:
            return f"cannot be asked: {error}"
        return f"cannot be asked: no answer within {PROBE_TIMEOUT} s"

    answers = await gather([partial(answer, client) for client in clients.values()])
    return {server.port: said for server, said in zip(clients, answers, strict=True)}


def running(servers: Sequence[Server]) -> list[Server]:
    """The servers that run, paused ones included."""
    return [server for server in servers if server.is_running]


def check_seconds(name: str, seconds: float) -> int:
    """The seconds as milliseconds; raises `ValueError` unless they are more than 0."""
    if not 0 < seconds < math.inf:
        raise ValueError(f"{name} has to be a number of seconds above 0, not {seconds!r}")
    return max(1, round(seconds * 1000))


async def poll_until_ready(
    check: Callable[[], Awaitable[Problems]],
    *,
    timeout: float,  # noqa: ASYNC109 - the remaining problems are returned
) -> Problems:
    """The problems that *check* still finds after *timeout* seconds; empty once all is well."""
    problems: Problems = {0: ["there was no time to check"]}
    with anyio.move_on_after(timeout):
        while problems := await check():  # noqa: ASYNC110 - no event tells
            await anyio.sleep(POLL_INTERVAL)
    return problems


def not_ready(what: str, problems: Problems, servers: Sequence[Server]) -> NotReadyError:
    """The error with *what* happened, each server's problems, and the log of the first server.

    Problems of port 0 concern no single server; the log is that of an ended server, if any.
    """
    urls = {server.port: server.url for server in servers}
    lines = [f"{urls.get(port, 'in all')}: {'; '.join(said)}" for port, said in problems.items()]
    guilty = [server for server in servers if not server.is_running]
    guilty += [server for server in servers if server.port in problems]
    lines += [f"{server.url}: {end_of_log(server)}" for server in guilty[:1]]
    return NotReadyError("\n  ".join([f"{what}:", *lines]))


def parse_info(text: str) -> dict[str, str]:
    """The fields of an INFO reply."""
    fields = (line.partition(":") for line in text.splitlines())
    return {name: value for name, colon, value in fields if colon}
