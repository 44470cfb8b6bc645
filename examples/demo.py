"""All examples, one after another on one real server, under asyncio and then under trio.

It needs no running server: `python examples/demo.py`.
"""

# ruff: noqa: E402 - signals are noted before the other imports, which take a moment

from __future__ import annotations

import interrupts

interrupts.catch()

import sys
import time

import about
import cancelled
import cluster
import failover
import gather
import in_memory
import jobs_and_chat
import many_tasks
import own_connection
import pipelines
import pools
import runner
import set_get
import watch

EVERYWHERE: list[runner.Example] = [
    about.main,
    set_get.main,
    pools.main,
    pipelines.main,
    watch.main,
    many_tasks.main,
    cancelled.main,
    own_connection.main,
    in_memory.main,
    jobs_and_chat.main,
    cluster.main,
    failover.main,
]
SCENES = {"asyncio": [*EVERYWHERE, gather.main], "trio": EVERYWHERE}


def main() -> int:
    """Run everything; gives the exit status."""
    started = time.monotonic()
    status = runner.perform(
        (backend, example) for backend, examples in SCENES.items() for example in examples
    )
    if status == 0:
        runner.title(f"All of it took {time.monotonic() - started:.1f} s. No server is left.\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
