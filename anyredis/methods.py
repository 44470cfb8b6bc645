"""Functions that submit a command, made from the functions that build it.

Law: a function has the parameters of its builder, so Python itself binds the arguments, and a wrong
argument raises at the call.  Each list of parameters is compiled once, when the first function with
that list is made.
"""

from __future__ import annotations

import copy
import functools
import inspect
import linecache
from collections.abc import Callable, Mapping
from inspect import Parameter
from types import CodeType, FunctionType
from typing import Any, Final, TypeAlias, cast, get_args

from anyredis.coroutine_functions import mark_coroutine_function
from anyredis.exceptions import DataTypeError
from anyredis.excerpt import excerpt
from anyredis.facts.secrets import may_be_secret
from anyredis.wire.encode import READY, NotSendable, name_of, ready, refusal

FILE: Final = "<anyredis command{}>"
"""The file name of a function's code, which contains the parameters."""


Build: TypeAlias = Callable[..., Any]
"""A function that builds a command: a copyable object with `args`."""

Body: TypeAlias = tuple[str, ...]
"""The statements at the end of a function, after its command is built and checked."""

SUBMIT: Final[Body] = ("return {self}.submit(_command_)",)
"""Return the result of `submit`."""

AWAITED: Final[Body] = (
    "_coroutine_ = {self}.submit(_command_)",
    "_coroutine_.__qualname__ = _name_",  # for the warning about a forgotten `await`
    "return _coroutine_",
)
"""Return the coroutine of `submit`, under the name of the function."""


class Place:
    """The class that gets a function, and the function's name there."""

    def __init__(self, module: str, owner: str, name: str) -> None:
        self.module = module
        self.name = name
        self.qualname = f"{owner}.{name}"

    @classmethod
    def of(cls, owner: type, name: str) -> Place:
        """The place of *name* in *owner*."""
        return cls(owner.__module__, owner.__qualname__, name)


def make_method(
    build: Build, place: Place, body: Body, returns: Callable[[object], object]
) -> Callable[..., Any]:
    """A function that builds a command with *build*, checks it and submits it.

    *returns* turns the return annotation of *build* into that of the function.  With `AWAITED` the
    function is marked as a coroutine function.
    """
    signature = inspect.signature(build)
    enclosed = (build, READY.issuperset, map, type, _make_sendable, place.qualname)
    factory = _factory(_names_and_kinds(signature), body)
    function = _with_metadata(factory(*enclosed), build, place, signature, returns)
    return mark_coroutine_function(function) if body is AWAITED else function


def make_refusal(
    build: Build, place: Place, returns: Callable[[object], object], refuse: Callable[[], object]
) -> Callable[..., Any]:
    """A function with the parameters of *build* that only calls *refuse*, which raises."""
    signature = inspect.signature(build)
    function = _refusal_factory(_names_and_kinds(signature))(refuse)
    return _with_metadata(function, build, place, signature, returns)


# -- source texts -------------------------------------------------------------------------------

# Names that no parameter has; `map` and `type` get such names because a parameter may be called
# `map` or `type`.
_BUILDING: Final = """\
def _make_(_build_, _sendable_, _map_, _type_, _make_sendable_, _name_):
    def function{parameters}:
        _command_ = _build_({forwarded})
        if not _sendable_(_map_(_type_, _command_.args)):
            _command_, _refused_ = _make_sendable_(_build_, _command_, {{{arguments}}})
            if _refused_ is not None:
                {forget}raise _refused_
        {ending}
    return function
"""

_REFUSING: Final = """\
def _make_(_refuse_):
    def function{parameters}:
        _refuse_()
    return function
"""

Factory: TypeAlias = Callable[..., FunctionType]


def _names_and_kinds(signature: inspect.Signature) -> inspect.Signature:
    """*signature* without defaults and annotations: the part that the code depends on."""
    empty = Parameter.empty
    parameters = signature.parameters.values()
    return inspect.Signature([each.replace(default=empty, annotation=empty) for each in parameters])


@functools.cache
def _factory(signature: inspect.Signature, body: Body) -> Factory:
    first, *others = signature.parameters.values()
    source = _BUILDING.format(
        parameters=signature,
        forwarded=", ".join(_forwarded(each) for each in (first, *others)),
        arguments=", ".join(f"{each.name!r}: {each.name}" for each in others),
        forget="".join(f"{each.name} = " for each in others) + "None; " if others else "",
        ending="\n        ".join(body).format(self=first.name),
    )
    return _compiled(source, signature)


