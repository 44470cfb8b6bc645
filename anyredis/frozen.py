"""The base of small values that do not change: addresses, credentials, policies.

Law: each attribute is set once, by the constructor.  Two values are equal if they have the same
class and the same attributes.  A frozen dataclass would be the same, but its code is generated when
the class is made, which makes the import of the library slower by a third of a millisecond a class.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, ClassVar


class Frozen:
    """A value: a subclass names its attributes in `__slots__` and sets them in `__init__`.

    The `repr` shows all attributes but those named *unshown* in the class statement.
    """

    __slots__ = ()
    _attributes: ClassVar[attrgetter[Any]]
    _shown: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, unshown: tuple[str, ...] = ()) -> None:
        super().__init_subclass__()
        bases: list[type] = list(reversed(cls.__mro__))
        names = [name for base in bases for name in vars(base).get("__slots__", ())]
        cls._attributes = attrgetter(*names)
        cls._shown = tuple(name for name in names if name not in unshown)

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, name):
            raise AttributeError(
                f"{type(self).__name__} does not change: make another with {name}="
            )
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} does not change: {name} stays")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        attributes = self._attributes
        return bool(attributes(self) == attributes(other))

    def __hash__(self) -> int:
        return hash(self._attributes(self))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)
        return f"{type(self).__qualname__}({shown})"
