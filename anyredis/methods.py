"""Functions that submit a command, made from the functions that build it.

Law: a function has the parameters of its builder, so Python itself binds the arguments.  It also
takes any others, only to refuse them in words that name ours: `unfit_calls` does that, and nothing
of it runs for a call that fits.  The annotations decide which values are checked before the command
is built, see `anyredis.commands.checks`.  Each list of parameters is compiled once for each list of
checks.
"""

from __future__ import annotations

import functools
import inspect
import linecache
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter
from types import CodeType, FunctionType
from typing import Any, Final, NoReturn, TypeAlias, cast, get_args

from anyredis.commands.checks import Checked, checks_of, first_refusal
from anyredis.coroutine_functions import mark_coroutine_function
from anyredis.exceptions import DataError, DataValueError, RedisError
from anyredis.inlining import Inline
from anyredis.unfit_arguments import make_sendable
from anyredis.unfit_calls import MISSING, ambiguous_names, refit
from anyredis.wire.encode import READY, name_of

FILE: Final = "<anyredis command{}>"
"""The file name of a function's code, which contains the parameters and their checks."""


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


AWAITED_OR_EMPTY: Final[Body] = (
    "_coroutine_ = {self}.submit(_command_) if _command_.args else _empty_(_command_)",
    *AWAITED[1:],
)
"""Like `AWAITED`; a command without words is answered by a coroutine of its own."""

SUBMIT_UNLESS_EMPTY: Final[Body] = ("if not _command_.args: _refuse_empty_(_name_)", *SUBMIT)
"""Like `SUBMIT`; a command without words is refused."""

COROUTINES: Final = (AWAITED[0], AWAITED_OR_EMPTY[0])
"""The first statements of the bodies that return a coroutine."""


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
    build: Build,
    place: Place,
    body: Body,
    returns: Callable[[object], object],
    inline: Inline | None = None,
) -> Callable[..., Any]:
    """A function that builds a command with *build*, checks it and submits it.

    *returns* turns the return annotation of *build* into that of the function.  With `AWAITED` the
    function is marked as a coroutine function.  *inline* stands in for `submit` where it can.
    """
    signature = inspect.signature(build)
    checks = checks_of(build, signature)

    def check(arguments: Mapping[str, object]) -> DataError | None:
        wrong = first_refusal(checks, arguments)
        if wrong is not None:
            name = _name_of_command(build, signature, arguments) or place.name
            wrong.args = (f"{name}: {wrong}",)
        return wrong

    sending = (READY, READY.issuperset, map, type, len, bytes, make_sendable)
    others = (place.qualname, check, MISSING, refit, _empty, _refuse_empty)
    names = () if inline is None else inline.names.values()
    factory = _factory(_parameters_of(signature), body, checks, inline)
    plain = factory(build, *sending, *others, *names)
    function = _with_metadata(plain, build, place, signature, returns)
    _mark_required(function, signature)
    return mark_coroutine_function(function) if body[0] in COROUTINES else function


def make_refusal(
    build: Build, place: Place, returns: Callable[[object], object], refuse: Callable[[], object]
) -> Callable[..., Any]:
    """A function with the parameters of *build* that only calls *refuse*, which raises."""
    signature = inspect.signature(build)
    function = _refusal_factory(_parameters_of(signature))(refuse)
    return _with_metadata(function, build, place, signature, returns)


# -- source texts -------------------------------------------------------------------------------


def _if_ready(count: int) -> str:
    """The condition for a command of *count* words that can be sent as they are."""
    others = " and ".join(f"_type_(_args_[{place}]) in _ready_" for place in range(1, count))
    return f"_type_(_args_[0]) is _bytes_ and {others} if _count_ == {count} else "


_SENDABLE: Final = "".join(map(_if_ready, (2, 3, 4))) + "_all_ready_(_map_(_type_, _args_))"
"""Whether all words can be sent as they are; to look at a few one by one is faster."""

