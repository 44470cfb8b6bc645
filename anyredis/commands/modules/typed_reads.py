"""The types of `json.get` and `json.mget` for checkers: with `type=T` they give a `T`.

Law: these protocols exist for type checkers; at run time both are command methods as all others.
`anyredis.command.Method` cannot express them, because it has one reply type for all calls.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast, overload

from anyredis.command import Batch, Blueprint, Command, Definition, Executor, Result
from anyredis.commands.modules.json_paths import JsonPath
from anyredis.commands.several import SomeKeys
from anyredis.wire.encode import Key

T = TypeVar("T")


class AwaitedGet(Protocol):
    """`client.json.get`."""

    @overload
    def __call__(
        self, key: Key, *paths: JsonPath, no_escape: bool = ..., type: type[T]
    ) -> Coroutine[Any, Any, T | None]: ...
    @overload
    def __call__(
        self, key: Key, *paths: JsonPath, no_escape: bool = ..., type: None = ...
    ) -> Coroutine[Any, Any, Any]: ...


class QueuedGet(Protocol):
    """`pipe.json.get`."""

    @overload
    def __call__(
        self, key: Key, *paths: JsonPath, no_escape: bool = ..., type: type[T]
    ) -> Result[T | None]: ...
    @overload
    def __call__(
        self, key: Key, *paths: JsonPath, no_escape: bool = ..., type: None = ...
    ) -> Result[Any]: ...


class PlannedGet(Protocol):
    """`json.get` on a blueprint."""

    @overload
    def __call__(
        self, key: Key, *paths: JsonPath, no_escape: bool = ..., type: type[T]
    ) -> Command[T | None]: ...
    @overload
    def __call__(
        self, key: Key, *paths: JsonPath, no_escape: bool = ..., type: None = ...
    ) -> Command[Any]: ...


class AwaitedGetMany(Protocol):
    """`client.json.mget`."""

    @overload
    def __call__(
        self, keys: SomeKeys, path: JsonPath, *, type: type[T]
    ) -> Coroutine[Any, Any, list[T | None]]: ...
    @overload
    def __call__(
        self, keys: SomeKeys, path: JsonPath, *, type: None = ...
    ) -> Coroutine[Any, Any, list[Any]]: ...


class QueuedGetMany(Protocol):
    """`pipe.json.mget`."""

    @overload
    def __call__(
        self, keys: SomeKeys, path: JsonPath, *, type: type[T]
    ) -> Result[list[T | None]]: ...
    @overload
    def __call__(
        self, keys: SomeKeys, path: JsonPath, *, type: None = ...
    ) -> Result[list[Any]]: ...


class PlannedGetMany(Protocol):
    """`json.mget` on a blueprint."""

    @overload
    def __call__(
        self, keys: SomeKeys, path: JsonPath, *, type: type[T]
    ) -> Command[list[T | None]]: ...
    @overload
    def __call__(
        self, keys: SomeKeys, path: JsonPath, *, type: None = ...
    ) -> Command[list[Any]]: ...


class Get(Protocol):
    """The method `get` of the three namespaces."""

    @overload
    def __get__(self, on: Executor, owner: object) -> AwaitedGet: ...
    @overload
    def __get__(self, on: Batch, owner: object) -> QueuedGet: ...
    @overload
    def __get__(self, on: Blueprint, owner: object) -> PlannedGet: ...
    @overload
    def __get__(
        self, on: None, owner: type[Executor]
    ) -> Callable[..., Coroutine[Any, Any, Any]]: ...
    @overload
    def __get__(self, on: None, owner: object) -> Callable[..., Any]: ...


class GetMany(Protocol):
    """The method `mget` of the three namespaces."""

    @overload
    def __get__(self, on: Executor, owner: object) -> AwaitedGetMany: ...
    @overload
    def __get__(self, on: Batch, owner: object) -> QueuedGetMany: ...
    @overload
    def __get__(self, on: Blueprint, owner: object) -> PlannedGetMany: ...
    @overload
    def __get__(
        self, on: None, owner: type[Executor]
    ) -> Callable[..., Coroutine[Any, Any, list[Any]]]: ...
    @overload
    def __get__(self, on: None, owner: object) -> Callable[..., Any]: ...


def typed_get(build: Callable[..., Command[Any]]) -> Get:
    """Like `anyredis.command.command`, with the types of `get`."""
    return cast("Get", Definition(build))


def typed_mget(build: Callable[..., Command[list[Any]]]) -> GetMany:
    """Like `anyredis.command.command`, with the types of `mget`."""
    return cast("GetMany", Definition(build))
