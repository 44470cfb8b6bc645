"""The namespaces of modules on blueprints, and their methods by names such as `cms.incrby`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from anyredis.client.module_namespaces import ModuleNamespaces
from anyredis.command import Blueprint, Definition
from anyredis.commands.core import CoreCommands
from anyredis.namespaces import Namespace
from anyredis.replies import TextReaders


class TextPlan(Blueprint, CoreCommands[str], ModuleNamespaces[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class BytesPlan(Blueprint, CoreCommands[bytes], ModuleNamespaces[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


NAMESPACES: Final[dict[str, type[Any]]] = {
    name: getattr(TextPlan, name)
    for name, value in vars(ModuleNamespaces).items()
    if isinstance(value, Namespace)
}
"""The class of each namespace on a blueprint, by the name of its attribute."""


def definitions_of(namespace: type[Any]) -> Iterator[Definition]:
    """The definitions of all command methods of a namespace."""
    for base in namespace.__mro__:
        yield from (each for each in vars(base).values() if isinstance(each, Definition))


DEFINITIONS: Final[dict[str, Definition]] = {
    f"{name}.{each.name}": each
    for name, namespace in NAMESPACES.items()
    for each in definitions_of(namespace)
}
"""All command methods of modules, by the name of the namespace and their own."""

NAMES: Final[dict[Definition, str]] = {each: name for name, each in DEFINITIONS.items()}
