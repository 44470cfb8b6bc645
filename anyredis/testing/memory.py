"""A tiny Redis in memory: enough for handshakes, and for tests of a client's promises.

It knows HELLO, AUTH, SELECT, CLIENT, RESET, PING, ECHO; GET, SET, MGET, MSET, INCR, INCRBY; DEL,
UNLINK, EXISTS, TOUCH, KEYS, SCAN, DBSIZE, FLUSHDB, FLUSHALL; LPUSH, RPUSH, LPOP, LLEN, LRANGE, BLPOP;
MULTI, EXEC, DISCARD, WATCH, UNWATCH.  Nothing expires.  BLPOP on empty lists never answers.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from anyredis.exceptions import AuthenticationError, RedisError, from_server
from anyredis.testing.data import COMMANDS, Database, Words
from anyredis.testing.resp import Answer, Nothing

DATABASES = 16

AT_ONCE = frozenset({b"EXEC", b"DISCARD", b"MULTI", b"WATCH", b"RESET"})
"""The commands that a transaction does not queue."""


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

    def leave_transaction(self) -> None:
        """Forget MULTI and WATCH."""
        self.queue, self.watched, self.dirty = None, {}, False


class Memory:
    """The data of a server, and its commands; *users* maps names to passwords, if any."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        self.databases = [Database() for _ in range(DATABASES)]
        self.users = dict(users or {})
        self.ran: Counter[bytes] = Counter()
        """The number of runs of each command; in a transaction they count when EXEC runs them."""
        self._ids = itertools.count(1)
        self._commands: dict[bytes, Callable[[ClientState, Words], Answer]] = {
            b"HELLO": self._hello,
            b"AUTH": self._auth,
            b"SELECT": self._select,
            b"CLIENT": self._client,
            b"RESET": self._reset,
            b"PING": self._ping,
            b"ECHO": self._echo,
            b"FLUSHALL": self._flushall,
            b"MULTI": self._multi,
            b"EXEC": self._exec,
            b"DISCARD": self._discard,
            b"WATCH": self._watch,
            b"UNWATCH": self._unwatch,
        }

    def new_client(self) -> ClientState:
        """A client that has just connected."""
        return ClientState(next(self._ids))

    def run(self, client: ClientState, words: Words) -> Answer:
        """The server's answer to *client* for the command *words*, an error as a value."""
        name = words[0].upper()
        refusal = self._refusal(client, words, name)
        if refusal is not None:
            client.dirty = client.queue is not None
            return refusal
        if client.queue is not None and name not in AT_ONCE:
            client.queue.append(words)
            return "QUEUED"
        return self._execute(client, words, name)

    def refuse(self, client: ClientState, words: Words) -> RedisError | None:  # noqa: ARG002 - theirs
        """The error for a known command that is neither run nor queued, or None; for subclasses."""
        return None

    def _refusal(self, client: ClientState, words: Words, name: bytes) -> RedisError | None:
        if self.users and client.user is None and name not in {b"HELLO", b"AUTH"}:
            return from_server("NOAUTH Authentication required.")
        if name not in self._commands and name not in COMMANDS:
            return from_server(f"ERR unknown command '{words[0].decode(errors='replace')}'")
        return self.refuse(client, words)

    def _execute(self, client: ClientState, words: Words, name: bytes) -> Answer:
        self.ran[name] += 1
        try:
            if name in COMMANDS:
                return COMMANDS[name](self.databases[client.db], words[1:])
            return self._commands[name](client, words[1:])
        except RedisError as error:
            return error
        except (ValueError, IndexError, TypeError):
            return from_server(f"ERR wrong arguments for '{name.decode().lower()}' command")

    # -- connection -----------------------------------------------------------------------------

    def _hello(self, client: ClientState, words: Words) -> Answer:
        rest = list(words[1:])
        protocol = int(words[0]) if words else client.protocol
        if protocol not in (2, 3):
            return from_server("NOPROTO unsupported protocol version")
        name = client.name
        while rest:
            option = rest.pop(0).upper()
            if option == b"AUTH":
                self._log_in(client, rest.pop(0), rest.pop(0))
            else:
                name = rest.pop(0)
        if self.users and client.user is None:
            return from_server("NOAUTH HELLO must be called with the client already authenticated")
        client.protocol, client.name = protocol, name
        return {
            b"server": b"fake",
            b"version": b"0",
            b"proto": protocol,
            b"id": client.id,
            b"mode": b"standalone",
            b"role": b"master",
            b"modules": [],
        }

    def _auth(self, client: ClientState, words: Words) -> Answer:
        user, password = (b"default", words[0]) if len(words) == 1 else words
        self._log_in(client, user, password)
        return "OK"

    def _log_in(self, client: ClientState, user: bytes, password: bytes) -> None:
        name = user.decode()
        if self.users.get(name) != password.decode():
            raise AuthenticationError(
                "WRONGPASS invalid username-password pair or user is disabled."
            )
        client.user = name

    def _select(self, client: ClientState, words: Words) -> Answer:
        number = int(words[0])
        if not 0 <= number < len(self.databases):
            return from_server("ERR DB index is out of range")
        client.db = number
        return "OK"

    def _client(self, client: ClientState, words: Words) -> Answer:
        match words[0].upper(), words[1:]:
            case b"ID", ():
                return client.id
            case b"GETNAME", ():
                return client.name or None
            case b"SETNAME", (name,):
                client.name = name
            case b"SETINFO", (attribute, value):
                client.library[attribute.upper()] = value
            case ((b"NO-EVICT" | b"NO-TOUCH"), (_,)):
                pass
            case _:
                return from_server(f"ERR unknown subcommand '{words[0].decode()}'")
        return "OK"

    def _reset(self, client: ClientState, _words: Words) -> Answer:
        client.leave_transaction()
        client.protocol, client.db, client.name, client.user = 2, 0, b"", None
        client.readonly = client.asking = False
        return "RESET"

    def _ping(self, _client: ClientState, words: Words) -> Answer:
        return words[0] if words else "PONG"

    def _echo(self, _client: ClientState, words: Words) -> Answer:
        (message,) = words
        return message

    def _flushall(self, _client: ClientState, _words: Words) -> Answer:
        for database in self.databases:
            database.clear()
        return "OK"

    # -- transactions ---------------------------------------------------------------------------

    def _multi(self, client: ClientState, _words: Words) -> Answer:
        if client.queue is not None:
            return from_server("ERR MULTI calls can not be nested")
        client.queue = []
        return "OK"

    def _exec(self, client: ClientState, _words: Words) -> Answer:
        queue, watched, dirty = client.queue, client.watched, client.dirty
        if queue is None:
            return from_server("ERR EXEC without MULTI")
        client.leave_transaction()
        if dirty:
            return from_server("EXECABORT Transaction discarded because of previous errors.")
        if any(self.databases[db].versions[key] != seen for (db, key), seen in watched.items()):
            return None
        answers = [self._execute(client, words, words[0].upper()) for words in queue]
        return [None if isinstance(answer, Nothing) else answer for answer in answers]

    def _discard(self, client: ClientState, _words: Words) -> Answer:
        if client.queue is None:
            return from_server("ERR DISCARD without MULTI")
        client.leave_transaction()
        return "OK"

    def _watch(self, client: ClientState, words: Words) -> Answer:
        if client.queue is not None:
            return from_server("ERR WATCH inside MULTI is not allowed")
        for key in words:
            client.watched[client.db, key] = self.databases[client.db].versions[key]
        return "OK"

    def _unwatch(self, client: ClientState, _words: Words) -> Answer:
        client.watched = {}
        return "OK"
