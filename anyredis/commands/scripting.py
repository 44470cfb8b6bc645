"""Scripts: Lua code that the server runs as one command, by its text or by its SHA1.

Law: a call names its keys, which come first, by their number, as in redis-py: in a cluster they
decide the node.  The reply is the raw one, because a script may answer anything; `Script` and the
decorator `script` are built on these commands.
"""

from __future__ import annotations

from typing import Any, Literal

from anyredis.command import Command, command
from anyredis.commands.group import Group, choice
from anyredis.commands.several import SomeKeys, all_keys
from anyredis.exceptions import DataValueError
from anyredis.replies import S, booleans, ok, word
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class Scripting(Group[S]):
    """The commands on scripts."""

    @command
    def eval(self, script: Key, numkeys: int, *keys_and_args: Value) -> Command[Any]:
        """The raw reply of *script*; the first *numkeys* of *keys_and_args* are keys.

        The script finds them in KEYS, the others in ARGV.  Raises `ResponseError` if the script
        does not compile or fails; it is never sent again for an error of its own.
        EVAL script numkeys [key …] [arg …]. Server 2.6. Depends on the script that is executed.
        """
        return called(b"EVAL", script, numkeys, keys_and_args)

    @command
    def eval_ro(self, script: Key, numkeys: int, *keys_and_args: Value) -> Command[Any]:
        """Like `eval`, for a script that only reads: a replica may run it, and it may run twice.

        EVAL_RO script numkeys [key …] [arg …]. Server 7.0. Depends on the script that is executed.
        """
        return called(b"EVAL_RO", script, numkeys, keys_and_args)

    @command
    def evalsha(self, sha1: Key, numkeys: int, *keys_and_args: Value) -> Command[Any]:
        """Like `eval`, of the script whose SHA1 has the hexadecimal digits *sha1*.

        Raises `NoScriptError` if the server does not have it; `register_script` gives an object
        that then sends the text.
        EVALSHA sha1 numkeys [key …] [arg …]. Server 2.6. Depends on the script that is executed.
        """
        return called(b"EVALSHA", sha1, numkeys, keys_and_args)

    @command
    def evalsha_ro(self, sha1: Key, numkeys: int, *keys_and_args: Value) -> Command[Any]:
        """Like `evalsha`, for a script that only reads: a replica may run it, and it may run twice.

        EVALSHA_RO sha1 numkeys [key …] [arg …]. Server 7.0. Depends on the script that is executed.
        """
        return called(b"EVALSHA_RO", sha1, numkeys, keys_and_args)

    @command
    def script_exists(self, *sha1s: SomeKeys) -> Command[list[bool]]:
        """For each of the SHA1s, whether the server has the script; of a cluster, all primaries.

        SCRIPT EXISTS sha1 [sha1 …]. Server 2.6. O(N).
        """
        names = all_keys("SCRIPT EXISTS", "sha1s", sha1s)
        return Command((b"SCRIPT", b"EXISTS", *names), booleans)

    @command
    def script_flush(
        self, sync_type: Literal["SYNC", "ASYNC", "sync", "async"] | None = None
    ) -> Command[bool]:
        """True once the server has no scripts any more; of a cluster, all nodes.

        *sync_type*: `"SYNC"` frees the memory before the reply, `"ASYNC"` afterwards; without it the
        server's configuration decides.
        SCRIPT FLUSH [SYNC | ASYNC]. Server 2.6. O(N).
        """
        words: tuple[Value, ...] = (b"SCRIPT", b"FLUSH")
        if sync_type is not None:
            words += (choice("SCRIPT FLUSH", "sync_type", sync_type, "SYNC", "ASYNC"),)
        return Command(words, ok)

    @command
    def script_kill(self) -> Command[bool]:
        """True once the running script is ended; in a cluster, if one node ended one.

        Raises `ResponseError` if none runs (NOTBUSY), or if it has written already (UNKILLABLE);
        in a cluster `PartialFailureError`.
        SCRIPT KILL. Server 2.6. O(1).
        """
        return Command((b"SCRIPT", b"KILL"), ok)

    @command
    def script_load(self, script: Key) -> Command[str]:
        """The SHA1 of *script*, in hexadecimal digits, which the server keeps without running it.

        In a cluster all nodes get it.  Raises `ResponseError` if it does not compile.
        SCRIPT LOAD script. Server 2.6. O(N).
        """
        return Command((b"SCRIPT", b"LOAD", script), word)

    @command
    def script_show(self, sha1: Key) -> Command[S]:
        """The text of the script of that SHA1; raises `NoScriptError` if there is none.

        SCRIPT SHOW sha1. Valkey 8.0. O(1).
        """
        return Command((b"SCRIPT", b"SHOW", sha1), self.read.text)


def called(name: bytes, what: Key, numkeys: int, keys_and_args: tuple[Value, ...]) -> Command[Any]:
    """The command that calls *what*, a script or a function, with keys and arguments.

    Raises `DataValueError` if *numkeys* is negative or more than there are.
    """
    if not 0 <= numkeys <= len(keys_and_args):
        raise DataValueError(
            f"{name.decode()}: numkeys is {numkeys}, with {len(keys_and_args)} keys and arguments "
            "after it: give the number of keys among them"
        )
    return Command((name, what, numkeys, *keys_and_args), raw_reply)


def raw_reply(reply: Reply) -> Any:
    """The reply as it is: a script may answer anything."""
    return reply
