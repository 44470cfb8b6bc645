"""A chat room: three people talk, and each reads what the others say at a pace of their own."""

from __future__ import annotations

import sys

import anyio

import anyredis

ROOM = "room:lobby"


async def listen(messages: anyredis.PubSub[str], name: str, count: int) -> None:
    """Print what the others say, until *count* messages have come."""
    async for event in messages:
        if event.kind == "gap":  # the connection was lost, and is there again
            print(f"{name} may have missed something: {event.reason}")
        elif event.kind == "dropped":  # this reader was too slow
            print(f"{name} has missed {event.count} messages")
        else:
            speaker, _, text = event.data.partition(": ")
            if speaker != name:
                print(f"{name} hears {speaker} say {text!r}")
            count -= 1
            if not count:
                return


async def talk(client: anyredis.Redis[str], name: str, texts: list[str]) -> None:
    """Say something to everybody in the room."""
    for text in texts:
        await client.execute_command("PUBLISH", ROOM, f"{name}: {text}")


async def main(url: str) -> None:
    """Three people, each with a subscription, over one connection for all three."""
    people = {"Ada": ["hello", "how are you?"], "Ben": ["hi"], "Cleo": ["good morning"]}
    count = sum(map(len, people.values()))
    async with (
        anyredis.Redis.from_url(url, decode_responses=True) as client,
        client.subscribe(ROOM, on_full="drop_oldest") as ada,
        client.subscribe(ROOM, on_full="drop_oldest") as ben,
        client.subscribe(ROOM, on_full="drop_oldest") as cleo,
        anyio.create_task_group() as tasks,
    ):
        for messages, name in zip((ada, ben, cleo), people, strict=True):
            tasks.start_soon(listen, messages, name, count)
            tasks.start_soon(talk, client, name, people[name])


if __name__ == "__main__":
    backend, url = sys.argv[1:3] if len(sys.argv) > 2 else ("asyncio", "redis://localhost:6379")
    anyio.run(main, url, backend=backend)
