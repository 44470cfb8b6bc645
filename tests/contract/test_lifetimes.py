"""G8, G12: the holders of a pool, and use from other tasks."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import unittest
import weakref

import anyio
import pytest

from anyredis import Credentials, Redis
from anyredis.testing import FakeServer, silent
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.fake_clients import each_client, make
from tests.contract.harness import running_tasks

# -- entering and leaving ----------------------------------------------------------------------


@each_client
async def test_entered_in_one_task_and_left_in_another(cluster: bool) -> None:
    """G8: like start and stop callbacks of frameworks; nothing is left, leaving twice is harmless."""
    client, peers = make(cluster)
    before = running_tasks()
    for leave in (client.aclose, lambda: client.__aexit__(None, None, None)):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.open)
        await client.set("k", 1)
        assert peers() > 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leave)
        assert (peers(), running_tasks()) == (0, before)
        await client.aclose()


def test_a_test_case_of_unittest() -> None:
    """G8: `asyncSetUp` and `asyncTearDown` run in separate tasks."""
    server = FakeServer()

    class Case(unittest.IsolatedAsyncioTestCase):
        """A user's test case."""

        async def asyncSetUp(self) -> None:
            """Enter."""
            self.client = await server.client().__aenter__()

        async def asyncTearDown(self) -> None:
            """Leave."""
            await self.client.__aexit__(None, None, None)
            assert server.peers == []
            assert len(asyncio.all_tasks()) == 1

        async def test_ping(self) -> None:
            """Use."""
            assert await self.client.ping()

    result = unittest.TestResult()
    Case("test_ping").run(result)
    assert result.wasSuccessful(), result.errors


@pytest.mark.parametrize("fails", [False, True])
async def test_each_holder_leaves_alone(fails: bool) -> None:
    """G12: the first holder waits for no other, and its end does not affect others."""
    server = FakeServer()
    server.on("BLPOP", silent)
    pool = server.pool()
    others, left = anyio.Event(), anyio.Event()

    async def first() -> None:
        with contextlib.suppress(KeyError):
            async with Redis(connection_pool=pool) as client:
                await client.ping()
                await others.wait()
                if fails:
                    raise KeyError
        left.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await all_tasks_blocked()
        async with Redis(connection_pool=pool) as client:
            tasks.start_soon(client.blpop, "list")
            await all_tasks_blocked()
            others.set()
            await left.wait()
            assert pool.leased == 1, "the request of another block goes on"
            assert await client.ping()
            tasks.cancel_scope.cancel()
    assert server.peers == []


# -- contexts -----------------------------------------------------------------------------------


class Secret:
    """A value in a context variable of a request."""


VARIABLE: contextvars.ContextVar[Secret | None] = contextvars.ContextVar("VARIABLE", default=None)


async def test_nothing_of_a_requests_context_is_kept_or_seen() -> None:
    """The credential provider does not run in it, and it is freed when the request has ended."""
    seen: list[Secret | None] = []

    def provide() -> Credentials:
        seen.append(VARIABLE.get())
        return Credentials(None, "sesame")

    server = FakeServer(users={"default": "sesame"})
    async with server.client(credential_provider=provide) as client:
        secrets: list[weakref.ref[Secret]] = []

        async def request() -> None:
            secret = Secret()
            secrets.append(weakref.ref(secret))
            VARIABLE.set(secret)
            await client.ping()
            async with client.session() as session:
                await session.ping()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(request)
        await client.ping()
        gc.collect()
        assert seen == [None, None]
        assert [secret() for secret in secrets] == [None]


async def test_entering_keeps_no_context_either() -> None:
    """The pool's task does not run in the context of the block that entered first."""
    client = FakeServer().client()
    secrets: list[weakref.ref[Secret]] = []

    async def enter() -> None:
        secret = Secret()
        secrets.append(weakref.ref(secret))
        VARIABLE.set(secret)
        await client.open()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enter)
    await client.ping()
    gc.collect()
    assert [secret() for secret in secrets] == [None]
    await client.aclose()
