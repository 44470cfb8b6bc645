"""Who a connection logs in as: a username and password, or a callable asked at each connect."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from anyredis.exceptions import DataTypeError


@dataclass(frozen=True)
class Credentials:
    """A username (None: the server's default user) and a password, which no repr shows."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)


CredentialProvider: TypeAlias = Callable[
    [],
    Credentials | tuple[str | None, str] | Awaitable[Credentials | tuple[str | None, str]],
]
"""A callable, sync or async, that gives `Credentials` or `(username, password)`."""


async def current(source: Credentials | CredentialProvider) -> Credentials:
    """The credentials to use for a connect right now, asking the provider if there is one."""
    if isinstance(source, Credentials):
        return source
    answer = source()
    if inspect.isawaitable(answer):
        answer = await answer
    if isinstance(answer, Credentials):
        return answer
    if len(answer) != 2:
        # The answer itself holds a password: only its shape may be told.
        msg = (
            "the credential provider has to return Credentials or (username, password), "
            f"not a tuple of {len(answer)}"
        )
        raise DataTypeError(msg)
    username, password = answer
    return Credentials(username, password)
