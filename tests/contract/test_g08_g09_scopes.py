"""G8, G9: nothing outlives its scope, and no state reaches another user of a connection."""

from __future__ import annotations

import gc

import anyio
import pytest

from anyredis import (
    ConnectionPool,
    DataValueError,
    Redis,
    Session,
    WatchError,
)
from anyredis.server import Server
from tests.contract.clients_and_taps import Transport, client_of, connections_of, until
from tests.contract.control import Control
from tests.contract.harness import running_tasks
from tests.servers import ROOT

# -- G8 -----------------------------------------------------------------------------------------


async def test_nothing_outlives_the_client(
    valkey: Server, transport: Transport, shared: int, control: Control
) -> None:
    """G8: when the block has ended there is no task, and soon no connection on the server."""
    tasks = running_tasks()
    async with client_of(valkey, transport, shared_connections=shared) as client:
        await client.ping()
        async with client.connection_pool.acquire(), client.session() as session:
            await session.ping()
        assert control.client_list()
    assert running_tasks() == tasks
    await control.all_gone()


async def test_leaving_ends_commands_in_progress(
    valkey: Server, transport: Transport, shared: int, control: Control
) -> None:
    """G8: a block that ends by cancellation ends its blocked commands and sessions."""
    tasks = running_tasks()
    client = client_of(valkey, transport, shared_connections=shared)
    async with anyio.create_task_group() as group:

        async def work() -> None:
            async with client, anyio.create_task_group() as inner:
                inner.start_soon(client.blpop, "list")
                async with client.session() as session:
                    await session.blpop("list")

        group.start_soon(work)
        await until(lambda: sum("b" in each["flags"] for each in control.client_list()) == 2)
        group.cancel_scope.cancel()
    assert running_tasks() == tasks
    await control.all_gone()


async def test_leaving_twice_is_harmless(valkey: Server, control: Control) -> None:
    """G8: leaving a client or a pool once more does nothing; it can be entered again."""
    client = client_of(valkey)
    for scope in (client, client.connection_pool):
        async with scope:
            await client.ping()
        await scope.__aexit__(None, None, None)
        await scope.__aexit__(None, None, None)
        async with scope:
            await client.ping()
        await control.all_gone()


async def test_objects_that_were_never_entered_leave_nothing(
    valkey: Server, control: Control
) -> None:
    """G8: clients, pools, pipelines and sessions that are only made hold nothing."""
    tasks = running_tasks()
    client = client_of(valkey)
    client.pipeline().get("k")
    client.session()
    client.connection_pool.acquire()
    ConnectionPool(host=valkey.host, port=valkey.port)
    del client
    gc.collect()
    assert running_tasks() == tasks
    assert control.client_list() == []


def test_nothing_is_done_by_a_destructor() -> None:
    """G8: no class has a `__del__`, so none does I/O in one."""
    for path in (ROOT / "anyredis").rglob("*.py"):
        assert "def __del__" not in path.read_text(), path


async def test_the_error_outside_the_block_names_the_right_form(valkey: Server) -> None:
    """G8: before and after, commands raise a `RuntimeError` that names the right form."""
    client = client_of(valkey)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="async with client"):
            await client.ping()
        with pytest.raises(RuntimeError, match="async with client"):
            async with client.pipeline() as pipe:
                pipe.get("k")
        with pytest.raises(RuntimeError, match="async with client"):
            async with client.session():
                pass
        with pytest.raises(RuntimeError, match="async with client"):
            await client.blpop("list")
        async with client:
            await client.ping()


# -- G9 -----------------------------------------------------------------------------------------


async def change_state(session: Session[bytes]) -> None:
    """Change every kind of connection state."""
    await session.select(1)
    await session.client_setname("mine")
    await session.client_no_evict("ON")
    await session.client_no_touch("ON")
    await session.client_tracking_on(bcast=True)
    await session.watch("watched")


