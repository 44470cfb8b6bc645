"""SENTINEL on real sentinels: each method once, on every server, in both protocols."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest

from anyredis import Redis, Sentinel, TCPAddress
from anyredis.command import Command, Executor
from anyredis.commands.sentinels import SentinelCommands
from anyredis.exceptions import (
    AuthenticationError,
    PartialFailureError,
    RedisError,
    ResponseError,
)
from anyredis.replies import TextReaders
from anyredis.reports.sentinel_reports import PrimaryDown
from anyredis.server import SentinelDeployment, Server, run_sentinel
from tests.servers import redis8_binary, valkey_binary

pytestmark = pytest.mark.server

T = TypeVar("T")

PATIENT = 30.0
"""Seconds for a sentinel to answer, on a busy machine too."""

KNOWN: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "sentinel_commands.json").read_text()
)


class Direct(SentinelCommands, Executor):
    """The commands of one sentinel on an ordinary client, which can speak RESP2."""

    read = TextReaders(str)

    def __init__(self, client: Redis[Any]) -> None:
        self._client = client

    async def submit(self, command: Command[T]) -> T:
        """The parsed reply."""
        return await self._client.submit(command)


@pytest.fixture(
    scope="module", params=[valkey_binary, redis8_binary], ids=["valkey-9.1", "redis-8.2"]
)
async def deployment(
    request: pytest.FixtureRequest, anyio_backend: object
) -> AsyncIterator[SentinelDeployment]:
    """A primary, a replica and three sentinels."""
    binary: Callable[[], Path] = request.param
    async with run_sentinel(binary=binary()) as deployment:
        yield deployment


@pytest.fixture
async def sentinel(deployment: SentinelDeployment) -> Sentinel:
    """A `Sentinel` for all of them, which agree."""
    await deployment.wait_until_ok()
    return Sentinel(deployment.addresses, sentinel_timeout=PATIENT)


async def roles(deployment: SentinelDeployment) -> tuple[Server, Server]:
    """The primary and its replica, whichever they are now."""
    primary = await deployment.current_primary()
    [replica] = {deployment.primary, *deployment.replicas} - {primary}
    return primary, replica


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decodes", [False, True], ids=["bytes", "text"])
async def test_reports(deployment: SentinelDeployment, protocol: int, decodes: bool) -> None:
    """What a sentinel tells is the same in both protocols, decoded or not."""
    await deployment.wait_until_ok()
    primary, replica = await roles(deployment)
    name = deployment.name
    host, port = deployment.addresses[0]
    async with Redis(host=host, port=port, protocol=protocol, decode_responses=decodes) as client:
        one = Direct(client)
        [watched] = (await one.sentinel_masters()).values()
        again = await one.sentinel_master(name)
        assert (watched.name, watched.ip, watched.port) == (name, primary.host, primary.port)
        assert (again.runid, again.num_slaves, again.quorum) == (watched.runid, 1, 2)
        assert again.flags == {"master"}
        for replicas in (await one.sentinel_replicas(name), await one.sentinel_slaves(name)):
            assert [(each.port, *each.flags) for each in replicas] == [(replica.port, "slave")]
            assert replicas[0].master_port == primary.port
        others = await one.sentinel_sentinels(name)
        assert {each.port for each in others} == {each[1] for each in deployment.addresses[1:]}
        address = await one.sentinel_get_master_addr_by_name(name)
        assert address == (primary.host, primary.port)
        down = await one.sentinel_is_master_down_by_addr(primary.host, primary.port)
        assert down == PrimaryDown(False, None, 0)
        assert await one.sentinel_ckquorum(name) is True
        infos = (await one.sentinel_info_cache(name))[name]
        assert [each.info and each.info["tcp_port"] for each in infos] == [
            *(primary.port, replica.port),
        ]
        assert (await one.sentinel_config_get())["loglevel"] == "notice"
        assert (await one.sentinel_debug())["ASK-PERIOD"] > 0
        assert await one.sentinel_pending_scripts() == []
        assert len(await one.sentinel_myid()) == 40


async def test_questions_about_servers(deployment: SentinelDeployment, sentinel: Sentinel) -> None:
    """One of the sentinels answers; a name that none knows is the error of each."""
    name = deployment.name
    assert list(await sentinel.sentinel_masters()) == [name]
    assert (await sentinel.sentinel_master(name)).port == (await roles(deployment))[0].port
    assert len(await sentinel.sentinel_replicas(name)) == 1
    assert len(await sentinel.sentinel_sentinels(name)) == 2
    assert await sentinel.sentinel_ckquorum(name) is True
    assert await sentinel.sentinel_get_master_addr_by_name("nobody") is None
    with pytest.raises(ResponseError, match="No such master"):
        await sentinel.sentinel_replicas("nobody")
    with pytest.raises(ResponseError, match="No such master"):
        await sentinel.sentinel_failover("nobody")


async def test_each(deployment: SentinelDeployment, sentinel: Sentinel) -> None:
    """The answer of each, by address; `node` asks one."""
    ids = await sentinel.each(lambda node: node.sentinel_myid())
    assert list(ids) == [TCPAddress(*each) for each in deployment.addresses]
    assert len({*ids.values()}) == 3
    host, port = deployment.addresses[1]
    assert await sentinel.node(f"{host}:{port}").sentinel_myid() == ids[TCPAddress(host, port)]
    assert await sentinel.nodes()[0].execute_command("SENTINEL", "MYID") in ids.values()
    assert await sentinel.nodes()[0].execute_command("PING") == "PONG"


async def test_configuration(deployment: SentinelDeployment, sentinel: Sentinel) -> None:
    """A change is made by all sentinels, or the error names those that have not made it."""
    primary, _ = await roles(deployment)
    assert await sentinel.sentinel_monitor("other", primary.host, primary.port, 2) is True
    try:
        assert await sentinel.sentinel_set("other", "quorum", 3, "auth-pass", "s3cret") is True
        seen = await sentinel.each(lambda node: node.sentinel_master("other"))
        assert [getattr(each, "quorum", each) for each in seen.values()] == [3, 3, 3]
        with pytest.raises(ResponseError, match="Duplicate"):
            await sentinel.sentinel_monitor("other", primary.host, primary.port, 2)
        assert await sentinel.sentinel_reset("oth*") == 1
        assert await sentinel.nodes()[2].sentinel_remove("other") is True
        with pytest.raises(PartialFailureError, match="No such master") as partial:
            await sentinel.sentinel_set("other", "auth-pass", "s3cret")
        assert [each.address for each in partial.value.failed] == [sentinel.nodes()[2].address]
        assert len(partial.value.succeeded) == 2
        assert "s3cret" not in f"{partial.value} {partial.value.failed} {partial.value!r}"
    finally:
        await sentinel.each(lambda node: node.sentinel_remove("other"))
    assert list(await sentinel.sentinel_masters()) == [deployment.name]
    assert await sentinel.sentinel_flushconfig() is True


async def test_settings_of_the_sentinels(sentinel: Sentinel) -> None:
    """They are set at all sentinels; more than one at once, too."""
    assert await sentinel.sentinel_config_set("loglevel", "verbose") is True
    told = await sentinel.each(lambda node: node.sentinel_config_get("loglevel"))
    assert [*told.values()] == [{"loglevel": "verbose"}] * 3
    before = await sentinel.nodes()[0].sentinel_debug()
    assert await sentinel.sentinel_debug_set({"script-max-runtime": 7000}) is True
    for limits in (await sentinel.each(lambda node: node.sentinel_debug())).values():
        assert limits == {**before, "SCRIPT-MAX-RUNTIME": 7000}
    await sentinel.sentinel_debug_set(before)
    await sentinel.sentinel_config_set("loglevel", "notice", "announce-port", 0)


async def test_the_list_of_subcommands(deployment: SentinelDeployment) -> None:
    """`sentinel_commands.json` has every subcommand of the sentinel, with its first version."""
    host, port = deployment.addresses[0]
    async with Redis(host=host, port=port, decode_responses=True, protocol=3) as client:
        names = [each for each in await client.command_list() if each.startswith("sentinel|")]
        docs = await client.execute_command("COMMAND", "DOCS", *names)
        since = {name.upper().replace("|", " "): docs[name]["since"] for name in names}
        assert len(since) > 20
        assert {name: KNOWN[name]["since"] for name in since} == since


async def test_failover(deployment: SentinelDeployment, sentinel: Sentinel) -> None:
    """Another server becomes the primary, by an order to one sentinel."""
    old = await sentinel.sentinel_get_master_addr_by_name(deployment.name)

    async def ordered() -> bool:
        try:
            return await sentinel.sentinel_failover(deployment.name)
        except ResponseError:  # the last failover has just ended
            return False

    while not await ordered():
        await anyio.sleep(0.1)
    while await sentinel.sentinel_get_master_addr_by_name(deployment.name) == old:
        await anyio.sleep(0.05)


async def test_simulate_failure() -> None:
    """The sentinel that begins a failover ends at that moment, and the others notice."""
    async with run_sentinel(binary=valkey_binary()) as deployment:
        sentinel = Sentinel(deployment.addresses, sentinel_timeout=PATIENT)
        one = sentinel.nodes()[0]
        assert await one.sentinel_simulate_failure("crash-after-promotion") is True
        await one.sentinel_failover(deployment.name)
        while deployment.sentinels[0].is_running:
            await anyio.sleep(0.05)
        ids = await sentinel.each(lambda node: node.sentinel_myid())
        first, *others = ids.values()
        assert isinstance(first, RedisError)
        assert all(isinstance(each, str) for each in others)
        assert list(await sentinel.sentinel_masters()) == [deployment.name]


async def test_passwords() -> None:
    """The sentinels' own password is sent; without it the error is about the credentials."""
    async with run_sentinel(
        binary=valkey_binary(), sentinels=1, quorum=1, sentinel_password="s3cret"
    ) as deployment:
        sentinel = Sentinel(
            deployment.addresses, sentinel_password="s3cret", sentinel_timeout=PATIENT
        )
        assert list(await sentinel.sentinel_masters()) == [deployment.name]
        wrong = Sentinel(deployment.addresses, sentinel_password="wr0ng", sentinel_timeout=PATIENT)
        for call in (
            wrong.sentinel_masters(),
            wrong.sentinel_flushconfig(),
            wrong.sentinel_failover(deployment.name),
        ):
            with pytest.raises(AuthenticationError) as refused:
                await call
            assert "wr0ng" not in str(refused.value)
