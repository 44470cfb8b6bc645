"""Namespaces: commands under a name of their own, such as `client.counters.add("visits")`.

Law: the commands of a namespace are declared once, in a group; one class makes them those of a
client, another those of a pipeline, a third those of a blueprint.  An object of that class hands
each command on to its parent, and costs nothing before its first use.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import zip_longest
from typing import Any, Final, Generic, Protocol, TypeVar, cast, final, overload

from anyredis.command import Batch, Blueprint, Command, Executor, Result
from anyredis.commands.group import Group
from anyredis.replies import S, TextReaders

T = TypeVar("T")
E = TypeVar("E")
B = TypeVar("B")
V = TypeVar("V")


class Runs(Protocol[S]):
    """A client, a client of a node, or a session."""

    read: TextReaders[S]

    def submit(self, command: Command[T], /) -> Coroutine[Any, Any, T]:
        """Run *command* and give its parsed reply."""
        ...


class Queues(Protocol[S]):
    """A pipeline."""

    read: TextReaders[S]

    def submit(self, command: Command[T], /) -> Result[T]:
        """Queue *command*."""
        ...


class Plans(Protocol[S]):
    """A blueprint."""

    read: TextReaders[S]

    def submit(self, command: Command[T], /) -> Command[T]:
        """Give back *command* as it is."""
        ...


class ClientNamespace(Executor, Group[S]):
    """The base of the commands of a namespace on a client or a session: each call is awaited.

    Iterators, and other methods that are more than one command, belong in a class derived from it.
    """

    def __init__(self, parent: Runs[S]) -> None:
        self.read = parent.read
        _hand_on(self, parent.submit)


class PipelineNamespace(Batch, Group[S]):
    """The base of the commands of a namespace in a pipeline: each call gives a `Result`."""

    def __init__(self, parent: Queues[S]) -> None:
        self.read = parent.read
        _hand_on(self, parent.submit)


class BlueprintNamespace(Blueprint, Group[S]):
    """The base of the commands of a namespace on a blueprint: each call gives a `Command`."""

    def __init__(self, parent: Plans[S]) -> None:
        self.read = parent.read
        _hand_on(self, parent.submit)


def _hand_on(namespace: object, submit: object) -> None:
    """Have *namespace* submit to its parent, without a frame between the two."""
    vars(namespace)["submit"] = submit


@final
class Absent:
    """In place of a namespace that pipelines or blueprints do not have."""


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
        """The commands of *on*, made once; of a class, the class that its objects get theirs of."""
        parent = cast("type", owner)
        made_of = self._class_for(parent)
        if made_of is Absent:
            raise AttributeError(f"{parent.__name__} has no {self._name}: use it on the client")
        if made_of is None:
            return self
        if on is None:
            return made_of
        # From now on it is found before this attribute, without a call.
        made = vars(on)[self._name] = made_of(on)
        return made

    def _class_for(self, parent: type) -> type[Any] | None:
        """The class for what is called on a *parent*; None for a group, which is of no kind."""
        chosen = self.__wrapped__(None)
        classes = cast("tuple[type[Any], ...]", chosen if isinstance(chosen, tuple) else (chosen,))
        for kind, made_of in zip_longest(_KINDS, classes, fillvalue=Absent):
            if issubclass(parent, kind):
                return made_of
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
    """Make a method that gives classes into an attribute that holds an object of one of them.

    The classes are those of the namespace on a client, in a pipeline and on a blueprint, in this
    order; they derive from `ClientNamespace`, `PipelineNamespace` and `BlueprintNamespace`.  Each
    parent gets an object of the class for its kind, on first access.  *choose* is called without an
    object: it may load the classes, and does nothing else.
    """
    return Namespace(choose)
