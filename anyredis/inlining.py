"""Statements that stand in for a call of `submit`: a frame saved in each usual command.

Law: they stand at the `submit` that they repeat, and only a class with exactly this `submit` has
them.  A class that overrides it, and a command for which the condition is false, has it called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

F = TypeVar("F", bound=Callable[..., object])


class Inline:
    """What a method `submit` does with a usual command, as statements that set `_result_`.

    They are for the commands for which *condition* is true.  In both `{self}` is the object,
    `_command_` the command, `_args_` its words; *names* are others that they need.
    """

    def __init__(
        self, condition: str, statements: tuple[str, ...], names: dict[str, object]
    ) -> None:
        self.condition: Final = condition
        self.statements: Final = statements
        self.names: Final = names

    def before(self, others: tuple[str, ...], *, named: bool) -> tuple[str, ...]:
        """The statements for a usual command, and *others* for all the rest.

        If *named*, the result is a coroutine, which gets the name of the function.
        """
        naming = ("_result_.__qualname__ = _name_",) if named else ()
        lines = (*self.statements, *naming, "return _result_")
        return (f"if {self.condition}:", *(f"    {each}" for each in lines), *others)


_BY_SUBMIT: Final[dict[object, Inline]] = {}


def inlined(condition: str, *statements: str, **names: object) -> Callable[[F], F]:
    """A method `submit` that generated functions need not call, because of *statements*.

    See `Inline` for the arguments.
    """

    def decorate(submit: F) -> F:
        _BY_SUBMIT[submit] = Inline(condition, statements, names)
        return submit

    return decorate


def inline_of(owner: type) -> Inline | None:
    """The statements that stand in for the `submit` of *owner*, if there are any."""
    return _BY_SUBMIT.get(getattr(owner, "submit", None))
