"""The common type of all that runs commands at once: for annotations of functions that take any.

Law: a class is one of these exactly if each of its commands is awaited and talks to a server:
clients, clients of nodes, sessions, transactions.  Pipelines and blueprints are none.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from anyredis.client.module_namespaces import ModuleNamespaces
from anyredis.client.pipeline import Pipeline
from anyredis.client.scans import Scans
from anyredis.command import Command
from anyredis.commands.core import CoreCommands
from anyredis.commands.cursors import CursorPlan, CursorRows
from anyredis.exceptions import DataTypeError, ResponseError
from anyredis.replies import S
from anyredis.wire.encode import Value

T = TypeVar("T")


class Commands(Scans[S], CoreCommands[S], ModuleNamespaces[S], Generic[S]):
    """All commands, on one server or on a cluster: the type for a parameter that takes any client.

    `Redis`, `RedisCluster`, `NodeClient`, `Session` and `Transaction` derive from it; `Pipeline`,
    whose calls give results for later, does not.  `Commands[str]` is for clients that decode,
    `Commands[bytes]` for all others.

        async def visits(client: anyredis.Commands[str], page: str) -> int:
            return await client.incr(f"visits:{page}")

    `isinstance(x, anyredis.Commands)` is true for the same objects, whatever their type of text,
    which `isinstance` cannot tell: `isinstance(x, anyredis.Commands[str])` is a `TypeError`.
    """

    async def execute_command(self, *args: Value) -> Any:
        """The raw reply to the command with these arguments."""
        raise NotImplementedError

    async def submit_explained(self, command: Command[T]) -> T:
        """Like `submit`; an error of the server is raised as `Command.error_of` tells it."""
        try:
            return await self.submit(command)
        except ResponseError as error:
            told = command.error_of(error)
            if told is error:
                raise
            raise told from error

    def open_cursor(
        self,
        plan: CursorPlan[T],  # noqa: ARG002 - for those that have it
    ) -> AbstractAsyncContextManager[CursorRows[T]]:
        """The rows of a cursor, for an `async with` block: clients have it.

        Raises `DataTypeError` on a session or a transaction: its pages may come over any connection.
        """
        raise DataTypeError(
            f"{type(self).__name__}: a cursor is read over any connection: use it on the client"
        )

    def pipeline(self, transaction: bool = True, *, raise_on_error: bool = True) -> Pipeline[S]:
        """A `Pipeline` of commands to send together, for an `async with` block.

        Code that takes any client gives *transaction*: its default is False on a `RedisCluster`,
        where a transaction is bound to one slot, and True everywhere else.
        """
        raise NotImplementedError
