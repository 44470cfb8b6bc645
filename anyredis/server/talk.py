"""Asking servers, over their Unix sockets: what TLS and whom redirections concern is not our care."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TypeAlias, TypeVar

import anyio

from anyredis.client.redis import Redis
from anyredis.exceptions import RedisError
from anyredis.server.fleet import at_once
from anyredis.server.running import Server, ServerStartError, end_of_log

PATIENCE = 2.0  # seconds that one reply may take
GLANCE = 0.5  # seconds for an answer that is asked for again and again
POLL = 0.02  # seconds

T = TypeVar("T")

Clients: TypeAlias = Mapping[Server, Redis[str]]
"""A client of each of some servers."""

Complaints: TypeAlias = Mapping[int, Sequence[str]]
"""What is not yet as it should be, for each server, by its port; empty when all is well."""


class NotReadyError(ServerStartError):
    """Servers run but do not work together in time; the message tells how each of them sees it."""


@asynccontextmanager
async def talk(server: Server) -> AsyncGenerator[Redis[str]]:
    """A client of a server, over its Unix socket, which sends nothing twice."""
    async with Redis(
        unix_socket_path=server.unix_socket_path,
        password=server.password,
        decode_responses=True,
        protocol=2,
        connect_timeout=PATIENCE,
        stream_timeout=PATIENCE,
        retry=None,
    ) as client:
        yield client


@asynccontextmanager
async def talk_to_all(servers: Sequence[Server]) -> AsyncGenerator[Clients]:
    """A client of each server."""
    async with AsyncExitStack() as stack:
        yield {server: await stack.enter_async_context(talk(server)) for server in servers}


async def answers_of(
    clients: Clients, ask: Callable[[Redis[str]], Awaitable[T]]
) -> dict[int, T | str]:
    """What each server answers, by its port; or what went wrong, for those that do not soon."""

    async def answer(client: Redis[str]) -> T | str:
        try:
            with anyio.move_on_after(GLANCE):
                return await ask(client)
        except RedisError as error:
            return f"cannot be asked: {error}"
        return f"cannot be asked: no answer within {GLANCE} s"

    answers = await at_once([partial(answer, client) for client in clients.values()])
    return {server.port: said for server, said in zip(clients, answers, strict=True)}


def running(servers: Sequence[Server]) -> list[Server]:
    """Those of the servers that run, also if they are paused."""
    return [server for server in servers if server.is_running]


def check_seconds(name: str, seconds: float) -> int:
    """The seconds as milliseconds; raises `ValueError` unless they are more than 0."""
    if not 0 < seconds < math.inf:
        raise ValueError(f"{name} has to be a number of seconds above 0, not {seconds!r}")
    return max(1, round(seconds * 1000))


async def settle(
    look: Callable[[], Awaitable[Complaints]],
    *,
    timeout: float,  # noqa: ASYNC109 - what is not well then is returned
) -> Complaints:
    """What *look* still complains of after *timeout* seconds; nothing as soon as all is well."""
    complaints: Complaints = {0: ["there was no time to look"]}
    with anyio.move_on_after(timeout):
        while complaints := await look():  # noqa: ASYNC110 - no event tells
            await anyio.sleep(POLL)
    return complaints


def not_ready(what: str, complaints: Complaints, servers: Sequence[Server]) -> NotReadyError:
    """The error that says *what* happened, each server's complaints, and the log of the first.

    Complaints about port 0 are about none of them; a server that has ended goes before all.
    """
    urls = {server.port: server.url for server in servers}
    lines = [f"{urls.get(port, 'in all')}: {'; '.join(said)}" for port, said in complaints.items()]
    guilty = [server for server in servers if not server.is_running]
    guilty += [server for server in servers if server.port in complaints]
    lines += [f"{server.url}: {end_of_log(server)}" for server in guilty[:1]]
    return NotReadyError("\n  ".join([f"{what}:", *lines]))


def parse_info(text: str) -> dict[str, str]:
    """The fields of an INFO reply."""
    fields = (line.partition(":") for line in text.splitlines())
    return {name: value for name, colon, value in fields if colon}
