"""EVALSHA with the text of its script at hand, for a server that does not have the script.

Law: the server's own NOSCRIPT proves that nothing ran, so the call is sent again with the text, by
EVAL, which takes the same way: to the same slot, through redirects, to replicas.  In a batch the
text is loaded first, in the same block.  No other error of a script is ever taken for that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from anyredis.backoff import REFUSALS
from anyredis.command import Command, Executor
from anyredis.exceptions import ExecAbortError, NoScriptError, RedisError, fresh
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_BY_TEXT: Final[dict[Value, Value]] = {b"EVALSHA": b"EVAL", b"EVALSHA_RO": b"EVAL_RO"}

_LACKING: Final = frozenset(
    (
        "NOSCRIPT No matching script.",  # Valkey
        "NOSCRIPT No matching script. Please use EVAL.",  # Redis
    )
)
"""The servers' own words.

An error that a script raises, by `error` or by a failing command, never begins so.  Only a script
that makes this very error itself, with `redis.error_reply`, could; `Script` sends such a text by
EVAL.
"""

COMMAND_ONLY: Final = frozenset((Command,)).issuperset
"""True for types among which is no `ScriptCommand`; one pass in C."""


class ScriptCommand(Command[T_co]):
    """EVALSHA or EVALSHA_RO in *args*, of the script with the text *lua*."""

    __slots__ = ("lua",)

    def __init__(
        self, args: tuple[Value, ...], parse: Callable[[Reply], T_co], binary: bool, lua: bytes
    ) -> None:
        super().__init__(args, parse, binary)
        self.lua = lua

    @property
    def by_text(self) -> Command[T_co]:
        """The same call with the text: EVAL or EVAL_RO."""
        name, _, *rest = self.args
        return Command((_BY_TEXT[name], self.lua, *rest), self.parse, self.binary)


def is_lacking(reply: object) -> bool:
    """Whether *reply* is the server's own NOSCRIPT: it does not have the script, nothing ran."""
    return isinstance(reply, NoScriptError) and str(reply) in _LACKING


async def run_script(executor: Executor, command: Command[T]) -> T:
    """The parsed reply to *command*; if the server lacks the script, it is sent with its text."""
    try:
        return await executor.submit(command)
    except NoScriptError as error:
        if not isinstance(command, ScriptCommand) or not is_lacking(error):
            raise
    return await executor.submit(command.by_text)


# -- batches ------------------------------------------------------------------------------------


def texts_in(commands: Sequence[Command[Any]]) -> tuple[bytes, ...]:
    """The texts of the scripts in *commands*, each once."""
    if COMMAND_ONLY(map(type, commands)):
        return ()
    scripts = (each for each in commands if isinstance(each, ScriptCommand))
    return tuple(dict.fromkeys(each.lua for each in scripts))


def load(text: bytes) -> tuple[Value, ...]:
    """The words that load a script."""
    return (b"SCRIPT", b"LOAD", text)


def with_load_errors(
    commands: Sequence[Command[Any]],
    texts: Sequence[bytes],
    loads: Sequence[Reply],
    replies: list[Reply],
) -> list[Reply]:
    """The *replies* to *commands*, with the error of the load in place of NOSCRIPT or EXECABORT.

    *loads* are the replies to the loads of *texts*.  A refusal of a load that passes, such as
    LOADING, says nothing about the script: NOSCRIPT stays then, and the call is sent with its text.
    """
    failed = {
        text: reply
        for text, reply in zip(texts, loads, strict=True)
        if isinstance(reply, RedisError) and not isinstance(reply, REFUSALS)
    }
    if not failed:
        return replies
    return [
        fresh(failed[command.lua])
        if isinstance(command, ScriptCommand)
        and command.lua in failed
        and (is_lacking(reply) or isinstance(reply, ExecAbortError))
        else reply
        for command, reply in zip(commands, replies, strict=True)
    ]


def lacking_in(commands: Sequence[Command[Any]], replies: Sequence[Reply]) -> list[int]:
    """The positions of the scripts in *commands* that the server did not have."""
    return [
        position
        for position, (command, reply) in enumerate(zip(commands, replies, strict=True))
        if isinstance(command, ScriptCommand) and is_lacking(reply)
    ]
