"""Tests of `anyredis.redis_py_arguments`; tests/commands/test_redis_py.py compares it with redis-py."""

from __future__ import annotations

from anyredis import Redis
from anyredis.client.module_namespaces import ModuleNamespaces
from anyredis.namespaces import Namespace
from anyredis.redis_py_arguments import ADVICE, METHODS, RANGES, advice_for


def test_advice() -> None:
    """It follows a colon; an argument that nobody knows has none."""
    assert advice_for("target_nodes") == f": {ADVICE['target_nodes']}"
    assert advice_for("no_such_argument") == ""


def test_what_is_advised_exists() -> None:
    """Each method that is named, and that has such an argument in redis-py, is a method here."""
    places: list[type[object]] = [Redis]
    places += [
        getattr(Redis, name)
        for name, each in vars(ModuleNamespaces).items()
        if isinstance(each, Namespace)
    ]
    known = {name for place in places for name in dir(place)}
    named = {name for name, _ in METHODS} | set(METHODS.values()) | RANGES
    assert named <= known
