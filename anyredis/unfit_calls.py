"""Calls that do not fit a command method: other clients' spellings, refused with ours named.

Law: nothing here runs for a call that fits.  A call that does not fit is never guessed at: it raises
`DataTypeError`, a `TypeError`, which names the method's own form and, for a spelling of redis-py
that is known here, what to write instead.  No message shows a value, because it may be a secret.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from inspect import Parameter
from typing import Any, Final, ParamSpec, TypeVar

from anyredis.coroutine_functions import mark_coroutine_function
from anyredis.exceptions import DataError, DataTypeError
from anyredis.redis_py_arguments import ADVICE, METHODS, NEXT, NO_NUMBER, RANGES, SEVERAL

P = ParamSpec("P")
T = TypeVar("T")


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        """A word for signatures."""
        return "<missing>"


MISSING: Final = Missing()
"""The default of a required parameter in a generated function."""


def ambiguous_names(signature: inspect.Signature) -> frozenset[str]:
    """Required parameters by whose names redis-py passes something else.

    redis-py says `hget(name, key)` and `lmpop(num_keys, *keys, direction=...)`; a function that
    takes these by position only can tell both meanings apart.
    """
    parameters = signature.parameters
    names = {"direction", "keys"} | ({"key"} if "field" in parameters else set[str]())
    return frozenset(
        name
        for name in names & set(parameters)
        if parameters[name].kind is Parameter.POSITIONAL_OR_KEYWORD
        if parameters[name].default is Parameter.empty
    )


def first_option(signature: inspect.Signature) -> str | None:
    """The first keyword-only parameter, if there is one."""
    options = [
        name for name, each in signature.parameters.items() if each.kind is Parameter.KEYWORD_ONLY
    ]
    return options[0] if options else None


# -- refusals -----------------------------------------------------------------------------------


Refused = Callable[[Mapping[str, object]], DataError | None]
"""Gives the error of the first of these arguments that does not fit its parameter's annotation."""


def refit(
    build: Callable[..., Any],
    check: Refused,
    qualname: str,
    on: object,
    given: dict[str, Any],
    rest: tuple[Any, ...],
    more: tuple[Any, ...],
    options: dict[str, Any],
    other: dict[str, Any],
) -> tuple[Any, DataError | None]:
    """The command of a call that gives an argument of *given* by its name; or None, and the error.

    *rest* and *options* fit; *more* and *other* are what fitted no parameter of the function.  The
    error says that they fit none of *build* either, or that an argument is missing or wrong.  It
    is not raised here, because the variables of this frame may hold secrets.
    """
    call = UnfitCall(inspect.signature(build), qualname, type(on))
    try:
        filled, free = _filled(call, given, more, options, other)
        bound = call.signature.bind(on, *filled.values(), *rest, **options, **free)
        bound.apply_defaults()
        if (wrong := check(bound.arguments)) is not None:
            return None, wrong
        return build(*bound.args, **bound.kwargs), None
    except DataError as error:
        return None, error.with_traceback(None)


