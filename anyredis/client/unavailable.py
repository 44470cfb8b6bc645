"""Methods of other clients that objects here do not have: whoever tries one is told what to write.

Law: such a name is an `AttributeError` for programs too, so `hasattr` is false and `dir` is harmless.
"""

from typing import NoReturn


class Unavailable:
    """A method of another client that has no place here: its access says what to write."""

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no {self._name}(): {self._remedy}")
