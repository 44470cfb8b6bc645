"""What the Redis in memory knows of one client, from its connection to its end.

Law: it holds values only.  The commands that read and change it are in `memory.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from anyredis.testing.data import Words
from anyredis.testing.fake_pubsub import ClientSubscriptions
from anyredis.testing.resp import Answer


@dataclass
class ClientState:
    """A server's state for one client."""

    id: int
    protocol: int = 2
    db: int = 0
    name: bytes = b""
    user: str | None = None
    library: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    queue: list[Words] | None = None
    """Commands after MULTI."""
    watched: dict[tuple[int, bytes], int] = field(default_factory=dict[tuple[int, bytes], int])
    """Watched keys, and the version in which each was seen."""
    dirty: bool = False
    """True if a command after MULTI was refused: EXEC is refused, too."""
    readonly: bool = False
    """READONLY: the client accepts the data of a replica."""
    asking: bool = False
    """ASKING: its next command may be on a slot that the node is importing."""

    subscriptions: ClientSubscriptions = field(default_factory=ClientSubscriptions)

    blocked: bool = False
    """True while it waits in a blocking command: its next commands wait, too."""
    deliver: Callable[[Answer], None] | None = None
    """Takes the late answer of a blocking command."""
    call_later: Callable[[float, Callable[[], None]], Callable[[], None]] | None = None
    """Calls back after seconds, and gives the function that cancels that."""

    def leave_transaction(self) -> None:
        """Forget MULTI and WATCH."""
        self.queue, self.watched, self.dirty = None, {}, False
