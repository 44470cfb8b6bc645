"""Libraries that are not installed, for tests."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


def without(*names: str) -> Any:
    """An `import_module` that does not find these packages."""

    def find(name: str) -> ModuleType:
        if name.partition(".")[0] in names:
            raise ModuleNotFoundError(name)
        return import_module(name)

    return find
