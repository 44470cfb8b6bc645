"""About: a server of our own, and what it tells of itself."""

from __future__ import annotations

import sniffio
import stage

import anyredis


async def main(url: str) -> None:
    """Ask the server who it is, and who we are to it."""
    async with anyredis.Redis.from_url(url, client_name="newcomer") as client:
        facts = await client.info("server")
        kind = "valkey" if "valkey_version" in facts else "redis"
        stage.show("the server", f"{kind.title()} {facts[f'{kind}_version']}, {url}")
        stage.show("the event loop", sniffio.current_async_library())

        us = await client.client_info()
        library = f"{us.fields['lib-name']} {us.fields['lib-ver']}"
        stage.show(
            "what the server knows of us", f"{us.name}, by {library}, RESP{us.fields['resp']}"
        )


if __name__ == "__main__":
    stage.run(main)
