"""About: a server started for this example, and its report about itself."""

from __future__ import annotations

import runner
import sniffio

import anyredis


async def main(url: str) -> None:
    """Show the server's report about itself, and about this connection."""
    async with anyredis.Redis.from_url(url, client_name="newcomer") as client:
        facts = await client.info("server")
        kind = "valkey" if "valkey_version" in facts else "redis"
        runner.show("the server", f"{kind.title()} {facts[f'{kind}_version']}, {url}")
        runner.show("the event loop", sniffio.current_async_library())

        us = await client.client_info()
        library = f"{us.fields['lib-name']} {us.fields['lib-ver']}"
        runner.show(
            "what the server knows of us", f"{us.name}, by {library}, RESP{us.fields['resp']}"
        )


if __name__ == "__main__":
    runner.run(main)