# Names that no parameter has; `map`, `type` and others get such names because a parameter may be
# called `map` or `type`.
_BUILDING: Final = """\
def _make_(
    _build_, _ready_, _all_ready_, _map_, _type_, _len_, _bytes_, _make_sendable_,
    _name_, _check_, _missing_, _refit_, _empty_, _refuse_empty_, {names}
):
    def function{parameters}:
        if {unfit}:
            _command_, _refused_ = _refit_(_build_, _check_, _name_, {refitted})
            if _refused_ is not None:
                {forget}raise _refused_
        else:
            {checks}_command_ = _build_({forwarded})
        _args_ = _command_.args
        _count_ = _len_(_args_)
        if not ({sendable}):
            _args_ = None
            _command_, _refused_ = _make_sendable_(_build_, _command_, {{{arguments}}})
            if _refused_ is not None:
                {forget}raise _refused_
            _args_ = _command_.args
        {ending}
    return function
"""

_CHECKING: Final = """\
if not ({conditions}):
                _refused_ = _check_({{{arguments}}})
                if _refused_ is not None:
                    {forget}raise _refused_
            """

_REFUSING: Final = """\
def _make_(_refuse_):
    def function{parameters}:
        _refuse_()
    return function
"""

Factory: TypeAlias = Callable[..., FunctionType]

MORE: Final = "_more_"
"""The parameter that takes positional arguments for which the builder has no parameter."""

OTHER: Final = "_other_"
"""The parameter that takes keyword arguments for which the builder has no parameter."""

