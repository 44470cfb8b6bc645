"""The login of a connection: a username and password, or a callable that each connect calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Credentials:
    """A username (None: the server's default user) and a password; no repr shows the password.

    An empty text means the same as None: no password, for a user who needs none, or no username.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def given(self) -> bool:
        """Whether there is anything to log in with."""
        return bool(self.username or self.password)


CredentialProvider: TypeAlias = Callable[
    [],
    Credentials | tuple[str | None, str] | Awaitable[Credentials | tuple[str | None, str]],
]
"""A callable, sync or async, that gives `Credentials` or `(username, password)`."""