async def test_changes_of_a_session_stay_in_it(
    valkey: Server, transport: Transport, shared: int, control: Control
) -> None:
    """G9: SELECT, WATCH, CLIENT settings … are gone with the session that made them."""
    client = client_of(valkey, transport, shared_connections=shared, max_connections=2)
    async with client:
        async with client.session() as session:
            before = await session.client_id()
            await change_state(session)
        for _ in range(4):
            async with client.session() as one, client.session() as other:
                for session in (one, other):
                    info = await session.client_info()
                    assert info.id != before
                    assert (info.name, info.db) == ("", 0)
                    assert set(info.flags) <= set("NU")
        assert await client.client_getname() is None


async def test_a_session_without_changes_releases_its_connection(valkey: Server) -> None:
    """G9: a session that changed nothing releases its connection for others."""
    async with client_of(valkey, max_connections=2) as client:
        async with client.session() as session:
            before = await session.client_id()
            await session.get("k")
        async with client.session() as session:
            assert await session.client_id() == before


async def test_raw_commands_leave_no_state_either(valkey: Server, shared: int) -> None:
    """G9: changes by `execute_command` on an exclusive connection stay there, too."""
    async with client_of(valkey, max_connections=1, shared_connections=shared) as client:
        async with client.connection_pool.acquire() as connection:
            await connection.execute_command("select", 1)
            await connection.execute_command("MULTI")
        assert (await client.client_info()).db == 0
        async with client.connection_pool.acquire() as connection:
            await connection.execute_command(b"client setname", "mine")
        assert await client.client_getname() is None


async def test_a_watch_that_was_cancelled_watches_nothing(valkey: Server, shared: int) -> None:
    """G9: a session that is cancelled in its middle leaves no WATCH or MULTI behind."""
    async with client_of(valkey, max_connections=1, shared_connections=shared) as client:
        with anyio.CancelScope() as scope:
            async with client.session() as session:
                await session.watch("k")
                scope.cancel()
                await session.get("k")
        await client.set("k", 1)
        async with client.session() as session, session.pipeline() as pipe:
            pipe.incr("k")
        assert await client.get("k") == b"2"


async def test_a_watched_key_that_changes_stops_the_transaction(valkey: Server) -> None:
    """G9: WATCH works within a session."""
    async with client_of(valkey) as client, client.session() as session:
        await session.watch("k")
        await client.set("k", 1)
        with pytest.raises(WatchError):
            async with session.pipeline() as pipe:
                pipe.incr("k")
        assert await client.get("k") == b"1"


@pytest.mark.parametrize(
    "words",
    [
        *("ASKING", "AUTH x", "CLIENT CACHING YES", "CLIENT NO-EVICT ON", "CLIENT NO-TOUCH ON"),
        *("CLIENT REPLY OFF", "CLIENT SETINFO LIB-NAME x", "CLIENT SETNAME x", "DISCARD", "EXEC"),
        *("CLIENT TRACKING ON", "HELLO 2", "MONITOR", "MULTI", "PSUBSCRIBE x", "QUIT", "READONLY"),
        *("READWRITE", "RESET", "SELECT 1", "SSUBSCRIBE x", "SUBSCRIBE x", "SYNC", "UNWATCH"),
        *("WATCH x", "client reply off", "select 1"),
    ],
)
async def test_commands_that_change_a_multiplexed_connection_are_refused(
    valkey: Server, words: str
) -> None:
    """G9: the client refuses it before it is sent, and names the remedy; so does a pipeline."""
    async with client_of(valkey) as client:
        before = await client.client_id()
        with pytest.raises(DataValueError, match=words.split(maxsplit=1)[0].upper()):
            await client.execute_command(*words.split())
        with pytest.raises(DataValueError, match=words.split(maxsplit=1)[0].upper()):
            client.pipeline().execute_command(*words.split())
        assert await client.client_id() == before
        assert len(connections_of(client)) == 1


async def test_two_databases_are_two_clients(valkey: Server) -> None:
    """G9: the database of one client does not affect another."""
    async with client_of(valkey, db=1) as one, Redis(valkey.host, valkey.port) as other:
        await one.set("k", "one")
        assert await other.get("k") is None
        assert await one.get("k") == b"one"
