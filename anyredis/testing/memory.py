"""The Redis in memory: connections, transactions, and the clients that wait in blocking commands.

Law: `run` answers at once.  A command that has to wait gives `NOTHING`; its client gets the answer
after the command of another that makes it possible, first come, first served, or when its time is
over.  The commands on data are in `fake_commands.py`.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from anyredis.exceptions import (
    AuthenticationError,
    NoGroupError,
    RedisError,
    WrongTypeError,
    from_server,
)
from anyredis.testing.client_state import ClientState
from anyredis.testing.clock import VirtualClock
from anyredis.testing.data import Database, Words
from anyredis.testing.fake_commands import COMMANDS
from anyredis.testing.fake_monitor import SECRETS, monitor_line
from anyredis.testing.fake_pubsub import (
    KINDS,
    OF_SUBSCRIBERS,
    UNSUBSCRIBE,
    FakePubSub,
    not_in_transactions,
    not_while_subscribed,
)
from anyredis.testing.fake_scripts import FakeScripts
from anyredis.testing.known_command import (
    KnownCommand,
    unknown_command,
    unknown_subcommand,
    whole,
    wrong_count,
)
from anyredis.testing.resp import Answer, Nothing

DATABASES = 16

AT_ONCE = frozenset({b"EXEC", b"DISCARD", b"MULTI", b"WATCH", b"RESET"})
"""The commands that a transaction does not queue."""

SUBSCRIBING = frozenset(word.upper() for word in (*KINDS, *UNSUBSCRIBE.values()))


@dataclass(eq=False)
class WaitingCommand:
    """A blocking command that has no answer yet."""

    client: ClientState
    known: KnownCommand
    words: Words
    cancel: Callable[[], None] | None = None
    """Takes back the end of its time."""


class Memory:
    """The data of a server, and its commands; *users* maps names to passwords, if any.

    *clock* is the time by which keys expire, and blocking commands wait; None: the real time.
    """

    def __init__(
        self, users: Mapping[str, str] | None = None, *, clock: VirtualClock | None = None
    ) -> None:
        self.clock = clock
        now = time.time if clock is None else clock.now
        self.databases = [Database(now) for _ in range(DATABASES)]
        self._waiting: dict[int, WaitingCommand] = {}
        self.users = dict(users or {})
        self.pubsub = FakePubSub()
        self.ran: Counter[bytes] = Counter()
        """The number of runs of each command; in a transaction they count when EXEC runs them."""
        self.monitors: dict[int, ClientState] = {}
        """The clients that MONITOR, by their ids."""
        self.acknowledging = 0
        """The replicas that WAIT and WAITAOF find up to date."""
        self._now = now
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
            b"MONITOR": self._monitor,
            b"WAIT": self._wait,
            b"WAITAOF": self._waitaof,
            **{name: partial(self._pubsub, name) for name in self.pubsub.commands},
        }
        self.scripts = FakeScripts(self._run_for_script)
        """The scripts and libraries, and the Python functions that stand for them."""
        self._commands |= self.scripts.commands

    def new_client(self) -> ClientState:
        """A client that has just connected."""
        return ClientState(next(self._ids))

    def run(self, client: ClientState, words: Words) -> Answer:
        """The server's answer to *client* for the command *words*, an error as a value."""
        self.unblock(client)
        for database in self.databases:
            database.purge()
        name = words[0].upper()
        refusal = self._refusal(client, words, name)
        if refusal is not None:
            client.dirty = client.dirty or client.queue is not None
            return refusal
        if client.queue is not None and name not in AT_ONCE:
            client.queue.append(words)
            return "QUEUED"
        answer = self._execute(client, words, name)
        if isinstance(answer, Nothing) and name in COMMANDS:
            self._block(client, COMMANDS[name], words)
        else:
            self._serve_waiting()
        return answer

    @property
    def known(self) -> frozenset[str]:
        """The names of all commands that it runs."""
        return frozenset(name.decode() for name in (*self._commands, *COMMANDS))

    def refuse(self, client: ClientState, words: Words) -> RedisError | None:  # noqa: ARG002 - theirs
        """The error for a known command that is neither run nor queued, or None; for subclasses."""
        return None

    def _refusal(self, client: ClientState, words: Words, name: bytes) -> RedisError | None:
        if self.users and client.user is None and name not in {b"HELLO", b"AUTH"}:
            return from_server("NOAUTH Authentication required.")
        if name not in self._commands and name not in COMMANDS:
            return unknown_command(words[0])
        refusal = COMMANDS[name].refusal(name, words[1:]) if name in COMMANDS else None
        refusal = refusal or self.refuse(client, words)
        if refusal is not None:
            return refusal
        if client.protocol == 2 and client.subscriptions and name not in OF_SUBSCRIBERS:
            return not_while_subscribed(name)
        if client.queue is not None and name in SUBSCRIBING:
            return not_in_transactions(name)
        return None

    def _execute(self, client: ClientState, words: Words, name: bytes) -> Answer:
        self.ran[name] += 1
        if self.monitors and name not in SECRETS:
            self._tell_monitors(client, words)
        try:
            if name in COMMANDS:
                return COMMANDS[name].run(self.databases[client.db], words[1:])
            return self._commands[name](client, words[1:])
        except RedisError as error:
            return error
        except (ValueError, IndexError, TypeError):
            return from_server(f"ERR wrong arguments for '{name.decode().lower()}' command")

    def _run_for_script(self, client: ClientState, words: Words) -> Answer:
        """The answer to a command that a script calls: one on data, with keys of this server."""
        name = words[0].upper()
        if name not in COMMANDS:
            return from_server("ERR This Redis command is not allowed from script")
        if self.refuse(client, words) is not None:
            return from_server("ERR Script attempted to access a non local key in a cluster node")
        return self._refusal(client, words, name) or self._execute(client, words, name)

    # -- blocking commands ----------------------------------------------------------------------

    def _block(self, client: ClientState, known: KnownCommand, words: Words) -> None:
        args = words[1:]
        if known.settled is not None:
            args = known.settled(self.databases[client.db], args)
        waiting = WaitingCommand(client, known, args)
        self._waiting[client.id] = waiting
        client.blocked = True
        seconds = known.patience(args)
        if seconds and client.call_later is not None:
            waiting.cancel = client.call_later(seconds, partial(self._answer, waiting, None))

    def _serve_waiting(self) -> None:
        """Answer the blocked commands that can be; one that moves an element may free another."""
        served = True
        while served:
            served = any(map(self._serve, list(self._waiting.values())))

    def _serve(self, waiting: WaitingCommand) -> bool:
        if self._waiting.get(waiting.client.id) is not waiting:
            return False
        try:
            answer = waiting.known.run(self.databases[waiting.client.db], waiting.words)
        except WrongTypeError:
            return False  # a key of another type is no element: the command waits on
        except NoGroupError as error:
            answer = error  # its stream or its group was deleted
        if isinstance(answer, Nothing):
            return False
        self._answer(waiting, answer)
        return True

    def _answer(self, waiting: WaitingCommand, answer: Answer) -> None:
        self.unblock(waiting.client)
        if waiting.client.deliver is not None:
            waiting.client.deliver(answer)

    def unblock(self, client: ClientState) -> None:
        """End the wait of *client*, if it is in one, without an answer."""
        waiting = self._waiting.pop(client.id, None)
        client.blocked = False
        if waiting is not None and waiting.cancel is not None:
            waiting.cancel()

    # -- connection -----------------------------------------------------------------------------

    def _pubsub(self, name: bytes, client: ClientState, words: Words) -> Answer:
        return self.pubsub.commands[name](client.subscriptions, words)

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
                return unknown_subcommand("CLIENT", words[0])
        return "OK"

    def _reset(self, client: ClientState, _words: Words) -> Answer:
        self.monitors.pop(client.id, None)
        client.leave_transaction()
        self.pubsub.forget(client.subscriptions)
        client.protocol, client.db, client.name, client.user = 2, 0, b"", None
        client.readonly = client.asking = False
        return "RESET"

    def _ping(self, client: ClientState, words: Words) -> Answer:
        if len(words) > 1:
            return wrong_count(b"PING")
        if client.protocol == 2 and client.subscriptions:
            return [b"pong", words[0] if words else b""]
        return words[0] if words else "PONG"

    def _echo(self, _client: ClientState, words: Words) -> Answer:
        (message,) = words
        return message

    def _flushall(self, _client: ClientState, _words: Words) -> Answer:
        for database in self.databases:
            database.clear()
        return "OK"

    def _wait(self, _client: ClientState, words: Words) -> Answer:
        _replicas, _milliseconds = map(whole, words)
        return self.acknowledging

    def _waitaof(self, _client: ClientState, words: Words) -> Answer:
        _local, _replicas, _milliseconds = map(whole, words)
        return [1, self.acknowledging]

    # -- monitors -------------------------------------------------------------------------------

    def _monitor(self, client: ClientState, _words: Words) -> Answer:
        self.monitors[client.id] = client
        return "OK"

    def _tell_monitors(self, client: ClientState, words: Words) -> None:
        line = monitor_line(self._now(), client.db, f"127.0.0.1:{10000 + client.id}", words)
        for monitor in self.monitors.values():
            if monitor.deliver is not None:
                monitor.deliver(line)

    def forget(self, client: ClientState) -> None:
        """*client* has disconnected."""
        self.unblock(client)
        self.monitors.pop(client.id, None)
        self.pubsub.forget(client.subscriptions)

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
