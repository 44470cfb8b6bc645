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
            b"HELLO": self._hello,
            b"AUTH": self._auth,
            b"SELECT": self._select,
            b"CLIENT": self._client,
            b"RESET": self._reset,
            b"PING": self._ping,
            b"ECHO": self._echo,
            b"GET": self._get,
            b"SET": self._set,
            b"INCR": self._incr,
            b"INCRBY": self._incrby,
            b"DEL": self._del,
            b"EXISTS": self._exists,
            b"DBSIZE": self._dbsize,
            b"FLUSHDB": self._flushdb,
            b"FLUSHALL": self._flushall,
            b"RPUSH": self._rpush,
            b"LPUSH": self._lpush,
            b"LPOP": self._lpop,
            b"BLPOP": self._blpop,
            b"LLEN": self._llen,
            b"LRANGE": self._lrange,
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
        if not 0 <= number < DATABASES:
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
        client.protocol, client.db, client.name, client.user = 2, 0, b"", None
        return "RESET"

    def _ping(self, _client: ClientState, words: Words) -> Answer:
        return words[0] if words else "PONG"

    def _echo(self, _client: ClientState, words: Words) -> Answer:
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

    def _get(self, client: ClientState, words: Words) -> Answer:
        (key,) = words
        return self._text(client, key)

    def _set(self, client: ClientState, words: Words) -> Answer:
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

    def _incr(self, client: ClientState, words: Words) -> Answer:
        (key,) = words
        return self._incrby(client, (key, b"1"))

    def _incrby(self, client: ClientState, words: Words) -> Answer:
        key, amount = words
        try:
            number = int(self._text(client, key) or 0) + int(amount)
        except ValueError:
            return from_server("ERR value is not an integer or out of range")
        self._data(client)[key] = b"%d" % number
        self._touch(client, key)
        return number

    def _del(self, client: ClientState, words: Words) -> Answer:
        there = [key for key in dict.fromkeys(words) if key in self._data(client)]
        for key in there:
            del self._data(client)[key]
            self._touch(client, key)
        return len(there)

    def _exists(self, client: ClientState, words: Words) -> Answer:
        return sum(key in self._data(client) for key in words)

    def _dbsize(self, client: ClientState, _words: Words) -> Answer:
        return len(self._data(client))

    def _flushdb(self, client: ClientState, _words: Words) -> Answer:
        self._del(client, tuple(self._data(client)))
        return "OK"

    def _flushall(self, _client: ClientState, _words: Words) -> Answer:
        for database in self.databases:
            database.clear()
        return "OK"

    # -- lists ----------------------------------------------------------------------------------

    def _items(self, client: ClientState, key: bytes) -> list[bytes]:
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

    def _rpush(self, client: ClientState, words: Words) -> Answer:
        key, *items = words
        return self._store(client, key, [*self._items(client, key), *items])

    def _lpush(self, client: ClientState, words: Words) -> Answer:
        key, *items = words
        return self._store(client, key, [*reversed(items), *self._items(client, key)])

    def _lpop(self, client: ClientState, words: Words) -> Answer:
        (key,) = words
        items = self._items(client, key)
        if not items:
            return None
        self._store(client, key, items[1:])
        return items[0]

    def _blpop(self, client: ClientState, words: Words) -> Answer:
        *keys, _ = words
        for key in keys:
            if self._items(client, key):
                return [key, self._lpop(client, (key,))]
        return NOTHING

    def _llen(self, client: ClientState, words: Words) -> Answer:
        (key,) = words
        return len(self._items(client, key))

    def _lrange(self, client: ClientState, words: Words) -> Answer:
        key, first, last = words
        items = self._items(client, key)
        start, stop = int(first), int(last)
        start = max(0, start + len(items)) if start < 0 else start
        stop = stop + len(items) if stop < 0 else stop
        return items[start : stop + 1]

    # -- transactions ---------------------------------------------------------------------------

    def _multi(self, client: ClientState, _words: Words) -> Answer:
        if client.queue is not None:
            return from_server("ERR MULTI calls can not be nested")
        client.queue = []
        return "OK"

    def _exec(self, client: ClientState, _words: Words) -> Answer:
        queue, client.queue = client.queue, None
        watched, client.watched = client.watched, {}
        if queue is None:
            return from_server("ERR EXEC without MULTI")
        if any(self._versions[key] != version for key, version in watched.items()):
            return None
        answers = [self.run(client, words) for words in queue]
        return [None if isinstance(answer, Nothing) else answer for answer in answers]

    def _discard(self, client: ClientState, _words: Words) -> Answer:
        if client.queue is None:
            return from_server("ERR DISCARD without MULTI")
        client.queue, client.watched = None, {}
        return "OK"

    def _watch(self, client: ClientState, words: Words) -> Answer:
        if client.queue is not None:
            return from_server("ERR WATCH inside MULTI is not allowed")
        for key in words:
            client.watched[client.db, key] = self._versions[client.db, key]
        return "OK"

    def _unwatch(self, client: ClientState, _words: Words) -> Answer:
        client.watched = {}
        return "OK"
