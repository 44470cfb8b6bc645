"""A group of servers that start at the same time, and are all gone when one scope ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio

from anyredis.server.running import Server, started
from anyredis.server.server_spec import (
    ServerSpec,
    TLSFiles,
    default_unix_path,
    free_cluster_port,
    scratch_folder,
)

T = TypeVar("T")


class ServerGroup:
    """Servers of one program, made by `server_group` and there until its block ends.

    Each has a temporary folder of its own, which it keeps when it is started again, and a Unix
    socket, on which it answers even if its TCP port speaks TLS.
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
        """One more server, which answers already; the arguments are those of `ServerSpec`.

        Several can be launched at the same time with `gather`.  Raises `ServerStartError` if it
        does not start.
        """
        scratch = Path(self._folders.enter_context(scratch_folder()))
        spec = ServerSpec(
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
            spec.settings_file.write_text(settings)
        server = await started(spec, self._startup_timeout, other_port=free_cluster_port)
        self._servers.append(server)
        return server

    async def kill(self) -> None:
        """A group whose servers are all gone, even if the caller is cancelled meanwhile."""
        with anyio.CancelScope(shield=True):
            await gather([server.kill for server in self._servers])


@asynccontextmanager
async def server_group(
    binary: Path, *, tls: TLSFiles | None, startup_timeout: float
) -> AsyncGenerator[ServerGroup]:
    """A group without servers yet; all its servers are killed when the block ends."""
    with ExitStack() as folders:
        servers = ServerGroup(folders, binary, tls, startup_timeout)
        try:
            yield servers
        finally:
            await servers.kill()


async def gather(jobs: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The results of the jobs, in order; all jobs run at the same time.

    The first job that fails cancels the others, and its error is raised as it is.
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
