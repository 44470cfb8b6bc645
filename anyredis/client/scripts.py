"""A script as an object: its SHA1 is sent, and its text to a server that does not have it.

Law: a `Script` is a value that any number of clients may use; one that `register_script` makes is
bound to its client.  The SHA1 is computed here, and no server is asked whether it has a script.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from anyredis.client.script_commands import ScriptCommand, run_script
from anyredis.command import Batch, Command, Executor
from anyredis.commands.checks import flag
from anyredis.commands.scripting import raw_reply
from anyredis.commands.several import SomeKeys, SomeValues, any_keys, any_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.unfit_calls import explained
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, NotSendable, Value, ready, refusal

T = TypeVar("T")

PIPELINES: Final = (
    "in a pipeline write pipe.script(script, keys=..., args=...), which gives a Result"
)


class Script:
    """A Lua script; `await script(keys=[...], args=[...])` runs it.

    *lua* is its text (str is sent as UTF-8).  A *read_only* script is sent by EVALSHA_RO (server
    7.0): it may not write, a replica may run it, and it is sent again if its reply was lost.
    `client.register_script(lua)` gives one that is bound to that client; others need `client=` in
    each call.  Raises `DataError` for a text that is empty or no text.
    """

    def __init__(
        self, lua: str | bytes, *, read_only: bool = False, client: Executor | None = None
    ) -> None:
        flag("Script: read_only", read_only)
        self.script = lua
        """The text, as it was given."""
        self.read_only = read_only
        self.registered_client = client
        """The client that it is bound to, if any."""
        self._lua = _text(lua)
        self.sha = hashlib.sha1(self._lua, usedforsecurity=False).hexdigest()
        """The SHA1 of the text, in hexadecimal digits: its name on servers."""
        sha, suffix = self.sha.encode(), b"_RO" if read_only else b""
        # A script that makes an error NOSCRIPT itself is always sent with its text: otherwise that
        # error, after it ran, could not be told from the server's own.
        self._makes_own = b"NOSCRIPT" in self._lua
        self._first: tuple[Value, ...] = (
            (b"EVAL" + suffix, self._lua) if self._makes_own else (b"EVALSHA" + suffix, sha)
        )

    def __repr__(self) -> str:
        return f"<Script {self.sha}>"

    @explained
    def __call__(
        self,
        keys: SomeKeys | None = None,
        args: SomeValues | None = None,
        client: Executor | None = None,
    ) -> Coroutine[Any, Any, Any]:
        """The raw reply of the script with *keys* and *args*, after an `await`.

        *client* runs it: another client, or a session; without one, the client that it is bound to.
        A server that does not have the script gets its text, and keeps it from then on.  Raises
        `ResponseError` if the script does not compile or fails: it is not sent again then.
        EVALSHA sha1 numkeys [key …] [arg …], after NOSCRIPT EVAL script numkeys …. Server 2.6.
        """
        runs = self.registered_client if client is None else client
        if isinstance(runs, Batch):
            raise DataTypeError(f"Script: client is a pipeline: {PIPELINES}")
        if runs is None:
            raise DataTypeError(
                "Script: this one is bound to no client: give client=, or make it with "
                "client.register_script(lua)"
            )
        return run_script(runs, self.command(keys, args))

    def command(
        self,
        keys: SomeKeys | None = None,
        args: SomeValues | None = None,
        parse: Callable[[Reply], T] = raw_reply,
        *,
        binary: bool = False,
    ) -> Command[T]:
        """The `Command` that runs it; *parse* reads the reply, which stays bytes if *binary*.

        Raises `DataError` for keys or arguments that cannot be sent.
        """
        names = any_keys("Script", "keys", keys)
        values = any_values("Script", "args", args)
        words: tuple[Value, ...] = (*self._first, len(names), *names, *values)
        try:
            words = ready(words)
        except NotSendable as refused:
            error = _refusal(names, values, refused.value)
        else:
            if self._makes_own:
                return Command(words, parse, binary)
            return ScriptCommand(words, parse, binary, self._lua)
        raise error


class Scripts(Executor):
    """The making of scripts for a client or a session."""

    @explained
    def register_script(self, script: str | bytes, *, read_only: bool = False) -> Script:
        """A `Script` that is bound to this client; nothing is sent before its first call.

        *read_only* as for `Script`.
        """
        return Script(script, read_only=read_only, client=self)


def _text(lua: object) -> bytes:
    """The bytes of a script's text."""
    if not isinstance(lua, (str, bytes)):
        raise DataTypeError(f"Script: lua has to be str or bytes, not {type(lua).__name__}")
    if not lua:
        raise DataValueError("Script: lua is empty: give the text of the script")
    if isinstance(lua, bytes):
        return lua
    try:
        return lua.encode()
    except UnicodeEncodeError as error:
        raise DataValueError("Script: lua has characters that UTF-8 cannot express") from error


def _refusal(names: tuple[Key, ...], values: tuple[Value, ...], wrong: object) -> DataTypeError:
    """The error for *wrong*, one of the keys or arguments."""
    for argument, given in (("keys", names), ("args", values)):
        for index, value in enumerate(given):
            if value is wrong:
                return refusal("Script", f"{argument}[{index}]", wrong)
    return refusal("Script", "an argument", wrong)
