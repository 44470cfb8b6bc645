"""Arguments that cannot be sent as they are: converted, or refused with the parameter's name.

Law: nothing here runs for a command whose words are all exactly bytes, str, int or float.  A
subclass counts as its base; anything else is refused with `DataTypeError`, which names the argument
and shows no secret.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

from anyredis.exceptions import DataTypeError
from anyredis.excerpt import excerpt
from anyredis.facts.secrets import may_be_secret
from anyredis.wire.encode import NotSendable, name_of, ready, refusal


def make_sendable(
    build: Callable[..., Any], built: Any, arguments: Mapping[str, object]
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
            if name not in parameters or value is not parameters[name].default
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
        found = _place_in(value, wanted, depth=2)
        if found is not None:
            return f"{name}{found}"
    return "an argument"


def _place_in(value: object, wanted: object, depth: int) -> str | None:
    """The place of *wanted* in *value*, such as `[2]`; nothing if it is *value*, None if neither.

    One collection alone among variadic arguments counts as the arguments themselves.
    """
    if value is wanted:
        return ""
    if depth == 0:
        return None
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            if item is wanted or key is wanted:
                return f"[{excerpt(key, 40)}]"
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = cast("list[object]", list(cast("Any", value)))
        for index, item in enumerate(items):
            found = _place_in(item, wanted, depth - 1)
            if found is not None:
                alone = len(items) == 1 and depth == 2 and found
                return found if alone else f"[{index}]{found}"
    return None
