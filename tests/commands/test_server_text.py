"""What a server tells about itself is text in any case, on a client that does not decode too."""

from __future__ import annotations

from typing import Any, TypeVar, cast, get_args

import pytest

from anyredis import Redis
from anyredis.replies import S
from anyredis.server import Server
from anyredis.wire.decode import Decoder
from tests.commands.declared_types import declared, fits
from tests.commands.rows import Row, on_bytes, read_rows
from tests.commands.test_every_command import TABLES


def depends_on_client(annotation: Any) -> bool:
    """Whether the type has text as the client decodes it in it, or anything at all."""
    if isinstance(annotation, TypeVar) or annotation in (Any, object):
        return True
    fields = getattr(annotation, "__annotations__", {}).values()
    return any(depends_on_client(each) for each in get_args(annotation)) or any(
        word in str(each) for each in fields for word in ("S", "Reply", "object", "bytes")
    )


def value(group: type[object], row: Row, *, decodes: bool) -> Any:
    """What the command of *row* gives on a client that *decodes*, or on one that does not."""
    command = row.command if decodes else on_bytes(group, row)
    decoder = Decoder("utf-8" if decodes and not command.binary else None)
    decoder.feed(row.raw)
    return command.parsed(decoder.gets())


@pytest.mark.parametrize("group", TABLES, ids=lambda group: group.__name__)
def test_on_a_client_that_does_not_decode(group: type[object]) -> None:
    """Text that is not the user's is str; values without the user's text are the same."""
    wrong: list[str] = []
    for row in read_rows(group):
        if row.client_of_bytes:
            continue
        wanted = declared(group, row.method)
        undecoded = value(group, row, decodes=False)
        same = depends_on_client(wanted) or undecoded == value(group, row, decodes=True)
        if not same or not fits(undecoded, wanted, {S: bytes}):
            wrong.append(f"{row.method}: {undecoded!r} is no {wanted}")
    assert wrong == []


def holds_bytes(found: Any) -> bool:
    """Whether there are bytes anywhere in a value."""
    if isinstance(found, dict):
        fields = cast("dict[object, object]", found)
        return any(map(holds_bytes, [*fields.keys(), *fields.values()]))
    if isinstance(found, (list, tuple, set, frozenset)):
        items = cast("list[object]", found)
        return any(map(holds_bytes, items))
    return isinstance(found, bytes)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_reports(request: pytest.FixtureRequest, name: str, protocol: int) -> None:
    """Names, settings and reports of a server have no bytes in them."""
    server: Server = request.getfixturevalue(name)
    async with Redis(server.host, server.port, protocol=protocol, client_name="me") as client:
        await client.set("k", "v")
        reports = {
            "acl_whoami": await client.acl_whoami(),
            "acl_users": await client.acl_users(),
            "acl_list": await client.acl_list(),
            "acl_cat": await client.acl_cat(),
            "acl_genpass": await client.acl_genpass(),
            "acl_getuser": await client.acl_getuser("default"),
            "client_getname": await client.client_getname(),
            "client_info": await client.client_info(),
            "client_list": await client.client_list(),
            "client_trackinginfo": await client.client_trackinginfo(),
            "command_info": await client.command_info("get"),
            "command_list": await client.command_list(),
            "config_get": await client.config_get("max*"),
            "function_stats": await client.function_stats(),
            "info": await client.info(),
            "latency_doctor": await client.latency_doctor(),
            "latency_histogram": await client.latency_histogram(),
            "memory_doctor": await client.memory_doctor(),
            "memory_stats": await client.memory_stats(),
            "module_list": await client.module_list(),
            "object_encoding": await client.object_encoding("k"),
            "role": await client.role(),
            "script_load": await client.script_load("return 1"),
            "type": await client.type("k"),
            "xadd": await client.xadd("s", {"a": 1}),
        }
    assert [method for method, report in reports.items() if holds_bytes(report)] == []
    assert (reports["acl_whoami"], reports["client_getname"]) == ("default", "me")
