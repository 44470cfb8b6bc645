"""Soak all event loops, one after the other: `python -m tests.soak --seconds 60 --seed 1`."""

from __future__ import annotations

import argparse
import random
import sys

import anyio

from anyredis.server import run
from tests.conftest import BACKENDS
from tests.servers import valkey_binary
from tests.soak.mixed_load import Report, soak


async def _soak_own_server(seconds: float, seed: int) -> Report:
    async with run(binary=valkey_binary(), unix_socket=True) as server:
        return await soak(server, seconds=seconds, seed=seed)


def main() -> None:
    """Read the arguments, run, and print the counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each event loop")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="default: all")
    given = parser.parse_args()
    for name in given.backend or BACKENDS:
        backend, options = BACKENDS[name]
        sys.stdout.write(f"{name}, {given.seconds:g} s, --seed {given.seed}\n")
        sys.stdout.flush()
        report = anyio.run(
            _soak_own_server, given.seconds, given.seed, backend=backend, backend_options=options
        )
        sys.stdout.write(f"{report}\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
