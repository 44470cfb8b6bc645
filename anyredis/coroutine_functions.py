"""Marks a function as a coroutine function although it is not an `async def`.

Law: such a function checks its arguments when it is called, and returns a coroutine.  Python has a
marker for this from 3.12 on; Python 3.11 has only the marker of asyncio, which Starlette and
`unittest.mock` look for.
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

    # The type stubs of asyncio do not declare it.
    _MARKER: object = getattr(coroutines, "_is_coroutine")  # noqa: B009

    def mark_coroutine_function(function: F, /) -> F:
        """The same *function*; `asyncio.iscoroutinefunction` is true for it from now on."""
        setattr(function, "_is_coroutine", _MARKER)  # noqa: B010 - a function has no such attribute
        return function
