"""The signature of a typed script or function: its parameters to KEYS and ARGV.

Law: a parameter that is annotated with `Key` is a key, any other one an argument, in the order in
which they are declared.  A signature that the script could not tell apart is refused when the
function is decorated, a call that does not fit it before anything is sent.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from inspect import Parameter
from types import NoneType
from typing import Any, Final, get_args, get_origin, get_type_hints

from anyredis.client.script_replies import Reading, reading_of
from anyredis.commands.checks import Checked, atoms, checked
from anyredis.commands.several import any_keys, any_values
from anyredis.exceptions import DataTypeError
from anyredis.wire.encode import Key, Value

_KEY: Final = frozenset[object](get_args(Key))
_VALUE: Final = frozenset[object](get_args(Value))

_COLLECTIONS: Final = (list, Sequence, Collection)
"""Annotations for several keys or arguments, beside `tuple[X, ...]`."""


class ScriptParameter:
    """One parameter after the client."""

    __slots__ = ("check", "is_key", "name", "several")

    def __init__(self, name: str, check: Checked | None, *, is_key: bool, several: bool) -> None:
        self.name = name
        self.check = check
        self.is_key = is_key
        self.several = several
        """Whether it stands for any number of keys or arguments."""

    def __repr__(self) -> str:
        return f"<ScriptParameter {self.name}>"


class CallSignature:
    """The parameters of *function* after the first *skipped*, and the reader of its replies.

    Raises `DataTypeError` for a signature that no script can have.
    """

    def __init__(self, function: Callable[..., Any], skipped: int) -> None:
        self.name = function.__qualname__
        self._where = f"{function.__name__}()"
        if not inspect.iscoroutinefunction(function):
            raise DataTypeError(f"{self._where} has to be an `async def`: its calls are awaited")
        signature = inspect.signature(function)
        parameters = [*signature.parameters.values()]
        _check_first(self._where, parameters[:skipped], skipped)
        hints = _hints(self._where, function)
        if "return" not in hints:
            raise DataTypeError(
                f"{self._where} has no return annotation: it says how to read replies"
            )
        self.reading: Reading = reading_of(self._where, hints["return"])
        own = parameters[skipped:]
        self.signature = signature.replace(parameters=own)
        self._parameters = [self._parameter(each, hints) for each in own]
        self._check_order()
        kinds = {each.kind for each in own}
        only_positional = kinds <= {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
        self._count = len(own) if only_positional else -1

    def words(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Key, ...], tuple[Value, ...]]:
        """The keys and arguments of a call with *args* and *kwargs*, which come after the client.

        Raises `DataError` for a call that does not fit.
        """
        values: Iterable[Any] = args
        if kwargs or len(args) != self._count:
            try:
                bound = self.signature.bind(*args, **kwargs)
            except TypeError as error:
                raise DataTypeError(f"{self._where}: {error}; its form is {self._form}") from None
            bound.apply_defaults()
            values = bound.arguments.values()
        keys: tuple[Key, ...] = ()
        others: tuple[Value, ...] = ()
        for parameter, value in zip(self._parameters, values, strict=True):
            if parameter.check is not None:
                parameter.check.check(value, f"{self._where}: ")
            if not parameter.several:
                if parameter.is_key:
                    keys += any_keys(self._where, parameter.name, (value,))
                else:
                    others += (value,)
            elif parameter.is_key:
                keys += any_keys(self._where, parameter.name, value)
            else:
                others += any_values(self._where, parameter.name, value)
        return keys, others

    @property
    def _form(self) -> str:
        own = self.signature.parameters.values()
        plain = [each.replace(annotation=Parameter.empty) for each in own]
        return f"(client, {', '.join(map(str, plain))})"

    def _parameter(self, parameter: Parameter, hints: Mapping[str, object]) -> ScriptParameter:
        name = parameter.name
        if parameter.kind is Parameter.VAR_KEYWORD:
            raise DataTypeError(f"{self._where}: **{name} has no order, which KEYS and ARGV need")
        if name not in hints:
            raise DataTypeError(f"{self._where}: {name} has no annotation: {_WANTED}")
        annotation, several = hints[name], parameter.kind is Parameter.VAR_POSITIONAL
        if not several:
            annotation, several = _element(annotation)
        types = atoms(annotation)
        if types == _KEY:
            return ScriptParameter(name, None, is_key=True, several=several)
        if not types <= _VALUE:
            hint = " (a server has no null: give it a default)" if NoneType in types else ""
            raise DataTypeError(
                f"{self._where}: {name} is annotated with {_shown(hints[name])}{hint}: {_WANTED}"
            )
        check = checked(name, annotation, several=several)
        return ScriptParameter(name, check, is_key=False, several=several)

    def _check_order(self) -> None:
        """Refuse a parameter after a collection of the same kind: no script could find it."""
        for is_key, where in ((True, "KEYS"), (False, "ARGV")):
            own = [each for each in self._parameters if each.is_key is is_key]
            for each, following in itertools.pairwise(own):
                if each.several:
                    raise DataTypeError(
                        f"{self._where}: {each.name} is any number of values, so the script cannot "
                        f"find {following.name} after it in {where}: declare {each.name} last"
                    )


_WANTED: Final = (
    "annotate keys with anyredis.Key, arguments with str, bytes, int or float, several of them "
    "with Sequence[...] of these"
)


def _check_first(where: str, first: Sequence[Parameter], wanted: int) -> None:
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    if len(first) < wanted or any(each.kind not in positional for each in first):
        form = "(client, ...)" if wanted == 1 else "(self, client, ...)"
        raise DataTypeError(f"{where} has to take the client first: {form}")


def _hints(where: str, function: Callable[..., Any]) -> dict[str, object]:
    """The annotations of *function* as objects."""
    try:
        return get_type_hints(function)
    except NameError as error:
        raise DataTypeError(
            f"{where}: its annotations are read when it is decorated, and {error}"
        ) from error


def _element(annotation: object) -> tuple[object, bool]:
    """The annotation of one key or argument, and whether *annotation* is for several."""
    origin, parameters = get_origin(annotation), get_args(annotation)
    if origin in _COLLECTIONS and len(parameters) == 1:
        return parameters[0], True
    if origin is tuple and len(parameters) == 2 and parameters[1] is ...:
        return parameters[0], True
    return annotation, False


def _shown(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
