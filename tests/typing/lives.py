"""A command in each life, as checkers see it: awaited, in a pipeline, and as a value."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from anyredis import Commands, NodeClient, Redis, RedisCluster, Result, Session, Transaction
from anyredis.command import Blueprint, Command
from anyredis.commands.core import CoreCommands
from anyredis.replies import TextReaders

T = TypeVar("T")

TextClient: TypeAlias = (
    Redis[str]
    | RedisCluster[str]
    | NodeClient[str]
    | Session[str]
    | Transaction[str]
    | Commands[str]
)
RawClient: TypeAlias = (
    Redis[bytes]
    | RedisCluster[bytes]
    | NodeClient[bytes]
    | Session[bytes]
    | Transaction[bytes]
    | Commands[bytes]
)
"""All that await their commands: an assertion about the union holds for each of its members."""


class TextWords(Blueprint, CoreCommands[str]):
    """Commands as values, of a client that decodes."""

    read = TextReaders(str)


class RawWords(Blueprint, CoreCommands[bytes]):
    """Commands as values, of a client that does not decode."""

    read = TextReaders(bytes)


def reply(method: Callable[..., Coroutine[Any, Any, T]]) -> T:
    """What an awaited call gives."""
    raise NotImplementedError(method)


def queued(method: Callable[..., Result[T]]) -> T:
    """What the `value` of a call in a pipeline is."""
    raise NotImplementedError(method)


def planned(method: Callable[..., Command[T]]) -> T:
    """What the `parse` of a command gives that is a value."""
    raise NotImplementedError(method)
