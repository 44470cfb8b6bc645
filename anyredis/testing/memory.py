"""A tiny Redis in memory: enough for handshakes, and for tests of what a client promises.

It knows HELLO, AUTH, SELECT, CLIENT, RESET, PING, ECHO; GET, SET, INCR, INCRBY, DEL, EXISTS, DBSIZE,
FLUSHDB, FLUSHALL; LPUSH, RPUSH, LPOP, LLEN, LRANGE, BLPOP; MULTI, EXEC, DISCARD, WATCH, UNWATCH.
Nothing expires.  BLPOP on empty lists never answers.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from anyredis.exceptions import AuthenticationError, RedisError, ResponseError, from_server
from anyredis.testing.resp import NOTHING, Answer, Nothing

Words: TypeAlias = tuple[bytes, ...]
"""A command as a server receives it: its name, as the client spelled it, and its arguments."""

Database: TypeAlias = dict[bytes, "bytes | list[bytes]"]

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
DATABASES = 16


@dataclass
class ClientState:
    """What a server knows of one client."""

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


class Memory:
    """The data of a server, and what its commands do; *users* maps names to passwords, if any."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        self.databases: list[Database] = [{} for _ in range(DATABASES)]
        self.users = dict(users or {})
        self.ran: Counter[bytes] = Counter()
        """How often each command was run; those in a transaction when EXEC runs them."""
        self._versions: Counter[tuple[int, bytes]] = Counter()
        self._ids = itertools.count(1)
        self._commands: dict[bytes, Callable[[ClientState, Words], Answer]] = {
            name[1:].upper().encode(): getattr(self, name)
            for name in dir(type(self))
            if name.startswith("_") and name[1:].isalpha() and name[1:].isupper()
        }

    def new_client(self) -> ClientState:
        """A client that has just connected."""
        return ClientState(next(self._ids))

    def run(self, client: ClientState, words: Words) -> Answer:
        """What the server answers *client* to the command *words*, an error as a value."""
        name = words[0].upper()
        if self.users and client.user is None and name not in {b"HELLO", b"AUTH"}:
            return from_server("NOAUTH Authentication required.")
        command = self._commands.get(name)
        if command is None:
            return from_server(f"ERR unknown command '{words[0].decode(errors='replace')}'")
        if client.queue is not None and name not in {b"EXEC", b"DISCARD", b"MULTI", b"WATCH"}:
            client.queue.append(words)
            return "QUEUED"
        self.ran[name] += 1
        try:
            return command(client, words[1:])
        except RedisError as error:
            return error
        except (ValueError, IndexError, TypeError):
            return from_server(f"ERR wrong arguments for '{name.decode().lower()}' command")

    # -- connection -----------------------------------------------------------------------------

    def _HELLO(self, client: ClientState, words: Words) -> Answer:  # noqa: N802 - found by name
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

    def _AUTH(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
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

    def _SELECT(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        number = int(words[0])
        if not 0 <= number < DATABASES:
            return from_server("ERR DB index is out of range")
        client.db = number
        return "OK"

    def _CLIENT(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
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

    def _RESET(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        client.protocol, client.db, client.name, client.user = 2, 0, b"", None
        return "RESET"

    def _PING(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        return words[0] if words else "PONG"

    def _ECHO(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        (message,) = words
        return message

    # -- keys and strings -----------------------------------------------------------------------

    def _data(self, client: ClientState) -> Database:
        return self.databases[client.db]

    def _text(self, client: ClientState, key: bytes) -> bytes | None:
        value = self._data(client).get(key)
        if isinstance(value, list):
            raise from_server(WRONG_TYPE)
        return value

    def _touch(self, client: ClientState, key: bytes) -> None:
        self._versions[client.db, key] += 1

    def _GET(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        (key,) = words
        return self._text(client, key)

    def _SET(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        key, value, *options = words
        exists = key in self._data(client)
        match [option.upper() for option in options]:
            case [b"NX"] if exists:
                return None
            case [b"XX"] if not exists:
                return None
            case [] | [b"NX"] | [b"XX"]:
                self._data(client)[key] = value
                self._touch(client, key)
                return "OK"
            case _:
                return ResponseError("ERR syntax error: the fake server knows NX and XX")

    def _INCR(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        (key,) = words
        return self._INCRBY(client, (key, b"1"))

    def _INCRBY(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        key, amount = words
        try:
            number = int(self._text(client, key) or 0) + int(amount)
        except ValueError:
            return from_server("ERR value is not an integer or out of range")
        self._data(client)[key] = b"%d" % number
        self._touch(client, key)
        return number

    def _DEL(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        there = [key for key in dict.fromkeys(words) if key in self._data(client)]
        for key in there:
            del self._data(client)[key]
            self._touch(client, key)
        return len(there)

    def _EXISTS(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        return sum(key in self._data(client) for key in words)

    def _DBSIZE(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        return len(self._data(client))

    def _FLUSHDB(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        self._DEL(client, tuple(self._data(client)))
        return "OK"

    def _FLUSHALL(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        for database in self.databases:
            database.clear()
        return "OK"

    # -- lists ----------------------------------------------------------------------------------

    def _list(self, client: ClientState, key: bytes) -> list[bytes]:
        value = self._data(client).get(key, [])
        if not isinstance(value, list):
            raise from_server(WRONG_TYPE)
        return value

    def _store(self, client: ClientState, key: bytes, items: list[bytes]) -> int:
        self._data(client)[key] = items
        if not items:
            del self._data(client)[key]
        self._touch(client, key)
        return len(items)

    def _RPUSH(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        key, *items = words
        return self._store(client, key, [*self._list(client, key), *items])

    def _LPUSH(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        key, *items = words
        return self._store(client, key, [*reversed(items), *self._list(client, key)])

    def _LPOP(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        (key,) = words
        items = self._list(client, key)
        if not items:
            return None
        self._store(client, key, items[1:])
        return items[0]

    def _BLPOP(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        *keys, _ = words
        for key in keys:
            if self._list(client, key):
                return [key, self._LPOP(client, (key,))]
        return NOTHING

    def _LLEN(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        (key,) = words
        return len(self._list(client, key))

    def _LRANGE(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        key, first, last = words
        items = self._list(client, key)
        start, stop = int(first), int(last)
        start = max(0, start + len(items)) if start < 0 else start
        stop = stop + len(items) if stop < 0 else stop
        return items[start : stop + 1]

    # -- transactions ---------------------------------------------------------------------------

    def _MULTI(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        if client.queue is not None:
            return from_server("ERR MULTI calls can not be nested")
        client.queue = []
        return "OK"

    def _EXEC(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        queue, client.queue = client.queue, None
        watched, client.watched = client.watched, {}
        if queue is None:
            return from_server("ERR EXEC without MULTI")
        if any(self._versions[key] != version for key, version in watched.items()):
            return None
        answers = [self.run(client, words) for words in queue]
        return [None if isinstance(answer, Nothing) else answer for answer in answers]

    def _DISCARD(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        if client.queue is None:
            return from_server("ERR DISCARD without MULTI")
        client.queue, client.watched = None, {}
        return "OK"

    def _WATCH(self, client: ClientState, words: Words) -> Answer:  # noqa: N802
        if client.queue is not None:
            return from_server("ERR WATCH inside MULTI is not allowed")
        for key in words:
            client.watched[client.db, key] = self._versions[client.db, key]
        return "OK"

    def _UNWATCH(self, client: ClientState, words: Words) -> Answer:  # noqa: ARG002, N802
        client.watched = {}
        return "OK"
