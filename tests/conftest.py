"""The fixtures that all tests share: three event loops, and real servers.

Each worker process of pytest-xdist has servers of its own.  A test that uses a fixture of real
servers gets the marker `server`; a module that starts servers by hand says so with `pytestmark`.

Ask for `valkey`, `redis8`, `redis_tls`, `redis_mtls` or `redis_stack` to get a server that is shared
by the whole run and empty; for `valkey_cluster`, `redis8_cluster` or `redis_stack_cluster` to get a cluster; for
`private_server` to get a server that you may kill, pause or reconfigure.
"""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, TypeAlias, cast

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from anyredis.server import Cluster, Server, run, run_cluster
from tests.contract.rotation import ONE_LOOP, TALLY, Rotation, described, draw_seed
from tests.servers import (
    Certificates,
    ask,
    make_certificates,
    processes,
    redis8_binary,
    redis_stack_modules,
    redis_tls_binary,
    valkey_binary,
)

Backend: TypeAlias = tuple[str, dict[str, object]]

DEBUG = ("--enable-debug-command", "local")

SERVER_FIXTURES: Final = frozenset({"portal", "private_server"})
"""The fixtures that all fixtures of real servers are made of."""

SERVER_NAMES: Final = frozenset(
    {
        *("valkey", "redis8", "redis_tls", "redis_mtls", "redis_stack"),
        *("valkey_cluster", "redis8_cluster", "redis_stack_cluster"),
    }
)
"""The fixtures that a test may get by a name among its parameters."""

