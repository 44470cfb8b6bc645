"""The runner of all examples: it starts a real server, and shows results.

It is not needed to use anyredis; read the examples instead.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future, wait
from typing import TypeAlias

import interrupts
from anyio.from_thread import start_blocking_portal

import anyredis.server

Example: TypeAlias = Callable[[str], Awaitable[None]]
"""An example: a coroutine function of the URL of a server."""

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
WIDTH = 42
LOOK_EVERY = 0.05  # seconds


def show(what: str, result: object) -> None:
    """Print an action and its result."""
    print(f"    {what:<{WIDTH}}  {_painted(str(result), '32')}", flush=True)


def show_whole(what: str, result: object) -> None:
    """Print an action, and below it its result, of any length."""
    print(f"    {what}", flush=True)
    for line in textwrap.wrap(str(result), 68, break_on_hyphens=False):
        print(f"        {_painted(line, '32')}", flush=True)


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n  {_painted(text, '1')}", flush=True)


def _rule(text: str) -> None:
    print(f"\n{_painted(f'-- {text} '.ljust(76, '-'), '2')}", flush=True)


def _painted(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if COLOUR else text


def run(example: Example, backends: tuple[str, ...] = ("asyncio", "trio")) -> None:
    """Run one example by itself, on the event loop that the command line names; then exit."""
    backend = sys.argv[1] if len(sys.argv) > 1 else backends[0]
    if backend not in backends:
        sys.exit(f"usage: python {sys.argv[0]} [{'|'.join(backends)}]")
    interrupts.catch()
    sys.exit(perform([(backend, example)]))


def perform(scenes: Iterable[tuple[str, Example]]) -> int:
    """Run each of some examples under its backend, all on one server; gives the exit status.

    The server lives in one thread and each example in another, so that this thread can always
    handle a signal; then the example is cancelled, and both threads leave their scopes in order.
    """
    try:
        with (
            start_blocking_portal() as server_thread,
            server_thread.wrap_async_context_manager(anyredis.server.run()) as server,
        ):
            last = ""
            for backend, example in scenes:
                if backend != last:
                    _rule(last := backend)
                with start_blocking_portal(backend) as example_thread:
                    _wait_for(example_thread.start_task_soon(_play, example, server.url))
    except interrupts.Interrupted:
        print("\n  Stopped. The server is gone.", flush=True)
        return interrupts.EXIT_STATUS
    except anyredis.server.ServerNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _wait_for(playing: Future[None]) -> None:
    while not playing.done():
        wait([playing], timeout=LOOK_EVERY)
        interrupts.check()
    playing.result()


async def _play(example: Example, url: str) -> None:
    async with anyredis.Redis.from_url(url) as client:
        await client.flushall()
    title((sys.modules[example.__module__].__doc__ or "").partition("\n")[0])
    await example(url)
