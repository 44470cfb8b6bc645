"""Namespaces: commands below an attribute, such as `client.counters.add("visits")`.

Law: the commands of a namespace are declared once, in a group; one class makes them commands of a
client, another of a pipeline, a third of a blueprint.  An object of such a class submits each
command to its parent, and is not made before its first use.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import zip_longest
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar, cast, final, overload

from anyredis.command import Batch, Blueprint, Command, Executor, Result
from anyredis.commands.group import Group
from anyredis.exceptions import DataTypeError
from anyredis.replies import S, TextReaders

T = TypeVar("T")
E = TypeVar("E")
B = TypeVar("B")
V = TypeVar("V")


class Runs(Protocol[S]):
    """A client, a client of a node, or a session."""

    read: TextReaders[S]

    def submit(self, command: Command[T], /) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*, after an `await`."""
        ...


class Queues(Protocol[S]):
    """A pipeline."""

    read: TextReaders[S]

    def submit(self, command: Command[T], /) -> Result[T]:
        """The `Result` of *command*, which is queued."""
        ...


class Plans(Protocol[S]):
    """A blueprint."""

    read: TextReaders[S]

    def submit(self, command: Command[T], /) -> Command[T]:
        """The same *command*."""
        ...


class NotCallable:
    """The base of namespaces: redis-py has methods in their place."""

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Raise `DataTypeError`, which says what to write."""
        raise DataTypeError(
            "a namespace is not called: write client.json.get(key), without () after json; the index "
            "of a search is an argument of its commands: client.ft.search(index, query)"
        )


class ClientNamespace(NotCallable, Executor, Group[S]):
    """The base of a namespace on a client or a session: each call is awaited.

    Iterators, and other methods that run more than one command, belong in a class derived from it.
    """

    def __init__(self, parent: Runs[S]) -> None:
        self.read = parent.read
        _submit_with(self, parent.submit)


class PipelineNamespace(NotCallable, Batch, Group[S]):
    """The base of a namespace in a pipeline: each call gives a `Result`."""

    def __init__(self, parent: Queues[S]) -> None:
        self.read = parent.read
        _submit_with(self, parent.submit)


class BlueprintNamespace(NotCallable, Blueprint, Group[S]):
    """The base of a namespace on a blueprint: each call gives a `Command`."""

    def __init__(self, parent: Plans[S]) -> None:
        self.read = parent.read
        _submit_with(self, parent.submit)


def _submit_with(namespace: object, submit: object) -> None:
    """Make *namespace* submit to its parent, without a frame between the two."""
    vars(namespace)["submit"] = submit


@final
class Absent:
    """Stands for a namespace that pipelines or blueprints do not have."""


class Namespace(Generic[E, B, V]):
    """The attribute of clients, pipelines and blueprints that `namespace` makes."""

    def __init__(self, choose: Callable[[Any], object]) -> None:
        self.__wrapped__ = choose
        self.__doc__ = choose.__doc__
        self._name = choose.__name__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, on: Executor, owner: object) -> E: ...
    @overload
    def __get__(self, on: Batch, owner: object) -> B: ...
    @overload
    def __get__(self, on: Blueprint, owner: object) -> V: ...
    @overload
    def __get__(self, on: None, owner: type[Executor]) -> type[E]: ...
    @overload
    def __get__(self, on: None, owner: type[Batch]) -> type[B]: ...
    @overload
    def __get__(self, on: None, owner: type[Blueprint]) -> type[V]: ...
    @overload
    def __get__(self, on: None, owner: object) -> Namespace[E, B, V]: ...
    def __get__(self, on: object, owner: object) -> Any:
        """The namespace object of *on*, made once; for a class, the class of that object."""
        parent = cast("type", owner)
        chosen = self._class_for(parent)
        if chosen is Absent:
            raise AttributeError(f"{parent.__name__} has no {self._name}: use it on the client")
        if chosen is None:
            return self
        if on is None:
            return chosen
        # From now on Python finds the object in the instance, without a call of this descriptor.
        made = vars(on)[self._name] = chosen(on)
        return made

    def _class_for(self, parent: type) -> type[Any] | None:
        """The class of the namespace on a *parent*; None for a group, which is of no kind."""
        chosen = self.__wrapped__(None)
        classes = cast("tuple[type[Any], ...]", chosen if isinstance(chosen, tuple) else (chosen,))
        for kind, cls in zip_longest(_KINDS, classes, fillvalue=Absent):
            if issubclass(parent, kind):
                return cls
        return None


_KINDS: Final = (Executor, Batch, Blueprint)


@overload
def namespace(choose: Callable[[Any], type[E]]) -> Namespace[E, Absent, Absent]: ...
@overload
def namespace(choose: Callable[[Any], tuple[type[E], type[B]]]) -> Namespace[E, B, Absent]: ...
@overload
def namespace(
    choose: Callable[[Any], tuple[type[E], type[B], type[V]]],
) -> Namespace[E, B, V]: ...
def namespace(choose: Callable[[Any], object]) -> Namespace[Any, Any, Any]:
    """An attribute that holds a namespace object, from the method *choose* that returns classes.

    *choose* returns the classes of the namespace on a client, in a pipeline and on a blueprint, in
    this order; they derive from `ClientNamespace`, `PipelineNamespace` and `BlueprintNamespace`.
    Each parent gets an object of the class for its kind, on first access.  *choose* is called with
    None instead of an object: it may load the classes, and does nothing else.
    """
    return Namespace(choose)