BACKENDS: dict[str, Backend] = {
    "asyncio": ("asyncio", {"use_uvloop": False}),
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed of the run before any worker starts: all of them inherit it."""
    config.addinivalue_line("markers", "server: the test starts or uses a real server")
    draw_seed()


def pytest_report_header() -> str:
    """The part of the cancellation cases that this run takes."""
    return f"cancellation cases: {described(Rotation.of_this_run())}"


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take one event loop a test, if the run asks for that.

    The cancellation cases choose their event loops themselves.
    """
    test = metafunc.definition
    if ONE_LOOP not in os.environ or "anyio_backend" not in metafunc.fixturenames:
        return
    if any("anyio_backend" in mark.args[0] for mark in test.iter_markers("parametrize")):
        return
    loop = Rotation.of_this_run().loop(test.nodeid, [*BACKENDS])
    test.add_marker(
        pytest.mark.parametrize(
            "anyio_backend", [BACKENDS[loop]], ids=[loop], indirect=True, scope="module"
        )
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a real server."""
    for item in items:
        if isinstance(item, pytest.Function) and uses_server(item):
            item.add_marker("server")


def pytest_collection_finish() -> None:
    """Let the garbage collector overlook what is there for the whole run: modules and tests.

    A test that collects garbage would go through millions of objects to find those of its own.
    """
    start_hypothesis()
    gc.collect()
    gc.freeze()


def start_hypothesis() -> None:
    """Run a test of Hypothesis, which makes its random generator now.

    Hypothesis asks the garbage collector who refers to the generator, and warns if nobody does.
    The collector does not know of a module that it overlooks. A test whose examples are the same
    in each run (all are, where the environment has `CI`) makes the generator for all others.
    """

    @settings(derandomize=True, max_examples=1, database=None)
    @given(st.none())
    def trivial(_: None) -> None: ...

    trivial()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Have the garbage collector overlook what the tests of a module leave behind for good, too."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def uses_server(item: pytest.Function) -> bool:
    """Whether a test has a fixture of a real server, or the name of one among its parameters."""
    callspec: Any = getattr(item, "callspec", None)
    params: dict[str, Any] = callspec.params if callspec is not None else {}
    names: set[Any] = set()
    for param in params.values():
        parts = cast("Sequence[object]", param) if isinstance(param, tuple) else (param,)
        names.update(part for part in parts if isinstance(part, str))
    return bool(SERVER_FIXTURES.intersection(item.fixturenames) or SERVER_NAMES & names)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the cases that a worker ran to those of the run."""
    if counts := getattr(node, "workeroutput", {}).get("tally"):
        TALLY.add(counts)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that started this worker how many cases it ran."""
    gc.unfreeze()
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tally"] = TALLY.counts()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write how many cancellation cases ran, and how to repeat them."""
    if TALLY.cases or TALLY.losses:
        terminalreporter.write_line(f"{TALLY} ({described(Rotation.of_this_run())})")


@pytest.fixture(scope="module", params=BACKENDS.values(), ids=[*BACKENDS])
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    """The event loop to run on, as anyio's plugin wants it told: every async test runs on each."""
    backend: Backend = request.param
    return backend


@pytest.fixture(scope="session", autouse=True)
def no_survivors() -> Iterator[None]:
    """No server or watchdog that this run started is there when it ends."""
    yield
    left = [
        process
        for process in processes()
        if process.parent == os.getpid() and "watchdog.py" in process.arguments
    ]
    assert left == []


@pytest.fixture(scope="session")
def portal(no_survivors: None) -> Iterator[BlockingPortal]:
    """An event loop in a thread, which holds the scopes of the shared servers."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of `redis_tls` and `redis_mtls`, and some that they must not accept."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def shared_valkey(portal: BlockingPortal) -> Iterator[Server]:
    """The one Valkey 9.1 of this run; tests want `valkey`."""
    scope = run(binary=valkey_binary(), unix_socket=True, arguments=DEBUG)
    with portal.wrap_async_context_manager(scope) as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis8(portal: BlockingPortal) -> Iterator[Server]:
    """The one Redis 8.2 of this run; tests want `redis8`."""
    scope = run(binary=redis8_binary(), unix_socket=True, arguments=DEBUG)
    with portal.wrap_async_context_manager(scope) as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis_tls(portal: BlockingPortal, certificates: Certificates) -> Iterator[Server]:
    """The one Redis 7.4 with TLS of this run; tests want `redis_tls`."""
    scope = run(
        binary=redis_tls_binary(),
        unix_socket=True,
        arguments=DEBUG,
        tls=certificates.server_files(),
    )
    with portal.wrap_async_context_manager(scope) as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis_mtls(portal: BlockingPortal, certificates: Certificates) -> Iterator[Server]:
    """The one Redis 7.4 with mutual TLS of this run; tests want `redis_mtls`."""
    scope = run(
        binary=redis_tls_binary(),
        unix_socket=True,
        arguments=DEBUG,
        tls=certificates.server_files(require_client_cert=True),
    )
    with portal.wrap_async_context_manager(scope) as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis_stack(portal: BlockingPortal) -> Iterator[Server]:
    """The one Redis 7.4 with modules of this run; tests want `redis_stack`."""
    modules = redis_stack_modules()
    scope = run(binary=redis_tls_binary(), unix_socket=True, arguments=(*DEBUG, *modules))
    with portal.wrap_async_context_manager(scope) as server:
        yield server


@pytest.fixture(scope="session")
def shared_valkey_cluster(portal: BlockingPortal) -> Iterator[Cluster]:
    """The one cluster of Valkey 9.1 of this run; tests want `valkey_cluster`."""
    scope = run_cluster(binary=valkey_binary(), arguments=DEBUG)
    with portal.wrap_async_context_manager(scope) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared_redis8_cluster(portal: BlockingPortal) -> Iterator[Cluster]:
    """The one cluster of Redis 8.2 of this run; tests want `redis8_cluster`."""
    scope = run_cluster(binary=redis8_binary(), replicas=0, arguments=DEBUG)
    with portal.wrap_async_context_manager(scope) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared_redis_stack_cluster(portal: BlockingPortal) -> Iterator[Cluster]:
    """The one cluster of Redis 7.4 with modules of this run; tests want `redis_stack_cluster`."""
    arguments = (*DEBUG, *redis_stack_modules())
    scope = run_cluster(binary=redis_tls_binary(), replicas=0, arguments=arguments)
    with portal.wrap_async_context_manager(scope) as cluster:
        yield cluster


@pytest.fixture
def valkey(shared_valkey: Server) -> Server:
    """A Valkey 9.1, empty, with a TCP port and a Unix socket; leave its configuration alone."""
    ask(shared_valkey, "FLUSHALL")
    return shared_valkey


@pytest.fixture
def redis8(shared_redis8: Server) -> Server:
    """A Redis 8.2, empty, with a TCP port and a Unix socket; leave its configuration alone."""
    ask(shared_redis8, "FLUSHALL")
    return shared_redis8


@pytest.fixture
def redis_tls(shared_redis_tls: Server) -> Server:
    """A Redis 7.4, empty, whose TCP port speaks TLS with `certificates`."""
    ask(shared_redis_tls, "FLUSHALL")
    return shared_redis_tls


@pytest.fixture
def redis_mtls(shared_redis_mtls: Server) -> Server:
    """A Redis 7.4, empty, whose TCP port speaks TLS and wants a client certificate."""
    ask(shared_redis_mtls, "FLUSHALL")
    return shared_redis_mtls


@pytest.fixture
def redis_stack(shared_redis_stack: Server) -> Server:
    """A Redis 7.4, empty, with JSON, search, time series and probabilistic types."""
    ask(shared_redis_stack, "FLUSHALL")
    return shared_redis_stack


def emptied(cluster: Cluster) -> Cluster:
    """A cluster whose primaries have no data; its replicas follow."""
    for primary in cluster.primaries:
        ask(primary, "FLUSHALL")
    return cluster


@pytest.fixture
def valkey_cluster(shared_valkey_cluster: Cluster) -> Cluster:
    """A cluster of three Valkey 9.1 with a replica each, empty; leave its topology alone."""
    return emptied(shared_valkey_cluster)


@pytest.fixture
def redis8_cluster(shared_redis8_cluster: Cluster) -> Cluster:
    """A cluster of three Redis 8.2 without replicas, empty; leave its topology alone."""
    return emptied(shared_redis8_cluster)


@pytest.fixture
def redis_stack_cluster(shared_redis_stack_cluster: Cluster) -> Cluster:
    """A cluster of three Redis 7.4 with modules and without replicas, without keys and indexes.

    Leave its topology and its dictionaries as they are.
    """
    return emptied(shared_redis_stack_cluster)


@pytest.fixture
async def private_server() -> AsyncIterator[Server]:
    """A Valkey 9.1 of this test alone, to kill, pause, restart and reconfigure."""
    async with run(binary=valkey_binary(), unix_socket=True, arguments=DEBUG) as server:
        yield server