def _filled(
    call: UnfitCall,
    given: dict[str, Any],
    more: tuple[Any, ...],
    options: dict[str, Any],
    other: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of all parameters in *given*, and those of a builder that takes any."""
    if more:
        raise call.too_many(len(given) + len(more))
    filled, free = dict(given), dict[str, Any]()
    for name, value in other.items():
        if call.takes(name):
            if filled[name] is not MISSING:
                raise call.twice(name)
            filled[name] = value
        elif call.takes_any:
            free[name] = value
        else:
            raise call.unknown(name)
    for name, value in (*filled.items(), *options.items()):
        if value is MISSING:
            raise call.lacking(name)
    return filled, free


def explained(function: Callable[P, T]) -> Callable[P, T]:
    """*function*, which from now on refuses a call that does not fit it as a command method does.

    For methods that are no commands, such as `scan_iter`, and for `__init__`.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            traceback = error.__traceback__
            if traceback is None or traceback.tb_next is not None:
                raise  # by the function itself: its parameters took the arguments
            signature = inspect.signature(function)
            qualname = function.__qualname__.removesuffix(".__init__")
            unfit = UnfitCall(signature, qualname, type(args[0]))
            raise unfit.of(args[1:], kwargs) from None

    return call


def refused(advice: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A method that raises `DataTypeError` with *advice*, whatever it is given.

    For methods of other clients.  They have one parameter, of the type `Never`, so that a checker
    finds that each call lacks an argument.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def refuse(*_args: P.args, **_kwargs: P.kwargs) -> T:
            raise DataTypeError(f"{function.__qualname__}(): {advice}")

        return refuse

    return decorate


def coroutine_method(
    function: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """`explained` for an async function, which stays a coroutine function."""
    return mark_coroutine_function(explained(function))


class UnfitCall:
    """The form of a method, for a call that does not fit it, and the errors that tell of it."""

    def __init__(self, signature: inspect.Signature, qualname: str, owner: type) -> None:
        self.signature = signature
        self._qualname = qualname
        self._owner = owner
        self._method = qualname.rpartition(".")[2]
        _, *self._parameters = signature.parameters.values()

    @property
    def takes_any(self) -> bool:
        """Whether the method takes any keyword argument."""
        return any(each.kind is Parameter.VAR_KEYWORD for each in self._parameters)

    def takes(self, name: str) -> bool:
        """Whether the method has a positional parameter *name* that may be given by its name."""
        kind = Parameter.POSITIONAL_OR_KEYWORD
        return any(each.name == name and each.kind is kind for each in self._parameters)

    def of(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> DataTypeError:
        """The error for a call with these arguments, which do not fit."""
        positional = [each.name for each in self._parameters if each.kind in _POSITIONAL]
        variadic = any(each.kind is Parameter.VAR_POSITIONAL for each in self._parameters)
        if len(args) > len(positional) and not variadic:
            return self.too_many(len(args))
        names = [each.name for each in self._parameters]
        for name in kwargs:
            if name not in names:
                return self.unknown(name)
            if name in positional[: len(args)]:
                return self.twice(name)
        missing = [
            each.name
            for each in self._parameters
            if each.default is Parameter.empty and each.name not in positional[: len(args)]
            if each.name not in kwargs and each.kind in (*_POSITIONAL, Parameter.KEYWORD_ONLY)
        ]
        return self.lacking(missing[0])

    def too_many(self, count: int) -> DataTypeError:
        """The error for more positional arguments than the method has."""
        positional = sum(each.kind in _POSITIONAL for each in self._parameters)
        hint = NEXT.get(self._method)
        option = first_option(self.signature)
        advice = (
            self._advice(hint) if hint is not None else option and f"write {option}=... by name"
        )
        by_name = Parameter.KEYWORD_ONLY
        if any(each.name == "keys" and each.kind is not by_name for each in self._parameters):
            advice = " and ".join(filter(None, (NO_NUMBER, advice)))
        takes = f"takes {positional} positional argument{'' if positional == 1 else 's'}"
        return self._error(f"{takes}, not {count}", advice)

    def unknown(self, name: str) -> DataTypeError:
        """The error for a keyword argument that the method does not have."""
        return self._error(f"has no argument {name!r}", self._advice(name))

    def twice(self, name: str) -> DataTypeError:
        """The error for an argument given by position and by name."""
        numbers = name in {"direction", "keys"}
        advice = NO_NUMBER if numbers else self._fields_advice()
        return self._error(f"got {name!r} by position and by name", advice)

    def lacking(self, name: str) -> DataTypeError:
        """The error for a required argument that is not given."""
        return self._error(f"is missing the argument {name!r}", None)

    def _advice(self, name: str) -> str | None:
        """What to write for *name* of redis-py, if that is known."""
        method = METHODS.get((self._method, name))
        if method is not None and hasattr(self._owner, method):
            return f"write {method}(...)"
        if name == "name" and self._parameters:
            return f"it is {self._parameters[0].name} here"
        if name in ("min", "max") and self._method in RANGES:
            return f"it is {'start' if name == 'min' else 'end'} here"
        variadic = [each.name for each in self._parameters if each.kind is Parameter.VAR_POSITIONAL]
        if name in SEVERAL and variadic:
            return f"write {variadic[0]} by position"
        return ADVICE.get(name)

    def _fields_advice(self) -> str | None:
        names = [each.name for each in self._parameters[:2]]
        return f"its arguments are {' and '.join(names)}"

    def _error(self, problem: str, advice: str | None) -> DataTypeError:
        form = f"{self._method}{self._form()}"
        return DataTypeError(
            f"{self._qualname}() {problem}{'; ' + advice if advice else ''}; its form is {form}"
        )

    def _form(self) -> str:
        """The parameters, without `self` and without annotations."""
        plain = [each.replace(annotation=Parameter.empty) for each in self._parameters]
        return str(inspect.Signature(plain))


_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
