"""Several servers that start at the same time, and are all gone when one scope ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio

from anyredis.server.plan import (
    Plan,
    TLSFiles,
    default_unix_path,
    free_cluster_port,
    scratch_folder,
)
from anyredis.server.running import Server, started

T = TypeVar("T")


class Fleet:
    """Servers of one program, made by `fleet` and there until its block ends.

    Each has a temporary folder of its own, which it keeps when it is started again, and a Unix
    socket, on which it can be asked whatever its TCP port speaks.
    """

    def __init__(
        self, folders: ExitStack, binary: Path, tls: TLSFiles | None, startup_timeout: float
    ) -> None:
        self._folders = folders
        self._binary = binary
        self._tls = tls
        self._startup_timeout = startup_timeout
        self._servers: list[Server] = []

    async def launch(
        self,
        *,
        arguments: Sequence[str] = (),
        password: str | None = None,
        settings: str | None = None,
        sentinel: bool = False,
    ) -> Server:
        """One more server, which answers; its `Plan` tells what the arguments mean.

        Several can be launched `at_once`.  Raises `ServerStartError` where it does not start.
        """
        scratch = Path(self._folders.enter_context(scratch_folder()))
        plan = Plan(
            binary=self._binary,
            port=free_cluster_port(),
            unix_socket_path=default_unix_path(scratch),
            tls=self._tls,
            arguments=tuple(arguments),
            directory=scratch,
            scratch=scratch,
            password=password,
            settings=settings,
            sentinel=sentinel,
        )
        if settings is not None:
            plan.settings_file.write_text(settings)
        server = await started(plan, self._startup_timeout, other_port=free_cluster_port)
        self._servers.append(server)
        return server

    async def kill(self) -> None:
        """A fleet that is gone, whatever happens to the caller meanwhile."""
        with anyio.CancelScope(shield=True):
            await at_once([server.kill for server in self._servers])


@asynccontextmanager
async def fleet(
    binary: Path, *, tls: TLSFiles | None, startup_timeout: float
) -> AsyncGenerator[Fleet]:
    """A fleet without servers yet; all that it gets are killed when the block ends, at once."""
    with ExitStack() as folders:
        servers = Fleet(folders, binary, tls, startup_timeout)
        try:
            yield servers
        finally:
            await servers.kill()


async def at_once(jobs: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """What each job returns, in order, when all have run at the same time.

    The first that fails cancels the others, and its error is raised as itself.
    """
    results: dict[int, T] = {}
    errors: list[Exception] = []

    async def run(index: int, job: Callable[[], Awaitable[T]]) -> None:
        try:
            results[index] = await job()
        except Exception as error:  # noqa: BLE001 - raised below, without a group around it
            errors.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index, job in enumerate(jobs):
            group.start_soon(run, index, job)
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(jobs))]