@functools.cache
def _refusal_factory(signature: inspect.Signature) -> Factory:
    return _compiled(_REFUSING.format(parameters=signature), signature)


def _forwarded(parameter: Parameter) -> str:
    """The argument of the builder's call for *parameter*."""
    name = parameter.name
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return f"*{name}"
    if parameter.kind is Parameter.VAR_KEYWORD:
        return f"**{name}"
    return f"{name}={name}" if parameter.kind is Parameter.KEYWORD_ONLY else name


def _compiled(source: str, signature: inspect.Signature) -> Factory:
    file = FILE.format(signature)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {}
    exec(compile(source, file, "exec", dont_inherit=True), names)  # noqa: S102 - built from the templates above
    return cast("Factory", names["_make_"])


# -- names, annotations, defaults ---------------------------------------------------------------


def parsed_type(annotation: object) -> object:
    """The type inside a `Command[...]` annotation, as text if the annotation is text."""
    if isinstance(annotation, str):
        name, _, inner = annotation.partition("[")
        is_command = name.rpartition(".")[2] == "Command" and inner.endswith("]")
        return inner[:-1] if is_command else annotation
    return next(iter(get_args(annotation)), annotation)


def _with_metadata(
    function: FunctionType,
    build: Build,
    place: Place,
    signature: inspect.Signature,
    returns: Callable[[object], object],
) -> FunctionType:
    """*function*, from now on with the name, defaults, docstring and annotations that it shows."""
    parameters = signature.parameters.values()
    empty = Parameter.empty
    optional = [each for each in parameters if each.default is not empty]
    keyword_only = [each for each in optional if each.kind is Parameter.KEYWORD_ONLY]
    function.__defaults__ = tuple(each.default for each in optional if each not in keyword_only)
    function.__kwdefaults__ = {each.name: each.default for each in keyword_only}
    code: CodeType = function.__code__
    function.__code__ = code.replace(co_name=place.name, co_qualname=place.qualname)
    function.__module__, function.__name__ = place.module, place.name
    function.__qualname__, function.__doc__ = place.qualname, build.__doc__
    built_type = signature.return_annotation
    return_type = built_type if built_type is empty else returns(built_type)
    types = {each.name: each.annotation for each in parameters if each.annotation is not empty}
    function.__annotations__ = types if return_type is empty else {**types, "return": return_type}
    shown: dict[str, object] = {
        "__wrapped__": build,  # for `inspect.getsource` and editors
        "__signature__": signature.replace(return_annotation=return_type),
    }
    function.__dict__.update(shown)
    return function


# -- arguments that cannot be sent as they are --------------------------------------------------


def _make_sendable(
    build: Build, built: Any, arguments: Mapping[str, object]
) -> tuple[Any, DataTypeError | None]:
    """The same command with sendable arguments; or None, and the error that names a bad one.

    The function raises the error once its own variables are cleared: they may hold secrets.
    """
    try:
        args = ready(built.args)
    except NotSendable as refused:
        parameters = inspect.signature(build).parameters
        not_defaults = {
            name: value
            for name, value in arguments.items()
            if value is not parameters[name].default
        }
        secret = may_be_secret(built.args)
        argument = _argument_holding(not_defaults, refused.value)
        return None, refusal(name_of(built.args), argument, refused.value, secret=secret)
    sendable = copy.copy(built)  # a builder may return one command twice: no change in place
    sendable.args = args
    return sendable, None


def _argument_holding(arguments: Mapping[str, object], wanted: object) -> str:
    """The name of the parameter that holds *wanted*, with its index or key if it has one."""
    for name, value in arguments.items():
        if value is wanted:
            return name
        if isinstance(value, Mapping):
            for key, item in cast("Mapping[object, object]", value).items():
                if item is wanted or key is wanted:
                    return f"{name}[{excerpt(key, 40)}]"
        elif isinstance(value, (list, tuple, set, frozenset)):
            for index, item in enumerate(cast("list[object]", value)):
                if item is wanted:
                    return f"{name}[{index}]"
    return "an argument"
