"""Access control on real servers: each method once, on every server that the tests run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from anyredis import AuthenticationError, NoPermissionError, Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server, run
from tests.servers import redis8_binary, valkey_binary


@pytest.fixture(params=[("valkey", 2), ("valkey", 3), ("redis8", 2), ("redis8", 3)], ids=str)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[bytes]]:
    """A client that does not decode, of each server, in both protocols; the test's user is new."""
    name, protocol = request.param
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port, protocol=protocol) as client:
        await client.acl_deluser("ada")
        await client.acl_log_reset()
        yield client
        await client.acl_deluser("ada")


async def test_a_user(client: Redis[bytes]) -> None:
    """A user is made, read, and deleted."""
    assert await client.acl_getuser("ada") is None
    made = await client.acl_setuser(
        "ada",
        enabled=True,
        passwords=["+first", "+second"],
        categories=["+@read"],
        commands=["+ping"],
        keys=["cache:*", "%R~jobs:*"],
        channels=["news.*"],
        selectors=[("+set", "own:*")],
    )
    assert made is True
    user = await client.acl_getuser("ada")
    assert user is not None
    assert user.enabled
    assert len(user.passwords) == 2
    assert {"+@read", "+ping"} <= set(user.commands.split())
    assert (user.keys, user.channels) == ("~cache:* %R~jobs:*", "&news.*")
    [selector] = user.selectors
    assert (selector.keys, "+set" in selector.commands) == ("~own:*", True)
    assert {"ada", "default"} <= set(await client.acl_users())
    assert [line for line in await client.acl_list() if line.startswith("user ada on")]
    assert await client.acl_setuser_rules("ada", "off", "<second") is True
    changed = await client.acl_getuser("ada")
    assert changed is not None
    assert (changed.enabled, len(changed.passwords)) == (False, 1)
    assert await client.acl_deluser("ada", "nobody") == 1


async def test_permissions(client: Redis[bytes], request: pytest.FixtureRequest) -> None:
    """A user may do what the rules say; refusals are in the log."""
    await client.acl_setuser(
        "ada", enabled=True, passwords="+pw", commands=["+get", "+acl|whoami"], keys=["k"]
    )
    assert await client.acl_dryrun("ada", "GET", "k") == "OK"
    assert "no permissions" in await client.acl_dryrun("ada", "SET", "k", "v")
    server: Server = request.getfixturevalue(request.node.callspec.params["client"][0])
    async with Redis(host=server.host, port=server.port, username="ada", password="pw") as ada:
        assert await ada.acl_whoami() == "ada"
        assert await ada.get("k") is None
        with pytest.raises(NoPermissionError):
            await ada.get("other")
    [refusal] = await client.acl_log(1)
    assert (refusal.times, refusal.reason, refusal.context) == (1, "key", "toplevel")
    assert (refusal.object, refusal.username) == ("other", "ada")
    assert 0 <= refusal.age_seconds < 60
    assert refusal.client_info.fields["user"] == "ada"
    async with Redis(host=server.host, port=server.port, username="ada", password="no") as wrong:
        with pytest.raises(AuthenticationError):
            await wrong.acl_whoami()
    reasons = [entry.reason for entry in await client.acl_log()]
    assert reasons[:2] == ["auth", "key"]  # behind them: CLIENT SETINFO, which she may not send
    assert await client.acl_log_reset() is True
    assert await client.acl_log() == []


async def test_categories_and_passwords(client: Redis[bytes]) -> None:
    """The categories, the commands of one, and passwords of the length that is asked for."""
    assert {"read", "write", "admin"} <= set(await client.acl_cat())
    assert {"get", "mget"} <= set(await client.acl_cat("read"))
    assert len(await client.acl_genpass()) == 64
    assert len(await client.acl_genpass(5)) == 2


async def test_no_file(client: Redis[bytes]) -> None:
    """A server without an ACL file says so."""
    with pytest.raises(ResponseError, match="not configured to use an ACL file"):
        await client.acl_save()
    with pytest.raises(ResponseError, match="not configured to use an ACL file"):
        await client.acl_load()


@pytest.mark.server
@pytest.mark.parametrize("binary", [valkey_binary, redis8_binary], ids=["valkey", "redis8"])
async def test_a_file(binary: Callable[[], Path], tmp_path: Path) -> None:
    """Users are saved to the ACL file, and read back from it."""
    file = tmp_path / "users.acl"
    file.write_text("user default on nopass ~* &* +@all\n", encoding="utf-8")
    async with (
        run(binary=binary(), arguments=["--aclfile", str(file)]) as server,
        Redis(host=server.host, port=server.port) as client,
    ):
        await client.acl_setuser("ada", enabled=True)
        assert await client.acl_save() is True
        assert "user ada on" in file.read_text(encoding="utf-8")
        await client.acl_deluser("ada")
        assert await client.acl_load() is True
        assert await client.acl_getuser("ada") is not None
