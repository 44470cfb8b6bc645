"""Tests of `anyredis.server.readiness`."""

from __future__ import annotations

import math

import anyio
import anyio.lowlevel
import pytest

from anyredis.client.redis import Redis
from anyredis.server import NotReadyError, Server, ServerStartError
from anyredis.server.readiness import (
    Problems,
    check_seconds,
    connect_to,
    connect_to_all,
    not_ready,
    parse_info,
    poll_until_ready,
    replies_of,
    running,
)


async def ping(client: Redis[str]) -> bytes:
    """The reply of a server to a PING."""
    reply: str = await client.execute_command("PING")
    return reply.encode()


async def test_tls_is_no_obstacle(redis_mtls: Server) -> None:
    """A server is asked over its Unix socket, even if its port demands TLS."""
    async with connect_to(redis_mtls) as client:
        assert await ping(client) == b"PONG"


async def test_those_that_do_not_answer_are_told(valkey: Server, private_server: Server) -> None:
    """One server that is gone does not keep the others from answering."""
    async with connect_to_all([valkey, private_server]) as clients:
        assert await replies_of(clients, ping) == {
            valkey.port: b"PONG",
            private_server.port: b"PONG",
        }
        await private_server.kill()
        answers = await replies_of(clients, ping)
    assert answers[valkey.port] == b"PONG"
    assert str(answers[private_server.port]).startswith("cannot be asked: ")


async def test_running_are_those_whose_process_is_there(
    valkey: Server, private_server: Server
) -> None:
    """A paused server runs, a killed one does not."""
    private_server.pause()
    assert running([valkey, private_server]) == [valkey, private_server]
    await private_server.kill()
    assert running([valkey, private_server]) == [valkey]


async def test_polling_ends_as_soon_as_all_is_well() -> None:
    """The result is empty once there are no problems."""
    answers: list[Problems] = [{}, {1: ["not yet"]}]

    async def check() -> Problems:
        await anyio.lowlevel.checkpoint()
        return answers.pop()

    assert await poll_until_ready(check, timeout=10) == {}
    assert answers == []


async def test_polling_gives_the_last_problems() -> None:
    """When the time is over, the last problems are the result."""

    async def check() -> Problems:
        await anyio.lowlevel.checkpoint()
        return {1: ["never"]}

    assert await poll_until_ready(check, timeout=0.05) == {1: ["never"]}


@pytest.mark.parametrize("seconds", [0, -1, 0.01])
async def test_polling_without_an_answer_is_not_well(seconds: float) -> None:
    """Without time for a check the servers do not count as ready."""

    async def check() -> Problems:
        await anyio.sleep_forever()
        return {}

    assert await poll_until_ready(check, timeout=seconds) == {0: ["there was no time to check"]}


async def test_the_error_has_each_view_and_the_log_of_the_first(private_server: Server) -> None:
    """A server with problems is named by URL, and the end of its log is there."""
    error = not_ready("bad", {private_server.port: ["one", "two"]}, [private_server])
    assert isinstance(error, NotReadyError)
    assert isinstance(error, ServerStartError)
    assert f"bad:\n  {private_server.url}: one; two\n  {private_server.url}: its log" in str(error)
    assert "Ready to accept connections" in str(error)


async def test_the_log_of_a_server_that_ended_goes_before_all(
    valkey: Server, private_server: Server
) -> None:
    """The cause is more likely there than in the log of the server that noticed it."""
    await private_server.kill()
    error = not_ready("bad", {valkey.port: ["lonely"], 0: ["x"]}, [valkey, private_server])
    assert f"in all: x\n  {private_server.url}: its log ends with:" in str(error)


@pytest.mark.parametrize(("seconds", "wanted"), [(2, 2000), (0.25, 250), (0.0001, 1)])
def test_seconds_become_milliseconds(seconds: float, wanted: int) -> None:
    """The servers count in whole milliseconds, one at least."""
    assert check_seconds("x", seconds) == wanted


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan])
def test_seconds_that_make_no_sense_are_refused(seconds: float) -> None:
    """The error names the argument."""
    with pytest.raises(ValueError, match="node_timeout has to be"):
        check_seconds("node_timeout", seconds)


def test_info_is_read() -> None:
    """Headings and empty lines are no fields."""
    assert parse_info("# Part\r\na:1\r\n\r\nb:x:y\r\n") == {"a": "1", "b": "x:y"}
