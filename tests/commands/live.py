"""What live tests of commands ask a server first: whether it knows a command at all."""

from __future__ import annotations

from anyredis import Redis
from anyredis.client.session import Session


async def knows(
    client: Redis[str] | Redis[bytes] | Session[str] | Session[bytes], name: str
) -> bool:
    """Whether the server knows the command *name*, such as `GET` or `ACL WHOAMI`."""
    [info] = await client.execute_command("COMMAND", "INFO", name.replace(" ", "|"))
    return info is not None
