"""The login of a connection, and the wrapping that keeps secrets out of every `repr`.

Law: a secret that a constructor gets is wrapped by `hide` before anything that can fail; from then
on its `repr` is `'***'`, also in a container and in a traceback that shows local variables.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, cast

from anyredis.frozen import Frozen

SHOWN: Final = "'***'"
"""The `repr` of a secret."""


class SecretText(str):
    """Text with a `repr` that does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return SHOWN


class SecretBytes(bytes):
    """Bytes with a `repr` that does not show them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return SHOWN


class UnusableSecret:
    """Stands for a secret of a wrong type; *kind* is the name of that type."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def hidden(secret: Any) -> Any:
    """*secret* with a `repr` that does not show it; an `UnusableSecret` if it is no text."""
    if secret is None or isinstance(secret, (SecretText, SecretBytes, UnusableSecret)):
        return secret
    if isinstance(secret, str):
        return SecretText(secret)
    if isinstance(secret, bytes):
        return SecretBytes(secret)
    return UnusableSecret(type(secret).__name__)


def hide(arguments: Any) -> None:
    """Wrap the passwords among the keyword *arguments* of a constructor, in place.

    A URL that stands where an address belongs is wrapped too: it may contain a password.
    """
    for name, value in arguments.items():
        if name.endswith("password"):
            arguments[name] = hidden(value)
        elif name in {"host", "path", "unix_socket_path", "startup_nodes"}:
            arguments[name] = hidden_addresses(value)


def hidden_addresses(addresses: Any) -> Any:
    """The same *addresses*; a URL among them, which may contain a password, is wrapped."""
    if isinstance(addresses, str):
        return SecretText(addresses) if "@" in addresses or "://" in addresses else addresses
    if isinstance(addresses, (list, tuple)):
        hidden_each = [hidden_addresses(each) for each in cast("list[Any]", addresses)]
        return tuple(hidden_each) if isinstance(addresses, tuple) else hidden_each
    if isinstance(addresses, Frozen) and hasattr(addresses, "host"):
        address = cast("Any", addresses)
        return type(address)(hidden_addresses(address.host), address.port)
    return addresses


class Credentials(Frozen, unshown=("password",)):
    """A username (None: the server's default user) and a password; no repr shows the password.

    An empty text means the same as None: no password, for a user who needs none, or no username.
    """

    __slots__ = ("password", "username")

    def __init__(self, username: str | None = None, password: str | None = None) -> None:
        self.username: Final = username
        self.password: Final = password

    @property
    def given(self) -> bool:
        """Whether there is anything to log in with."""
        return bool(self.username or self.password)


CredentialProvider: TypeAlias = Callable[
    [],
    Credentials | tuple[str | None, str] | Awaitable[Credentials | tuple[str | None, str]],
]
"""A callable, sync or async, that gives `Credentials` or `(username, password)`."""
