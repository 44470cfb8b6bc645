"""Makes the function that a class has for a command, from the function that builds the command.

Law: the function has the parameters of its builder, so Python itself binds the arguments, and what
is wrong with them is raised at the call.  Each list of parameters is compiled once, when the first
function that has it is asked for.
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
from anyredis.wire.encode import READY, NotSendable, name_of, ready, refusal

FILE: Final = "<anyredis command{}>"
"""The file name of a function's code, which says its parameters."""


Build: TypeAlias = Callable[..., Any]
"""What builds a command: it has `args`, and may be copied."""

Body: TypeAlias = tuple[str, ...]
"""The statements at the end of a function, after its command is built and checked."""

SUBMIT: Final[Body] = ("return {self}.submit(_command_)",)
"""Give the result of `submit`."""

AWAITED: Final[Body] = (
    "_coroutine_ = {self}.submit(_command_)",
    "_coroutine_.__qualname__ = _name_",  # Python names it where an `await` is forgotten
    "return _coroutine_",
)
"""Give the coroutine of `submit`, under the name of the function."""


class Place:
    """The class that gets a function, and the name there."""

    def __init__(self, module: str, owner: str, name: str) -> None:
        self.module = module
        self.name = name
        self.qualname = f"{owner}.{name}"

    @classmethod
    def of(cls, owner: type, name: str) -> Place:
        """That of *name* in *owner*."""
        return cls(owner.__module__, owner.__qualname__, name)


def make_method(
    build: Build, place: Place, body: Body, returns: Callable[[object], object]
) -> Callable[..., Any]:
    """A function that builds a command with *build*, checks it and submits it.

    *returns* gives the return annotation, for that of *build*.  With `AWAITED` the function is
    marked as a coroutine function.
    """
    signature = inspect.signature(build)
    enclosed = (build, READY.issuperset, map, type, _made_ready, place.qualname)
    factory = _factory(_bare(signature), body)
    function = _dressed(factory(*enclosed), build, place, signature, returns)
    return mark_coroutine_function(function) if body is AWAITED else function


def make_refusal(
    build: Build, place: Place, returns: Callable[[object], object], refuse: Callable[[], object]
) -> Callable[..., Any]:
    """A function with the parameters of *build* that calls *refuse* instead, which raises."""
    signature = inspect.signature(build)
    function = _refusal_factory(_bare(signature))(refuse)
    return _dressed(function, build, place, signature, returns)


# -- source texts -------------------------------------------------------------------------------

# Names that no parameter has; `map` and `type` are among them, for a parameter may be called so.
_BUILDING: Final = """\
def _make_(_build_, _sendable_, _map_, _type_, _made_ready_, _name_):
    def function{parameters}:
        _command_ = _build_({forwarded})
        if not _sendable_(_map_(_type_, _command_.args)):
            _command_ = _made_ready_(_build_, _command_, {{{arguments}}})
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


def _bare(signature: inspect.Signature) -> inspect.Signature:
    """The names and kinds of its parameters: what the code depends on."""
    empty = Parameter.empty
    parameters = signature.parameters.values()
    bare = [each.replace(default=empty, annotation=empty) for each in parameters]
    return inspect.Signature(bare)


@functools.cache
def _factory(bare: inspect.Signature, body: Body) -> Factory:
    first, *others = bare.parameters.values()
    source = _BUILDING.format(
        parameters=bare,
        forwarded=", ".join(_forwarded(each) for each in (first, *others)),
        arguments=", ".join(f"{each.name!r}: {each.name}" for each in others),
        ending="\n        ".join(body).format(self=first.name),
    )
    return _compiled(source, bare)


@functools.cache
def _refusal_factory(bare: inspect.Signature) -> Factory:
    return _compiled(_REFUSING.format(parameters=bare), bare)


def _forwarded(parameter: Parameter) -> str:
    """How the builder is given *parameter*."""
    name = parameter.name
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return f"*{name}"
    if parameter.kind is Parameter.VAR_KEYWORD:
        return f"**{name}"
    return f"{name}={name}" if parameter.kind is Parameter.KEYWORD_ONLY else name


def _compiled(source: str, bare: inspect.Signature) -> Factory:
    file = FILE.format(bare)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {}
    exec(compile(source, file, "exec", dont_inherit=True), names)  # noqa: S102 - our own text
    return cast("Factory", names["_make_"])


# -- what a function says of itself -------------------------------------------------------------


def parsed_type(annotation: object) -> object:
    """The type that a `Command[...]` annotation tells of, as text where it is text."""
    if isinstance(annotation, str):
        name, _, inner = annotation.partition("[")
        is_command = name.rpartition(".")[2] == "Command" and inner.endswith("]")
        return inner[:-1] if is_command else annotation
    return next(iter(get_args(annotation)), annotation)


def _dressed(
    function: FunctionType,
    build: Build,
    place: Place,
    signature: inspect.Signature,
    returns: Callable[[object], object],
) -> FunctionType:
    """*function* with the name, the defaults, the documentation and the types that it shows."""
    parameters = signature.parameters.values()
    empty = Parameter.empty
    given = [each for each in parameters if each.default is not empty]
    by_name = [each for each in given if each.kind is Parameter.KEYWORD_ONLY]
    function.__defaults__ = tuple(each.default for each in given if each not in by_name)
    function.__kwdefaults__ = {each.name: each.default for each in by_name}
    code: CodeType = function.__code__
    function.__code__ = code.replace(co_name=place.name, co_qualname=place.qualname)
    function.__module__, function.__name__ = place.module, place.name
    function.__qualname__, function.__doc__ = place.qualname, build.__doc__
    returned = signature.return_annotation
    told = returned if returned is empty else returns(returned)
    notes = {each.name: each.annotation for each in parameters if each.annotation is not empty}
    function.__annotations__ = notes if told is empty else {**notes, "return": told}
    shown: dict[str, object] = {
        "__wrapped__": build,  # `inspect.getsource` and editors go there
        "__signature__": signature.replace(return_annotation=told),
    }
    function.__dict__.update(shown)
    return function


# -- arguments that cannot be sent as they are --------------------------------------------------


def _made_ready(build: Build, built: Any, arguments: Mapping[str, object]) -> Any:
    """The same command of what can be sent; raises `DataTypeError` that names what cannot."""
    try:
        args = ready(built.args)
    except NotSendable as refused:
        parameters = inspect.signature(build).parameters
        given = {
            name: value
            for name, value in arguments.items()
            if value is not parameters[name].default
        }
        argument = _argument_holding(given, refused.value)
        raise refusal(name_of(built.args), argument, refused.value) from None
    sendable = copy.copy(built)  # a builder may give the same command again: it stays as it is
    sendable.args = args
    return sendable


def _argument_holding(arguments: Mapping[str, object], wanted: object) -> str:
    """The name of the parameter that holds *wanted*, with its index or key where it has one."""
    for name, value in arguments.items():
        if value is wanted:
            return name
        if isinstance(value, Mapping):
            for key, item in cast("Mapping[object, object]", value).items():
                if item is wanted or key is wanted:
                    return f"{name}[{key!r:.40}]"
        elif isinstance(value, (list, tuple, set, frozenset)):
            for index, item in enumerate(cast("list[object]", value)):
                if item is wanted:
                    return f"{name}[{index}]"
    return "an argument"