NEEDED: Final = Parameter.empty
NAMED: Final = (
    Parameter.POSITIONAL_ONLY,
    Parameter.POSITIONAL_OR_KEYWORD,
    Parameter.KEYWORD_ONLY,
)
KINDS: Final = (*NAMED, Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def _parameters_of(signature: inspect.Signature) -> inspect.Signature:
    """*signature* without annotations and values of defaults: the part that the code depends on."""
    empty = Parameter.empty
    return inspect.Signature(
        [
            each.replace(annotation=empty, default=empty if each.default is empty else None)
            for each in signature.parameters.values()
        ]
    )


@functools.cache
def _factory(
    signature: inspect.Signature, body: Body, checks: tuple[Checked, ...], inline: Inline | None
) -> Factory:
    first, *others = signature.parameters.values()
    header = _taking_others(signature)
    conditions = " and ".join(each.condition for each in checks)
    forget = "".join(f"{name} = " for name in header.parameters if name != first.name) + "None; "
    values = {"arguments": _as_items((first, *others)), "forget": forget}
    ending = body if inline is None else inline.before(body, named=body[0] in COROUTINES)
    others_by_name = f"**{OTHER}" if OTHER in header.parameters else ""
    source = _BUILDING.format(
        parameters=header,
        unfit=" or ".join(_signs_of_unfitness(header, others)) or "False",
        refitted=_refitted(header, signature),
        checks=_CHECKING.format(conditions=conditions, **values) if checks else "",
        forwarded=", ".join(_forwarded(each) for each in (first, *others)),
        forget=forget,
        arguments=", ".join(filter(None, (_as_items(others), others_by_name))),
        sendable=_SENDABLE,
        ending="\n        ".join(ending).format(self=first.name),
        names="" if inline is None else ", ".join(inline.names),
    )
    checked = f" with {', '.join(each.title for each in checks)}" if checks else ""
    usual = "" if inline is None else f" if {inline.condition.format(self=first.name)}"
    return _compiled(source, f"{signature}{checked}{usual}")


def _as_items(parameters: Iterable[Parameter]) -> str:
    """The items of a dict display that has each of *parameters* by its name."""
    return ", ".join(f"{each.name!r}: {each.name}" for each in parameters)


def _taking_others(signature: inspect.Signature) -> inspect.Signature:
    """The parameters of the function: those of its builder without defaults, and any others."""
    given = [each.replace(default=Parameter.empty) for each in signature.parameters.values()]
    ambiguous = ambiguous_names(signature)
    last = max((place for place, each in enumerate(given) if each.name in ambiguous), default=-1)
    for place in range(last + 1):
        given[place] = given[place].replace(kind=Parameter.POSITIONAL_ONLY)
    kinds = {each.kind for each in given}
    if Parameter.VAR_POSITIONAL not in kinds:
        given.append(Parameter(MORE, Parameter.VAR_POSITIONAL))
    if Parameter.VAR_KEYWORD not in kinds:
        given.append(Parameter(OTHER, Parameter.VAR_KEYWORD))
    return inspect.Signature(sorted(given, key=lambda each: each.kind))


def _signs_of_unfitness(header: inspect.Signature, others: list[Parameter]) -> list[str]:
    required = [each.name for each in others if each.kind in NAMED and each.default is NEEDED]
    extra = [name for name in (MORE, OTHER) if name in header.parameters]
    return [*extra, *(f"{name} is _missing_" for name in required)]


def _refitted(header: inspect.Signature, signature: inspect.Signature) -> str:
    """The arguments of `refit` after the builder and the name."""
    first, *others = signature.parameters.values()
    by_kind = {kind: [each.name for each in others if each.kind is kind] for kind in KINDS}
    positional = by_kind[Parameter.POSITIONAL_ONLY] + by_kind[Parameter.POSITIONAL_OR_KEYWORD]
    given, options = (
        ", ".join(f"{name!r}: {name}" for name in names)
        for names in (positional, by_kind[Parameter.KEYWORD_ONLY])
    )
    rest = "".join(by_kind[Parameter.VAR_POSITIONAL]) or "()"
    other = "".join(by_kind[Parameter.VAR_KEYWORD]) or OTHER
    more = MORE if MORE in header.parameters else "()"
    return f"{first.name}, {{{given}}}, {rest}, {more}, {{{options}}}, {other}"


@functools.cache
def _refusal_factory(signature: inspect.Signature) -> Factory:
    plain = [each.replace(default=Parameter.empty) for each in signature.parameters.values()]
    header = inspect.Signature(plain)
    return _compiled(_REFUSING.format(parameters=header), str(header))


def _forwarded(parameter: Parameter) -> str:
    """The argument of the builder's call for *parameter*."""
    name = parameter.name
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return f"*{name}"
    if parameter.kind is Parameter.VAR_KEYWORD:
        return f"**{name}"
    return f"{name}={name}" if parameter.kind is Parameter.KEYWORD_ONLY else name


def _compiled(source: str, contents: str) -> Factory:
    file = FILE.format(contents)
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


def _mark_required(function: FunctionType, signature: inspect.Signature) -> None:
    """Give each required parameter of *function* the default `MISSING`, which `refit` finds."""
    _, *others = signature.parameters.values()
    values = {each.name: MISSING if each.default is NEEDED else each.default for each in others}
    keyword_only = {each.name for each in others if each.kind is Parameter.KEYWORD_ONLY}
    positional = [each.name for each in others if each.kind in NAMED[:2]]
    function.__defaults__ = tuple(values[name] for name in positional)
    function.__kwdefaults__ = {name: values[name] for name in values if name in keyword_only}


# -- commands without words ---------------------------------------------------------------------


async def _empty(command: Any) -> Any:
    """The value of an empty reply to *command*, which has no words and is not sent."""
    return command.parse([])


def _refuse_empty(name: str) -> NoReturn:
    msg = f"{name}() has no keys, so there is no command to queue: leave the call out"
    raise DataValueError(msg)


def _name_of_command(
    build: Build, signature: inspect.Signature, arguments: Mapping[str, object]
) -> str | None:
    """The name of the command for a message; None if these *arguments* make none."""
    bound = inspect.BoundArguments(signature, OrderedDict(arguments))
    try:
        args = build(*bound.args, **bound.kwargs).args
    except (TypeError, ValueError, ArithmeticError, RedisError):
        return None
    return name_of(args) if args else None
