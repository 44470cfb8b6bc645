"""The fixtures that the contract's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal

from anyredis.server import Server, run
from tests.contract.clients_and_taps import Transport
from tests.contract.control import Control
from tests.servers import valkey_binary


@pytest.fixture(scope="package")
def locked_valkey(portal: BlockingPortal) -> Iterator[Server]:
    """A Valkey 9.1 that wants the password "open sesame"."""
    scope = run(
        binary=valkey_binary(), unix_socket=True, arguments=("--requirepass", "open sesame")
    )
    with portal.wrap_async_context_manager(scope) as server:
        yield server


@pytest.fixture(params=["tcp", "unix"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """How to get to the server."""
    transport: Transport = request.param
    return transport


@pytest.fixture(params=[1, 0], ids=["sharing", "not_sharing"])
def shared(request: pytest.FixtureRequest) -> int:
    """How many connections ordinary commands share."""
    shared: int = request.param
    return shared


@pytest.fixture
def control(valkey: Server) -> Iterator[Control]:
    """A look at `valkey` from outside."""
    with Control(valkey) as control:
        yield control
