"""What live tests of commands ask a server first: whether it knows a command at all."""

from __future__ import annotations

from anyredis import Commands


async def knows(client: Commands[str] | Commands[bytes], name: str) -> bool:
    """Whether the server knows the command *name*, such as `GET` or `ACL WHOAMI`."""
    [info] = await client.execute_command("COMMAND", "INFO", name.replace(" ", "|"))
    return info is not None
