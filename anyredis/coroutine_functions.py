"""Marks a function as a coroutine function although it is no `async def`.

Law: such a function does its checks when it is called, and gives a coroutine.  Python has a marker
for this from 3.12 on; on 3.11 only asyncio has one, which Starlette and `unittest.mock` ask for.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

if sys.version_info >= (3, 12):
    mark_coroutine_function = inspect.markcoroutinefunction
else:
    from asyncio import coroutines

    # The stubs do not have it.
    _MARKER: object = getattr(coroutines, "_is_coroutine")  # noqa: B009

    def mark_coroutine_function(function: F, /) -> F:
        """The same *function*, which `asyncio.iscoroutinefunction` says yes to from now on."""
        setattr(function, "_is_coroutine", _MARKER)  # noqa: B010 - a function has no such attribute
        return function
